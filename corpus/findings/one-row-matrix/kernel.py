import warp as wp

row = wp.types.matrix(shape=(1, 3), dtype=float)


@wp.kernel
def fill(out: wp.array(dtype=row)):
    out[0] = row(1.0, 2.0, 3.0)
