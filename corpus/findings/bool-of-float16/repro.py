import warp as wp


@wp.kernel
def is_set(x: wp.array(dtype=wp.float16), out: wp.array(dtype=bool)):
    i = wp.tid()
    out[i] = bool(x[i])


x = wp.ones(4, dtype=wp.float16, device="cpu")
out = wp.zeros(4, dtype=bool, device="cpu")
try:
    wp.launch(is_set, dim=4, inputs=[x, out], device="cpu")
    observed = out.numpy().tolist()
except Exception as error:
    observed = str(error)
print("expected [True, True, True, True], observed", observed)
assert observed == [True] * 4
