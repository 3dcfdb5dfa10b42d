import warp as wp


@wp.kernel
def flatten(out: wp.array(dtype=float)):
    row = wp.tile_ones(dtype=float, shape=(1, 2))
    wp.tile_store(out, wp.tile_squeeze(row, axis=0))


out = wp.zeros(2, dtype=float, device="cpu")
try:
    wp.launch_tiled(flatten, dim=1, inputs=[out], block_dim=32, device="cpu")
    observed = out.numpy().tolist()
except Exception as error:
    observed = str(error)
print("expected [1.0, 1.0], observed", observed)
assert observed == [1.0, 1.0]
