"""Ids over the whole language: renaming and respelling never change one, a real change does."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whole_language import SOURCES

from grammar import CATEGORIES, SeededChoices, generate
from grammar.canonical import canonical, kernel_id
from grammar.recogniser import accept
from grammar.recogniser.vocabulary import OPERATORS, vocabulary
from grammar.struct_types import OPERATOR_FUNCTIONS

sources = st.one_of(
    st.sampled_from(list(SOURCES.values())),
    st.builds(
        lambda seed, category, size: generate(SeededChoices(seed), category, size).source,
        st.integers(0, 10**9),
        st.sampled_from(CATEGORIES),
        st.integers(1, 25),
    ),
)


def fields_of(tree: ast.AST) -> set[str]:
    """The fields of structs and the members of enums, but for those named like a component."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            targets = [
                entry.target if isinstance(entry, ast.AnnAssign) else entry.targets[0] for entry in node.body[1:]
            ]
            first = node.body[0]
            if isinstance(first, ast.AnnAssign | ast.Assign):
                targets.append(first.target if isinstance(first, ast.AnnAssign) else first.targets[0])
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found - vocabulary().attributes


def names_of(tree: ast.AST) -> set[str]:
    """Every name that a source defines, but for functions that stand for an operator."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found - OPERATORS - vocabulary().attributes


class Renamed(ast.NodeTransformer):
    """Renames everything that a source defines, wherever it is mentioned."""

    def __init__(self, tree: ast.AST, new: Callable[[str], str]) -> None:
        own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        self.callees = own | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        self.callees |= {ast.unparse(node.targets[0]) for node in ast.walk(tree) if isinstance(node, ast.Assign)}
        self.fields = fields_of(tree)
        self.new = {name: new(name) for name in sorted(names_of(tree) | self.fields)}

    def to(self, name: str) -> str:
        return self.new.get(name, name)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.to(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self.to(node.arg)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self.to(node.name)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self.to(node.name)
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if node.attr in self.fields and not (isinstance(node.value, ast.Name) and node.value.id == "wp"):
            node.attr = self.to(node.attr)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in self.callees:
            for keyword in node.keywords:
                keyword.arg = self.to(keyword.arg or "")
        if isinstance(node.func, ast.Attribute) and node.func.attr == "overload" and isinstance(node.args[1], ast.Dict):
            for key in node.args[1].keys:
                assert isinstance(key, ast.Constant)
                key.value = self.to(str(key.value))
        return self.generic_visit(node)


def renamed(source: str, new: Callable[[str], str]) -> str:
    """The source with other names, laid out in another way and without comments."""
    tree = ast.parse(source)
    return ast.unparse(Renamed(tree, new).visit(tree)) + "\n"


@given(sources, st.sampled_from(["{}_n", "n_{}", "{}2", "Q{}"]))
@settings(deadline=None, max_examples=80)
def test_renaming_everything_and_laying_it_out_anew_keeps_the_id(source: str, pattern: str) -> None:
    other = renamed(source, pattern.format)
    assert accept(other) is None
    assert canonical(other) == canonical(source)


@given(sources)
@settings(deadline=None, max_examples=40)
def test_numbering_everything_keeps_the_id(source: str) -> None:
    numbers: dict[str, str] = {}
    other = renamed(source, lambda name: numbers.setdefault(name, f"name{len(numbers)}"))
    assert accept(other) is None
    assert kernel_id(other) == kernel_id(source)


SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Lt: ast.GtE, ast.Gt: ast.LtE}


def can_change(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    if isinstance(node, ast.BinOp | ast.Compare):
        return type(node.op if isinstance(node, ast.BinOp) else node.ops[0]) in SWAPS
    if isinstance(node, ast.Attribute):
        return ast.unparse(node.value) == "wp" and node.attr != "struct"
    return isinstance(node, ast.FunctionDef | ast.If | ast.For | ast.While) or (
        isinstance(node, ast.Call) and len(node.args) > 1
    )


def change(node: ast.AST) -> None:
    """Change a node into one that means something else."""
    match node:
        case ast.Constant(value=value):
            node.value = value + 1 if value < 2**52 else 0
        case ast.BinOp(op=op):
            node.op = SWAPS[type(op)]()
        case ast.Compare(ops=[op, *_]):
            node.ops[0] = SWAPS[type(op)]()
        case ast.Attribute(attr=name):
            node.attr = "sin" if name != "sin" else "cos"
        case ast.FunctionDef():
            node.args.args.append(ast.arg("extra", ast.Name("int", ast.Load())))
        case ast.If() | ast.For() | ast.While():
            node.orelse.append(ast.Pass())
        case ast.Call():
            node.args.pop()


@given(sources, st.data())
@settings(deadline=None, max_examples=80)
def test_one_real_change_changes_the_id(source: str, data: st.DataObject) -> None:
    tree = ast.parse(source)
    change(data.draw(st.sampled_from([node for node in ast.walk(tree) if can_change(node)])))
    ast.fix_missing_locations(tree)
    assert canonical(ast.unparse(tree)) != canonical(source)


TILE = "x = wp.tile_zeros(shape=4, dtype=float, storage={})"
PAIRS = {
    "hexadecimal": ("x = 0xFF", "x = 255"),
    "underscores": ("x = 1_000", "x = 1000"),
    "a point without a digit": ("x = 1.", "x = 1.0"),
    "an exponent": ("x = 1e3", "x = 1000.0"),
    "quotes": (TILE.format("'shared'"), TILE.format('"shared"')),
    "brackets": ("x = (1.0 + 2.0) * 3.0", "x = ((1.0) + (2.0)) * (3.0)"),
    "a comment": ("x = 1.0  # one", "x = 1.0"),
    "lines": ("x = wp.min(1.0, 2.0)", "x = wp.min(\n        1.0,\n        2.0,\n    )"),
    "elif": (
        "if n > 1:\n        pass\n    elif n > 2:\n        pass",
        "if n > 1:\n        pass\n    else:\n        if n > 2:\n            pass",
    ),
}
DIFFERENT = {
    "int and float": ("x = 1", "x = 1.0"),
    "the order of keywords": ("x = f(a=n, b=n + 1)", "x = f(b=n + 1, a=n)"),
    "a keyword": ("x = f(n, n)", "x = f(n, b=n)"),
    "storage": (TILE.format("'shared'"), TILE.format("'register'")),
    "the loop's else": (
        "for i in range(n):\n        x = i\n    y = 1",
        "for i in range(n):\n        x = i\n    else:\n        y = 1",
    ),
    "reversed": ("for i in range(n):\n        pass", "for i in reversed(range(n)):\n        pass"),
    "a member": ("x = int(Mode.A)", "x = int(Mode.B)"),
    "several targets": ("x = y = n", "y = n\n    x = n"),
    "an assertion": ("assert n > 1", "pass"),
    "True": ("x = wp.where(n > 1, True, False)", "x = wp.where(n > 1, 1, 0)"),
}
FRAME = """from enum import IntEnum

import warp as wp


class Mode(IntEnum):
    A = 0
    B = 1


@wp.func
def f(a: int, b: int = 2) -> int:
    return a - b


@wp.kernel
def k(n: int):
    {}
"""


@pytest.mark.parametrize("what", PAIRS)
def test_spellings_of_the_same_have_one_id(what: str) -> None:
    one, other = (FRAME.format(text) for text in PAIRS[what])
    assert accept(one) is None
    assert accept(other) is None
    assert kernel_id(one) == kernel_id(other)


@pytest.mark.parametrize("what", DIFFERENT)
def test_what_differs_has_two_ids(what: str) -> None:
    one, other = (FRAME.format(text) for text in DIFFERENT[what])
    assert accept(one) is None
    assert accept(other) is None
    assert kernel_id(one) != kernel_id(other)


def test_overloads_are_told_apart_by_their_types_and_not_by_their_names() -> None:
    source = SOURCES["generics"]
    assert kernel_id(
        source.replace("def pick", "def choose").replace(" pick(", " choose(").replace("(pick(", "(choose(")
    ) == kernel_id(source)
    assert kernel_id(source.replace("def pick(a: int", "def pick(a: wp.int64")) != kernel_id(source)
    apart = source.replace("def pick(a: int", "def choose(a: int")
    assert kernel_id(apart) != kernel_id(source)


def test_the_name_of_an_operators_function_says_what_it_is() -> None:
    source = SOURCES["structs"]
    assert kernel_id(source.replace("def add(", "def sub(")) != kernel_id(source)
    assert set(OPERATOR_FUNCTIONS.values()) <= OPERATORS | {"pow"}


def test_a_field_behind_arrays_operators_and_aliases_is_renamed() -> None:
    template = """import warp as wp

@wp.struct
class Inner:
    {f}: wp.vec3

@wp.struct
class Outer:
    parts: wp.array(dtype=Inner)
    one: Inner

@wp.func
def add(a: Inner, b: Inner):
    return Inner(a.{f} + b.{f})

@wp.func
def first(outer: Outer):
    return outer.one, outer.parts[0]

@wp.func
def of_any(inner: Any):
    return inner.{f}[0]

@wp.kernel
def k(outers: wp.array2d(dtype=Outer), grid: wp.indexedarray(dtype=Inner), out: wp.array(dtype=float)):
    i = wp.tid()
    a, b = first(outers[i, 0])
    f = first
    c, d = f(outers[i][1])
    local = wp.zeros(shape=(2,), dtype=Inner)
    local[0].{f} = wp.vec3()
    out[i] = (a + b).{f}.x + c.{f}.y + d.{f}.z + local[1].{f}.x + outers[i, 0].parts[1].{f}.x + grid[0].{f}.x
    out[i] += wp.view(outers, i)[0].one.{f}.y + of_any(a)
""".replace("import warp", "from typing import Any\n\nimport warp", 1)
    ids = set()
    for name in ("x", "y", "place", "shape"):
        source = template.format(f=name)
        assert accept(source) is None
        ids.add(kernel_id(source))
    assert len(ids) == 1


def test_docstrings_comments_and_the_order_of_nothing_else_count() -> None:
    for source in SOURCES.values():
        tree = ast.parse(source)
        assert kernel_id(ast.unparse(copy.deepcopy(tree))) == kernel_id(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is None:
                node.body.insert(0, ast.Expr(ast.Constant("Words.")))
        assert kernel_id(ast.unparse(ast.fix_missing_locations(tree))) == kernel_id(source)
