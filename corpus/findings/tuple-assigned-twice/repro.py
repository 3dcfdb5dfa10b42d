import warp as wp


@wp.kernel
def total(out: wp.array(dtype=float)):
    i = wp.tid()
    for k in range(2):
        pair = (float(i), float(k))
        a, b = pair
        out[i] += a + b


out = wp.zeros(1, dtype=float, device="cpu")
try:
    wp.launch(total, dim=1, inputs=[out], device="cpu")
    observed = float(out.numpy()[0])
except Exception as error:
    observed = str(error)
print("expected 1.0, observed", observed)
assert observed == 1.0
