import warp as wp


@wp.kernel
def second(q: wp.array(dtype=wp.quat), out: wp.array(dtype=float)):
    i = wp.tid()
    value = q[i]
    out[i] = value[wp.int16(1)]


q = wp.ones(1, dtype=wp.quat, device="cpu")
out = wp.zeros(1, dtype=float, device="cpu")
try:
    wp.launch(second, dim=1, inputs=[q, out], device="cpu")
    observed = float(out.numpy()[0])
except Exception as error:
    observed = str(error)
print("expected 1.0, observed", observed)
assert observed == 1.0
