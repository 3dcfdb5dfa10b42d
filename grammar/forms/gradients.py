"""Functions with a gradient or a replay of their own, right by the rules of calculus, and functions in C++.

`wp.func_native` runs text that nobody can check, so such functions are written only when the caller asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from grammar import expressions, names, snippets
from grammar.choices import pick
from grammar.forms import closed
from grammar.intervals import Interval
from grammar.scope import ArrayParameter, Frame
from grammar.types import FLOAT32, INT32, Array

_GRADIENTS: Sequence[tuple[str, str, str]] = (
    ("{a} * {b}", "{b} * {r}", "{a} * {r}"),
    ("{a} * {a} + {b}", "{two} * {a} * {r}", "{r}"),
    ("{a} - {two} * {b}", "{r}", "-{two} * {r}"),
    ("{a} * {a} * {b}", "{two} * {a} * {b} * {r}", "{a} * {a} * {r}"),
    ("({a} + {b}) * ({a} - {b})", "{two} * {a} * {r}", "-{two} * {b} * {r}"),
    ("{a} / {two} + {b} * {b}", "{r} / {two}", "{two} * {b} * {r}"),
)
"""A function of two numbers with what each argument's gradient gains, `r` being the result's."""

_NAMES = ("smooth_product", "potential", "barrier", "quadratic", "safe_term", "spring_energy")


def gradient(frame: Frame) -> bool:
    """Emit a call of a function with a `wp.func_grad`; sometimes it gives two results."""
    scalar = closed.scalar_of_kernel(frame, lambda one: one.is_float and one.name != "bfloat16")
    name = closed.free(frame, _NAMES)
    a, b = pick(frame.choices, (("a", "b"), ("x", "y"), ("u", "w")))
    two = closed.number(scalar, "2")
    value, by_a, by_b = pick(frame.choices, _GRADIENTS)
    several = frame.choices.integer(1, 100) > 75
    signature = f"{a}: {scalar.spelling}, {b}: {scalar.spelling}"
    results = f"{value}, {a} + {b}" if several else value
    adjoints = f"adj_ret: {scalar.spelling}" + (f", adj_sum: {scalar.spelling}" if several else "")
    more = " + adj_sum" if several else ""
    text = f"""
        @wp.func
        def {name}({signature}):
            return {results}


        @wp.func_grad({name})
        def adj_{name}({signature}, {adjoints}):
            wp.adjoint[{a}] += {by_a}{more}
            wp.adjoint[{b}] += {by_b}{more}
        """
    frame.unit.taken.add(f"adj_{name}")
    closed.define(frame, name, text, a=a, b=b, two=two, r="adj_ret")
    operands = [expressions.grow(frame, scalar, 1, frame.exact_only) for _ in range(2)]
    found = [closed.local(frame, scalar) for _ in range(2 if several else 1)]
    snippets.emit(frame, f"{', '.join(found)} = {name}({{p}}, {{q}})", p=operands[0], q=operands[1])
    for local in found:
        closed.declare(frame, local, scalar, closed.is_inexact(*operands))
    frame.unit.note("form:func_grad")
    return True


REPLAYED = ("reserve_place", "book_slot", "claim_entry", "assign_ticket", "open_slot")
"""Names that nothing else has: Warp counts functions of a name apart from their replays, and a replay is found only if
both counts are the same (`replay-name` in the findings), so a function without one must not have these names."""


def replay(frame: Frame) -> bool:
    """Emit a call of a function that counts threads and notes its result, which the backward pass looks up again.

    Each thread counts in an element of its own, so the order of threads plays no part.
    """
    scalar = closed.scalar_of_kernel(frame, lambda one: one.is_float)
    name = closed.free(frame, REPLAYED)
    counters = names.free_name(frame.choices, ("counters", "next_slots", "tickets"), frame.taken)
    slots = names.free_name(frame.choices, ("taken_slots", "noted", "thread_slots"), frame.taken | {counters})
    extent = frame.unit.dims[0]
    if len(frame.unit.dims) > 1:
        return False
    for array in (counters, slots):
        frame.add_array_parameter(
            ArrayParameter(array, Array(INT32, 1), (extent,), "", use="write", interval=Interval(0, 100))
        )
    arrays = "wp.array(dtype=int)"
    signature = f"counter: {arrays}, slots: {arrays}, i: int"
    text = f"""
        @wp.func
        def {name}({signature}):
            slot = wp.atomic_add(counter, i, {frame.choices.integer(1, 3)})
            slots[i] = slot
            return slot


        @wp.func_replay({name})
        def replay_{name}({signature}):
            return slots[i]
        """
    frame.unit.taken.add(f"replay_{name}")
    closed.define(frame, name, text)
    value = expressions.grow(frame, scalar, 1, frame.exact_only)
    slot = names.free_name(frame.choices, ("slot", "ticket", "place"), frame.taken)
    frame.taken.add(slot)
    result = closed.local(frame, scalar)
    snippets.emit(frame, f"{slot} = {name}({counters}, {slots}, {frame.threads[0].name})")
    snippets.emit(frame, f"{result} = {{value}} * {scalar.spelling}({slot})", value=value)
    closed.declare(frame, result, scalar, value.inexact)
    frame.unit.note("form:func_replay")
    return True


# Functions in C++

_NATIVE: Sequence[tuple[str, str, str]] = (
    ("native_double", "return a * 2.0f;", "adj_a += 2.0f * adj_ret;"),
    ("leaky", "return a > 0.0f ? a : 0.5f * a;", "adj_a += (a > 0.0f ? 1.0f : 0.5f) * adj_ret;"),
    ("square_after", "float s = a + 1.0f; return s * s;", "adj_a += 2.0f * (a + 1.0f) * adj_ret;"),
)
"""Functions of one float in C++: their names, bodies and gradients."""


def native(frame: Frame) -> bool:
    """Emit a call of a function in C++."""
    word, body, adjoint = pick(frame.choices, _NATIVE)
    name = closed.free(frame, (word,))
    text = f'''
        @wp.func_native("""{body}""", """{adjoint}""")
        def {name}(a: float) -> float: ...
        '''
    closed.define(frame, name, text)
    value = expressions.grow(frame, FLOAT32, 1, frame.exact_only)
    result = closed.local(frame, FLOAT32)
    snippets.emit(frame, f"{result} = {name}({{value}})", value=value)
    closed.declare(frame, result, FLOAT32, value.inexact)
    frame.unit.note("form:func_native")
    return True


FORMS = ((gradient, 2.0), (replay, 1.0))
