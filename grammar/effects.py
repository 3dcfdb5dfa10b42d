"""Order of evaluation made visible: functions that change an element of the thread's own, called twice in a statement.

No such function is called in an expression that reads the same element itself: Warp 1.19 loads an element that stands
in an expression only after the calls to its right (`refused_forms`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import libcst as cst

from grammar import binding, conditions, expressions, names, nodes, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.scope import ArrayParameter, Frame, Helper
from grammar.terms import Term
from grammar.types import BOOL, INT32, UINT32, Array, Scalar


@dataclass(frozen=True)
class Effect:
    """A function with a side effect: its names, the dtype of its array and result, its body, what it returns.

    The body is about `array` at `{at}`; a function that `takes` a value has it in `digit`.
    """

    functions: tuple[str, ...]
    arrays: tuple[str, ...]
    scalar: Scalar
    body: str
    interval: Interval | None = None
    takes: bool = False
    initial: Interval | None = None


_EFFECTS = (
    Effect(
        ("next_ticket", "take_ticket", "advance_counter"),
        ("tickets", "counters", "next_slots"),
        UINT32,
        "    return wp.atomic_add({array}, {at}, wp.uint32(1))\n",
    ),
    Effect(
        ("next_random", "draw", "next_state"),
        ("states", "rng_states", "generators"),
        UINT32,
        "    {array}[{at}] = {array}[{at}] * wp.uint32(1664525) + wp.uint32(1013904223)\n"
        "    return {array}[{at}] >> wp.uint32(16)\n",
        Interval(0, 65535),
    ),
    Effect(
        ("push_digit", "record_step", "log_event"),
        ("trace", "journal", "history"),
        INT32,
        "    {array}[{at}] = ({array}[{at}] * 7 + digit) % 1009\n    return digit\n",
        Interval(1, 9),
        takes=True,
        initial=Interval(0, 1008),
    ),
)


def grow_effect(frame: Frame) -> bool:
    """Emit a statement in which a function with a side effect is called at least twice; False in helpers."""
    if not frame.is_kernel:
        return False
    effect = pick(frame.choices, _EFFECTS)
    name, array = _function(frame, effect)
    indices = [thread.name for thread in frame.threads]

    def call() -> Term:
        arguments: list[nodes.Expression] = [nodes.name(array.name), *map(nodes.name, indices)]
        texts = [array.name, *indices]
        if effect.takes:
            digit = frame.choices.integer(1, 9)
            arguments = [*arguments, nodes.integer(digit)]
            texts.append(str(digit))
        text = f"{name}({', '.join(texts)})"
        interval = effect.interval or terms.full_range(effect.scalar)
        return Term(nodes.call(name, arguments), effect.scalar, text, interval)

    kind = pick(frame.choices, list(_USES))
    term = _USES[kind](frame, effect, call)
    frame.unit.note(f"expression:effect {kind}")
    binding.declare(frame, term)
    return True


def _function(frame: Frame, effect: Effect) -> tuple[str, ArrayParameter]:
    """Return the function and the array that it changes, those of an earlier use or new ones."""
    unit = frame.unit
    for helper in unit.helpers:
        if helper.name in effect.functions:
            for array in frame.arrays:
                if array.name in effect.arrays and array.use == "write":
                    return helper.name, array
    name = names.free_name(frame.choices, effect.functions, unit.taken | frame.taken)
    array_name = names.free_name(frame.choices, effect.arrays, frame.taken)
    unit.taken.add(name)
    array = ArrayParameter(array_name, Array(effect.scalar, len(unit.dims)), unit.dims, "", "write", effect.initial)
    frame.add_array_parameter(array)
    parameters = [(array_name, unit.annotation(array.type)), *((t.name, nodes.name("int")) for t in frame.threads)]
    if effect.takes:
        parameters.append(("digit", nodes.name("int")))
    at = ", ".join(thread.name for thread in frame.threads)
    source = effect.body.format(array=array_name, at=at)
    body = list(cst.parse_module(textwrap.dedent(source)).body)
    node = nodes.function("wp.func", name, parameters, body)
    mentioned = frozenset({"wp.atomic_add"} if "atomic_add" in effect.body else ())
    unit.helpers.append(Helper(name, (), (), (), False, mentioned, node))
    unit.lines += 3
    if "atomic_add" in effect.body:
        indices = ", ".join(["int32"] * len(frame.threads))
        unit.note(f"builtin:atomic_add({array.type}, {indices}, {effect.scalar})")
    return name, array


Call = Callable[[], Term]


def _arithmetic(frame: Frame, effect: Effect, call: Call) -> Term:
    """Return `f() * 3 - f()`: the difference shows which call came first."""
    scalar = effect.scalar
    small = Interval(-100, 100) if scalar.is_signed else terms.full_range(scalar)
    first = terms.binary("*", call(), terms.integer_literal(pick(frame.choices, (2, 3, 5)), scalar), scalar)
    return terms.binary(pick(frame.choices, ("-", "+")) if scalar.is_signed else "^", first, call(), scalar, small)


def _arguments(frame: Frame, effect: Effect, call: Call) -> Term:
    """Return a call of a built-in of which both arguments have the effect."""
    name = pick(frame.choices, ("min", "max"))
    frame.unit.note(f"builtin:{name}({effect.scalar}, {effect.scalar})")
    first, second = call(), call()
    return terms.call(f"wp.{name}", [first, second], effect.scalar, first.interval)


def _short_circuit(frame: Frame, effect: Effect, call: Call) -> Term:
    """Return `condition and f() % 2 == 0 or f() > 3`: which calls run depends on what came before."""
    test = conditions.comparison(frame, expressions.grow, 0)
    scalar = effect.scalar
    parity = terms.binary("%", call(), terms.integer_literal(2, scalar), scalar, Interval(0, 1))
    even = conditions.compared(frame, "==", parity, terms.integer_literal(0, scalar))
    kind = pick(frame.choices, ("and", "or"))
    build = nodes.conjunction if kind == "and" else nodes.disjunction
    frame.unit.note(f"expression:{kind}")
    found = Term(build(test.node, even.node), BOOL, f"{test.text} {kind} {even.text}")
    if len(found.text) < 60 and chance(frame.choices, 70):
        last = conditions.compared(frame, ">", call(), terms.integer_literal(3, scalar))
        frame.unit.note("expression:or")
        found = Term(nodes.disjunction(found.node, last.node), BOOL, f"{found.text} or {last.text}")
    return found


def _ternary(frame: Frame, effect: Effect, call: Call) -> Term:
    """Return `f() if condition else f() ^ f()`: only one side's calls run."""
    test = conditions.comparison(frame, expressions.grow, 0)
    once, other = call(), call()
    signed = effect.scalar.is_signed
    if len(once.text) < 24:
        other = terms.binary("^", other, call(), effect.scalar, Interval(0, 15) if signed else None)
    interval = Interval(0, 15) if signed else terms.full_range(effect.scalar)
    frame.unit.note("expression:ternary")
    node = nodes.ternary(test.node, once.node, other.node)
    return Term(node, effect.scalar, f"{once.text} if {test.text} else {other.text}", interval)


def _comparison(frame: Frame, effect: Effect, call: Call) -> Term:
    """Return `f() < f()`."""
    return conditions.compared(frame, pick_weighted(frame.choices, (("<", 3), (">", 3), ("==", 1))), call(), call())


_USES: Mapping[str, Callable[[Frame, Effect, Call], Term]] = {
    "arithmetic": _arithmetic,
    "arguments": _arguments,
    "short circuit": _short_circuit,
    "ternary": _ternary,
    "comparison": _comparison,
}
