"""What executes a target: modules with `run(compiled, dims, inputs, backward) -> Observation`.

`cpu` runs the target of that name; `device` and `emulator` run the target `cuda`, on a GPU and without one.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from grammar.errors import UserError

CUDA_BACKENDS = ("device", "emulator")


def choose_cuda(wanted: str) -> str:
    """Turn `auto`, `device` or `emulator` into the name of the back end to use for `cuda`. Warp must have been started.

    Raises UserError for another word, and for `device` where there is none.
    """
    from oracle.backends import device

    if wanted not in ("auto", *CUDA_BACKENDS):
        raise UserError(f"no such CUDA back end: {wanted!r} (auto, device or emulator)")
    if wanted == "device" and not device.available():
        raise UserError("there is no CUDA device here: use --cuda emulator or auto")
    if wanted == "auto":
        return "device" if device.available() else "emulator"
    return wanted


def cuda_backend(name: str) -> ModuleType:
    """Return the back end called `device` or `emulator`; importing only it keeps Warp out of who needs neither."""
    if name not in CUDA_BACKENDS:
        raise ValueError(f"no CUDA back end is called {name!r}")
    return import_module(f"oracle.backends.{name}")
