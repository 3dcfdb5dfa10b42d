"""Functions of the maths library: computed in float64, and moved within the bound that both libraries state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.deviations import INVERSE_ERF
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import ScalarType
from oracle.ulp import BOUNDS

OWN_ERROR = 1.0
"""ULPs that our own evaluation may be off: in float64, where it has no more digits than the result."""


@dataclass(frozen=True)
class LibraryFunction:
    """One function: `compute` takes and gives float64, `special` what it raises for (poles, domains, overflow)."""

    compute: Callable[..., float]
    special: Callable[..., Any]

    def value(self, *arguments: float) -> float:
        """Return the result for any arguments."""
        try:
            return self.compute(*arguments)
        except (ValueError, OverflowError):
            return float(self.special(*map(np.float64, arguments)))


def ulps_of(name: str, scalar: ScalarType) -> float:
    """Return how far from the exact result a library may be, in ULPs of the type that a function computes in."""
    if scalar.bits < 32:
        return 1.0  # rounded from float32, whose error decides a tie at most
    bound = BOUNDS[name if scalar.bits == 64 else f"{name}f"]
    return max(bound.cpu, bound.cuda) + (OWN_ERROR if scalar.bits == 64 else 0.5)


def inverse_erf(y: float) -> float:
    """Return x with erf(x) = y; raises ValueError outside [-1, 1]."""
    size = abs(y)
    if size >= 1.0:
        return math.copysign(_pole(size), y)
    if size < 0.5:
        return math.copysign(_inverse_near_zero(size), y) if y == y else y
    return math.copysign(_inverse_in_tail(1.0 - size), y)


def inverse_erfc(y: float) -> float:
    """Return x with erfc(x) = y; raises ValueError outside [0, 2]."""
    if y != y:
        return y
    if y <= 0.0 or y >= 2.0:
        return _pole(1.0 - y) if y <= 0.0 else -_pole(y - 1.0)
    if y < 0.5:
        return _inverse_in_tail(y)
    return inverse_erf(1.0 - y) if y < 1.5 else -_inverse_in_tail(2.0 - y)


def _pole(size: float) -> float:
    if size != 1.0:
        raise ValueError(f"no number has the error function {size}")
    return math.inf


def _inverse_near_zero(y: float) -> float:
    """Solve erf(x) = y for 0 <= y < 1/2 by Newton's method."""
    x = y * math.sqrt(math.pi) / 2.0
    for _ in range(8):
        x -= (math.erf(x) - y) * math.sqrt(math.pi) / 2.0 * math.exp(x * x)
    return x


def _inverse_in_tail(y: float) -> float:
    """Solve erfc(x) = y for 0 < y <= 1/2 by Newton's method on the logarithm, which is nearly a parabola."""
    x = math.sqrt(max(-math.log(y) - 0.5, 0.1))
    for _ in range(60):
        tail = math.erfc(x)
        if tail == 0.0:
            x *= 0.99
            continue
        step = (math.log(tail) - math.log(y)) * tail * math.sqrt(math.pi) / 2.0 * math.exp(x * x)
        x += step
        if abs(step) <= 1e-17 * x:
            break
    return x


def _nan(*arguments: Any) -> float:
    return math.nan


FUNCTIONS: Mapping[str, LibraryFunction] = MappingProxyType(
    {
        "sin": LibraryFunction(math.sin, np.sin),
        "cos": LibraryFunction(math.cos, np.cos),
        "tan": LibraryFunction(math.tan, np.tan),
        "asin": LibraryFunction(math.asin, _nan),
        "acos": LibraryFunction(math.acos, _nan),
        "atan": LibraryFunction(math.atan, np.arctan),
        "atan2": LibraryFunction(math.atan2, np.arctan2),
        "sinh": LibraryFunction(math.sinh, np.sinh),
        "cosh": LibraryFunction(math.cosh, np.cosh),
        "tanh": LibraryFunction(math.tanh, np.tanh),
        "log": LibraryFunction(math.log, np.log),
        "log2": LibraryFunction(math.log2, np.log2),
        "log10": LibraryFunction(math.log10, np.log10),
        "exp": LibraryFunction(math.exp, np.exp),
        "pow": LibraryFunction(math.pow, np.power),
        "cbrt": LibraryFunction(math.cbrt, np.cbrt),
        "erf": LibraryFunction(math.erf, _nan),
        "erfc": LibraryFunction(math.erfc, _nan),
        "erfinv": LibraryFunction(inverse_erf, _nan),
        "erfcinv": LibraryFunction(inverse_erfc, _nan),
    }
)
"""By Warp's name, which is that of C's float64 function."""


def definition(name: str) -> Callable[..., Any]:
    """Return what a library function means in a kernel."""
    function = FUNCTIONS[name]

    def evaluate(run: Run, *arguments: Any) -> Any:
        scalar = run.type_of(arguments[0])
        return run.rounded(name, function.value(*map(float, arguments)), scalar, ulps_of(name, scalar))

    return evaluate


def clamped(name: str) -> Callable[..., Any]:
    """Return `asin` or `acos`, whose argument is said to be clamped to [-1, 1].

    A NaN that is clamped is the lower end, as the documentation says of `clamp`; of these functions it does not.
    """
    of_number = definition(name)

    def evaluate(run: Run, x: Any) -> Any:
        if x != x:
            return run.either(name, of_number(run, type(x)(-1)), x)
        return of_number(run, min(max(x, type(x)(-1)), type(x)(1)))

    return evaluate


def inverse(name: str) -> Callable[..., Any]:
    """Return `erfinv` or `erfcinv`, of which Warp's own are known to be wrong."""
    of_number = definition(name)

    def evaluate(run: Run, y: Any) -> Any:
        if INVERSE_ERF in run.known:
            raise LackingError(f"{name} as the cpu computes it, a known finding")
        return of_number(run, y)

    return evaluate


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {name: definition(name) for name in FUNCTIONS}
    | {name: clamped(name) for name in ("asin", "acos")}
    | {name: inverse(name) for name in ("erfinv", "erfcinv")}
)
