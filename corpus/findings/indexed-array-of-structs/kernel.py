import warp as wp


@wp.struct
class Point:
    weight: float


@wp.kernel
def read(points: wp.indexedarray(dtype=Point), out: wp.array(dtype=float)):
    i = wp.tid()
    point = points[i]
    out[i] = point.weight
