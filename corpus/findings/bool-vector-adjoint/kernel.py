from pathlib import Path
from tempfile import TemporaryDirectory

import warp as wp

flags = wp.types.vector(length=3, dtype=bool)


@wp.kernel
def copy(a: wp.array(dtype=flags), out: wp.array(dtype=flags)):
    i = wp.tid()
    out[i] = a[i]
