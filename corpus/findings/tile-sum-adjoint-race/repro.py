import numpy as np
import warp as wp


@wp.kernel
def sums(a: wp.array(dtype=float), b: wp.array(dtype=float), first: wp.array(dtype=float), last: wp.array(dtype=float)):
    x = wp.tile_load(a, shape=64)
    y = wp.tile_load(b, shape=64)
    wp.tile_store(first, wp.tile_sum(x))
    wp.tile_store(last, wp.tile_sum(y))


wrong = 0
for _ in range(1000):
    a, b = (wp.ones(64, dtype=float, requires_grad=True, device="cuda:0") for _ in range(2))
    first, last = (wp.zeros(1, dtype=float, requires_grad=True, device="cuda:0") for _ in range(2))
    with wp.Tape() as tape:
        wp.launch_tiled(sums, dim=[1], inputs=[a, b, first, last], block_dim=64, device="cuda:0")
    tape.backward(grads={first: wp.full(1, 2.0, device="cuda:0"), last: wp.full(1, 3.0, device="cuda:0")})
    wrong += not (np.all(a.grad.numpy() == 2.0) and np.all(b.grad.numpy() == 3.0))
print(f"gradient wrong in {wrong} of 1000 runs")
assert not wrong
