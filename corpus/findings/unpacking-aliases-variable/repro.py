import warp as wp


@wp.kernel
def count(n: int, out: wp.array(dtype=int)):
    last = int(1)
    first, step = last, 2
    for i in range(n):
        last += step
    out[0] = first


out = wp.zeros(1, dtype=int, device="cpu")
wp.launch(count, dim=1, inputs=[3, out], device="cpu")
observed = int(out.numpy()[0])
print("expected 1, observed", observed)
assert observed == 1
