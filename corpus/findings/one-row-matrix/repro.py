import warp as wp

row = wp.types.matrix(shape=(1, 3), dtype=float)


@wp.kernel
def fill(out: wp.array(dtype=row)):
    out[0] = row(1.0, 2.0, 3.0)


out = wp.zeros(1, dtype=row, device="cpu")
try:
    wp.launch(fill, dim=1, inputs=[out], device="cpu")
    observed = out.numpy().ravel().tolist()
except Exception as error:
    observed = str(error)
print("expected [1.0, 2.0, 3.0], observed", observed)
assert observed == [1.0, 2.0, 3.0]
