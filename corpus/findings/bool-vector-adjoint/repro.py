from pathlib import Path
from tempfile import TemporaryDirectory

import warp as wp

flags = wp.types.vector(length=3, dtype=bool)


@wp.kernel
def copy(a: wp.array(dtype=flags), out: wp.array(dtype=flags)):
    i = wp.tid()
    out[i] = a[i]


with TemporaryDirectory() as folder:  # no device is needed
    try:
        wp.compile_aot_module(copy.module, device=None, arch=75, module_dir=Path(folder), use_ptx=True)
        observed = "compiled"
    except Exception as error:
        observed = str(error)
print("expected compiled, observed", observed)
assert observed == "compiled"
