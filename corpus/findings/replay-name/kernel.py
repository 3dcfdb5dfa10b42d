import warp as wp


@wp.func
def area(a: float):
    return a * a


@wp.func
def area(a: float, b: float):
    return a * b


@wp.func_replay(area)
def replay_area(a: float, b: float):
    return a * b


@wp.kernel
def square(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    y = area(x[0], 1.0)
    out[0] = y * y
