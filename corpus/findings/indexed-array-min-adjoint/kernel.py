import warp as wp


@wp.kernel
def clamp(values: wp.indexedarray(dtype=float), limit: float):
    wp.atomic_min(values, wp.tid(), limit)
