import warp as wp


@wp.kernel
def total(rows: wp.array2d(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    s = float(0.0)
    k = int(0)
    while k < 4:
        s += rows[i, k]
        k += 1
    out[i] = s


storage = wp.zeros(8, dtype=float, device="cpu")
rows = wp.ones((1, 4), dtype=float, device="cpu")
grad = wp.array(ptr=storage.ptr, shape=(1, 4), dtype=float, device="cpu")  # elements 4 to 7 lie behind it
out = wp.zeros(1, dtype=float, device="cpu")
ones = wp.ones(1, dtype=float, device="cpu")
wp.launch(total, dim=1, inputs=[rows, out], adj_inputs=[grad, ones], adjoint=True, device="cpu")
print("expected [1. 1. 1. 1. 0. 0. 0. 0.], observed", storage.numpy())
assert (storage.numpy() == [1, 1, 1, 1, 0, 0, 0, 0]).all()
