"""The names that a kernel's source may use without defining them: Warp's, and Python's.

They are read from the installed Warp, less what the tables below leave out. Everything else that hangs off the `warp`
package (`wp.config`, `wp.launch`, its modules) is unknown to the recogniser, and so refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import warp as wp

from grammar.registry import builtins

PYTHON_NAMES = frozenset(
    {"abs", "bool", "float", "int", "len", "max", "min", "pow", "range", "reversed", "round", "type"}
)
"""Python's built-ins that Warp compiles when they stand in a kernel without `wp.`."""

SCALARS = (
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "bfloat16", "float32", "float64"),
)

PYTHON_TYPES = frozenset({"bool", "float", "int"})

IMPORTS = {
    "enum": frozenset({"IntEnum"}),
    "typing": frozenset({"Any", "Callable"}),
    "collections.abc": frozenset({"Callable"}),
}
"""What a source may import by name beside `import warp as wp`: words of annotations, and the base of its enums."""

GROUPS = frozenset(
    {
        "Scalar Math",
        "Vector Math",
        "Quaternion Math",
        "Transformations",
        "Spatial Math",
        "Tile Primitives",
        "Geometry",
        "Volumes",
        "Textures",
        "Utility",
        "Random",
        "Operators",
        "Other",
    }
)
"""Groups of Warp's registry that are in the grammar."""

EXCLUDED = {
    "print": "writes to the terminal",
    "printf": "writes to the terminal",
    "breakpoint": "stops the process",
    "expect_eq": "writes to the terminal",
    "expect_neq": "writes to the terminal",
    "expect_near": "writes to the terminal",
    "range": "internal to Warp's code generation",
    "reversed": "internal to Warp's code generation",
    "iter_next": "internal to Warp's code generation",
    "tuple": "internal to Warp's code generation",
    "slice": "internal to Warp's code generation",
    "assign": "internal to Warp's code generation",
}
"""Built-ins of those groups that a kernel from a file may not call, and why. `wp.static`, `wp.array` and `wp.zeros`
have rules of their own in `calls`. `wp.load` and `wp.store` take what `wp.address` and `wp.index` return: their
parameter is a typed pointer in the C++, so no number passes for one."""

EXCLUDED_BEGINNINGS = ("dense_",)
"""A family that takes lengths on trust."""

TYPE_MAKERS = {
    "matrix": {"shape", "dtype"},
    "vector": {"length", "dtype"},
    "quaternion": {"dtype"},
    "transformation": {"dtype"},
}
"""What `wp.types` offers to name a type, with its keywords: `wp.types.matrix(shape=(2, 3), dtype=wp.float32)`."""

ARRAY_TYPES = {
    f"{kind}{suffix}": ndim
    for kind in ("array", "indexedarray")
    for suffix, ndim in (("", None), ("1d", 1), ("2d", 2), ("3d", 3), ("4d", 4))
}
"""Warp's array annotations, with the dimensions that the name already states."""

SHAPED_TYPES = frozenset({"fixedarray", "tile"})
"""Annotations with a shape in literals: `wp.fixedarray(dtype=float, shape=(4,))`."""

OBJECT_TYPES = frozenset(
    {
        *("Texture1D", "Texture2D", "Texture3D", "MeshQueryPoint", "MeshQueryRay", "MeshQueryAABB", "BvhQuery"),
        *("HashGridQuery", "Function"),
    }
)
"""Types of parameters that are neither values nor arrays."""

GENERIC_TYPES = frozenset({"Scalar", "Float", "Int"})
"""Warp's annotations for any scalar, any float and any integer."""

OPERATORS = frozenset(
    {
        *("add", "sub", "mul", "div", "floordiv", "mod", "neg", "pos", "unot", "invert"),
        *("bit_and", "bit_or", "bit_xor", "lshift", "rshift"),
    }
)
"""Built-ins behind Python's operators: a function of that name, of a struct, overloads the operator for it."""

STRING_OPTIONS: dict[str, frozenset[str]] = {
    "storage": frozenset({"register", "shared"}),
    "fill_mode": frozenset({"lower", "upper"}),
    "precision": frozenset({"default", "tf32"}),
}
"""The keywords whose argument is a word, and the words."""

KERNEL_OPTIONS: dict[str, type] = {
    "enable_backward": bool,
    "grid_stride": bool,
    "enable_cuda_smem_spilling": bool,
    "launch_bounds": int,
    "cuda_max_registers": int,
    "cluster_dim": int,
}
"""Options that `@wp.kernel` may carry, with the type of their literal; `module="unique"` comes beside them. The `name`
is not among them, which Warp pastes into the C++."""

MODULE_OPTIONS: dict[str, type] = {
    "enable_backward": bool,
    "fast_math": bool,
    "fuse_fp": bool,
    "default_grid_stride": bool,
    "max_unroll": int,
    "block_dim": int,
    "optimization_level": int,
}
"""Options of `wp.set_module_options` and `module_options`, with the type of their literal."""

FUNCTION_OPTIONS: dict[str, type] = {"inline": bool}
"""Options that `@wp.func` may carry."""

COMPONENTS = frozenset({"x", "y", "z", "w", "p", "q", "shape", "dtype", "length"})
"""Attributes of values that are no struct's: of vectors, quaternions, transforms, arrays and tiles. Those of Warp's own
structs (`query.face`) are read from Warp."""

ADDRESS = "ptr"
"""The attribute of an array that is its address, which a kernel cannot read as a number: no field has that name."""

NAMED_VALUES = {"Volume": frozenset({"CLOSEST", "LINEAR"})}
"""Constants that hang off a class of Warp's: `wp.Volume.LINEAR`."""

NATIVE_STRUCTS = ("Mesh", "MeshQueryPoint", "MeshQueryRay", "Texture1D", "Texture2D", "Texture3D")


@dataclass(frozen=True)
class Vocabulary:
    """The `x` of every `wp.x` in the grammar: `functions` are called, `types` name one, `constants` are numbers.

    `attributes` are what may stand after the dot of a value, beside the fields of the source's own structs.
    """

    functions: frozenset[str]
    types: frozenset[str]
    constants: frozenset[str]
    attributes: frozenset[str]


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
    return Vocabulary(frozenset(functions) - types, frozenset(types), frozenset(constants), COMPONENTS | _fields())


def _is_callable_from_a_file(name: str, group: str) -> bool:
    return group in GROUPS and name not in EXCLUDED and not name.startswith((*EXCLUDED_BEGINNINGS, "_"))


def _fields() -> frozenset[str]:
    """Return the fields of Warp's own structs that a kernel can read."""
    structs = (getattr(wp, name, None) for name in NATIVE_STRUCTS)
    return frozenset(field for struct in structs for field in getattr(struct, "vars", ()))


def _scalars() -> tuple[type, ...]:
    return tuple(getattr(wp, name) for name in SCALARS if hasattr(wp, name))
