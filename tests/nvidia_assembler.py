"""NVIDIA's PTX assembler, which needs no device: Warp's library has it inside its linker.

Reached through a function that is Warp's own business, so that another release may not have it in this shape.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

import warp as wp

_PTX = 2
"""NVJITLINK_INPUT_PTX."""
_ARGUMENTS = 22


def _compile_program() -> ctypes._NamedFuncPointer | None:
    wp.init()
    try:
        function = wp._src.context.runtime.core.wp_cuda_compile_program
    except AttributeError:
        return None
    return function if len(function.argtypes or ()) == _ARGUMENTS else None


def is_available() -> bool:
    """Whether this Warp's library can be asked."""
    return _compile_program() is not None


def assembles(text: str, arch: int, folder: Path) -> bool:
    """Whether the module assembles for `arch`, 75 for sm_75; errors go to the process' own standard error."""
    compile_program = _compile_program()
    assert compile_program is not None
    data = text.encode() + b"\0"
    inputs, sizes, kinds = (ctypes.c_char_p * 1)(data), (ctypes.c_size_t * 1)(len(data)), (ctypes.c_int * 1)(_PTX)
    output, here = str(folder / "linked.cubin").encode(), str(folder).encode()
    flags = (False, 0, False, False, False, True, False, False, False)
    source = b'extern "C" __global__ void nothing() {}\n'
    linked = (output, here, 1, inputs, sizes, kinds)
    return compile_program(source, b"nothing.cu", arch, b"", here, 0, None, *flags, *linked) == 0


def joined(modules: Sequence[str], header: str) -> str:
    """Modules with a kernel `snippet`, and perhaps a variable `tile`, each, as one module of many kernels."""
    end = ".address_size 64"
    bodies = (text[text.index(end) + len(end) :] for text in modules)
    numbered = (body.replace("snippet", f"snippet{i}").replace("tile", f"tile{i}") for i, body in enumerate(bodies))
    return header + "".join(numbered)
