import warp as wp


@wp.func
def area(a: float):
    return a * a


@wp.func
def area(a: float, b: float):
    return a * b


@wp.func_replay(area)
def replay_area(a: float, b: float):
    return a * b


@wp.kernel
def square(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    y = area(x[0], 1.0)
    out[0] = y * y


x = wp.ones(1, dtype=float, requires_grad=True, device="cpu")
out = wp.zeros(1, dtype=float, requires_grad=True, device="cpu")
try:
    with wp.Tape() as tape:
        wp.launch(square, dim=1, inputs=[x, out], device="cpu")
    tape.backward(grads={out: wp.ones(1, dtype=float, device="cpu")})
    observed = float(x.grad.numpy()[0])
except Exception as error:
    observed = str(error)
print("expected 2.0, observed", observed)
assert observed == 2.0
