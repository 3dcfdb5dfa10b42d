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

from grammar.parsing import parsed
from grammar.recogniser.constants import constant_value
from grammar.recogniser.families import check_families
from grammar.recogniser.functions import check_function, check_options, dictionary, is_docstring
from grammar.recogniser.raw_text import RawTextError, read_text
from grammar.recogniser.scope import RefusedError, Scope, keywords_of, plain_name, refuse, warp_name
from grammar.recogniser.type_language import check_annotation, check_type_maker, is_type_maker, is_value_type
from grammar.recogniser.vocabulary import ADDRESS, IMPORTS, MODULE_OPTIONS

MAX_MEMBERS = 64
"""Members of an enum."""

_MEMBERS_OF_ENUM = frozenset({"mro", "name", "value"})
"""Names that mean something else in an enum."""


@dataclass(frozen=True)
class Rejection:
    """Why a source is outside the grammar. Lines and columns count from 1; columns in UTF-8 bytes."""

    line: int
    column: int
    reason: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.reason}"


def accept(source: str | bytes, allow_native: bool = False) -> Rejection | None:
    """Return None when the source is in the grammar, else the first place where it is not.

    Nothing of the source is executed or imported, and the time is bounded by `raw_text.MAX_BYTES`. With `allow_native`
    it may hold functions with native snippets, which nobody has read: for files of one's own.
    """
    try:
        tree = parsed(read_text(source))
        _check_module(tree, Scope(allow_native=allow_native))
        check_families(tree)
    except (RawTextError, RefusedError) as error:
        return Rejection(error.line, error.column, error.reason)
    except SyntaxError as error:
        return Rejection(error.lineno or 1, max(error.offset or 1, 1), f"not Python: {error.msg}")
    except (ValueError, MemoryError, RecursionError) as error:
        return Rejection(1, 1, f"not readable as Python: {error or type(error).__name__}")
    return None


def _check_module(tree: ast.Module, scope: Scope) -> None:
    statements = tree.body[1:] if tree.body and is_docstring(tree.body[0]) else tree.body
    start = 0
    while start < len(statements) and isinstance(statements[start], ast.ImportFrom):
        _check_import(statements[start], scope)
        start += 1
    if start == len(statements) or not _imports_warp(statements[start]):
        refuse(statements[start] if statements[start:] else None, "a kernel's source starts with `import warp as wp`")
    for statement in statements[start + 1 :]:
        rule = _MODULE_RULES.get(type(statement))
        if rule is None:
            refuse(statement, f"{type(statement).__name__} is not allowed at module level")
        rule(statement, scope)
    if not scope.kernels:
        refuse(None, "no @wp.kernel function")
    if scope.holds_addresses and scope.reinterpreted:
        refuse(
            scope.reinterpreted[0], "bits read as another type, where a struct holds an array: it could be any address"
        )


def _imports_warp(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Import):
        return False
    return [(alias.name, alias.asname) for alias in statement.names] == [("warp", "wp")]


def _check_import(node: Any, scope: Scope) -> None:
    """Check `from typing import Any` and the others of `IMPORTS`."""
    allowed = IMPORTS.get(node.module or "", frozenset())
    if node.level:
        allowed = frozenset()
    for alias in node.names:
        if alias.name not in allowed or alias.asname is not None:
            refuse(node, "a source starts with `import warp as wp` and imports no more than words for annotations")
        scope.define(node, alias.name, scope.imported)


def _check_assignment(node: ast.Assign, scope: Scope) -> None:
    target = node.targets[0]
    if len(node.targets) == 1 and isinstance(target, ast.Attribute):
        _check_field(node, target, scope)
        return
    if len(node.targets) != 1 or not isinstance(target, ast.Name):
        refuse(node, "a module-level assignment names one constant or type")
    if plain_name(node.value) in scope.functions:
        scope.define_function(target, target.id, f"another name of {plain_name(node.value)}", False)
    elif is_type_maker(node.value):
        check_type_maker(node.value, scope)
        scope.define(target, target.id, scope.aliases)
    elif isinstance(node.value, ast.Call) and plain_name(node.value.func) in scope.structs:
        if node.value.args or node.value.keywords:
            refuse(node.value, "a struct at module level is made without arguments")
        scope.define(target, target.id, scope.instances)
    else:
        value = constant_value(node.value, scope)
        scope.define(target, target.id, scope.constants)
        scope.values[target.id] = value


def _check_field(node: ast.Assign, target: ast.Attribute, scope: Scope) -> None:
    """Check `SETTINGS.step = 0.5`, which sets a field of a struct that the module holds."""
    path: ast.expr = target
    while isinstance(path, ast.Attribute):
        if path.attr not in scope.fields:
            refuse(node, "a module-level assignment names one constant or type")
        path = path.value
    if plain_name(path) not in scope.instances:
        refuse(node, "a module-level assignment names one constant or type")
    constant_value(node.value, scope)


def _check_class(node: ast.ClassDef, scope: Scope) -> None:
    if not node.decorator_list and [plain_name(base) for base in node.bases] == ["IntEnum"]:
        _check_enum(node, scope)
    elif not node.decorator_list and not node.bases:
        _check_members(node, scope, (int, float))
    else:
        _check_struct(node, scope)


def _check_enum(node: ast.ClassDef, scope: Scope) -> None:
    """Check `class Mode(IntEnum)` with members that are literal integers and nothing else."""
    if "IntEnum" not in scope.imported:
        refuse(node, "an enum derives from IntEnum, imported from enum")
    _check_members(node, scope, (int,))


def _check_members(node: ast.ClassDef, scope: Scope, kinds: tuple[type, ...]) -> None:
    """Check a class, an enum or one without bases, that holds nothing but literal numbers of these kinds."""
    if node.keywords or getattr(node, "type_params", None):
        refuse(node, "a class of constants has no keywords")
    members: dict[str, int | float | bool | None] = {}
    for member in node.body[1:] if is_docstring(node.body[0]) else node.body:
        name = plain_name(member.targets[0]) if isinstance(member, ast.Assign) and len(member.targets) == 1 else None
        if name is None or not isinstance(member, ast.Assign):
            refuse(member, "expected @wp.struct, or nothing but constants in the class")
        scope.check_name(member, name)
        if name.startswith("_") or name in _MEMBERS_OF_ENUM or name in members or len(members) == MAX_MEMBERS:
            refuse(member, f"{name} cannot be a member, or is one already")
        value = constant_value(member.value, Scope())
        if type(value) not in kinds or not isinstance(member.value, ast.Constant | ast.UnaryOp):
            refuse(member, f"a member's value is a literal {' or '.join(kind.__name__ for kind in kinds)}")
        members[name] = value
    scope.define(node, node.name, scope.enums)
    scope.values.update((f"{node.name}.{name}", value) for name, value in members.items())


def _check_struct(node: ast.ClassDef, scope: Scope) -> None:
    if len(node.decorator_list) != 1 or warp_name(node.decorator_list[0]) != "struct":
        refuse(node.decorator_list[0] if node.decorator_list else node, "expected @wp.struct and no other decorator")
    if node.bases or node.keywords or getattr(node, "type_params", None):
        refuse(node, "a struct has no base classes")
    fields: set[str] = set()
    for field in node.body[1:] if is_docstring(node.body[0]) else node.body:
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name) or field.value is not None:
            refuse(field, "a struct holds only annotated fields without values")
        scope.check_name(field.target, field.target.id)
        if field.target.id.startswith("_") or field.target.id == ADDRESS:
            refuse(field, f"a field's name starts with an underscore, or is {ADDRESS}")
        if field.target.id in fields:
            refuse(field, f"two fields are named {field.target.id}")
        check_annotation(field.annotation, scope)
        scope.holds_addresses |= not is_value_type(field.annotation, scope)
        fields.add(field.target.id)
    scope.define(node, node.name, scope.structs)
    scope.fields |= fields


def _check_call(node: ast.Expr, scope: Scope) -> None:
    """Check the calls that a module may make: `wp.overload(kernel, {…})` and `wp.set_module_options({…})`."""
    call = node.value
    name = warp_name(call.func) if isinstance(call, ast.Call) else None
    if not isinstance(call, ast.Call) or name not in ("overload", "set_module_options"):
        refuse(node, "Expr is not allowed at module level")
    if keywords_of(call):
        refuse(call, f"wp.{name} takes no keyword arguments")
    if name == "set_module_options" and len(call.args) == 1:
        check_options(dictionary(call.args[0]), MODULE_OPTIONS, "module option")
    elif name == "overload" and len(call.args) == 2 and plain_name(call.args[0]) in scope.kernels:
        types = call.args[1]
        for annotation in types.elts if isinstance(types, ast.List) else dictionary(types).values():
            check_annotation(annotation, scope)
    else:
        refuse(call, f"wp.{name} with these arguments")


_MODULE_RULES: dict[type[ast.stmt], Callable[[Any, Scope], None]] = {
    ast.ImportFrom: _check_import,
    ast.Assign: _check_assignment,
    ast.ClassDef: _check_class,
    ast.FunctionDef: check_function,
    ast.Expr: _check_call,
}
