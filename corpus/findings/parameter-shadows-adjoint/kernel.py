import warp as wp


@wp.func
def energy(a: float):
    return a * 2.0


@wp.kernel
def scale(x: wp.array(dtype=float), energy_0: float, out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = energy(x[i]) * energy_0
