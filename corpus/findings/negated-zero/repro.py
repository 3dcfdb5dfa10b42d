import numpy as np
import warp as wp


@wp.kernel
def negate(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = -x[i]


x = wp.array([0.0, -0.0], dtype=float, device="cpu")
out = wp.zeros(2, dtype=float, device="cpu")
wp.launch(negate, dim=2, inputs=[x, out], device="cpu")
observed = np.signbit(out.numpy()).tolist()
print("expected signs [True, False], observed", observed)
assert observed == [True, False]
