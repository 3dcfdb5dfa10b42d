import warp as wp


@wp.kernel
def lowest(values: wp.array(dtype=float), out: wp.array(dtype=float)):
    wp.atomic_min(out, 0, values[0])


values = wp.array([2.0], dtype=float, device="cpu", requires_grad=True)
out = wp.array([9.0], dtype=float, device="cpu", requires_grad=True)
tape = wp.Tape()
with tape:
    wp.launch(lowest, dim=3, inputs=[values], outputs=[out], device="cpu")  # three threads, one value
out.grad.fill_(1.0)
tape.backward()
print("expected 1.0, since out[0] is values[0]; observed", values.grad.numpy()[0])
assert values.grad.numpy()[0] == 1.0
