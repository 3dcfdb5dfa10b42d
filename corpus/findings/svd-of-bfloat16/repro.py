from pathlib import Path
from tempfile import TemporaryDirectory

import warp as wp

mat33 = wp.types.matrix(shape=(3, 3), dtype=wp.bfloat16)


@wp.kernel
def factor(matrices: wp.array(dtype=mat33), out: wp.array(dtype=mat33)):
    i = wp.tid()
    q, r = wp.qr3(matrices[i])
    out[i] = q * r


with TemporaryDirectory() as folder:  # no device is needed
    try:
        wp.compile_aot_module(factor.module, device=None, arch=80, module_dir=Path(folder), use_ptx=True)
        observed = "compiled"
    except Exception as error:
        observed = str(error)
print("expected compiled, observed", observed)
assert observed == "compiled"
