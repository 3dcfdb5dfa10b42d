"""Forms whose gradients are wrong though no documentation says so: each is a bug of Warp, kept as a finding."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from grammar.limits import components, loops
from grammar.limits.gradients import Gradients
from grammar.limits.reading import LOOPS, Function, base, bindings, called, leaves_loop, statements, stores


@dataclass(frozen=True)
class WrongForm:
    """A form by the name of its finding; `lines` yields the lines of a function that use it.

    One that is wrong for some values only is not `avoided` in kernels with a backward pass.
    """

    finding: str
    lines: Callable[[Function], Iterator[int]]
    avoided: bool = True


def _breaks(function: Function) -> Iterator[int]:
    gradients = function.kept(Gradients)
    for node in function.statements:
        if isinstance(node, LOOPS) and (left := leaves_loop(node.body, (ast.Break,))):
            changed = {name for inner in statements(node.body) for name, _ in bindings(inner)}
            if gradients.any_in(node.body) or not changed <= gradients.without:
                yield left.lineno


def _remainders(function: Function) -> Iterator[int]:
    """The divisor of floats, and both operands of vectors, which any divisor but a number may be."""
    gradients = function.kept(Gradients)
    for node in function.nodes:
        match node:
            case (
                ast.BinOp(left=left, op=ast.Mod(), right=right) | ast.AugAssign(target=left, op=ast.Mod(), value=right)
            ):
                operands = left, right
            case ast.Call(args=[left, right]) if called(node) == "mod":
                operands = left, right
            case _:
                continue
        if gradients.has(operands[1]) or (gradients.has(operands[0]) and not _is_number(operands[1])):
            yield node.lineno


def _is_number(node: ast.expr) -> bool:
    """Whether an expression is a scalar for certain: a literal, or one converted."""
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    if isinstance(node, ast.Call):
        return called(node).startswith(("float", "int", "uint", "bfloat16"))
    return isinstance(node, ast.Constant)


def _tuples(function: Function) -> Iterator[int]:
    """A tuple that gets a name, of the kernel's own making or a function's, or that is passed to a function."""
    gradients = function.kept(Gradients)
    own = {one.node.name: one.node for one in function.module.functions}
    for node in function.statements:
        match node:
            case ast.Assign(targets=[ast.Name()], value=ast.Tuple() as value) if gradients.has(value):
                yield node.lineno
            case ast.Assign(targets=[ast.Name()], value=ast.Call(func=ast.Name(id=name)) as made):
                if name in own and _gives_tuple(own[name]) and gradients.has(made):
                    yield node.lineno
    for call in function.nodes:
        if isinstance(call, ast.Call) and called(call) in own:
            passed = [*call.args, *(one.value for one in call.keywords)]
            if any(isinstance(one, ast.Tuple) and gradients.has(one) for one in passed):
                yield call.lineno


def _gives_tuple(node: ast.FunctionDef) -> bool:
    returned = (one.value for one in ast.walk(node) if isinstance(one, ast.Return))
    return any(isinstance(value, ast.Tuple) for value in returned)


def _field_components(function: Function) -> Iterator[int]:
    """A component behind a field of a local struct; one behind an array's element is another matter."""
    for node in function.statements:
        for target in stores(node):
            outer = target.value if isinstance(target, ast.Subscript | ast.Attribute) else None
            behind_field = isinstance(outer, ast.Attribute) and isinstance(outer.value, ast.Name | ast.Attribute)
            if behind_field and outer is not None and function.array_at(outer) is None:
                yield node.lineno


def _transform_setters(function: Function) -> Iterator[int]:
    """A part of a transformation set in place: the part that was there keeps the gradient."""
    for node in function.nodes:
        if isinstance(node, ast.Call) and called(node) in ("transform_set_translation", "transform_set_rotation"):
            yield node.lineno


def _parameters(function: Function) -> Iterator[int]:
    """A component or field of a function's own parameter; an array's element is the caller's as well."""
    if function.is_kernel:
        return
    for node in function.statements:
        parts = [target for target in stores(node) if not _is_in_array(target, function)]
        names = (base(target) for target in parts if isinstance(target, ast.Subscript | ast.Attribute))
        if any(isinstance(name, ast.Name) and name.id in function.parameters for name in names):
            yield node.lineno


def _is_in_array(target: ast.expr, function: Function) -> bool:
    while isinstance(target, ast.Subscript | ast.Attribute):
        target = target.value
        if function.array_at(target) is not None:
            return True
    return False


def _indexed_arrays(function: Function) -> Iterator[int]:
    """A parameter that is one; the arguments behind it are looked for at wrong places."""
    for parameter in function.node.args.args:
        if parameter.annotation is not None and "indexedarray" in ast.unparse(parameter.annotation):
            yield parameter.lineno


def _component_updates(function: Function) -> Iterator[int]:
    """`v[i] += x` after `v` was read: what was computed from `v` gets its gradient from the changed value."""
    gradients = function.kept(Gradients)
    for node in function.statements:
        if not isinstance(node, ast.AugAssign) or not isinstance(node.target, ast.Subscript | ast.Attribute):
            continue
        root = base(node.target)
        if not isinstance(root, ast.Name) or _is_in_array(node.target, function) or root.id in gradients.without:
            continue
        reads = (one for one in function.nodes if isinstance(one, ast.Name) and one.id == root.id and one is not root)
        if any(isinstance(one.ctx, ast.Load) and one.lineno <= node.lineno for one in reads):
            yield node.lineno


def _struct_updates(function: Function) -> Iterator[int]:
    """`s.f = x` after `s` went into a function or an operator: their gradients come from the changed value."""
    passed: dict[str, int] = {}
    for node in function.nodes:
        if isinstance(node, ast.Call | ast.BinOp):
            operands = node.args if isinstance(node, ast.Call) else [node.left, node.right]
            for one in operands:
                if isinstance(one, ast.Name):
                    passed[one.id] = min(passed.get(one.id, node.lineno), node.lineno)
    for statement in function.statements:
        for target in stores(statement):
            name = target.value.id if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) else ""
            if passed.get(name, statement.lineno) < statement.lineno:
                yield statement.lineno


def _choleskys(function: Function) -> Iterator[int]:
    """A factor that is transposed gets half its gradient."""
    calls = [node for node in function.nodes if isinstance(node, ast.Call)]
    if any(called(node) == "tile_transpose" for node in calls):
        yield from (node.lineno for node in calls if called(node).startswith("tile_cholesky"))


def _ties(function: Function) -> Iterator[int]:
    """An atomic minimum or maximum: equal values each get the whole gradient."""
    gradients = function.kept(Gradients)
    for node in function.nodes:
        if isinstance(node, ast.Call) and called(node) in ("atomic_min", "atomic_max") and gradients.has(node.args[-1]):
            yield node.lineno


FORMS = (
    WrongForm("break-in-loop-gradient", _breaks),
    WrongForm("remainder-gradient", _remainders),
    WrongForm("tuple-gradient", _tuples),
    WrongForm("field-component-gradient", _field_components),
    WrongForm("parameter-component-gradient", _parameters),
    WrongForm("indexed-array-adjoint", _indexed_arrays),
    WrongForm("component-update-gradient", _component_updates),
    WrongForm("component-update-gradient", _struct_updates),
    WrongForm("cholesky-transpose-gradient", _choleskys),
    WrongForm("atomic-tie-gradient", _ties, avoided=False),
    WrongForm("loop-changes-earlier-gradient", loops.clobbered),
    WrongForm("transform-component-gradient", components.transform_assigned_again),
    WrongForm("transform-component-gradient", _transform_setters),
)
