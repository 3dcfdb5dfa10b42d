import warp as wp


@wp.kernel
def decompose(matrices: wp.array(dtype=wp.mat22), sigmas: wp.array(dtype=wp.vec2)):
    i = wp.tid()
    u, sigma, v = wp.svd2(matrices[i])
    sigmas[i] = sigma
