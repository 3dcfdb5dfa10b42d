"""A SIMT emulator for PTX on NumPy: load a module, launch its kernels, read memory back, with no GPU.

    module = Module(text)
    memory = GlobalMemory()
    x = memory.allocate(np.arange(64, dtype=np.float32))
    launch(module, "scale", (1, 1, 1), (64, 1, 1), [x.to_bytes(8, "little")], memory)
    np.frombuffer(memory.read(x, 256), np.float32)

`parse` cuts text into basic blocks, `decode` and the `forms_*` modules turn instructions into steps on arrays with one
element a thread, `execute` runs them, `memory` holds the state spaces, and `arithmetic`, `integers`, `bits`,
`conversions`, `comparisons` and `approximations` are what the instructions compute.
"""

from .errors import Fault, Malformed, PtxError, StepLimit, Unsupported
from .host_memory import HostMemory
from .launch import Execution, FloatSum, Module, launch
from .memory import GlobalMemory
from .reports import Kind, Report
from .trace import Traced, Tracer

__all__ = [
    "Execution",
    "Fault",
    "FloatSum",
    "GlobalMemory",
    "HostMemory",
    "Kind",
    "Malformed",
    "Module",
    "PtxError",
    "Report",
    "StepLimit",
    "Traced",
    "Tracer",
    "Unsupported",
    "launch",
]
