import warp as wp


@wp.kernel
def moved(before: wp.array(dtype=wp.vec3), after: wp.array(dtype=wp.vec3), out: wp.array(dtype=bool)):
    i = wp.tid()
    out[i] = before[i] != after[i]


x = wp.ones(2, dtype=wp.vec3, device="cpu")
out = wp.ones(2, dtype=bool, device="cpu")
try:
    wp.launch(moved, dim=2, inputs=[x, x, out], device="cpu")
    observed = out.numpy().tolist()
except Exception as error:
    observed = str(error)
print("expected [False, False], observed", observed)
assert observed == [False, False]
