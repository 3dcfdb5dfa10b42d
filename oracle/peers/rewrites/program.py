"""A kernel's source as a tree that rewrites change, and what they ask of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache, cached_property

from grammar.recogniser.scope import hides_builtin, warp_name
from grammar.recogniser.vocabulary import OPERATORS, PYTHON_TYPES, SCALARS, vocabulary
from grammar.registry import builtins

_PURE_GROUPS = ("Scalar Math", "Vector Math", "Quaternion Math", "Transformations", "Spatial Math")
_PURE_UTILITIES = ("where", "lerp", "smoothstep")
_WRITE_TO_ARGUMENTS = (
    *("svd2", "svd3", "qr3", "eig3", "quat_to_axis_angle", "transform_decompose"),
    *("transform_set_translation", "transform_set_rotation"),
)


@cache
def pure_builtins() -> frozenset[str]:
    """Return the built-ins whose calls do nothing but return a value that depends on their arguments alone."""
    names = {name for name, builtin in builtins().items() if builtin.group in _PURE_GROUPS} | {*_PURE_UTILITIES}
    return frozenset(names - {*_WRITE_TO_ARGUMENTS} | vocabulary().types)


class Program:
    """A source inside the grammar. Rewrites change `tree` in place; `text` prints it."""

    def __init__(self, source: str) -> None:
        self.tree = ast.parse(source)
        self.has_tiles = any(part in source for part in ("wp.tile", "wp.untile"))

    @property
    def text(self) -> str:
        """The source as it is now."""
        lines = ast.unparse(ast.fix_missing_locations(self.tree)).splitlines()
        return "\n".join(_broken(line) if line.startswith("def ") else line for line in lines) + "\n"

    @property
    def functions(self) -> list[ast.FunctionDef]:
        """The functions and the kernel, without what only gives a gradient or has no body in Python."""
        return [node for node in self._definitions if decorator_of(node) in ("func", "kernel")]

    @property
    def kernel(self) -> ast.FunctionDef:
        """The kernel; a source inside the grammar has one."""
        return next(node for node in self._definitions if decorator_of(node) == "kernel")

    @property
    def is_generic(self) -> bool:
        """Whether overloads of the kernel are registered, which name its parameters."""
        return any(warp_name(node) == "overload" for node in ast.walk(self.tree))

    @property
    def structs(self) -> dict[str, ast.ClassDef]:
        """The structs by name."""
        found = (node for node in self.tree.body if isinstance(node, ast.ClassDef))
        return {node.name: node for node in found if any(warp_name(one) == "struct" for one in node.decorator_list)}

    @cached_property
    def overloads_operators(self) -> bool:
        """Whether operators may mean functions of the source."""
        return any(node.name in OPERATORS for node in self._definitions)

    @cached_property
    def module_names(self) -> frozenset[str]:
        """What the module's level defines or imports."""
        names = {name.asname or name.name for node in self.tree.body for name in getattr(node, "names", ())}
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        return frozenset(names)

    @cached_property
    def type_aliases(self) -> frozenset[str]:
        """The module's names for types: `mat33l = wp.types.matrix(...)`, `Vec = wp.vec3`."""
        return frozenset(
            node.targets[0].id
            for node in self.tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _names_type(node.value)
        )

    @cached_property
    def pure_functions(self) -> frozenset[str]:
        """The source's functions that only compute a value."""
        found: set[str] = set()
        overloaded = [node.name for node in self._definitions]
        for node in self.functions:
            if overloaded.count(node.name) == 1 and decorator_of(node) == "func" and self._only_computes(node, found):
                found.add(node.name)
        return frozenset(found)

    def fresh(self, stem: str) -> str:
        """Return a name that nothing in the source has, and no built-in."""
        taken = {name for node in ast.walk(self.tree) for name in _names_in(node)}
        names = (f"{stem}{number}" if number else stem for number in range(10_000))
        return next(name for name in names if name not in taken and not hides_builtin(name))

    def is_pure(self, node: ast.expr) -> bool:
        """Whether an expression computes one value and does nothing else, whatever else runs between its parts."""
        return not self.overloads_operators and self._is_pure(node, self.pure_functions)

    def _is_pure(self, node: ast.expr, functions: frozenset[str] | set[str]) -> bool:
        match node:
            case ast.Name() | ast.Constant():
                return True
            case ast.Attribute():
                return warp_name(node) is not None or self._is_pure(node.value, functions)
            case ast.Call():
                return (
                    self._is_pure_callee(node.func, functions) and not node.keywords and self._all(node.args, functions)
                )
            case ast.Compare():
                return len(node.ops) == 1 and self._all([node.left, *node.comparators], functions)
            case ast.Subscript():
                index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                return warp_name(node.value) is None and self._all([node.value, *index], functions)
            case ast.BinOp() | ast.UnaryOp() | ast.BoolOp() | ast.IfExp():
                parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
                return self._all(parts, functions)
        return False

    def _all(self, nodes: Sequence[ast.expr], functions: frozenset[str] | set[str]) -> bool:
        return all(self._is_pure(node, functions) for node in nodes)

    def _is_pure_callee(self, node: ast.expr, functions: frozenset[str] | set[str]) -> bool:
        if isinstance(node, ast.Name):
            return node.id in functions or node.id in self.type_aliases or node.id in PYTHON_TYPES
        return warp_name(node) in pure_builtins()

    def _only_computes(self, function: ast.FunctionDef, functions: set[str]) -> bool:
        parameters = {argument.arg for argument in function.args.args}
        for node in ast.walk(function):
            if isinstance(node, ast.AugAssign) and name_of(node.target) in parameters:
                return False  # a vector is changed in place, and it may be the caller's
            if isinstance(node, ast.Call) and not _is_range(node) and not self._is_pure_callee(node.func, functions):
                return False
            stores = isinstance(getattr(node, "ctx", None), ast.Store)
            if isinstance(node, ast.Assert) or (stores and not isinstance(node, ast.Name)):
                return False
        return all(
            argument.annotation is None or "Function" not in ast.unparse(argument.annotation)
            for argument in function.args.args
        )

    @property
    def _definitions(self) -> list[ast.FunctionDef]:
        return [node for node in self.tree.body if isinstance(node, ast.FunctionDef)]


def decorator_of(function: ast.FunctionDef) -> str:
    """Return which of Warp's decorators a function has: `func`, `kernel`, `func_grad`, …"""
    decorator = function.decorator_list[0]
    return warp_name(decorator.func if isinstance(decorator, ast.Call) else decorator) or ""


def blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yield the lists of statements inside a node, outer ones first."""
    for name in ("body", "orelse"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block:
            yield block
            for statement in block:
                yield from blocks(statement)


def loads(node: ast.AST, name: str) -> int:
    """Count how often a variable is read."""
    return sum(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load) for n in ast.walk(node))


def stored_names(node: ast.AST) -> list[str]:
    """Return the variables that a node assigns to, as often as it does."""
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def contains(node: ast.AST, *kinds: type[ast.AST]) -> bool:
    """Whether a node of one of these kinds is in the tree under `node`."""
    return any(isinstance(part, kinds) for part in ast.walk(node))


def name_of(node: ast.AST) -> str:
    """Return the name that a node is, the empty text for anything else."""
    return node.id if isinstance(node, ast.Name) else ""


def literal(value: int) -> ast.expr:
    """Return the literal for an integer of either sign."""
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def statement(text: str) -> ast.stmt:
    """Return the one statement that a text is."""
    return ast.parse(text).body[0]


class Replacement(ast.NodeTransformer):
    """Puts other expressions in place of some nodes, which are told by identity."""

    def __init__(self, others: Mapping[ast.AST, ast.AST]) -> None:
        self._others = {id(node): other for node, other in others.items()}

    def visit(self, node: ast.AST) -> ast.AST:
        """Return what stands in a node's place."""
        other = self._others.get(id(node))
        return other if other is not None else self.generic_visit(node)


class Substitution(ast.NodeTransformer):
    """Puts copies of an expression where a variable is read."""

    def __init__(self, name: str, value: ast.expr) -> None:
        self._name = name
        self._value = value

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Return the expression's copy for the variable, other names as they are."""
        if node.id == self._name and isinstance(node.ctx, ast.Load):
            return deepcopy(self._value)
        return node


def _names_type(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Attribute) and isinstance(value.func.value, ast.Attribute)
    return warp_name(value) in {*vocabulary().types, *SCALARS}


def _broken(line: str) -> str:
    """Return a function's first line with a line for each parameter: kernels have too many for one."""
    text, depth = "", 0
    for character in line:
        depth += (character in "([{") - (character in ")]}")
        text += ",\n   " if character == "," and depth == 1 else character
    return text


def _is_range(call: ast.Call) -> bool:
    return name_of(call.func) in ("range", "reversed")


def _names_in(node: ast.AST) -> Iterator[str]:
    for name in ("id", "arg", "attr", "name", "asname"):
        text = getattr(node, name, None)
        if isinstance(text, str):
            yield text
