import warp as wp


@wp.kernel
def find(ascending: wp.array(dtype=float), out: wp.array(dtype=int)):
    out[0] = wp.lower_bound(ascending, 3.0)


whole = wp.array([1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 4.0, 0.0], dtype=float, device="cpu")
out = wp.zeros(1, dtype=int, device="cpu")
wp.launch(find, dim=1, inputs=[whole[::2], out], device="cpu")
observed = int(out.numpy()[0])
print("expected 2, observed", observed)
assert observed == 2
