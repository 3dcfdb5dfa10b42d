import warp as wp


@wp.kernel
def say(a: wp.array(dtype=float)):
    print('say "hi"')
    a[0] = 1.0
