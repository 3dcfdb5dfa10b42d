import warp as wp


@wp.kernel
def choose_value(
    values: wp.array(dtype=float),
    terms: wp.array(dtype=float),
    flags: wp.array(dtype=int),
    out: wp.array(dtype=float),
):
    i = wp.tid()
    value = values[i] if flags[i] > 0 else terms[i]
    out[i] = value * 2.0
