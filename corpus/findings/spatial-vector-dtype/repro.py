import warp as wp


@wp.kernel
def join(w: wp.array(dtype=wp.vec3d), v: wp.array(dtype=wp.vec3d), out: wp.array(dtype=wp.spatial_vectord)):
    i = wp.tid()
    out[i] = wp.spatial_vector(w[i], v[i], dtype=wp.float64)


w = wp.array([[1.0, 2.0, 3.0]], dtype=wp.vec3d, device="cpu")
v = wp.array([[4.0, 5.0, 6.0]], dtype=wp.vec3d, device="cpu")
out = wp.zeros(1, dtype=wp.spatial_vectord, device="cpu")
try:
    wp.launch(join, dim=1, inputs=[w, v, out], device="cpu")
    observed = out.numpy()[0].tolist()
except Exception as error:
    observed = str(error)
print("expected [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], observed", observed)
assert observed == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
