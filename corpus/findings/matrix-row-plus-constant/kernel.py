import warp as wp

AXIS = wp.constant(wp.vec3(1.0, 2.0, 3.0))


@wp.kernel
def shift(m: wp.array(dtype=wp.mat33), out: wp.array(dtype=wp.mat33)):
    moved = m[0]
    moved[1] += AXIS
    out[0] = moved

