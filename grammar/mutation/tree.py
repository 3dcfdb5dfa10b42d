"""A kernel's module as a tree in which every expression and statement knows where it stands, and can be replaced.

Only what carries meaning is walked: no blanks, commas, parentheses, annotations or decorators. A replaced tree shares
all that has not changed with the old one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import libcst as cst

from grammar.nodes import ARITHMETIC, ATOM, precedence

Expression = cst.BaseExpression
Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
Replacement = cst.CSTNode | Sequence[cst.CSTNode]
"""What stands in a node's place; several statements, or none, for a statement."""

_FIELDS: Mapping[type[cst.CSTNode], tuple[str, ...]] = {
    cst.Module: ("body",),
    cst.FunctionDef: ("body",),
    cst.IndentedBlock: ("body",),
    cst.SimpleStatementLine: ("body",),
    cst.Assign: ("value", "targets"),
    cst.AssignTarget: ("target",),
    cst.AugAssign: ("value", "target"),
    cst.Expr: ("value",),
    cst.Return: ("value",),
    cst.Assert: ("test",),
    cst.If: ("test", "body", "orelse"),
    cst.Else: ("body",),
    cst.For: ("target", "iter", "body", "orelse"),
    cst.While: ("test", "body", "orelse"),
    cst.BinaryOperation: ("left", "right"),
    cst.UnaryOperation: ("expression",),
    cst.BooleanOperation: ("left", "right"),
    cst.Comparison: ("left", "comparisons"),
    cst.ComparisonTarget: ("comparator",),
    cst.IfExp: ("test", "body", "orelse"),
    cst.Call: ("args",),
    cst.Arg: ("value",),
    cst.Attribute: ("value",),
    cst.Subscript: ("value", "slice"),
    cst.SubscriptElement: ("slice",),
    cst.Index: ("value",),
    cst.Slice: ("lower", "upper", "step"),
    cst.Tuple: ("elements",),
    cst.Element: ("value",),
}
"""The fields that are walked, by kind of node; kinds that are not listed have no parts."""

_BLOCKS = (cst.IndentedBlock, cst.Module)
_EMPTY = cst.Module([])


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield a node's parts, values before the targets that they are assigned to."""
    for name in _FIELDS.get(type(node), ()):
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            yield value
        elif value is not None and not isinstance(value, cst.MaybeSentinel):
            yield from value


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield a node and everything in it, outer nodes first."""
    yield node
    for child in children(node):
        yield from walk(child)


def code(node: cst.CSTNode) -> str:
    """Return a node's source."""
    return _EMPTY.code_for_node(node)


def name_of(node: cst.CSTNode | None) -> str:
    """Return the name that a node is, the empty text for anything else."""
    return node.value if isinstance(node, cst.Name) else ""


def warp_name(node: cst.CSTNode | None) -> str:
    """Return the `x` of a plain `wp.x`, the empty text for anything else."""
    return node.attr.value if isinstance(node, cst.Attribute) and name_of(node.value) == "wp" else ""


def names_in(node: cst.CSTNode) -> set[str]:
    """Return the names that an expression or statement mentions, those of called functions among them."""
    found = set()
    for part in walk(node):
        if isinstance(part, cst.Name):
            found.add(part.value)
        elif isinstance(part, cst.Call) and isinstance(part.func, cst.Name):
            found.add(part.func.value)
    return found - {"wp"}


def base_of(node: cst.CSTNode) -> cst.CSTNode:
    """Return what an element or part is taken of: `x` for `x[i].v[0]`."""
    while isinstance(node, cst.Subscript | cst.Attribute):
        node = node.value
    return node


def indices_of(node: cst.Subscript) -> list[Expression] | None:
    """Return a subscript's indices, None where one of them is a slice."""
    parts = [element.slice for element in node.slice]
    return [part.value for part in parts if isinstance(part, cst.Index)] if _all(parts, cst.Index) else None


def _all(nodes: Sequence[cst.CSTNode], kind: type[cst.CSTNode]) -> bool:
    return all(isinstance(node, kind) for node in nodes)


def block_of(statement: cst.CSTNode) -> Sequence[Statement]:
    """Return the statements inside a statement, a function or an else."""
    body = getattr(statement, "body", None)
    found: Sequence[Any] = body.body if isinstance(body, cst.IndentedBlock) else ()
    return found


def small(statement: cst.CSTNode) -> cst.BaseSmallStatement | None:
    """Return the one statement on a line, None for a compound statement or several on a line."""
    if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1:
        return statement.body[0]
    return None


def decorator_of(function: cst.FunctionDef) -> str:
    """Return which of Warp's decorators a function has: `func`, `kernel`, `func_grad`, …"""
    for one in function.decorators:
        node = one.decorator
        return warp_name(node.func if isinstance(node, cst.Call) else node)
    return ""


class Tree:
    """A module with the parent of each of its nodes."""

    def __init__(self, module: cst.Module) -> None:
        self.module = module
        self.parents: dict[int, cst.CSTNode] = {}
        self._link(module)

    def _link(self, node: cst.CSTNode) -> None:
        for child in children(node):
            self.parents[id(child)] = node
            self._link(child)

    @property
    def functions(self) -> list[cst.FunctionDef]:
        """The functions and the kernel, in their order."""
        return [node for node in self.module.body if isinstance(node, cst.FunctionDef)]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode:
        """Return the node around a node; raises KeyError for the module itself."""
        return self.parents[id(node)]

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the nodes around a node, inner ones first."""
        while (found := self.parents.get(id(node))) is not None:
            yield found
            node = found

    def line_of(self, node: cst.CSTNode) -> Statement:
        """Return the innermost statement that is a member of a block, and in which a node is."""
        for above in (node, *self.above(node)):
            if isinstance(self.parents.get(id(above)), _BLOCKS) and not isinstance(above, _BLOCKS):
                return above  # type: ignore[return-value]
        raise ValueError("a node outside of all statements")

    def function_of(self, node: cst.CSTNode) -> cst.FunctionDef:
        """Return the function that a node is in."""
        return next(above for above in (node, *self.above(node)) if isinstance(above, cst.FunctionDef))

    def siblings(self, statement: Statement) -> Sequence[Statement]:
        """Return the statements of the block that a statement is in."""
        block: Any = self.parent(statement)
        found: Sequence[Statement] = block.body
        return found

    def replaced(self, changes: Sequence[tuple[cst.CSTNode, Replacement]]) -> cst.Module:
        """Return the module with other nodes in place of some; no two of these may contain each other."""
        module: cst.Module = self.rebuilt(self.module, changes)
        return module

    def rebuilt(self, root: cst.CSTNode, changes: Sequence[tuple[cst.CSTNode, Replacement]]) -> Any:
        """Return a part of the module with other nodes in place of some in it."""
        others = {id(node): other for node, other in changes}
        touched = {id(above) for node, _ in changes for above in self.above(node)}

        def rebuilt(node: Any) -> Any:
            if id(node) in others:
                return others[id(node)]
            if id(node) not in touched:
                return node
            fields: dict[str, Any] = {}
            for name in _FIELDS.get(type(node), ()):
                value = getattr(node, name)
                if isinstance(value, cst.CSTNode):
                    fields[name] = _fitting(node, name, value, rebuilt(value))
                elif value is not None and not isinstance(value, cst.MaybeSentinel):
                    fields[name] = _spliced(node, [rebuilt(one) for one in value])
            return node.with_changes(**fields)

        return rebuilt(root)


def _spliced(node: cst.CSTNode, parts: list[Any]) -> list[Any]:
    """Return a list of nodes in which lists of nodes are taken apart; a block is never empty."""
    flat: list[Any] = []
    for part in parts:
        flat.extend(part) if isinstance(part, Sequence) else flat.append(part)
    if not flat and isinstance(node, cst.IndentedBlock):
        flat.append(cst.SimpleStatementLine([cst.Pass()]))
    return flat


def _fitting(parent: cst.CSTNode, field: str, old: cst.CSTNode, new: Any) -> Any:
    """Return a replaced expression in parentheses where its place may need them."""
    if new is old or not isinstance(new, Expression) or not needs_parentheses(parent, field, new):
        return new
    return parenthesised(new)


def bare(node: Expression) -> Expression:
    """Return an expression without parentheses around it."""
    return node.with_changes(lpar=[], rpar=[]) if node.lpar else node


def parenthesised(node: Expression) -> Expression:
    """Return an expression in parentheses."""
    return node if node.lpar else node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def needs_parentheses(parent: cst.CSTNode, field: str, node: Expression) -> bool:
    """Whether an expression that is put into a part of an operation may be read otherwise without parentheses."""
    match parent:
        case cst.BinaryOperation() | cst.BooleanOperation():
            return precedence(node) < precedence(parent) + (field == "right") + isinstance(parent.operator, cst.Power)
        case cst.Comparison() | cst.ComparisonTarget():
            return precedence(node) < ARITHMETIC
        case cst.IfExp():
            return isinstance(node, cst.IfExp)
        case cst.UnaryOperation() | cst.Attribute():
            return precedence(node) < ATOM
        case cst.Subscript():
            return field == "value" and precedence(node) < ATOM
    return False
