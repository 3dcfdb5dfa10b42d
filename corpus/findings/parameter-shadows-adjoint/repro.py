import warp as wp


@wp.func
def energy(a: float):
    return a * 2.0


@wp.kernel
def scale(x: wp.array(dtype=float), energy_0: float, out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = energy(x[i]) * energy_0


x = wp.ones(4, dtype=float, device="cpu")
out = wp.zeros(4, dtype=float, device="cpu")
try:
    wp.launch(scale, dim=4, inputs=[x, 3.0, out], device="cpu")
    observed = out.numpy().tolist()
except Exception as error:
    observed = str(error)
print("expected [6.0, 6.0, 6.0, 6.0], observed", observed)
assert observed == [6.0] * 4
