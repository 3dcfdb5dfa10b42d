"""The module around a kernel: the import, type aliases, constants, structs and functions that it needs."""

from __future__ import annotations

from collections.abc import Sequence, Set

import libcst as cst

from grammar import nodes
from grammar.constants import ENUMS
from grammar.scope import ArrayParameter, Frame, Helper, Unit, Variable
from grammar.types import Array, Matrix, Struct, Type, Vector, from_alias

_ENUM_NAMES = frozenset(name for name, _ in ENUMS)

LINE_WIDTH = 100
"""From how many columns on a signature is set with one parameter a line."""


def module(frame: Frame, name: str) -> cst.Module:
    """Put the import, aliases, structs, helpers and the kernel together, as far as the kernel uses them."""
    unit = frame.unit
    helpers, mentioned = live_helpers(frame)
    parameters = live_parameters(frame)
    types: list[Type] = [p.type.dtype if isinstance(p.type, Array) else p.type for p in parameters]
    types.extend(v.type for helper in helpers for v in helper.parameters)
    structs = _live_structs(unit, types, mentioned)
    types.extend(type_ for struct in structs for _, type_ in struct.fields)
    types.extend(term.type for constant, term in unit.constants.items() if constant in mentioned)
    aliases = _aliases(types, mentioned)
    constants = [(constant, value) for constant, value in unit.constant_values.items() if constant in mentioned]
    return nodes.module(
        [
            *_imports(unit, name, mentioned),
            *(alias(type_, first=place == 0) for place, type_ in enumerate(aliases)),
            *(
                nodes.constant(constant, value, place == 0 and not aliases)
                for place, (constant, value) in enumerate(constants)
            ),
            *(named.node for named in unit.named if named.name in mentioned and not named.after_functions),
            *(nodes.struct(s.name, [(field, unit.annotation(type_)) for field, type_ in s.fields]) for s in structs),
            *(node for helper in helpers for node in (helper.node, *helper.more)),
            *(named.node for named in unit.named if named.name in mentioned and named.after_functions),
            _kernel(frame, name, parameters),
            *_overloads(unit, name),
        ]
    )


def _live_structs(unit: Unit, types: Sequence[Type], mentioned: Set[str]) -> list[Struct]:
    """Return the structs that a parameter has or that are mentioned, and those inside them, which come first."""
    live: list[Struct] = []
    for struct in reversed(unit.structs):
        held = any(field == struct for outer in live for _, field in outer.fields)
        if held or struct in types or struct.name in mentioned:
            live.insert(0, struct)
    return live


def _kernel(frame: Frame, name: str, parameters: Sequence[Variable | ArrayParameter]) -> nodes.Statement:
    unit = frame.unit
    wrapped = _signature_width(name, parameters) > LINE_WIDTH
    generic = unit.specialisation.parameters if unit.specialisation else ()
    annotated = [(p.name, _annotation(unit, p, generic=p.name in generic)) for p in parameters]
    node = nodes.function("wp.kernel", name, annotated, frame.block.statements, wrapped=wrapped)
    if not unit.kernel_options:
        return node
    decorated = nodes.call_with_keywords("wp.kernel", list(unit.kernel_options.items()))
    return node.with_changes(decorators=[cst.Decorator(decorated)])


def _imports(unit: Unit, name: str, mentioned: Set[str]) -> list[nodes.Statement]:
    """Return the imports, Python's before Warp's, as far as something mentions what they import."""
    wanted = mentioned | ({"Any"} if unit.specialisation else set())
    wanted = wanted | {"IntEnum" for named in unit.named if named.name in mentioned and named.name in _ENUM_NAMES}
    lines = [line for line in sorted(unit.imports) if line.rpartition(" ")[2] in wanted]
    blank = [cst.EmptyLine(indent=False)] if lines else []
    statements = [cst.parse_statement(line) for line in lines]
    return [*statements, nodes.import_warp().with_changes(leading_lines=blank)]


def _annotation(unit: Unit, parameter: Variable | ArrayParameter, generic: bool) -> nodes.Expression:
    """Build a parameter's annotation, `Any` in place of its type or of its array's dtype where it is generic."""
    if not generic:
        return unit.annotation(parameter.type)
    if isinstance(parameter.type, Array):
        return nodes.call_with_keywords(parameter.type.constructor, [("dtype", nodes.name("Any"))])
    return nodes.name("Any")


def _overloads(unit: Unit, name: str) -> list[nodes.Statement]:
    """Build `wp.overload(kernel, {"x": wp.array(dtype=float)})` for each overload of a generic kernel."""
    if unit.specialisation is None:
        return []
    leading = [[cst.EmptyLine(indent=False), cst.EmptyLine(indent=False)], []]
    statements = []
    for place, types in enumerate(unit.specialisation.overloads):
        entries = ", ".join(f'"{parameter}": {type_.spelling}' for parameter, type_ in types.items())
        line = cst.parse_statement(f"wp.overload({name}, {{{entries}}})")
        statements.append(line.with_changes(leading_lines=leading[min(place, 1)]))
    return statements


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


def alias(type_: Vector | Matrix, first: bool) -> nodes.Statement:
    """Build `mat23 = wp.types.matrix(shape=(2, 3), dtype=float)`, or the like for a vector."""
    dtype = ("dtype", nodes.name(type_.scalar.spelling))
    if isinstance(type_, Vector):
        made = nodes.call_with_keywords("wp.types.vector", [("length", nodes.integer(type_.length)), dtype])
    else:
        shape = nodes.tuple_([nodes.integer(type_.rows), nodes.integer(type_.columns)], parentheses=True)
        made = nodes.call_with_keywords("wp.types.matrix", [("shape", shape), dtype])
    return nodes.constant(type_.alias, made, first)
