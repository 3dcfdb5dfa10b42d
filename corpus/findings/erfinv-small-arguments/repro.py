import numpy as np
import warp as wp


@wp.kernel
def inverse(z: wp.array(dtype=float), x: wp.array(dtype=float), a: wp.array(dtype=float), b: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = wp.erfinv(z[i])
    b[i] = wp.erfcinv(x[i])


z = wp.array([1e-6, 1e-10, 1e-15, 1e-17], dtype=float, device="cpu")
x = wp.array([1e-10, 1e-16, 1e-20, 4.1370317e-37], dtype=float, device="cpu")
a, b = wp.zeros(4, dtype=float, device="cpu"), wp.zeros(4, dtype=float, device="cpu")
wp.launch(inverse, dim=4, inputs=[z, x, a, b], device="cpu")
expected = np.sqrt(np.pi) / 2 * z.numpy()  # the series' first term; the second is below float32
print("erfinv  expected", expected, "observed", a.numpy())
print("erfcinv expected [4.572825 5.863585 6.601581 9.0], observed", b.numpy())
assert np.allclose(a.numpy(), expected, rtol=1e-6, atol=0)
assert np.allclose(b.numpy(), [4.572825, 5.863585, 6.601581, 9.0], rtol=1e-6)
