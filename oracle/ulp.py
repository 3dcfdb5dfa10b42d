"""How far apart two floats are, in units in the last place, and how far apart two maths libraries may be.

IEEE 754 defines `+ - * / sqrt fma`, conversions, comparisons and roundings to the bit, and `fmod` is exact in both
libraries: they are not in the table. Every other function is as accurate as its library says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from oracle.floats import numbers


@dataclass(frozen=True)
class Bound:
    """Most ULPs between a function's result and the correctly rounded one: in the cpu's library, in CUDA's."""

    cpu: int
    cuda: int

    @property
    def apart(self) -> int:
        """Most ULPs between the two libraries' results: the errors may point in opposite directions."""
        return self.cpu + self.cuda


# cpu: GNU C Library manual, "Errors in Math Functions" ("Known Maximum Errors in Math Functions" up to 2.39), whose
# numbers come from sysdeps/x86_64/fpu/libm-test-ulps, entries for round to nearest; the largest of the releases from
# 2.27 to 2.41, and at least 1 where the file has no entry (its test suite measured no error above half an ULP). For
# `erfcf` 3.1 ULP are known (Zimmermann et al., "Accuracy of Mathematical Functions in Single, Double, Extended Double
# and Quadruple Precision", hal-03141101). Every 128th float, 17 to 67 million arguments per float32
# function, against the float64 function found nothing beyond these numbers with glibc 2.36
# (`tests/benchmarks/libm_range.py`, which takes all of them in an hour).
# `erfinv` and `erfcinv` are not in the C library: Warp's native/crt.h has Cephes' ndtri.c, whose header states a peak
# relative error of 7.2e-16, that is 4 ULP of float64; the float32 versions round that result once.
#
# cuda: CUDA C++ Programming Guide, "Mathematical Functions", "Standard Functions", the tables "Single-Precision (and
# Double-Precision) Mathematical Standard Library Functions with Maximum ULP Error".
BOUNDS: Mapping[str, Bound] = MappingProxyType(
    {
        "acosf": Bound(1, 2),
        "asinf": Bound(1, 2),
        "atanf": Bound(1, 2),
        "atan2f": Bound(2, 3),
        "cbrtf": Bound(1, 1),
        "cosf": Bound(1, 2),
        "coshf": Bound(2, 2),
        "erff": Bound(1, 2),
        "erfcf": Bound(3, 4),
        "erfinvf": Bound(1, 2),
        "erfcinvf": Bound(1, 4),
        "expf": Bound(1, 2),
        "exp2f": Bound(1, 2),
        "logf": Bound(1, 1),
        "log2f": Bound(1, 1),
        "log10f": Bound(2, 2),
        "powf": Bound(3, 4),
        "sinf": Bound(1, 2),
        "sinhf": Bound(2, 3),
        "tanf": Bound(1, 4),
        "tanhf": Bound(2, 2),
        "acos": Bound(1, 2),
        "asin": Bound(1, 2),
        "atan": Bound(1, 2),
        "atan2": Bound(1, 2),
        "cbrt": Bound(4, 1),
        "cos": Bound(1, 2),
        "cosh": Bound(2, 1),
        "erf": Bound(1, 2),
        "erfc": Bound(5, 5),
        "erfinv": Bound(4, 5),
        "erfcinv": Bound(4, 6),
        "exp": Bound(1, 1),
        "exp2": Bound(1, 1),
        "log": Bound(1, 1),
        "log2": Bound(2, 1),
        "log10": Bound(2, 1),
        "pow": Bound(1, 2),
        "sin": Bound(1, 2),
        "sinh": Bound(2, 2),
        "tan": Bound(1, 2),
        "tanh": Bound(2, 1),
    }
)
"""By the function's name in C. Warp computes float16 and bfloat16 with the float32 functions, on both targets."""


_GROSS = 2**34

INSTRUCTIONS: Mapping[str, Bound] = MappingProxyType(
    {
        "rsqrtf": Bound(2, 2),
        "rsqrt": Bound(2, 1),
        "approx_divf": Bound(0, 2),
        "approx_rcpf": Bound(0, 1),
        "approx_div": Bound(0, _GROSS),
        "approx_rcp": Bound(0, _GROSS),
    }
)
"""What Warp's headers compute with basic operations for the cpu and with approximate instructions for cuda.

cpu: `1 / sqrt(x)` rounds twice, divisions once. cuda: CUDA C++ Programming Guide, tables of `rsqrtf` and `rsqrt`; PTX
ISA, `div.approx.f32` for divisors from 2^-126 to 2^126 and `rcp.approx.f32`. `rcp.approx.ftz.f64` takes the upper 32
bits of its operand and gives the upper 32 of its result, each good for 20 bits of the significand.
"""


BEHIND: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "quat_from_axis_angle": ("cos", "sin"),
        "quat_rpy": ("cos", "sin"),
        "quat_slerp": ("atan2", "cos", "sin"),
        "quat_to_axis_angle": ("atan2",),
        "quat_to_rpy": ("asin", "atan2"),
        "svd2": ("rsqrt",),
        "svd3": ("rsqrt",),
        "eig3": ("rsqrt",),
        "qr3": ("rsqrt",),
        "inverse_approx": ("approx_rcp",),
        "div_approx": ("approx_div",),
        "randn": ("cos", "log"),
        "poisson": ("exp", "log"),
        "sample_unit_ring": ("cos", "sin"),
        "sample_unit_disk": ("cos", "sin"),
        "sample_unit_sphere_surface": ("acos", "cos", "sin"),
        "sample_unit_sphere": ("acos", "cos", "pow", "sin"),
        "sample_unit_hemisphere_surface": ("acos", "cos", "sin"),
        "sample_unit_hemisphere": ("acos", "cos", "pow", "sin"),
    }
)
"""The functions that a built-in's forward code may call where they have other names than the built-in, for float64."""


def bounds_of(builtin: str, dtype: str) -> Mapping[str, Bound]:
    """Return the functions that a built-in calls for a float dtype (`float32`), with their bounds, by name in C.

    Empty for a built-in that both targets compute to the bit. The bounds count ULPs of the function's own type, which
    for float16 and bfloat16 is float32.
    """
    suffix = "" if dtype == "float64" else "f"
    names = BEHIND.get(builtin, (builtin,))
    known = {**BOUNDS, **INSTRUCTIONS}
    return {name + suffix: known[name + suffix] for name in names if name + suffix in known}


def apart(builtin: str, dtype: str) -> int:
    """Return by how many ULPs of `dtype` a built-in's results may lie apart that is one library function.

    Rounding to float16 or bfloat16 keeps the order of numbers, and float32s as close as these libraries' have at most
    one point between them where it changes direction. Raises KeyError for a built-in that is no such function.
    """
    bound = BOUNDS[builtin if dtype == "float64" else f"{builtin}f"]
    return min(1, bound.apart) if dtype in ("float16", "bfloat16") else bound.apart


def ulp_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return how many representable values lie between two float arrays of one shape and dtype, as float64.

    The two zeros are one step apart (they differ in a bit that IEEE 754 defines), NaNs none from each other whatever
    their payload, and infinitely many from everything else.
    """
    first, second = _ordered(a), _ordered(b)
    steps = (np.maximum(first, second) - np.minimum(first, second)).astype(np.float64)
    nan_a, nan_b = np.isnan(numbers(a)), np.isnan(numbers(b))
    steps[nan_a & nan_b] = 0.0
    steps[nan_a ^ nan_b] = np.inf
    return steps


def _ordered(values: np.ndarray) -> np.ndarray:
    """Map floats to unsigned integers in the same order, neighbours to neighbours."""
    bits = np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
    sign = bits.dtype.type(1 << (8 * values.dtype.itemsize - 1))
    return np.where(bits & sign, ~bits, bits | sign).astype(np.uint64)
