import warp as wp


@wp.kernel
def twist_of_small_turn(angles: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    axis = wp.vec3(0.0, 0.0, 1.0)
    turn = wp.quat_from_axis_angle(axis, wp.sin(angles[i]) * 0.0003)
    out[i] = wp.quat_twist_angle(axis, turn)
