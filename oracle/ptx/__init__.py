"""A SIMT emulator for PTX on NumPy: load a module, launch its kernels, read memory back, with no GPU.

    module = Module(text)
    memory = GlobalMemory()
    x = memory.allocate(np.arange(64, dtype=np.float32))
    launch(module, "scale", (1, 1, 1), (64, 1, 1), [x.to_bytes(8, "little")], memory)
    np.frombuffer(memory.read(x, 256), np.float32)

`parse` cuts text into basic blocks; `decode` and the `forms_*` modules turn instructions into `steps` on arrays with
one element a thread; `program` binds a function's registers, `machine` holds what a launch's threads share, `memory`
the state spaces; `execute` runs the steps, and decides with `gates` who goes on where threads part, meet and wait.
`arithmetic`, `integers`, `bits`, `conversions`, `comparisons` and `approximations` are what the instructions compute.

`sanitizer` watches: `races` between threads, barriers passed by, and with `definedness` values that nothing wrote. What
it sees are `reports`, to which `lines` gives the places in the source. `trace` follows one thread, and `writers`
remembers who stored where.
"""

from .errors import Fault, Malformed, PtxError, StepLimit, Unsupported
from .host_memory import HostMemory
from .launch import Execution, FloatSum, Module, launch
from .memory import GlobalMemory
from .reports import Kind, Report
from .trace import Traced, Tracer
from .writers import NOBODY, Writers

__all__ = [
    "NOBODY",
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
    "Writers",
    "launch",
]
