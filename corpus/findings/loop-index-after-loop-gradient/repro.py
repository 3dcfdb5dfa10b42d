import warp as wp


@wp.kernel
def last(n: int, x: wp.array(dtype=float), out: wp.array(dtype=float)):
    for j in range(n):
        out[1] += 1.0
    out[0] = x[j]


x = wp.array([1.0, 1.0, 1.0], dtype=float, requires_grad=True, device="cpu")
out = wp.zeros(2, dtype=float, requires_grad=True, device="cpu")
with wp.Tape() as tape:
    wp.launch(last, dim=1, inputs=[3, x, out], device="cpu")
tape.backward(grads={out: wp.ones(2, dtype=float, device="cpu")})
observed = x.grad.numpy().tolist()
print("expected [0.0, 0.0, 1.0], observed", observed)
assert observed == [0.0, 0.0, 1.0]
