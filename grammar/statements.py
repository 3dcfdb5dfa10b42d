"""Statements without a body, and the mix of statements that fills a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from grammar import (
    access,
    assertions,
    augmented,
    binding,
    blocks,
    conditions,
    effects,
    exits,
    expressions,
    names,
    nodes,
    outputs,
    part_targets,
    parts,
    terms,
    tuples,
    variables,
)
from grammar.choices import chance, pick, pick_weighted
from grammar.scope import Frame, Variable
from grammar.types import BOOL, INT32, INT64, ValueType, scalar_of

_MIX: Mapping[str, Mapping[str, float]] = {
    "": {
        "let": 6,
        "update": 2.2,
        "augment": 0.8,
        "component": 0.8,
        "part": 0.4,
        "if": 1.0,
        "branches": 0.35,
        "for": 0.6,
        "while": 0.2,
        "nest": 0.12,
        "flag": 0.3,
        "several": 0.3,
        "unpack": 0.3,
        "tuple": 0.08,
        "swap": 0.25,
        "recurrence": 0.15,
        "effect": 0.12,
        "exit": 0.6,
        "return": 0.1,
        "assert": 0.1,
        "atomic": 0.04,
    },
    "arithmetic": {
        "if": 0.0, "branches": 0.0, "for": 0.0, "while": 0.0, "nest": 0.0, "flag": 0.0, "swap": 0.1, "recurrence": 0.0,
        "effect": 0.03, "return": 0.0,
    },
    "vector": {"component": 1.6, "part": 0.8},
    "matrix": {"component": 1.6, "part": 0.8},
    "control_flow": {"if": 3.0, "branches": 0.8, "for": 2.0, "while": 1.0, "flag": 1.0, "nest": 0.3, "return": 0.3},
    "math": {"if": 0.4, "for": 0.4},
    "nested_loop": {"for": 1.5, "while": 0.3, "nest": 0.3},
    "atomic": {"atomic": 1.2},
    "multi_conditional": {"if": 2.5, "branches": 1.0, "flag": 1.0},
    "combined": {"several": 1.0, "if": 1.5, "for": 1.2},
}  # fmt: skip
"""How often each kind of statement is chosen, by category, on top of the empty category's row."""

_LINES = {"if": 3, "for": 3, "while": 5, "branches": 4, "recurrence": 4, "nest": 9, "tuple": 2, "swap": 2, "exit": 2}
"""How many lines each kind takes at least, one where it is not listed."""

_BODIES = ("if", "for", "while", "nest", "branches", "recurrence")
"""The kinds with a body."""

SWITCHABLE = tuple(kind for kind in _MIX[""] if kind not in ("let", "update"))
"""The kinds that a swarm may switch off: all but those that every program has."""

DEEPEST = 4
"""How deep bodies are put into each other by chance; a nest of loops may add to it."""


def fill(frame: Frame, lines: int) -> None:
    """Emit statements until about so many lines are used, or nothing more comes of trying."""
    end = frame.unit.lines + lines
    for _ in range(2 * max(0, lines)):
        if frame.unit.lines >= end:
            break
        statement(frame, end - frame.unit.lines)


def statement(frame: Frame, room: int) -> None:
    """Emit one statement of at most about `room` lines, body included."""
    kind = pick_weighted(frame.choices, _table(frame, room))
    frame.recent = [*frame.recent[-3:], kind]
    match kind:
        case "if":
            blocks.if_statement(frame, fill, _some(frame, 3, room))
        case "for":
            blocks.for_statement(frame, fill, _some(frame, 3, room))
        case "while":
            blocks.while_statement(frame, fill, _some(frame, 5, room))
        case "nest":
            _nest(frame, room)
        case "branches":
            blocks.assign_in_branches(frame)
        case "update":
            _update(frame)
        case "flag":
            _flag(frame)
        case "atomic" if frame.is_kernel:
            outputs.atomic(frame)
        case _:
            if kind not in _ATTEMPTS or not _ATTEMPTS[kind](frame):
                let(frame)


def _table(frame: Frame, room: int) -> Sequence[tuple[str, float]]:
    """Return the kinds that fit into `room` lines with their weights: no long runs of one kind, no bodies too deep."""
    mix = {**_MIX[""], **_MIX.get(frame.unit.category, {})}
    depth = sum(1 for block in frame.blocks if block.variables or block.statements) or 1
    table = []
    for kind, weight in mix.items():
        if _LINES.get(kind, 1) > room or (kind in _BODIES and len(frame.blocks) > 2 * DEEPEST):
            continue
        if kind in _BODIES:
            weight /= depth
        if frame.recent[-3:] == [kind] * 3:
            weight /= 4
        if kind == "exit" and not frame.loops:
            continue
        table.append((kind, weight))
    return frame.unit.swarm.thinned("statement", table)


def _nest(frame: Frame, room: int) -> None:
    """Emit loops in each other, three or four deep."""
    whiles = frame.unit.swarm.percent("statement:while", 20)
    loops = [blocks.while_statement if chance(frame.choices, whiles) else blocks.for_statement for _ in range(3)]
    nested = blocks.nested(loops[0], blocks.nested(loops[1], loops[2]))
    if room > 12 and chance(frame.choices, 40):
        nested = blocks.nested(blocks.for_statement, nested)
    nested(frame, fill, _some(frame, 9, room))
    frame.unit.note("statement:nest")


def _let_part(frame: Frame) -> bool:
    """Emit an assignment of a slice, row, column or block to a new variable."""
    term = parts.read_any(frame)
    if term is None:
        return False
    binding.declare(frame, term, mutable=_may_change(term.type))
    return True


def _augment(frame: Frame) -> bool:
    """Emit an augmented assignment with any operator that suits a variable, or bits packed into one."""
    if chance(frame.choices, 15):
        return augmented.pack_bits(frame, variables.declare_mutable(frame, pick(frame.choices, (INT32, INT64)), False))
    found = [v for v in variables.assignable(frame) if v.name in frame.committed or not v.from_zero]
    found = [v for v in found if not (frame.exact_only and v.inexact)]
    return bool(found) and augmented.update(frame, pick(frame.choices, found))


def _several(frame: Frame) -> bool:
    return frame.unit.grow_several is not None and frame.unit.grow_several(frame)


_ATTEMPTS: Mapping[str, Callable[[Frame], bool]] = {
    "augment": _augment,
    "component": part_targets.write,
    "part": _let_part,
    "several": _several,
    "unpack": tuples.unpack,
    "tuple": tuples.named_tuple,
    "swap": tuples.swap,
    "recurrence": tuples.recurrence,
    "effect": effects.grow_effect,
    "exit": exits.leave,
    "return": exits.return_early,
    "assert": assertions.grow_assertion,
}
"""The productions that may find nothing to work on: each says whether it emitted its statement."""


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
