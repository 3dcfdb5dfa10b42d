"""Statements without a body, and the mix of statements that fills a function."""

from __future__ import annotations

from collections.abc import Mapping

from grammar import access, binding, blocks, conditions, expressions, names, nodes, outputs, terms, variables
from grammar.choices import pick, pick_weighted
from grammar.scope import Frame, Variable
from grammar.types import BOOL, ValueType, scalar_of

_MIX: Mapping[str, Mapping[str, float]] = {
    "": {
        "let": 6,
        "update": 2.5,
        "component": 0.5,
        "if": 1.0,
        "for": 0.6,
        "while": 0.15,
        "flag": 0.3,
        "several": 0.3,
        "atomic": 0.04,
    },
    "arithmetic": {"if": 0.0, "for": 0.0, "while": 0.0, "flag": 0.0},
    "vector": {"component": 1.5},
    "matrix": {"component": 1.5},
    "control_flow": {"if": 3.0, "for": 2.0, "while": 1.0, "flag": 1.0},
    "math": {"if": 0.4, "for": 0.4},
    "nested_loop": {"for": 1.5, "while": 0.3},
    "atomic": {"atomic": 1.2},
    "multi_conditional": {"if": 2.5, "flag": 1.0},
    "combined": {"several": 1.0, "if": 1.5, "for": 1.2},
}
"""How often each kind of statement is chosen, by category, on top of the empty category's row."""

_LINES = {"let": 1, "update": 1, "component": 1, "flag": 1, "several": 1, "atomic": 1, "if": 3, "for": 3, "while": 5}
"""How many lines each kind takes at least."""


def fill(frame: Frame, lines: int) -> None:
    """Emit statements until about so many lines are used, or nothing more comes of trying."""
    end = frame.unit.lines + lines
    for _ in range(2 * max(0, lines)):
        if frame.unit.lines >= end:
            break
        statement(frame, end - frame.unit.lines)


def statement(frame: Frame, room: int) -> None:
    """Emit one statement of at most about `room` lines, body included."""
    mix = {**_MIX[""], **_MIX.get(frame.unit.category, {})}
    depth = len(frame.blocks)
    table = [
        (kind, weight / (depth if _LINES[kind] > 1 else 1))
        for kind, weight in mix.items()
        if _LINES[kind] <= room and not (_LINES[kind] > 1 and depth > 4)
    ]
    kind = pick_weighted(frame.choices, table)
    match kind:
        case "if":
            blocks.if_statement(frame, fill, _some(frame, 3, room))
        case "for":
            blocks.for_statement(frame, fill, _some(frame, 3, room))
        case "while":
            blocks.while_statement(frame, fill, _some(frame, 5, room))
        case "update":
            _update(frame)
        case "component":
            if not variables.write_component(frame):
                let(frame)
        case "flag":
            _flag(frame)
        case "atomic" if frame.is_kernel:
            outputs.atomic(frame)
        case "several" if frame.unit.grow_several is not None and frame.unit.grow_several(frame):
            pass
        case _:
            let(frame)


def _some(frame: Frame, low: int, room: int) -> int:
    """Choose how many of the lines left a statement with a body takes."""
    return frame.choices.integer(low, max(low, min(room, 12)))


def let(frame: Frame, type_: ValueType | None = None, depth: int = 2) -> None:
    """Emit an assignment to a new variable: an element of an array under its own name, or an expression."""
    if type_ is None:
        type_ = pick_weighted(frame.choices, frame.unit.palette.main)
    term = expressions.grow(frame, type_, depth)
    if term.literal or term.text in frame.taken:
        term = access.new_element(frame, type_) if frame.is_kernel else expressions.grow(frame, type_, depth)
    if term.literal or term.text in frame.taken:
        return
    binding.declare(frame, term, mutable=_may_change(type_))


def _may_change(type_: ValueType) -> bool:
    """Whether an ordinary variable is updated later: signed integers are not, so that their intervals stay narrow."""
    scalar = scalar_of(type_)
    return scalar is not None and type_ != BOOL and not scalar.is_signed


def load(frame: Frame, type_: ValueType) -> None:
    """Emit `value = values[i]` with the element's own name."""
    term = access.new_element(frame, type_)
    array = frame.arrays[-1]
    name = names.free_name(frame.choices, [array.element or "value"], frame.taken)
    frame.emit(nodes.assign(nodes.name(name), term.node), term.text)
    interval = terms.full_range(type_) if _may_change(type_) else term.interval
    frame.declare(Variable(name, type_, interval, interval, mutable=_may_change(type_)))


def _update(frame: Frame) -> None:
    found = [v for v in variables.assignable(frame) if not (frame.exact_only and v.inexact)]
    if found:
        sink = pick(frame.choices, found)
        pending = [v for v in frame.unread() if v is not sink]
        variables.update(frame, sink, pending[:1])
    else:
        let(frame)


def _flag(frame: Frame) -> None:
    term = conditions.condition(frame, expressions.grow, 1)
    if term.text in frame.taken:
        term = conditions.comparison(frame, expressions.grow, 1)
    binding.declare(frame, term)
