"""Whether a source is inside the grammar: what stands between a stranger's file and `exec`.

Loading a Warp kernel runs its module-level Python, and Warp resolves the names in a body with `getattr`, and some calls
with `eval`. So everything is refused that no rule here allows: the text (`raw_text`), then each node of the
syntax tree, then each name, which must be defined in the source or stand in `vocabulary`. Types are not
checked: a kernel that Warp rejects is the compiler's to report. Nor is an accepted kernel harmless when it *runs*: an
index out of bounds writes where it says, in native code, which is why kernels run in processes of their own.

Positions matter more here than layout, and strangers' files come by the thousand, so this reads Python's own `ast`
(ten times faster than a libcst tree, and the parser that Warp itself uses).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grammar.recogniser.body import BodyRules
from grammar.recogniser.constants import constant_value
from grammar.recogniser.raw_text import RawTextError, read_text
from grammar.recogniser.scope import RefusedError, Scope, keywords_of, refuse, warp_name
from grammar.recogniser.type_language import check_annotation, check_return_annotation, check_type_maker
from grammar.recogniser.vocabulary import KERNEL_OPTIONS


@dataclass(frozen=True)
class Rejection:
    """Why a source is outside the grammar. Lines and columns count from 1; columns in UTF-8 bytes."""

    line: int
    column: int
    reason: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.reason}"


def accept(source: str | bytes) -> Rejection | None:
    """Return None when the source is in the grammar, else the first place where it is not.

    Nothing of the source is executed or imported, and the time is bounded by `raw_text.MAX_BYTES`.
    """
    try:
        _check_module(ast.parse(read_text(source)))
    except (RawTextError, RefusedError) as error:
        return Rejection(error.line, error.column, error.reason)
    except SyntaxError as error:
        return Rejection(error.lineno or 1, max(error.offset or 1, 1), f"not Python: {error.msg}")
    except (ValueError, MemoryError, RecursionError) as error:
        return Rejection(1, 1, f"not readable as Python: {error or type(error).__name__}")
    return None


def _check_module(tree: ast.Module) -> None:
    scope = Scope()
    statements = tree.body[1:] if tree.body and is_docstring(tree.body[0]) else tree.body
    if not statements or not _imports_warp(statements[0]):
        refuse(statements[0] if statements else None, "a kernel's source starts with `import warp as wp`")
    for statement in statements[1:]:
        rule = _MODULE_RULES.get(type(statement))
        if rule is None:
            refuse(statement, f"{type(statement).__name__} is not allowed at module level")
        rule(statement, scope)
    if not scope.kernels:
        refuse(None, "no @wp.kernel function")


def _imports_warp(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Import):
        return False
    return [(alias.name, alias.asname) for alias in statement.names] == [("warp", "wp")]


def is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement is a bare string."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _check_assignment(node: ast.Assign, scope: Scope) -> None:
    if len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        refuse(node, "a module-level assignment names one constant or type")
    target = node.targets[0]
    maker = node.value.func if isinstance(node.value, ast.Call) else None
    if isinstance(maker, ast.Attribute) and isinstance(maker.value, ast.Attribute):
        check_type_maker(node.value, scope)
        scope.define(target, target.id, scope.aliases)
    else:
        value = constant_value(node.value, scope)
        scope.define(target, target.id, scope.constants)
        scope.values[target.id] = value


def _check_struct(node: ast.ClassDef, scope: Scope) -> None:
    _check_decorator(node, node.decorator_list, ("struct",))
    if node.bases or node.keywords or getattr(node, "type_params", None):
        refuse(node, "a struct has no base classes")
    fields: set[str] = set()
    for field in node.body[1:] if is_docstring(node.body[0]) else node.body:
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name) or field.value is not None:
            refuse(field, "a struct holds only annotated fields without values")
        scope.check_name(field.target, field.target.id)
        if field.target.id.startswith("_"):
            refuse(field, "a field's name starts with an underscore")
        if field.target.id in fields:
            refuse(field, f"two fields are named {field.target.id}")
        check_annotation(field.annotation, scope)
        fields.add(field.target.id)
    scope.define(node, node.name, scope.structs)
    scope.fields |= fields


def _check_function(node: ast.FunctionDef, scope: Scope) -> None:
    kind = _check_decorator(node, node.decorator_list, ("func", "kernel"))
    parameters = _check_parameters(node, scope)
    if node.returns is not None:
        check_return_annotation(node.returns, scope, kind == "kernel")
    if kind == "kernel" and scope.kernels:
        refuse(node, "a source holds one @wp.kernel function")
    scope.check_name(node, node.name)
    BodyRules(scope, parameters).check(node.body[1:] if is_docstring(node.body[0]) else node.body)
    # Defined only now: a function cannot call itself, so calls always end.
    scope.define(node, node.name, scope.kernels if kind == "kernel" else scope.functions)


def _check_decorator(node: ast.stmt, decorators: list[ast.expr], allowed: tuple[str, ...]) -> str:
    expected = " or ".join(f"@wp.{name}" for name in allowed)
    if len(decorators) != 1:
        refuse(decorators[1] if decorators else node, f"expected {expected} and no other decorator")
    decorator = decorators[0]
    if isinstance(decorator, ast.Call):
        if warp_name(decorator.func) != "kernel" or "kernel" not in allowed:
            refuse(decorator, f"expected {expected}")
        _check_kernel_options(decorator)
        return "kernel"
    name = warp_name(decorator)
    if name not in allowed:
        refuse(decorator, f"expected {expected}")
    return name


def _check_kernel_options(call: ast.Call) -> None:
    if call.args:
        refuse(call.args[0], "kernel options are keywords")
    for name, value in keywords_of(call).items():
        if name not in KERNEL_OPTIONS:
            refuse(value, f"kernel option {name} is not allowed")
        if not isinstance(value, ast.Constant) or type(value.value) is not KERNEL_OPTIONS[name]:
            refuse(value, f"kernel option {name} is a literal {KERNEL_OPTIONS[name].__name__}")


def _check_parameters(node: ast.FunctionDef, scope: Scope) -> list[str]:
    arguments = node.args
    for default in filter(None, [*arguments.defaults, *arguments.kw_defaults]):
        refuse(default, "a parameter has no default")
    if arguments.posonlyargs or arguments.vararg or arguments.kwonlyargs or arguments.kwarg:
        refuse(node, "parameters are plain and positional")
    if getattr(node, "type_params", None):
        refuse(node, "type parameters are not allowed")
    names: list[str] = []
    for argument in arguments.args:
        scope.check_local(argument, argument.arg)
        if argument.annotation is None:
            refuse(argument, f"parameter {argument.arg} has no annotation")
        check_annotation(argument.annotation, scope)
        names.append(argument.arg)
    return names


_MODULE_RULES: dict[type[ast.stmt], Callable[[Any, Scope], None]] = {
    ast.Assign: _check_assignment,
    ast.ClassDef: _check_struct,
    ast.FunctionDef: _check_function,
}
