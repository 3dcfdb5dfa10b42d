import warp as wp


@wp.kernel
def sort(x: wp.array(dtype=float)):
    a, b = x[0], x[1]
    x[0] = wp.min(a, b)
    x[1] = wp.max(a, b)


x = wp.array([2.0, 1.0], dtype=float, device="cpu")
wp.launch(sort, dim=1, inputs=[x], device="cpu")
observed = x.numpy().tolist()
print("expected [1.0, 2.0], observed", observed)
assert observed == [1.0, 2.0]
