import numpy as np
import warp as wp


wp.set_module_options({"optimization_level": 0})


@wp.kernel
def shift(values: wp.array(dtype=wp.float64), out: wp.array(dtype=wp.float64)):
    i = wp.tid()
    u = wp.float64(0.0)
    for l in range(1, 7, 2):
        u = values[l] - wp.float64(l)
    out[i] = u


values = wp.array(np.arange(8) * 10.0, dtype=wp.float64, device="cpu")
out = wp.zeros(4, dtype=wp.float64, device="cpu")
wp.launch(shift, dim=4, inputs=[values, out], device="cpu")
print("expected [45. 45. 45. 45.], observed", out.numpy())
assert (out.numpy() == 45.0).all()
