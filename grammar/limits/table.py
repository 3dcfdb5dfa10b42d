"""What Warp's documentation says that its compiler does not do, or leaves open: one row a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from grammar.limits import arrays, calls, components, loops, values
from grammar.limits.reading import Function

_DIFFERENTIABILITY = "user_guide/differentiability"
_LIMITATIONS = "user_guide/limitations"
_TILES = "user_guide/programming_model/tiles"
_BUILTINS = "language_reference/builtins"


class Effect(StrEnum):
    """What is wrong or open beyond a limit."""

    GRADIENTS = "gradients"  # the backward pass gives other gradients than calculus
    UNRELIABLE = "unreliable"  # it may, for some values
    OPEN = "open"  # results may differ from run to run or from target to target
    PYTHON = "python"  # results are defined, and differ from what Python gives


@dataclass(frozen=True)
class Limit:
    """One documented limit: what the documentation says, in our words, and where (page, heading).

    `lines` yields the lines of a function that rely on what lies beyond; without it, that depends on values which a
    source does not show.
    """

    name: str
    says: str
    page: str
    heading: str
    effect: Effect
    lines: Callable[[Function], Iterator[int]] | None = None

    @property
    def citation(self) -> str:
        """The page and heading in one line."""
        return f"{self.page}, {self.heading}"

    @property
    def avoided(self) -> bool:
        """Whether a kernel of a corpus must not exceed it while it has a backward pass."""
        return self.effect is Effect.GRADIENTS


LIMITS = (
    Limit(
        "component-assigned-again",
        "a component of a local vector, matrix or quaternion may be assigned only once with `=`, default "
        "initialisation not counted; beyond, gradients of the whole are invalid",
        _DIFFERENTIABILITY,
        "Vector, Matrix, and Quaternion Component Assignment",
        Effect.GRADIENTS,
        components.assigned_again,
    ),
    Limit(
        "in-place-product",
        "multiplying or dividing in place is not supported in a backward pass (adding and subtracting is)",
        _DIFFERENTIABILITY,
        "In-Place Math Operations",
        Effect.GRADIENTS,
        calls.in_place_products,
    ),
    Limit(
        "dynamic-loop",
        "dynamic loops are neither replayed nor unrolled in the backward pass: it does not have the values that a loop "
        "carries from trip to trip, nor those that it leaves behind",
        _DIFFERENTIABILITY,
        "Dynamic Loops",
        Effect.GRADIENTS,
        loops.beyond,
    ),
    Limit(
        "array-overwritten",
        "writing to an array after reading from it in the same kernel gives wrong gradients",
        _DIFFERENTIABILITY,
        "Array Overwrite Tracking",
        Effect.GRADIENTS,
        arrays.overwritten,
    ),
    Limit(
        "atomic-result",
        "the backward pass runs atomics again and does not get what they returned before",
        _DIFFERENTIABILITY,
        "Example 2: Custom Replay Function",
        Effect.GRADIENTS,
        arrays.atomic_results,
    ),
    Limit(
        "grad-in-kernel",
        "what `wp.grad` returns is a constant in the backward pass",
        _DIFFERENTIABILITY,
        "grad(): Usage Contexts",
        Effect.GRADIENTS,
        calls.grad_calls,
    ),
    Limit(
        "not-differentiable",
        "built-ins that are not marked as differentiable pass no gradient on",
        _BUILTINS,
        "each built-in's marks (`is_differentiable` in the registry)",
        Effect.GRADIENTS,
        calls.not_differentiable,
    ),
    Limit(
        "tile-stack",
        "operations on tile stacks are not differentiable",
        _TILES,
        "Tile Stack",
        Effect.GRADIENTS,
        calls.tile_stacks,
    ),
    Limit(
        "matmul-factor",
        "`alpha` and `beta` of `tile_matmul` receive no gradient",
        _BUILTINS,
        "tile_matmul",
        Effect.GRADIENTS,
        calls.scaled_products,
    ),
    Limit(
        "noise-shape",
        "`lacunarity` and `gain` of `curlnoise` receive no gradient",
        _BUILTINS,
        "curlnoise",
        Effect.GRADIENTS,
        calls.noise_shapes,
    ),
    Limit(
        "ill-conditioned",
        "gradients of a decomposition are unreliable for a matrix without full rank or with close eigenvalues, those "
        "of an inverse large for a nearly singular one",
        _BUILTINS,
        "qr3, eig3, inverse",
        Effect.UNRELIABLE,
        calls.decompositions,
    ),
    Limit(
        "uninitialised",
        "a variable that only some branches assign to is visible after them, and undefined where none did",
        _LIMITATIONS,
        "Variable Scope",
        Effect.OPEN,
        values.unassigned,
    ),
    Limit(
        "atomic-order",
        "which thread's float atomic comes first is open, and so is the rounding of their sum",
        "user_guide/execution_and_performance/deterministic_execution",
        "Deterministic Execution",
        Effect.OPEN,
        values.float_atomics,
    ),
    Limit(
        "tile-lanes",
        "on the cpu a block has one thread: `block_dim()`, the thread's index in its block, `tile(value)`, stacks and "
        "random tiles give something else there",
        _TILES,
        "CPU Tile Semantics",
        Effect.OPEN,
        values.lanes,
    ),
    Limit(
        "remainder-by-zero",
        "the remainder of a division of integers by zero is undefined",
        _LIMITATIONS,
        "Modulus Operator",
        Effect.OPEN,
        None,
    ),
    Limit(
        "remainder-sign",
        "`%` truncates: the remainder has the dividend's sign, not the divisor's",
        _LIMITATIONS,
        "Modulus Operator",
        Effect.PYTHON,
        values.remainders,
    ),
    Limit(
        "rounding-of-halves",
        "`wp.round` rounds halves away from zero; `wp.rint` rounds them to even",
        _LIMITATIONS,
        "Rounding",
        Effect.PYTHON,
        values.rounds,
    ),
    Limit(
        "arcsine-clamped",
        "`wp.asin` and `wp.acos` clamp their argument to [-1, 1]",
        _LIMITATIONS,
        "Inverse Sine and Cosine",
        Effect.PYTHON,
        values.arcsines,
    ),
)
"""Read from the documentation of 1.19 and its predecessors. Signed overflow and the order in which operands are
evaluated are not in it: Warp says nothing of either. Up to 1.14 the page of limitations also said that evaluation is
not short-circuited; it no longer does.
"""

BY_NAME = {limit.name: limit for limit in LIMITS}
