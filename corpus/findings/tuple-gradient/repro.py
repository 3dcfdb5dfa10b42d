import warp as wp


@wp.kernel
def scale(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    pair = (x[0] * 2.0, x[1])
    a, b = pair
    out[0] = a + b


x = wp.array([1.0, 1.0], dtype=float, requires_grad=True, device="cpu")
out = wp.zeros(1, dtype=float, requires_grad=True, device="cpu")
with wp.Tape() as tape:
    wp.launch(scale, dim=1, inputs=[x, out], device="cpu")
tape.backward(grads={out: wp.ones(1, dtype=float, device="cpu")})
observed = x.grad.numpy().tolist()
print("expected [2.0, 1.0], observed", observed)
assert observed == [2.0, 1.0]
