import warp as wp


@wp.struct
class Range:
    low: float
    high: float


@wp.kernel
def turn(r: Range, out: wp.array(dtype=float)):
    a, b = r.low, r.high
    a, b = b, a
    out[0] = a
