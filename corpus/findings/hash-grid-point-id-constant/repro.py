import warp as wp


@wp.kernel
def first(grid: wp.uint64, out: wp.array(dtype=int)):
    out[0] = wp.hash_grid_point_id(grid, 0)


wp.init()
grid = wp.HashGrid(4, 4, 4, device="cpu")
grid.build(wp.zeros(1, dtype=wp.vec3, device="cpu"), radius=1.0)
out = wp.full(1, value=-1, dtype=int, device="cpu")
try:
    wp.launch(first, dim=1, inputs=[grid.id, out], device="cpu")
    observed = int(out.numpy()[0])
except Exception as error:
    observed = str(error)
print("expected 0, observed", observed)
assert observed == 0
