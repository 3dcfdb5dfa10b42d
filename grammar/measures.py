"""How large and how deep a kernel is, measured on its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from grammar.parsing import parsed

BLOCKS = (ast.If, ast.For, ast.While)
LOOPS = (ast.For, ast.While)

EFFORT: Mapping[str, float] = {
    "statements": 1,
    "operators": 0.5,
    "calls": 0.25,
    "depth": 1,
    "nesting": 4,
    "loops": 2,
    "branches": 2,
    "functions": 3,
    "structs": 2,
}
"""What each count adds to a kernel's effort: as if a reader took one step for a statement of one operation."""

LEVELS = (0, 30, 45, 65, 95)
"""The least effort of levels 1 to 5; about 15, 20, 30, 20 and 10 in 100 generated kernels have them."""


@dataclass(frozen=True)
class Measures:
    """Counts over a whole module source.

    `lines` leaves out blank lines, comments, docstrings and imports. `statements` counts those inside functions.
    `nesting` is the deepest block inside a block (0: straight line), `depth` the deepest expression (1: a name),
    `operators` the arithmetic, comparison and boolean ones, `branches` the `if`, `elif` and ternaries. `functions`
    leaves out the kernel and its overloads, `structs` other classes.
    """

    lines: int
    statements: int
    nesting: int
    depth: int
    operators: int
    calls: int
    loops: int
    branches: int
    functions: int
    structs: int

    def to_json(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


def measure(source: str) -> Measures:
    """Measure a module source that parses; raises SyntaxError otherwise."""
    tree = parsed(source)
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef) and not _is_overload(node)]
    statements = [statement for function in functions for statement in _statements(function.body)]
    return Measures(
        lines=_lines_of_code(source, nodes),
        statements=len(statements),
        nesting=max((_nesting(function.body) for function in functions), default=0),
        depth=max((_depth(node) for statement in statements for node in _expressions(statement)), default=0),
        operators=sum(isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare | ast.BoolOp) for node in nodes),
        calls=sum(isinstance(node, ast.Call) for node in nodes),
        loops=sum(isinstance(node, LOOPS) for node in nodes),
        branches=sum(isinstance(node, ast.If | ast.IfExp) for node in nodes),
        functions=len(functions) - 1,
        structs=sum(isinstance(node, ast.ClassDef) and bool(node.decorator_list) for node in nodes),
    )


def level(complexity: Mapping[str, int]) -> int:
    """Return the complexity level, 1 to 5, of a kernel with these counts (`Measures.to_json`), for curricula."""
    effort = sum(weight * complexity.get(name, 0) for name, weight in EFFORT.items())
    return sum(effort >= least for least in LEVELS)


def names_from_warp(source: str) -> frozenset[str]:
    """Return the `x` of every `wp.x` in a module source."""
    return frozenset(
        node.attr
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wp"
    )


def _lines_of_code(source: str, nodes: list[ast.AST]) -> int:
    """Count the lines that neither a docstring nor an import covers, and that hold more than a comment."""
    left_out: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Expr) and not _is_code_node(node):
            left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(number not in left_out and _is_code(line) for number, line in lines)


def _is_code_node(node: ast.stmt) -> bool:
    """Whether a statement is neither an import nor a docstring."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return not isinstance(node.value.value, str)
    return not isinstance(node, ast.Import | ast.ImportFrom)


def _is_code(line: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith("#")


def _is_overload(node: ast.FunctionDef) -> bool:
    """Whether a function is no more than the list of types for a generic kernel."""
    return any(isinstance(one, ast.Attribute) and one.attr == "overload" for one in node.decorator_list)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in filter(_is_code_node, body):
        yield statement
        for inner in _blocks(statement):
            yield from _statements(inner)


def _blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    return [statement.body, statement.orelse] if isinstance(statement, BLOCKS) else []


def _nesting(body: list[ast.stmt]) -> int:
    deepest = 0
    for statement in body:
        for position, inner in enumerate(_blocks(statement)):
            is_elif = position == 1 and len(inner) == 1 and isinstance(inner[0], ast.If)
            deepest = max(deepest, _nesting(inner) + (0 if is_elif else bool(inner)))
    return deepest


def _expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    return (node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.expr))


def _depth(node: ast.AST) -> int:
    return 1 + max((_depth(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)), default=0)
