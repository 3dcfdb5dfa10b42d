import warp as wp


UP = wp.constant(wp.vec3(0.0, 1.0, 0.0))


@wp.kernel
def read(out: wp.array(dtype=float)):
    out[0] = UP.y
