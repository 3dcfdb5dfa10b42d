"""What a kernel of each category must contain, as productions: the other half of `grammar.categories`.

Each emits statements that make its category true whatever else is grown around them.
"""

from __future__ import annotations

from collections.abc import Callable

from grammar import (
    access,
    binding,
    blocks,
    calls,
    conditions,
    domains,
    expressions,
    functions,
    nodes,
    outputs,
    statements,
    structures,
    terms,
)
from grammar.choices import chance, pick, pick_weighted
from grammar.facts import FUNCTIONS
from grammar.registry import Overload
from grammar.scope import Frame
from grammar.terms import Term
from grammar.types import INT32, Matrix, Quaternion, Scalar, ValueType, Vector, is_float_type

Requirement = Callable[[Frame, int], bool | None]
"""A production, given about how many lines it may take; False says that nothing came of it."""


def arithmetic(frame: Frame, lines: int) -> None:
    """Emit an expression of four operands, which three operators join."""
    scalar = frame.unit.palette.scalar
    term = _operand(frame, scalar)
    for place in range(3):
        if place == 2:
            term = binding.bind(frame, term)
        term = expressions.combined(frame, term, _operand(frame, scalar)) or term
    binding.declare(frame, term)


def _operand(frame: Frame, type_: ValueType) -> Term:
    """Return something read, no literal."""
    term = expressions.leaf(frame, type_, True)
    return access.new_value_parameter(frame, type_) if term.literal else term


def vector(frame: Frame, lines: int) -> None:
    """Emit a call of a vector built-in on a vector of the palette."""
    type_ = pick(frame.choices, [t for t, _ in frame.unit.palette.main if isinstance(t, Vector)])
    _emit_call(
        frame, type_, ("dot", "length", "normalize", "cross", "cw_mul", "length_sq", "argmin", "argmax", "cw_div")
    )


def matrix(frame: Frame, lines: int) -> None:
    """Emit a call of a matrix built-in, or a product with a matrix."""
    type_ = pick(frame.choices, [t for t, _ in frame.unit.palette.main if isinstance(t, Matrix)])
    found = ("transpose", "determinant", "trace", "inverse", "ddot", "get_diag", "cw_mul", "mul", "mul", "mul")
    _emit_call(frame, type_, found)


def _emit_call(frame: Frame, type_: ValueType, wanted: tuple[str, ...]) -> None:
    """Emit a call of one of the built-ins with an argument of the type; a component's read where none works out."""
    palette = frame.unit.palette
    found = [
        overload
        for result in sorted(palette.types, key=str)
        for name, overloads in palette.calls(result).items()
        for overload in overloads
        if name in wanted and type_ in overload.types and _has_composites(overload)
    ]
    for _ in range(3):
        overload = pick(frame.choices, found) if found else None
        term = None if overload is None else calls.apply(frame, _growing_operands, overload, 1, frame.exact_only)
        if term is not None:
            binding.declare(frame, term)
            return
    value = binding.bind(frame, access.new_element(frame, type_))
    scalar = value.type.scalar if isinstance(value.type, (Vector, Matrix)) else INT32
    binding.declare(frame, access.follow(frame.unit, value, access.paths(type_, scalar)[0]))


def _has_composites(overload: Overload) -> bool:
    """Whether `mul` joins a matrix with a vector or matrix, not with a scalar."""
    return overload.name != "mul" or not any(isinstance(type_, Scalar) for type_ in overload.types)


def _growing_operands(frame: Frame, type_: ValueType, depth: int, exact: bool) -> Term:
    """Read an operand; a composite one comes from an array rather than from a literal."""
    term = expressions.leaf(frame, type_, exact)
    return access.new_element(frame, type_) if term.literal and not isinstance(type_, Scalar) else term


def control_flow(frame: Frame, lines: int) -> None:
    """Emit an if and a loop, one after the other or one in the other."""
    loop = blocks.while_statement if chance(frame.choices, 25) else blocks.for_statement
    kind = pick_weighted(frame.choices, (("inside", 5), ("before", 2), ("after", 2)))
    if kind == "inside":
        blocks.nested(loop, blocks.if_statement)(frame, statements.fill, lines)
        return
    for production in (loop, blocks.if_statement) if kind == "before" else (blocks.if_statement, loop):
        production(frame, statements.fill, max(3, lines // 2))


def math(frame: Frame, lines: int) -> None:
    """Emit two calls of mathematical functions, nested in an expression or apart."""
    for _ in range(2):
        binding.declare(frame, _library_call(frame))


def _library_call(frame: Frame) -> Term:
    """Return a call of a function of the scalar math library on something read."""
    scalar = next(t for t in (frame.unit.palette.scalar, *_float_types(frame)) if is_float_type(t))
    found = [
        overload
        for name, overloads in frame.unit.palette.calls(scalar).items()
        for overload in overloads
        if name in FUNCTIONS and all(isinstance(type_, Scalar) for type_ in overload.types)
    ]
    overload = pick_weighted(frame.choices, [(o, domains.DOMAINS[o.name].weight) for o in found])
    operands = [_operand(frame, type_) for type_ in overload.types]
    frame.unit.note(f"builtin:{overload.signature}")
    term = terms.call(f"wp.{overload.name}", operands, scalar)
    inexact = domains.is_library(overload.name)
    return Term(term.node, scalar, term.text, inexact=inexact)


def _float_types(frame: Frame) -> list[Scalar]:
    return sorted((t for t in frame.unit.palette.types if isinstance(t, Scalar) and t.is_float), key=str)


def atomic(frame: Frame, lines: int) -> None:
    """Emit an atomic, sometimes under a condition or in a loop."""
    kind = pick_weighted(frame.choices, (("plain", 6), ("guarded", 3)))
    if kind == "plain":
        outputs.atomic(frame, as_call=True)
        return
    test = conditions.condition(frame, expressions.grow, 1)
    frame.blocks.append(blocks.Block(kind="branch"))
    outputs.atomic(frame, as_call=True)
    _leave_nothing_unread(frame)
    inner = frame.blocks.pop()
    frame.emit(nodes.if_chain([(test.node, inner.statements)]), test.text)
    frame.unit.note("statement:if(1)")


def _leave_nothing_unread(frame: Frame) -> None:
    for variable in frame.unread(1):
        outputs.atomic(frame, [variable])


def nested_loop(frame: Frame, lines: int) -> None:
    """Emit a loop in a loop."""
    inner = blocks.while_statement if chance(frame.choices, 12) else blocks.for_statement
    outer = blocks.while_statement if chance(frame.choices, 10) else blocks.for_statement
    blocks.nested(outer, inner)(frame, statements.fill, lines)


def multi_conditional(frame: Frame, lines: int) -> None:
    """Emit an if chain of at least three branches."""
    branches = pick_weighted(frame.choices, ((3, 6), (4, 3), (5, 1)))
    blocks.if_statement(frame, statements.fill, max(lines, 2 * branches), branches)


def scalar_param(frame: Frame, lines: int) -> None:
    """Emit an expression with two parameters that are passed by value."""
    scalar = frame.unit.palette.scalar
    term = access.new_value_parameter(frame, scalar)
    middle = access.new_element(frame, scalar) if chance(frame.choices, 70) else _operand(frame, scalar)
    term = expressions.combined(frame, term, middle) or term
    other = access.new_value_parameter(frame, scalar if chance(frame.choices, 75) else INT32)
    joined = expressions.combined(frame, term, expressions.converted(frame, other, scalar))
    if joined is None:
        binding.declare(frame, term)
        joined = other
    binding.declare(frame, joined)


def combined(frame: Frame, lines: int) -> None:
    """Emit three different things, each of which is a category's point elsewhere."""
    found = [p for p in _INGREDIENTS if _has_ingredient(frame, p)]
    wanted = 3
    while wanted and found:
        production = found.pop(frame.choices.integer(0, len(found) - 1))
        wanted -= production(frame, max(3, lines // 4)) is not False


def _has_ingredient(frame: Frame, production: Requirement) -> bool:
    palette = frame.unit.palette
    if production is vector:
        return any(isinstance(t, Vector) for t, _ in palette.main)
    if production is _math_once:
        return palette.scalar.is_float
    if production is _quaternion:
        return any(isinstance(t, Quaternion) for t, _ in palette.main)
    return True


def _loop(frame: Frame, lines: int) -> None:
    blocks.for_statement(frame, statements.fill, lines)


def _branch(frame: Frame, lines: int) -> None:
    blocks.if_statement(frame, statements.fill, lines)


def _math_once(frame: Frame, lines: int) -> None:
    binding.declare(frame, _library_call(frame))


def _quaternion(frame: Frame, lines: int) -> None:
    type_ = next(t for t, _ in frame.unit.palette.main if isinstance(t, Quaternion))
    _emit_call(frame, type_, ("quat_rotate", "quat_rotate_inv", "quat_inverse", "quat_to_matrix", "normalize"))


def _helper(frame: Frame, lines: int) -> bool:
    term = functions.grow_helper_call(frame, frame.unit.palette.scalar, frame.exact_only)
    if term is not None:
        binding.declare(frame, term)
    return term is not None


def _struct(frame: Frame, lines: int) -> None:
    if not frame.unit.structs:
        structures.new_struct(frame, "particle")
    structures.build(frame, frame.unit.structs[0])


_INGREDIENTS: tuple[Requirement, ...] = (vector, _loop, _branch, _math_once, atomic, _helper, _struct, _quaternion)
