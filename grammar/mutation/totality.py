"""Which code is defined whatever its variables hold, and may so move from one kernel into another."""

from __future__ import annotations

import libcst as cst

from grammar import domains
from grammar.domains import Guard
from grammar.mutation.inference import Expression, callee_of, named_types, operator_name
from grammar.mutation.links import BOUNDED, is_literal, scalar_kind
from grammar.mutation.subject import Subject
from grammar.mutation.tree import base_of, block_of, decorator_of, indices_of, name_of, walk, warp_name
from grammar.types import Array, Struct, scalar_of

_CASTS = ("int", "float", "bool")
MOST_TRIPS = 64
"""Trips of the longest loop that moves."""


def is_leaf(subject: Subject, node: cst.CSTNode) -> bool:
    """Whether something of a known type is only read: a variable, an element of an array, a field of a struct."""
    if subject.types.value(node) is None:
        return False
    if isinstance(node, cst.Name):
        return node.value not in ("True", "False")
    if isinstance(node, cst.Subscript):
        return isinstance(node.value, cst.Name) and isinstance(subject.types.of(node.value), Array)
    return isinstance(node, cst.Attribute) and isinstance(subject.types.of(node.value), Struct)


def is_total(subject: Subject, node: Expression) -> bool:
    """Whether an expression is defined whatever its leaves hold, and does nothing else."""
    type_ = subject.types.value(node)
    if type_ is None:
        return False
    if is_leaf(subject, node) or isinstance(node, cst.Integer | cst.Float | cst.Name):
        return True
    match node:
        case cst.BinaryOperation():
            parts: list[Expression] = [node.left, node.right]
            return _is_total_operator(subject, node) and all(is_total(subject, part) for part in parts)
        case cst.UnaryOperation():
            signed = isinstance(node.operator, cst.Minus) and scalar_kind(type_) == "signed" and not is_literal(node)
            return not signed and is_total(subject, node.expression)
        case cst.Comparison():
            return all(is_total(subject, part) for part in (node.left, *(one.comparator for one in node.comparisons)))
        case cst.BooleanOperation():
            return is_total(subject, node.left) and is_total(subject, node.right)
        case cst.IfExp():
            return all(is_total(subject, part) for part in (node.test, node.body, node.orelse))
        case cst.Attribute():
            return warp_name(node) == "" and is_total(subject, node.value)
        case cst.Subscript():
            indices = indices_of(node)
            return indices is None or (all(map(is_literal, indices)) and is_total(subject, node.value))
        case cst.Call():
            return _is_total_call(subject, node)
    return False


def _is_total_operator(subject: Subject, node: cst.BinaryOperation) -> bool:
    kind, name = scalar_kind(subject.types.value(node)), operator_name(node.operator)
    if kind == "float" or name in ("bit_and", "bit_or", "bit_xor"):
        return True
    if name in ("div", "floordiv", "mod", "rshift"):
        return _is_small(node.right, 31 if name == "rshift" else 2**31, scalar_bits(subject, node))
    return kind == "wrapping" and (
        name in ("add", "sub", "mul") or (name == "lshift" and _is_small(node.right, 31, 32))
    )


def scalar_bits(subject: Subject, node: Expression) -> int:
    """Return the width of a value's components."""
    type_ = subject.types.value(node)
    scalar = None if type_ is None else scalar_of(type_)
    return 8 if scalar is None else scalar.bits


def _is_small(node: Expression, limit: int, bits: int) -> bool:
    """Whether an operand is a literal above 0 and below a limit and the type's width."""
    if isinstance(node, cst.Call) and len(node.args) == 1 and warp_name(node.func):
        node = node.args[0].value
    return isinstance(node, cst.Integer) and 0 < int(node.value, 0) < (min(limit, bits) if limit < 64 else limit)


def _is_total_call(subject: Subject, node: cst.Call) -> bool:
    arguments = [argument.value for argument in node.args]
    if any(argument.keyword is not None for argument in node.args):
        return False
    plain, name = name_of(node.func), callee_of(node)
    if plain in subject.types.functions:
        return is_total_function(subject, plain) and all(is_total(subject, one) for one in arguments)
    if plain in subject.types.structs:
        return False
    if plain in subject.types.aliases or name in named_types() or name in _CASTS:
        return _is_total_conversion(subject, node, arguments)
    if name == "where":
        return all(is_total(subject, one) for one in arguments)
    if name not in domains.DOMAINS or not all(is_total(subject, one) for one in arguments):
        return False
    kinds = [scalar_kind(subject.types.value(one)) for one in arguments]
    if scalar_kind(subject.types.value(node)) == "signed" and name not in BOUNDED:
        return False
    guards = domains.DOMAINS[name].guards or {}
    return not any(guard is Guard.NUMBER or kinds[place] != "float" for place, guard in guards.items())


def _is_total_conversion(subject: Subject, node: cst.Call, arguments: list[Expression]) -> bool:
    """Whether what is converted, or a component, fits: a float that becomes an integer is clamped between literals."""
    into = scalar_kind(subject.types.value(node))
    for argument in arguments:
        if not is_total(subject, argument):
            return False
        if into != "float" and into != "bool" and scalar_kind(subject.types.value(argument)) == "float":
            clamped = isinstance(argument, cst.Call) and callee_of(argument) == "clamp"
            if not clamped or not all(is_literal(bound.value) for bound in argument.args[1:]):  # type: ignore[attr-defined]
                return False
    return True


def is_total_function(subject: Subject, name: str) -> bool:
    """Whether a function of the source only computes one value from values, and is defined for all of them."""
    known = subject.total_functions
    if name not in known:
        known[name] = False  # while it is being looked at: functions call only those before them
        known[name] = _is_total_body(subject, name)
    return known[name]


def _is_total_body(subject: Subject, name: str) -> bool:
    functions = [one for one in subject.functions if one.name.value == name]
    if len(functions) != 1 or decorator_of(functions[0]) != "func" or len(subject.types.results[name]) != 1:
        return False
    function = functions[0]
    parameters = [subject.types.variables[name].get(one.name.value) for one in function.params.params]
    if any(type_ is None or isinstance(type_, Array | Struct) for type_ in parameters):
        return False
    if any(one.default is not None for one in function.params.params):
        return False
    outside = {part.value for part in walk(function) if isinstance(part, cst.Name)} & set(subject.types.constants)
    return not outside and all(is_total_statement(subject, line, returns=True) for line in block_of(function))


def is_total_statement(subject: Subject, line: cst.CSTNode, returns: bool = False) -> bool:
    """Whether a statement is defined whatever is assigned to variables before, and ends; only some may return."""
    match line:
        case cst.SimpleStatementLine(body=[cst.Assign(targets=[target], value=value)]):
            return isinstance(target.target, cst.Name) and is_total(subject, value)
        case cst.SimpleStatementLine(body=[cst.AugAssign() as one]):
            kind, name = scalar_kind(subject.types.value(one.value)), operator_name(one.operator)
            operated = kind == "float" or (kind == "wrapping" and name in ("add", "sub", "mul", "bit_xor", "bit_or"))
            return operated and isinstance(one.target, cst.Name) and is_total(subject, one.value)
        case cst.SimpleStatementLine(body=[cst.Return(value=value)]) if value is not None:
            return returns and is_total(subject, value)
        case cst.If():
            orelse = () if line.orelse is None else (line.orelse,)
            bodies = (*block_of(line), *(orelse if isinstance(line.orelse, cst.If) else ()))
            rest = block_of(line.orelse) if isinstance(line.orelse, cst.Else) else ()
            total = is_total(subject, line.test)
            return total and all(is_total_statement(subject, one, returns) for one in (*bodies, *rest))
        case cst.For(iter=cst.Call() as call, orelse=None):
            counted = name_of(call.func) == "range" and all(_is_bound(argument.value) for argument in call.args)
            named = isinstance(line.target, cst.Name) and name_of(base_of(line.target)) != ""
            return counted and named and all(is_total_statement(subject, one, False) for one in block_of(line))
    return False


def _is_bound(node: Expression) -> bool:
    """Whether a loop's bound is a literal, and no large one."""
    if isinstance(node, cst.UnaryOperation):
        node = node.expression
    return isinstance(node, cst.Integer) and 0 < int(node.value, 0) + 1 <= MOST_TRIPS
