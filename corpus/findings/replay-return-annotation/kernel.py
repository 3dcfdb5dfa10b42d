import warp as wp


@wp.func
def square(x: float) -> float:
    return x * x


def replay_square(x: float) -> float:
    return x * x
