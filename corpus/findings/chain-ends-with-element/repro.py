import warp as wp


@wp.kernel
def between(low: float, x: wp.array(dtype=float), out: wp.array(dtype=bool)):
    i = wp.tid()
    middle = x[i] * 0.5
    out[i] = low < middle < x[i]


x = wp.ones(2, dtype=float, device="cpu")
out = wp.zeros(2, dtype=bool, device="cpu")
try:
    wp.launch(between, dim=2, inputs=[0.0, x, out], device="cpu")
    observed = out.numpy().tolist()
except Exception as error:
    observed = str(error)
print("expected [True, True], observed", observed)
assert observed == [True, True]
