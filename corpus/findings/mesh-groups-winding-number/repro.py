import numpy as np
import warp as wp


@wp.kernel
def sign(mesh: wp.uint64, points: wp.array(dtype=wp.vec3), signs: wp.array(dtype=float)):
    i = wp.tid()
    signs[i] = wp.mesh_query_point_sign_winding_number(mesh, points[i], 10.0).sign


corners = [[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)]
faces = [0, 2, 1, 1, 2, 3, 4, 5, 6, 5, 7, 6, 0, 1, 4, 1, 5, 4, 2, 6, 3, 3, 6, 7, 0, 4, 2, 2, 4, 6, 1, 3, 5, 3, 7, 5]
mesh = wp.Mesh(
    points=wp.array(corners, dtype=wp.vec3, device="cpu"),
    indices=wp.array(faces, dtype=int, device="cpu"),
    groups=wp.array([0] * 6 + [1] * 6, dtype=int, device="cpu"),  # without groups all 64 are inside
    support_winding_number=True,
    bvh_leaf_size=1,
)
inside = wp.array(np.random.default_rng(1).uniform(-0.7, 0.7, (64, 3)), dtype=wp.vec3, device="cpu")
signs = wp.zeros(64, dtype=float, device="cpu")
wp.launch(sign, dim=64, inputs=[mesh.id, inside, signs], device="cpu")
observed = int((signs.numpy() < 0).sum())
print("expected 64 of 64 points inside the cube, observed", observed)
assert observed == 64
