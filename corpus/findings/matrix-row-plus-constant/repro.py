import warp as wp

AXIS = wp.constant(wp.vec3(1.0, 2.0, 3.0))


@wp.kernel
def shift(m: wp.array(dtype=wp.mat33), out: wp.array(dtype=wp.mat33)):
    moved = m[0]
    moved[1] += AXIS
    out[0] = moved


m = wp.zeros(1, dtype=wp.mat33, device="cpu")
out = wp.zeros(1, dtype=wp.mat33, device="cpu")
try:
    wp.launch(shift, dim=1, inputs=[m, out], device="cpu")
    observed = out.numpy()[0, 1].tolist()
except Exception as error:
    observed = str(error)
print("expected [1.0, 2.0, 3.0], observed", observed)
assert observed == [1.0, 2.0, 3.0]
