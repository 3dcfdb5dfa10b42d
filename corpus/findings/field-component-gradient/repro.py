import warp as wp


@wp.struct
class Body:
    velocity: wp.vec3


@wp.kernel
def push(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    body = Body()
    body.velocity[1] = x[0]
    out[0] = body.velocity[1] * 2.0


x = wp.array([1.0], dtype=float, requires_grad=True, device="cpu")
out = wp.zeros(1, dtype=float, requires_grad=True, device="cpu")
with wp.Tape() as tape:
    wp.launch(push, dim=1, inputs=[x, out], device="cpu")
tape.backward(grads={out: wp.ones(1, dtype=float, device="cpu")})
observed = x.grad.numpy().tolist()
print("expected [2.0], observed", observed)
assert observed == [2.0]
