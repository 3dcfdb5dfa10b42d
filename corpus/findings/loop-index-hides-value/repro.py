import warp as wp


@wp.kernel
def count(n: int, out: wp.array(dtype=int)):
    j = int(5)
    for j in range(n):  # no trip: j stays 5
        out[1] += 1
    out[0] = j


out = wp.zeros(2, dtype=int, device="cpu")
wp.launch(count, dim=1, inputs=[0, out], device="cpu")
observed = int(out.numpy()[0])
print("expected 5, observed", observed)
assert observed == 5
