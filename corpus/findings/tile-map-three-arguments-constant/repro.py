import warp as wp


@wp.func
def blend(x: float, y: float, z: float):
    return x * y + z


@wp.kernel
def shift(a: wp.array(dtype=float), out: wp.array(dtype=float)):
    x = wp.tile_load(a, shape=2)
    wp.tile_store(out, wp.tile_map(blend, x, x, 2.0))


a = wp.ones(2, dtype=float, device="cpu")
out = wp.zeros(2, dtype=float, device="cpu")
try:
    wp.launch_tiled(shift, dim=1, inputs=[a, out], block_dim=32, device="cpu")
    observed = out.numpy().tolist()
except Exception as error:
    observed = str(error)
print("expected [3.0, 3.0], observed", observed)
assert observed == [3.0, 3.0]
