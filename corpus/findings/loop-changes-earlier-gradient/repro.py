import warp as wp


@wp.kernel
def square(x: wp.array(dtype=float), n: int, out: wp.array(dtype=float)):
    s = x[0] * 1.0
    out[0] = s * s
    for i in range(n):
        s += 10.0


x = wp.array([2.0], dtype=float, device="cpu", requires_grad=True)
out = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
tape = wp.Tape()
with tape:
    wp.launch(square, dim=1, inputs=[x, 3], outputs=[out], device="cpu")
out.grad.fill_(1.0)
tape.backward()
print("expected 4.0, observed", x.grad.numpy()[0])
assert x.grad.numpy()[0] == 4.0
