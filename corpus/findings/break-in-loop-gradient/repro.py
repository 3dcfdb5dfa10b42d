import warp as wp


@wp.kernel
def sum_until(x: wp.array(dtype=float), n: int, out: wp.array(dtype=float)):
    total = float(0.0)
    for i in range(n):
        total += x[i] * x[i]
        if x[i] > 1.5:
            break
    out[0] = total


x = wp.array([1.0, 2.0, 3.0], dtype=float, requires_grad=True, device="cpu")
out = wp.zeros(1, dtype=float, requires_grad=True, device="cpu")
with wp.Tape() as tape:
    wp.launch(sum_until, dim=1, inputs=[x, 3, out], device="cpu")
tape.backward(grads={out: wp.ones(1, dtype=float, device="cpu")})
observed = x.grad.numpy().tolist()
print("expected [2.0, 4.0, 0.0], observed", observed)
assert observed == [2.0, 4.0, 0.0]
