import warp as wp


@wp.func
def push(stack: wp.array(dtype=int), value: int):
    stack[0] = value
    return value


@wp.kernel
def add(stack: wp.array(dtype=int), out: wp.array(dtype=int)):
    out[0] = stack[0] + push(stack, 10)
