import warp as wp


@wp.kernel
def swap(n: int, out: wp.array(dtype=float)):
    a = float(1.0)
    b = float(2.0)
    for i in range(n):
        a, b = b, a
    out[0] = a
    out[1] = b


out = wp.zeros(2, dtype=float, device="cpu")
wp.launch(swap, dim=1, inputs=[3, out], device="cpu")
observed = out.numpy().tolist()
print("expected [2.0, 1.0], observed", observed)
assert observed == [2.0, 1.0]
