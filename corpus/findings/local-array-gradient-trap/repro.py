from pathlib import Path
from tempfile import TemporaryDirectory

import warp as wp


@wp.kernel
def smooth(a: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    window = wp.zeros(shape=(2,), dtype=float)
    window[1] = a[i]
    out[i] = window[1]


with TemporaryDirectory() as folder:  # no device is needed
    wp.compile_aot_module(smooth.module, device=None, arch=75, module_dir=Path(folder), use_ptx=True, strip_hash=True)
    ptx = next(Path(folder).glob("*.ptx")).read_text()
backward = ptx[ptx.index(".entry smooth_cuda_kernel_backward") :]
print("expected no trap in the backward entry, observed", backward.count("trap;"))
assert "trap;" not in backward
