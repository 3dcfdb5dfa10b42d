"""Functions and kernels: their decorators, parameters and results; the body is for `body`."""

from __future__ import annotations

import ast

from grammar.recogniser.body import BodyRules
from grammar.recogniser.constants import constant_value
from grammar.recogniser.scope import Scope, keywords_of, plain_name, refuse, warp_name
from grammar.recogniser.type_language import check_annotation, check_return_annotation
from grammar.recogniser.vocabulary import FUNCTION_OPTIONS, KERNEL_OPTIONS, MODULE_OPTIONS, OPERATORS

MAX_OPTION = 2048
"""The largest integer option."""

_ADJOINTS = ("func_grad", "func_replay")


def check_function(node: ast.FunctionDef, scope: Scope) -> None:
    """Check a function or kernel and define it; functions of one name are overloads, a kernel is the only one."""
    kind = _check_decorator(node, scope)
    _check_parameters(node, scope, defaults=kind == "func")
    if node.returns is not None:
        check_return_annotation(node.returns, scope, kind in ("kernel", "overload"))
    if kind == "overload":
        _check_overload_stub(node, scope)
        return
    if kind == "kernel" and scope.kernels:
        refuse(node, "a source holds one @wp.kernel function")
    scope.check_name(node, node.name)
    statements = node.body[1:] if is_docstring(node.body[0]) else node.body
    if kind == "func_native":
        _check_native_stub(node, statements)
        statements = []
    BodyRules(scope, node).check(statements)
    # Defined only now: a function cannot call itself, so calls always end.
    if kind == "kernel":
        scope.define(node, node.name, scope.kernels)
    elif kind in _ADJOINTS:
        scope.define(node, node.name, scope.adjoints)
    else:
        scope.define_function(node, node.name, _signature(node), _is_operator(node, scope))


def is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement is a bare string."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def check_options(options: dict[str, ast.expr], allowed: dict[str, type], what: str) -> None:
    """Refuse an option that is not in the table, or whose value is no literal of its type."""
    for name, value in options.items():
        if name not in allowed:
            refuse(value, f"{what} {name} is not allowed")
        extents = value.elts if name == "launch_bounds" and isinstance(value, ast.Tuple) else [value]
        for extent in extents:
            literal = extent.value if isinstance(extent, ast.Constant) else None
            if type(literal) is not allowed[name] or (isinstance(literal, int) and literal > MAX_OPTION):
                refuse(value, f"{what} {name} is a literal {allowed[name].__name__}")


def dictionary(node: ast.expr) -> dict[str, ast.expr]:
    """Return a dictionary literal with literal words for keys; refuses anything else."""
    if not isinstance(node, ast.Dict):
        refuse(node, "expected a dictionary of literals")
    found: dict[str, ast.expr] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            refuse(key or value, "a key is a literal word")
        found[key.value] = value
    return found


def _check_decorator(node: ast.FunctionDef, scope: Scope) -> str:
    """Return which of Warp's decorators a function has."""
    expected = "expected @wp.func or @wp.kernel"
    if len(node.decorator_list) != 1:
        refuse(node.decorator_list[1] if node.decorator_list else node, f"{expected} and no other decorator")
    decorator = node.decorator_list[0]
    if not isinstance(decorator, ast.Call):
        name = warp_name(decorator)
        if name not in ("func", "kernel", "overload"):
            refuse(decorator, expected)
        return name
    name = warp_name(decorator.func)
    if name == "kernel":
        _check_kernel_options(decorator)
    elif name == "func" and decorator.keywords and not decorator.args:
        check_options(keywords_of(decorator), FUNCTION_OPTIONS, "function option")
    elif name in _ADJOINTS:
        if len(decorator.args) != 1 or decorator.keywords or plain_name(decorator.args[0]) not in scope.functions:
            refuse(decorator, f"wp.{name} takes a function of the source")
    elif name == "func_native" and scope.allow_native:
        _check_snippets(decorator)
    else:
        refuse(decorator, expected)
    return name


def _check_kernel_options(call: ast.Call) -> None:
    if call.args:
        refuse(call.args[0], "kernel options are keywords")
    options = keywords_of(call)
    module = options.pop("module", None)
    if module is not None and not (isinstance(module, ast.Constant) and module.value == "unique"):
        refuse(module, 'kernel option module is "unique"')
    if "module_options" in options:
        check_options(dictionary(options.pop("module_options")), MODULE_OPTIONS, "module option")
    check_options(options, KERNEL_OPTIONS, "kernel option")


def _check_snippets(call: ast.Call) -> None:
    arguments = [*call.args, *keywords_of(call).values()]
    for argument in arguments:
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            refuse(argument, "a native snippet is a literal text")


def _check_native_stub(node: ast.FunctionDef, statements: list[ast.stmt]) -> None:
    if not all(_is_ellipsis(statement) for statement in statements):
        refuse(node, "the body of a native function is `...`")


def _check_overload_stub(node: ast.FunctionDef, scope: Scope) -> None:
    """Check `@wp.overload def k(a: wp.array(dtype=float)): ...` of the kernel above."""
    if node.name not in scope.kernels or not all(map(_is_ellipsis, node.body)):
        refuse(node, "@wp.overload names the kernel above, and has the body `...`")


def _is_ellipsis(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and statement.value.value is Ellipsis
    )


def _check_parameters(node: ast.FunctionDef, scope: Scope, defaults: bool) -> None:
    arguments = node.args
    for default in filter(None, [*arguments.defaults, *arguments.kw_defaults]):
        if not defaults:
            refuse(default, "a parameter of a kernel has no default")
        constant_value(default, scope)
    if arguments.posonlyargs or arguments.vararg or arguments.kwonlyargs or arguments.kwarg:
        refuse(node, "parameters are plain and positional")
    if getattr(node, "type_params", None):
        refuse(node, "type parameters are not allowed")
    for argument in arguments.args:
        scope.check_local(argument, argument.arg)
        if argument.annotation is None:
            refuse(argument, f"parameter {argument.arg} has no annotation")
        check_annotation(argument.annotation, scope)


def _signature(node: ast.FunctionDef) -> str:
    """Return the parameter types as a text that tells overloads apart."""
    return ", ".join(ast.dump(argument.annotation) for argument in node.args.args if argument.annotation)


def _is_operator(node: ast.FunctionDef, scope: Scope) -> bool:
    """Whether a function overloads an operator: it has the operator's name in Warp, and takes a struct."""
    annotations = (plain_name(argument.annotation) for argument in node.args.args if argument.annotation)
    return node.name in OPERATORS and any(name in scope.structs for name in annotations)
