import warp as wp


@wp.func
def push(stack: wp.array(dtype=int), value: int):
    stack[0] = value
    return value


@wp.kernel
def add(stack: wp.array(dtype=int), out: wp.array(dtype=int)):
    out[0] = stack[0] + push(stack, 10)


stack = wp.array([1], dtype=int, device="cpu")
out = wp.zeros(1, dtype=int, device="cpu")
wp.launch(add, dim=1, inputs=[stack, out], device="cpu")
observed = int(out.numpy()[0])
print("expected 11, observed", observed)
assert observed == 11
