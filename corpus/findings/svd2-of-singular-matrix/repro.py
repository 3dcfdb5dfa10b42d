import numpy as np
import warp as wp


@wp.kernel
def decompose(matrices: wp.array(dtype=wp.mat22), sigmas: wp.array(dtype=wp.vec2)):
    i = wp.tid()
    u, sigma, v = wp.svd2(matrices[i])
    sigmas[i] = sigma


matrix = np.array([[[0.1, 0.5], [0.2, 1.0]]], np.float32)
sigmas = wp.zeros(1, dtype=wp.vec2, device="cpu")
wp.launch(decompose, dim=1, inputs=[wp.array(matrix, dtype=wp.mat22, device="cpu"), sigmas], device="cpu")
observed = sigmas.numpy()[0].tolist()
print("expected about [1.1401754, 0.0], observed", observed)
assert observed[1] >= 0.0
