import warp as wp


@wp.func
def add(x: wp.array(dtype=float), i: int, out: wp.array(dtype=float)):
    wp.atomic_add(out, 0, x[i] * 2.0)
    return x[i] > 1.0


@wp.kernel
def both(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    if add(x, 0, out) and add(x, 1, out):
        out[1] = 1.0


x = wp.array([2.0, 0.5], dtype=float, requires_grad=True, device="cpu")
out = wp.zeros(2, dtype=float, requires_grad=True, device="cpu")
with wp.Tape() as tape:
    wp.launch(both, dim=1, inputs=[x, out], device="cpu")
tape.backward(grads={out: wp.ones(2, dtype=float, device="cpu")})
observed = x.grad.numpy().tolist()
print("expected [2.0, 2.0], observed", observed)
assert observed == [2.0, 2.0]
