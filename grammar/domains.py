"""Where each built-in is defined: one table, read by the productions that call them.

A row says how a built-in is written (a call unless it is an operator), how its results relate to rounding, which
arguments need a guard, and what interval an integer result has. Results that are NaN or infinite are defined and
wanted; guards exist only for what C++ or one of the targets leaves undefined: division of integers by zero, shifts by
the width, signed overflow, conversion of a float that the integer dtype cannot hold. Built-ins without a row are not
generated: either a production spells them (`SPELLED`), or `LATER` and `EXCLUDED` give the reason, or they are new and
`grammar.coverage` calls them unclassified.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from grammar import intervals
from grammar.intervals import Interval
from grammar.registry import Overload, Registered
from grammar.types import FLOATS, INTEGERS, Matrix, Vector, is_integer_type


class Rounding(Enum):
    """What a built-in does with rounding errors, its own and those of its arguments."""

    EXACT = "correctly rounded steps only: both targets agree to the bit"
    LIBRARY = "a library function: libm and libdevice differ by a few ULP"
    AMPLIFYING = "a library function that magnifies an error of its argument"
    STEP = "exact, but jumps: an error of its argument may change the result altogether"


class Guard(Enum):
    """What an argument must be kept from."""

    NONZERO = "not 0, and not -1 below the lowest value of the dtype"
    SHIFT = "at least 0 and below the width"
    CONVERTIBLE = "a float within the integer dtype's range, and no NaN"
    NUMBER = "no NaN: the sign of one that an operation made is open (IEEE 754-2019, 6.3), and targets differ in it"


Bounds = Callable[[Overload, tuple[Interval, ...]], Interval]
"""The interval of an integer result, given one interval per argument (of its components)."""


@dataclass(frozen=True)
class Domain:
    """One built-in's row. Without `bounds` no overload with an integer result is generated."""

    rounding: Rounding = Rounding.EXACT
    operator: str = ""
    guards: Mapping[int, Guard] | None = None
    bounds: Bounds | None = None
    weight: float = 1.0


def _plain(function: Callable[..., Interval]) -> Bounds:
    """Use a function on intervals as it is, component by component."""
    return lambda overload, arguments: function(*arguments)


def _constant(low: int, high: int) -> Bounds:
    return lambda overload, arguments: Interval(low, high)


def _terms(overload: Overload) -> int:
    """Return how many products a component of the result sums: 1 unless rows meet columns."""
    first, second = overload.types[0], overload.types[-1]
    if overload.name in ("dot", "length_sq") and isinstance(first, Vector):
        return first.length
    if overload.name == "ddot" and isinstance(first, Matrix):
        return first.rows * first.columns
    if isinstance(first, Matrix) and isinstance(second, (Vector, Matrix)):
        return first.columns
    return second.rows if isinstance(first, Vector) and isinstance(second, Matrix) else 1


def _products(overload: Overload, arguments: tuple[Interval, ...]) -> Interval:
    return intervals.scale(intervals.mul(arguments[0], arguments[-1]), _terms(overload))


def _cross(overload: Overload, arguments: tuple[Interval, ...]) -> Interval:
    product = intervals.mul(*arguments)
    return intervals.sub(product, product)


def _trace(overload: Overload, arguments: tuple[Interval, ...]) -> Interval:
    matrix = overload.types[0]
    return intervals.scale(arguments[0], matrix.rows) if isinstance(matrix, Matrix) else arguments[0]


def _with_zero(overload: Overload, arguments: tuple[Interval, ...]) -> Interval:
    return arguments[0].hull(intervals.point(0))


def _extremum(function: Callable[[Interval, Interval], Interval]) -> Bounds:
    """Bound min and max of two values, or of one vector's components."""
    return lambda overload, arguments: function(*arguments) if len(arguments) == 2 else arguments[0]


def _converted(overload: Overload, arguments: tuple[Interval, ...]) -> Interval:
    """Bound a conversion to an integer; what does not fit is wrapped by both targets (C++20 [conv.integral]/3)."""
    result = overload.results[0]
    whole = intervals.type_range(result)  # type: ignore[arg-type]
    return arguments[0] if arguments[0].within(whole) else whole


_FIRST: Bounds = _plain(lambda a, *rest: a)
_CONVERSION = Domain(guards={0: Guard.CONVERTIBLE}, bounds=_converted)
_TRUTH = Domain(Rounding.STEP)

DOMAINS: Mapping[str, Domain] = {
    # operators
    "add": Domain(operator="+", bounds=_plain(intervals.add), weight=8),
    "sub": Domain(operator="-", bounds=_plain(intervals.sub), weight=7),
    "mul": Domain(operator="*", bounds=_products, weight=9),
    "div": Domain(operator="/", guards={1: Guard.NONZERO}, bounds=_plain(intervals.truncated_div), weight=3),
    "floordiv": Domain(Rounding.STEP, "//", guards={1: Guard.NONZERO}, bounds=_plain(intervals.floor_div), weight=1.5),
    "mod": Domain(Rounding.STEP, "%", guards={1: Guard.NONZERO}, bounds=_plain(intervals.truncated_mod), weight=2),
    "neg": Domain(operator="-", bounds=_plain(intervals.neg), weight=2),
    "pos": Domain(operator="+", bounds=_FIRST, weight=0.1),
    "bit_and": Domain(operator="&", bounds=_plain(intervals.bit_and), weight=2),
    "bit_or": Domain(operator="|", bounds=_plain(intervals.bitwise)),
    "bit_xor": Domain(operator="^", bounds=_plain(intervals.bitwise), weight=1.5),
    "lshift": Domain(operator="<<", guards={1: Guard.SHIFT}, bounds=_plain(intervals.shift_left), weight=1.5),
    "rshift": Domain(operator=">>", guards={1: Guard.SHIFT}, bounds=_plain(intervals.shift_right), weight=1.5),
    "invert": Domain(operator="~", bounds=_plain(intervals.invert), weight=0.5),
    "unot": Domain(operator="not", weight=0.5),
    # scalars
    "min": Domain(bounds=_extremum(intervals.minimum), weight=3),
    "max": Domain(bounds=_extremum(intervals.maximum), weight=3),
    "clamp": Domain(bounds=_plain(intervals.clamp), weight=2),
    "abs": Domain(bounds=_plain(intervals.absolute), weight=3),
    "sign": Domain(Rounding.STEP, bounds=_constant(-1, 1)),
    "step": Domain(Rounding.STEP, bounds=_constant(0, 1)),
    "nonzero": Domain(Rounding.STEP, bounds=_constant(0, 1), weight=0.5),
    "copysign": Domain(Rounding.STEP, guards={0: Guard.NUMBER, 1: Guard.NUMBER}),  # its adjoint reads both signs
    "bit_count": Domain(bounds=_constant(0, 64)),
    "sqrt": Domain(weight=3),
    "degrees": Domain(),
    "radians": Domain(),
    "round": Domain(Rounding.STEP),
    "rint": Domain(Rounding.STEP),
    "trunc": Domain(Rounding.STEP),
    "floor": Domain(Rounding.STEP, weight=2),
    "ceil": Domain(Rounding.STEP),
    "frac": Domain(Rounding.STEP),
    "isfinite": Domain(),
    "isnan": Domain(),
    "isinf": Domain(),
    "sin": Domain(Rounding.LIBRARY, weight=3),
    "cos": Domain(Rounding.LIBRARY, weight=3),
    "tan": Domain(Rounding.AMPLIFYING),
    "asin": Domain(Rounding.AMPLIFYING),
    "acos": Domain(Rounding.AMPLIFYING),
    "atan": Domain(Rounding.LIBRARY),
    "atan2": Domain(Rounding.LIBRARY),
    "sinh": Domain(Rounding.AMPLIFYING),
    "cosh": Domain(Rounding.AMPLIFYING),
    "tanh": Domain(Rounding.LIBRARY, weight=1.5),
    "log": Domain(Rounding.AMPLIFYING, weight=2),
    "log2": Domain(Rounding.AMPLIFYING),
    "log10": Domain(Rounding.AMPLIFYING),
    "exp": Domain(Rounding.AMPLIFYING, weight=2.5),
    "pow": Domain(Rounding.AMPLIFYING, weight=2),
    "cbrt": Domain(Rounding.LIBRARY),
    "erf": Domain(Rounding.LIBRARY),
    "erfc": Domain(Rounding.LIBRARY),
    # Warp 1.19's own erfinv for the cpu (native/crt.h) is far less accurate than libdevice's for small results.
    "erfinv": Domain(Rounding.AMPLIFYING, weight=0.05),
    "erfcinv": Domain(Rounding.AMPLIFYING, weight=0.05),
    "lerp": Domain(weight=2),
    "smoothstep": Domain(weight=1.5),
    **{scalar.name: _CONVERSION for scalar in INTEGERS},
    **{scalar.name: _CONVERSION for scalar in FLOATS},
    "int": _CONVERSION,
    "float": _CONVERSION,
    "bool": _TRUTH,
    # vectors and matrices
    "dot": Domain(bounds=_products, weight=4),
    "ddot": Domain(bounds=_products),
    "argmin": Domain(Rounding.STEP, bounds=_constant(0, 7)),
    "argmax": Domain(Rounding.STEP, bounds=_constant(0, 7)),
    "outer": Domain(bounds=_plain(intervals.mul), weight=2),
    "cross": Domain(bounds=_cross, weight=3),
    "skew": Domain(bounds=_plain(lambda a: intervals.neg(a).hull(a).hull(intervals.point(0)))),
    "length": Domain(weight=3),
    "length_sq": Domain(bounds=_products, weight=2),
    "normalize": Domain(weight=3),
    "transpose": Domain(bounds=_FIRST, weight=3),
    "inverse": Domain(weight=1.5),
    "determinant": Domain(weight=2),
    "trace": Domain(bounds=_trace, weight=2),
    "diag": Domain(bounds=_with_zero),
    "get_diag": Domain(bounds=_FIRST),
    "cw_mul": Domain(bounds=_plain(intervals.mul), weight=2),
    "cw_div": Domain(guards={1: Guard.NONZERO}, bounds=_plain(intervals.truncated_div)),
    # quaternions
    "quat_from_axis_angle": Domain(Rounding.LIBRARY, weight=2),
    "quat_from_matrix": Domain(Rounding.STEP),
    "quat_rpy": Domain(Rounding.LIBRARY),
    "quat_inverse": Domain(weight=2),
    "quat_rotate": Domain(weight=3),
    "quat_rotate_inv": Domain(weight=2),
    "quat_slerp": Domain(Rounding.AMPLIFYING),
    "quat_to_matrix": Domain(weight=2),
    "quat_to_rpy": Domain(Rounding.AMPLIFYING, weight=0.5),
    "quat_twist": Domain(Rounding.STEP, weight=0.5),
    "quat_twist_angle": Domain(Rounding.AMPLIFYING, weight=0.5),
    "quat_twist_angle_signed": Domain(Rounding.AMPLIFYING, weight=0.5),
    # transformations and spatial vectors: products, sums and quat_rotate, no library function
    "transform_get_translation": Domain(),
    "transform_get_rotation": Domain(),
    "transform_multiply": Domain(weight=3),
    "transform_point": Domain(weight=3),
    "transform_vector": Domain(weight=2),
    "transform_inverse": Domain(weight=2),
    "transform_from_matrix": Domain(Rounding.STEP),
    "transform_to_matrix": Domain(),
    "spatial_adjoint": Domain(),
    "spatial_dot": Domain(weight=2),
    "spatial_cross": Domain(),
    "spatial_cross_dual": Domain(),
    "spatial_top": Domain(weight=2),
    "spatial_bottom": Domain(weight=2),
    "velocity_at_point": Domain(weight=2),
    "transform_twist": Domain(),
    "transform_wrench": Domain(),
}

SPELLED: Mapping[str, str] = {}
"""Built-ins that a production of its own writes, and how."""

LATER: Mapping[str, str] = {
}
"""Built-ins of this grammar's groups that it does not generate yet."""

LATER_GROUPS: Mapping[str, str] = {
    "Code Generation": "wp.static follows",
}

EXCLUDED: Mapping[str, str] = {
    "printf": "prints",
    "print": "prints",
    "breakpoint": "stops the program",
    "expect_eq": "prints, and has no result",
    "expect_neq": "prints, and has no result",
    "expect_near": "prints, and has no result",
    "dense_gemm": "internal, undocumented",
    "dense_gemm_batched": "internal, undocumented",
    "dense_chol": "internal, undocumented",
    "dense_chol_batched": "internal, undocumented",
    "dense_subs": "internal, undocumented",
    "dense_solve": "internal, undocumented",
    "dense_solve_batched": "internal, undocumented",
}


LEFT_OUT: Mapping[str, str] = {
    r"matrix\(Vector": "removed: Warp's result function raises and refers to transform_compose",
    r"transform_set_(?:translation|rotation)_copy": "its result type is generic and never resolved, so nothing can hold it",
    r"select\(": "removed: Warp's result function raises and refers to where",
    r"atomic_\w+\(FixedArray": "CUDA has no atomics on local memory: NVRTC makes a trap of them",
    r".*Fabric": "fabric arrays exist only inside Omniverse, which fills them",
    r"tile_matmul\(Tile\[Vector": "there only to say that tiles of complex numbers cannot be multiplied",
}
"""Registered signatures of generable built-ins that are not written, by a pattern that matches from their beginning."""


def left_out(one: Registered) -> str:
    """Return why a registered overload of a generable built-in is not written, the empty text when it is."""
    for pattern, reason in LEFT_OUT.items():
        if re.match(pattern, one.signature):
            return reason
    return UNCOMPILED.get(one.concrete.signature, "") if one.concrete else ""


UNCOMPILED: Mapping[str, str] = {
    "bool(float16)": "clang finds the conversion of wp::half to bool ambiguous",
    "float16(bool)": "its adjoint converts wp::half to bool, which clang and NVRTC find ambiguous",
    "bool(bfloat16)": "clang finds the conversion of wp::bfloat16 to bool ambiguous",
    "bfloat16(bool)": "its adjoint converts wp::bfloat16 to bool, which clang and NVRTC find ambiguous",
}
"""Overloads that the registry offers and Warp 1.19 fails to compile."""


def generable(overload: Overload) -> bool:
    """Whether calls of an overload are generated: it has a row, one result, and bounds where integers come out."""
    domain = DOMAINS.get(overload.name)
    if domain is None or len(overload.results) != 1 or overload.signature in UNCOMPILED:
        return False
    return not is_integer_type(overload.results[0]) or domain.bounds is not None


def is_idle_conversion(overload: Overload) -> bool:
    """Whether an overload converts a value to the dtype that it has."""
    return DOMAINS[overload.name] is _CONVERSION and overload.types == overload.results


def is_written_otherwise(name: str) -> bool:
    """Whether a built-in is not called by its name: operators, conversions, and what productions spell."""
    domain = DOMAINS.get(name)
    return domain is None or bool(domain.operator) or domain is _CONVERSION or domain is _TRUTH


def needs_exact_arguments(name: str) -> bool:
    """Whether an error in an argument may grow out of proportion."""
    return DOMAINS[name].rounding in (Rounding.STEP, Rounding.AMPLIFYING)


def is_library(name: str) -> bool:
    """Whether the two targets compute it with different libraries."""
    return DOMAINS[name].rounding in (Rounding.LIBRARY, Rounding.AMPLIFYING)
