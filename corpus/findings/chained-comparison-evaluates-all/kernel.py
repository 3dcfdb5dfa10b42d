import warp as wp


@wp.func
def tick(clock: wp.array(dtype=int)):
    clock[0] += 1
    return clock[0]


@wp.kernel
def wait(n: int, clock: wp.array(dtype=int)):
    if 9 < n < tick(clock):
        clock[1] = 1
