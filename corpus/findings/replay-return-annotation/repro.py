import warp as wp


@wp.func
def square(x: float) -> float:
    return x * x


def replay_square(x: float) -> float:
    return x * x


try:
    wp.func_replay(square)(replay_square)
    observed = "accepted"
except Exception as error:
    observed = str(error)
print("expected accepted, observed", observed)
assert observed == "accepted"
