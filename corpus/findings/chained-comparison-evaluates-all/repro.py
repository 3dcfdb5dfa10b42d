import warp as wp


@wp.func
def tick(clock: wp.array(dtype=int)):
    clock[0] += 1
    return clock[0]


@wp.kernel
def wait(n: int, clock: wp.array(dtype=int)):
    if 9 < n < tick(clock):
        clock[1] = 1


clock = wp.zeros(2, dtype=int, device="cpu")
wp.launch(wait, dim=1, inputs=[3, clock], device="cpu")
observed = clock.numpy().tolist()
print("expected [0, 0], observed", observed)
assert observed == [0, 0]
