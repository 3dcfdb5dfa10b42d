import warp as wp


@wp.kernel
def copy(a: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    wp.tile_store(out, wp.tile(a[i]), offset=i)


a = wp.ones(4, dtype=float, device="cpu")
out = wp.zeros(4, dtype=float, device="cpu")
try:
    wp.launch(copy, dim=4, inputs=[a, out], block_dim=1, device="cpu")
    observed = out.numpy().tolist()
except Exception as error:
    observed = str(error)
print("expected [1.0, 1.0, 1.0, 1.0], observed", observed)
assert observed == [1.0, 1.0, 1.0, 1.0]
