import warp as wp


@wp.kernel
def squared(points: wp.array(dtype=wp.vec3), out: wp.array(dtype=float)):
    v = points[0] * 1.0
    length_sq = wp.dot(v, v)
    v[1] -= 5.0
    out[0] = length_sq
