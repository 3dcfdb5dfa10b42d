"""The names that a kernel's source may use without defining them: Warp's, and Python's.

They are read from the installed Warp, less what the tables below leave out. Everything else that hangs off the `warp`
package (`wp.config`, `wp.launch`, its modules) is unknown to the recogniser, and so refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import warp as wp

from grammar.registry import builtins

PYTHON_NAMES = frozenset({"abs", "bool", "float", "int", "len", "max", "min", "pow", "range", "round"})
"""Python's built-ins that Warp compiles when they stand in a kernel without `wp.`."""

SCALARS = (
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "bfloat16", "float32", "float64"),
)

PYTHON_TYPES = frozenset({"bool", "float", "int"})

GROUPS = frozenset(
    {
        "Scalar Math",
        "Vector Math",
        "Quaternion Math",
        "Transformations",
        "Spatial Math",
        "Utility",
        "Random",
        "Operators",
        "Other",
    }
)
"""Groups of Warp's registry that are in the grammar. Geometry, volumes and textures take a 64-bit handle that native
code follows as a pointer, so a file must not choose it; tiles are launched in another way."""

EXCLUDED = {
    "static": "runs Python while the kernel is compiled",
    "array": "makes an array of any address",
    "address": "yields an address",
    "load": "follows an address",
    "store": "follows an address",
    "zeros": "allocates on the stack",
    "print": "writes to the terminal",
    "printf": "writes to the terminal",
    "breakpoint": "stops the process",
    "expect_eq": "writes to the terminal",
    "expect_neq": "writes to the terminal",
    "expect_near": "writes to the terminal",
    "iter_next": "internal to Warp's code generation",
    "extract": "internal to Warp's code generation",
    "index": "internal to Warp's code generation",
    "indexref": "internal to Warp's code generation",
    "array_store": "internal to Warp's code generation",
    "tuple": "internal to Warp's code generation",
    "slice": "internal to Warp's code generation",
    "copy": "internal to Warp's code generation",
}
"""Built-ins of those groups that a kernel from a file may not call, and why."""

EXCLUDED_ENDINGS = ("_inplace", "assign_copy")
EXCLUDED_BEGINNINGS = ("dense_",)
"""Families that only Warp's own code generation calls; the `dense_` ones take lengths on trust."""

TYPE_MAKERS = {
    "matrix": {"shape", "dtype"},
    "vector": {"length", "dtype"},
    "quaternion": {"dtype"},
    "transformation": {"dtype"},
}
"""What `wp.types` offers to name a type, with its keywords: `wp.types.matrix(shape=(2, 3), dtype=wp.float32)`."""

ARRAY_TYPES = {"array": None, "array1d": 1, "array2d": 2, "array3d": 3, "array4d": 4}
"""Warp's array annotations, with the dimensions that the name already states."""

KERNEL_OPTIONS = {"enable_backward": bool}
"""Options that `@wp.kernel` may carry, with the type of their literal."""

COMPONENTS = frozenset({"x", "y", "z", "w", "p", "q", "shape"})
"""Attributes of values that are no struct's: components of vectors, quaternions and transforms, and `array.shape`."""


@dataclass(frozen=True)
class Vocabulary:
    """The `x` of every `wp.x` in the grammar: `functions` are called, `types` name one, `constants` are numbers."""

    functions: frozenset[str]
    types: frozenset[str]
    constants: frozenset[str]


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """Read the vocabulary of the installed Warp, once."""
    functions = {name for name, builtin in builtins().items() if _is_callable_from_a_file(name, builtin.group)}
    public = {name: getattr(wp, name) for name in dir(wp) if not name.startswith("_")}
    types = {
        name
        for name, value in public.items()
        if isinstance(value, type) and (hasattr(value, "_wp_scalar_type_") or value in _scalars())
    }
    constants = {name for name, value in public.items() if type(value) is float}
    return Vocabulary(frozenset(functions) - types, frozenset(types), frozenset(constants))


def _is_callable_from_a_file(name: str, group: str) -> bool:
    return (
        group in GROUPS
        and name not in EXCLUDED
        and not name.endswith(EXCLUDED_ENDINGS)
        and not name.startswith((*EXCLUDED_BEGINNINGS, "_"))
    )


def _scalars() -> tuple[type, ...]:
    return tuple(getattr(wp, name) for name in SCALARS if hasattr(wp, name))
