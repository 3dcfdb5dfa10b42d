import warp as wp


@wp.kernel
def rebuild_rotation(angles: wp.array(dtype=float), out: wp.array(dtype=wp.mat22)):
    i = wp.tid()
    s = wp.sin(angles[i])
    c = wp.cos(angles[i])
    u, sigma, v = wp.svd2(wp.mat22(c, -s, s, c))
    out[i] = u * wp.diag(sigma) * wp.transpose(v)
