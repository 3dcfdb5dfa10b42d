import warp as wp


@wp.kernel
def count(n: int, out: wp.array(dtype=int)):
    j = int(5)
    for j in range(n):  # no trip: j stays 5
        out[1] += 1
    out[0] = j
