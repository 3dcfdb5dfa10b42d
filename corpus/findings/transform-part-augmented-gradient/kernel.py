import warp as wp


@wp.kernel
def move(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    t = wp.transform(wp.vec3(x[0], 0.0, 0.0), wp.quat_identity())
    t.p += wp.vec3(x[1], 0.0, 0.0)
    out[0] = t.p[0]
