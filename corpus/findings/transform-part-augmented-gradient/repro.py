import warp as wp


@wp.kernel
def move(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    t = wp.transform(wp.vec3(x[0], 0.0, 0.0), wp.quat_identity())
    t.p += wp.vec3(x[1], 0.0, 0.0)
    out[0] = t.p[0]


x = wp.array([1.0, 1.0], dtype=float, requires_grad=True, device="cpu")
out = wp.zeros(1, dtype=float, requires_grad=True, device="cpu")
with wp.Tape() as tape:
    wp.launch(move, dim=1, inputs=[x, out], device="cpu")
tape.backward(grads={out: wp.ones(1, dtype=float, device="cpu")})
observed = x.grad.numpy().tolist()
print("expected [1.0, 1.0], observed", observed)
assert observed == [1.0, 1.0]
