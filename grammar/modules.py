"""The module around a kernel: the import, type aliases, constants, structs and functions that it needs."""

from __future__ import annotations

from collections.abc import Sequence, Set

import libcst as cst

from grammar import nodes
from grammar.scope import ArrayParameter, Frame, Helper, Variable
from grammar.terms import Term
from grammar.types import Array, Matrix, Type, Vector, from_alias

LINE_WIDTH = 100
"""From how many columns on a signature is set with one parameter a line."""


def module(frame: Frame, name: str) -> cst.Module:
    """Put the import, aliases, structs, helpers and the kernel together, as far as the kernel uses them."""
    unit = frame.unit
    helpers, mentioned = live_helpers(frame)
    parameters = live_parameters(frame)
    types: list[Type] = [p.type.dtype if isinstance(p.type, Array) else p.type for p in parameters]
    types.extend(v.type for helper in helpers for v in helper.parameters)
    structs = [s for s in unit.structs if s in types or s.name in mentioned]
    types.extend(type_ for struct in structs for _, type_ in struct.fields)
    aliases = _aliases(types, mentioned)
    constants = [(constant, term) for constant, term in unit.constants.items() if constant in mentioned]
    kernel = nodes.function(
        "wp.kernel",
        name,
        [(p.name, unit.annotation(p.type)) for p in parameters],
        frame.block.statements,
        wrapped=_signature_width(name, parameters) > LINE_WIDTH,
    )
    return nodes.module(
        [
            nodes.import_warp(),
            *(_alias(type_, first=place == 0) for place, type_ in enumerate(aliases)),
            *(
                _constant(constant, term, place == 0 and not aliases)
                for place, (constant, term) in enumerate(constants)
            ),
            *(nodes.struct(s.name, [(field, unit.annotation(type_)) for field, type_ in s.fields]) for s in structs),
            *(helper.node for helper in helpers),
            kernel,
        ]
    )


def live_helpers(frame: Frame) -> tuple[list[Helper], set[str]]:
    """Return the helpers that the kernel calls, directly or not, and all names that it and they mention."""
    mentioned = set(frame.mentioned)
    live: list[Helper] = []
    for helper in reversed(frame.unit.helpers):
        if helper.name in mentioned:
            mentioned |= helper.mentioned
            live.insert(0, helper)
    return live, mentioned


def live_parameters(frame: Frame) -> list[Variable | ArrayParameter]:
    """Return the parameters that the source mentions; the expressions that others were made for have been dropped."""
    return [p for p in frame.parameter_order if p.name in frame.mentioned]


def _signature_width(name: str, parameters: Sequence[Variable | ArrayParameter]) -> int:
    return len(f"def {name}():") + sum(len(f"{p.name}: {p.type.spelling}, ") for p in parameters)


def _aliases(types: Sequence[Type], mentioned: Set[str]) -> list[Vector | Matrix]:
    """Return the vectors and matrices for which Warp has no name, in the order of ours."""
    named = (from_alias(name) for name in mentioned)
    found = {type_ for type_ in (*types, *named) if isinstance(type_, (Vector, Matrix)) and not type_.is_named}
    return sorted(found, key=lambda type_: type_.alias)


def _alias(type_: Vector | Matrix, first: bool) -> nodes.Statement:
    """Build `mat23 = wp.types.matrix(shape=(2, 3), dtype=float)`, or the like for a vector."""
    dtype = ("dtype", nodes.name(type_.scalar.spelling))
    if isinstance(type_, Vector):
        made = nodes.call_with_keywords("wp.types.vector", [("length", nodes.integer(type_.length)), dtype])
    else:
        shape = nodes.tuple_([nodes.integer(type_.rows), nodes.integer(type_.columns)], parentheses=True)
        made = nodes.call_with_keywords("wp.types.matrix", [("shape", shape), dtype])
    return nodes.constant(type_.alias, made, first)


def _constant(identifier: str, value: Term, first: bool) -> nodes.Statement:
    """Build `SCALE = wp.constant(0.5)`."""
    return nodes.constant(identifier, nodes.call("wp.constant", [value.node]), first)
