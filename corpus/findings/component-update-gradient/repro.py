import numpy as np
import warp as wp


@wp.kernel
def squared(points: wp.array(dtype=wp.vec3), out: wp.array(dtype=float)):
    v = points[0] * 1.0
    length_sq = wp.dot(v, v)
    v[1] -= 5.0
    out[0] = length_sq


points = wp.array([[1.0, 2.0, 3.0]], dtype=wp.vec3, device="cpu", requires_grad=True)
out = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
tape = wp.Tape()
with tape:
    wp.launch(squared, dim=1, inputs=[points], outputs=[out], device="cpu")
out.grad.fill_(1.0)
tape.backward()
print("expected [2. 4. 6.], observed", points.grad.numpy()[0])
assert (points.grad.numpy()[0] == np.array([2.0, 4.0, 6.0])).all()
