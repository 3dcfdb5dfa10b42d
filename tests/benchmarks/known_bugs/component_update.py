import warp as wp


@wp.kernel
def add_component(values: wp.array(dtype=float), out: wp.array(dtype=wp.vec3)):
    i = wp.tid()
    out[i][0] += values[i]
