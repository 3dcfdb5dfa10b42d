import warp as wp


@wp.func
def shifted(v: wp.vec3, by: float):
    v[0] += by
    return v[0]


@wp.kernel
def add(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    v = wp.vec3(0.0, x[0], 0.0)
    out[0] = shifted(v, x[1]) + v[0]


x = wp.array([1.0, 1.0], dtype=float, requires_grad=True, device="cpu")
out = wp.zeros(1, dtype=float, requires_grad=True, device="cpu")
with wp.Tape() as tape:
    wp.launch(add, dim=1, inputs=[x, out], device="cpu")
tape.backward(grads={out: wp.ones(1, dtype=float, device="cpu")})
observed = x.grad.numpy().tolist()
print("expected [0.0, 1.0], observed", observed)
assert observed == [0.0, 1.0]
