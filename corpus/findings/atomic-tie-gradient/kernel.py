import warp as wp


@wp.kernel
def lowest(values: wp.array(dtype=float), out: wp.array(dtype=float)):
    wp.atomic_min(out, 0, values[0])
