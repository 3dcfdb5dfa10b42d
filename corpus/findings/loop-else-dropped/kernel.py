import warp as wp


@wp.kernel
def search(values: wp.array(dtype=int), wanted: int, found: wp.array(dtype=int)):
    for i in range(values.shape[0]):
        if values[i] == wanted:
            found[0] = i
            break
    else:
        found[0] = -1
