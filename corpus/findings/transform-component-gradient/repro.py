import warp as wp


@wp.kernel
def place(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    pose = wp.transform(wp.vec3(x[0], 0.0, 0.0), wp.quat_identity())
    pose.p = wp.vec3(x[1], 0.0, 0.0)
    out[0] = pose[0]


x = wp.array([1.0, 2.0], dtype=float, requires_grad=True, device="cpu")
out = wp.zeros(1, dtype=float, requires_grad=True, device="cpu")
with wp.Tape() as tape:
    wp.launch(place, dim=1, inputs=[x, out], device="cpu")
tape.backward(grads={out: wp.ones(1, dtype=float, device="cpu")})
observed = x.grad.numpy().tolist()
print("expected [0.0, 1.0], observed", observed)
assert observed == [0.0, 1.0]
