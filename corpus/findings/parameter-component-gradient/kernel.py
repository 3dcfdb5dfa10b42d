import warp as wp


@wp.func
def shifted(v: wp.vec3, by: float):
    v[0] += by
    return v[0]


@wp.kernel
def add(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    v = wp.vec3(0.0, x[0], 0.0)
    out[0] = shifted(v, x[1]) + v[0]
