from pathlib import Path
from tempfile import TemporaryDirectory

import warp as wp

mat33 = wp.types.matrix(shape=(3, 3), dtype=wp.bfloat16)


@wp.kernel
def factor(matrices: wp.array(dtype=mat33), out: wp.array(dtype=mat33)):
    i = wp.tid()
    q, r = wp.qr3(matrices[i])
    out[i] = q * r
