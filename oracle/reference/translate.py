"""From a kernel's source to one that CPython can run: operators become calls, tests are noted, values are copied.

Control flow, scopes, calls and the order of evaluation stay Python's own. Only bodies of `@wp.func` and `@wp.kernel`
change; what stands around them is ordinary Python. The names that are added start with `HIDDEN`, which no source has.

Functions that call collective operations, those on tiles, become generators: they yield each collective that they reach
(`oracle.reference.blocks`), and are themselves called by `yield from`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from types import MappingProxyType

HIDDEN = "_reference_"

DECORATORS = ("kernel", "func", "func_grad", "func_replay")
"""What makes a function part of the language."""

BINARY: Mapping[type[ast.operator], str] = MappingProxyType(
    {
        ast.Add: "add",
        ast.Sub: "sub",
        ast.Mult: "mul",
        ast.Div: "div",
        ast.FloorDiv: "floordiv",
        ast.Mod: "mod",
        ast.Pow: "pow",
        ast.MatMult: "matmul",
        ast.LShift: "lshift",
        ast.RShift: "rshift",
        ast.BitAnd: "bit_and",
        ast.BitOr: "bit_or",
        ast.BitXor: "bit_xor",
    }
)
UNARY: Mapping[type[ast.unaryop], str] = MappingProxyType({ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"})

ADVANCING = frozenset(
    {
        *("randi", "randu", "randf", "randn", "poisson", "sample_cdf", "sample_triangle"),
        *("sample_unit_ring", "sample_unit_disk", "sample_unit_sphere_surface", "sample_unit_sphere"),
        *("sample_unit_hemisphere_surface", "sample_unit_hemisphere", "sample_unit_square", "sample_unit_cube"),
    }
)
"""Built-ins that move on the generator that is their first argument; their definitions return sample and state."""

FINDING = frozenset({"bvh_query_next", "mesh_query_next", "mesh_query_aabb_next", "hash_grid_query_next"})
"""Built-ins that put what they found into the variable that is their second argument; definitions return it as well."""

TAKING_APART: Mapping[str, int] = MappingProxyType({"quat_to_axis_angle": 1})
"""Built-ins that return parts, or put them into the variables passed behind so many arguments, scalars among them."""

_TILED = re.compile(r"tile(?!_stack_count$|_query_valid$|_extract$).*|untile|\w+_tiled")
"""The names of built-ins that all threads of a block carry out together."""

_FRESH = (ast.BinOp, ast.Compare, ast.Call, ast.UnaryOp)
"""Expressions whose values belong to nobody else; a literal among them gets its type at the assignment."""


def translate(source: str, warp: str = "wp") -> ast.Module:
    """Return the module to run; `warp` is the name that stands for the language, whose import is taken out."""
    tree = ast.parse(source)
    tree.body = [statement for statement in tree.body if not _is_provided(statement)]
    tree = _Functions(warp, _collective_functions(tree, warp)).visit(tree)
    return ast.fix_missing_locations(tree)


def _is_provided(statement: ast.stmt) -> bool:
    """Whether a statement imports what the namespace has already."""
    if isinstance(statement, ast.Import):
        return any(alias.name == "warp" for alias in statement.names)
    return isinstance(statement, ast.ImportFrom) and statement.module == "enum"


def _collective_functions(tree: ast.Module, warp: str) -> frozenset[str]:
    """Return the names of the functions that call collective operations, by themselves or through others."""
    calls = {
        function.name: [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
    }
    found: frozenset[str] = frozenset()
    while True:
        more = frozenset(
            name
            for name, called in calls.items()
            if any(_is_tiled(one, warp) or (isinstance(one, ast.Name) and one.id in found) for one in called)
        )
        if more == found:
            return found
        found = more


def _is_tiled(function: ast.expr, warp: str) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == warp
        and _TILED.fullmatch(function.attr) is not None
    )


class _Functions(ast.NodeTransformer):
    """Finds the functions of the language and has their bodies translated."""

    def __init__(self, warp: str, collective: frozenset[str]) -> None:
        self._warp = warp
        self._collective = collective

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if not any(self._is_of_the_language(decorator) for decorator in node.decorator_list):
            return self.generic_visit(node)
        body = _Collective(self._warp, self._collective) if node.name in self._collective else _Body(self._warp)
        node.body = [body.visit(statement) for statement in node.body]
        return node

    def _is_of_the_language(self, node: ast.expr) -> bool:
        node = node.func if isinstance(node, ast.Call) else node
        return (
            isinstance(node, ast.Attribute)
            and node.attr in DECORATORS
            and isinstance(node.value, ast.Name)
            and node.value.id == self._warp
        )


class _Body(ast.NodeTransformer):
    """Translates the statements of one function."""

    def __init__(self, warp: str) -> None:
        self._warp = warp

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _call(node, BINARY[type(node.op)], node.left, node.right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.operand, ast.Constant) and isinstance(node.op, ast.USub):
            return node
        self.generic_visit(node)
        return node if isinstance(node.op, ast.Not) else _call(node, UNARY[type(node.op)], node.operand)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if self._is(node, "static"):
            return node
        self.generic_visit(node)
        if any(self._is(node, name) for name in FINDING):
            return self._sample(node, node.args[1] if len(node.args) > 1 else None)
        if any(self._is(node, name) for name in ADVANCING):
            return self._sample(node, node.args[0] if node.args else None)
        return node

    def _sample(self, node: ast.Call, state: ast.expr | None) -> ast.AST:
        """Put the generator's next state back: `(pair := wp.randf(rng), rng := pair[1], pair[0])[2]`."""
        if not isinstance(state, ast.Name):
            return _call(node, "sample", *node.args)
        pair, *parts = (ast.Name(f"{HIDDEN}pair", context) for context in (ast.Store(), ast.Load(), ast.Load()))
        sample, advanced = (ast.Subscript(part, ast.Constant(at), ast.Load()) for at, part in enumerate(parts))
        steps = [ast.NamedExpr(pair, node), ast.NamedExpr(ast.Name(state.id, ast.Store()), advanced), sample]
        return ast.copy_location(ast.Subscript(ast.Tuple(steps, ast.Load()), ast.Constant(2), ast.Load()), node)

    def _is(self, node: ast.expr, name: str) -> bool:
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == name
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == self._warp
        )

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        self.generic_visit(node)
        for name, count in TAKING_APART.items():
            if isinstance(node.value, ast.Call) and self._is(node.value, name) and len(node.value.args) > count:
                parts = [_stored(argument) for argument in node.value.args[count:]]
                del node.value.args[count:]
                return ast.copy_location(ast.Assign([ast.Tuple(parts, ast.Store())], node.value), node)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        target = node.targets[0]
        if isinstance(target, ast.Tuple) and self._is(node.value, "tid"):
            node.value = _call(node.value, "tid", ast.Constant(len(target.elts)))
            return node
        self.generic_visit(node)
        if _is_part_of(target, node.value):
            node.value = _call(node.value, "whole", node.value)
        if _is_stored(target) or (isinstance(node.value, _FRESH) and not self._is(node.value, "static")):
            return node
        node.value = _call(node.value, "own", node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        name, target = BINARY[type(node.op)], node.target
        if isinstance(target, ast.Name):
            old = ast.copy_location(ast.Name(target.id, ast.Load()), target)
            return ast.copy_location(ast.Assign([target], _call(node, name, old, node.value)), node)
        if isinstance(target, ast.Attribute):
            call = _call(node, "augment_field", target.value, ast.Constant(target.attr), ast.Constant(name), node.value)
        else:
            call = _call(node, "augment_item", target.value, target.slice, ast.Constant(name), node.value)
        return ast.copy_location(ast.Expr(call), node)

    def visit_If(self, node: ast.If) -> ast.AST:
        node.test = self._test(node.test)
        node.body = [self.visit(statement) for statement in node.body]
        node.orelse = [self.visit(statement) for statement in node.orelse]
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        node.test = self._test(node.test)
        node.body = [self.visit(statement) for statement in node.body]
        node.orelse = [self.visit(statement) for statement in node.orelse]
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        node.test = self._test(node.test)
        node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return ast.copy_location(ast.Pass(), node)  # Warp checks assertions in debug mode only

    def _test(self, test: ast.expr) -> ast.expr:
        """Return a test that is noted, with its operands where it compares two."""
        line = ast.Constant(test.lineno)
        test = self.visit(test)
        if not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return _call(test, "test", line, test)
        left, right = (ast.Name(f"{HIDDEN}{side}", ast.Load()) for side in ("left", "right"))
        test.left = ast.NamedExpr(ast.Name(left.id, ast.Store()), test.left)
        test.comparators = [ast.NamedExpr(ast.Name(right.id, ast.Store()), test.comparators[0])]
        return _call(test, "test", line, test, left, right)


class _Collective(_Body):
    """Translates the statements of a function that calls collective operations."""

    def __init__(self, warp: str, collective: frozenset[str]) -> None:
        super().__init__(warp)
        self._functions = collective

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = super().visit_Call(node)
        if not isinstance(called, ast.Call):
            return called
        if isinstance(called.func, ast.Name) and called.func.id in self._functions:
            return ast.copy_location(ast.YieldFrom(called), node)
        if not _is_tiled(called.func, self._warp):
            return called
        named = ast.Dict([ast.Constant(keyword.arg) for keyword in called.keywords], [k.value for k in called.keywords])
        request = [_site(node), called.func, ast.Tuple(called.args, ast.Load()), named]
        return ast.copy_location(ast.Yield(ast.Tuple(request, ast.Load())), node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        super().visit_Assign(node)
        target = node.targets[0]
        if not isinstance(target, ast.Subscript):
            return node
        call = _call(node, "meet_set_item", _site(node), target.value, _key(target.slice), node.value)
        return ast.copy_location(ast.Expr(ast.copy_location(ast.YieldFrom(call), node)), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        name, target = ast.Constant(BINARY[type(node.op)]), node.target
        if isinstance(target, ast.Attribute):
            return super().visit_AugAssign(node)
        self.generic_visit(node)
        if isinstance(target, ast.Subscript):
            call = _call(node, "meet_augment_item", _site(node), target.value, _key(target.slice), name, node.value)
            return ast.copy_location(ast.Expr(ast.copy_location(ast.YieldFrom(call), node)), node)
        old = ast.copy_location(ast.Name(target.id, ast.Load()), target)
        call = _call(node, "meet_augment", _site(node), name, old, node.value)
        return ast.copy_location(ast.Assign([target], ast.copy_location(ast.YieldFrom(call), node)), node)


def _site(node: ast.expr | ast.stmt) -> ast.expr:
    """Return what tells one collective from another: where it stands."""
    return ast.Tuple([ast.Constant(node.lineno), ast.Constant(node.col_offset)], ast.Load())


def _key(key: ast.expr) -> ast.expr:
    """Return a subscript as an expression of its own, slices by calls of `slice`."""
    if isinstance(key, ast.Tuple):
        return ast.copy_location(ast.Tuple([_key(one) for one in key.elts], ast.Load()), key)
    if not isinstance(key, ast.Slice):
        return key
    bounds = [bound or ast.Constant(None) for bound in (key.lower, key.upper, key.step)]
    return ast.copy_location(ast.Call(ast.Name("slice", ast.Load()), bounds, []), key)


def _stored(argument: ast.expr) -> ast.expr:
    """Return an argument as the target of an assignment."""
    assert isinstance(argument, ast.Name | ast.Attribute | ast.Subscript)
    argument.ctx = ast.Store()
    return argument


def _is_part_of(target: ast.expr, value: ast.expr) -> bool:
    """Whether a variable is assigned to a part of itself, as in `v[::-1] = v`."""
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
        return False
    return isinstance(value, ast.Name) and value.id == target.value.id


def _is_stored(target: ast.expr) -> bool:
    """Whether an assignment stores into something that converts and copies by itself."""
    return isinstance(target, ast.Attribute | ast.Subscript)


def _call(where: ast.expr | ast.stmt, name: str, *arguments: ast.expr) -> ast.expr:
    function = ast.Name(f"{HIDDEN}{name}", ast.Load())
    return ast.copy_location(ast.Call(function, list(arguments), []), where)
