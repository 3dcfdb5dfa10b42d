import warp as wp


@wp.kernel
def moved(before: wp.array(dtype=wp.vec3), after: wp.array(dtype=wp.vec3), out: wp.array(dtype=bool)):
    i = wp.tid()
    out[i] = before[i] != after[i]
