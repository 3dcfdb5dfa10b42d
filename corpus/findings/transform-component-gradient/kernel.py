import warp as wp


@wp.kernel
def place(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    pose = wp.transform(wp.vec3(x[0], 0.0, 0.0), wp.quat_identity())
    pose.p = wp.vec3(x[1], 0.0, 0.0)
    out[0] = pose[0]
