import warp as wp


@wp.kernel
def wrap(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    out[0] = x[0] % x[1]


x = wp.array([5.5, 2.0], dtype=float, requires_grad=True, device="cpu")
out = wp.zeros(1, dtype=float, requires_grad=True, device="cpu")
with wp.Tape() as tape:
    wp.launch(wrap, dim=1, inputs=[x, out], device="cpu")
tape.backward(grads={out: wp.ones(1, dtype=float, device="cpu")})
observed = x.grad.numpy().tolist()
print("expected [1.0, -2.0], observed", observed)
assert observed == [1.0, -2.0]
