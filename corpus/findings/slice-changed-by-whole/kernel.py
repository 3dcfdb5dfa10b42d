import warp as wp


@wp.kernel
def reverse(out: wp.array(dtype=wp.vec3)):
    v = wp.vec3(1.0, 2.0, 4.0)
    v[::-1] = v
    out[0] = v
    w = wp.vec3(1.0, 2.0, 4.0)
    w[::-1] += w
    out[1] = w
