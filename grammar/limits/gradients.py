"""Which of a function's expressions have a gradient that somebody can ask for, and which have none whatever they hold.

Integers have none, and what is computed from them and from constants alone; a kernel's parameters that are values have
one that no caller sees. A name counts as having none if nothing with a gradient is ever assigned to it.
"""

from __future__ import annotations

import ast
from functools import cached_property

from grammar.limits.reading import Function, array_of, base, called, is_integer_name, statements

_COUNTS = frozenset({"tid", "len", "argmin", "argmax", "rand_init", "randi", "lower_bound", "block_dim", "isnan"})
_COUNTS_BY_PREFIX = (
    "bvh_",
    "hash_grid_",
    "mesh_query_aabb",
    "mesh_query_sphere",
    "tile_bvh",
    "tile_mesh",
    "mesh_get_index",
)
_SCALARS = frozenset({"float", "float16", "bfloat16", "float32", "float64"})


class Gradients:
    """Answers for the expressions of one function."""

    def __init__(self, function: Function) -> None:
        self.function = function

    @cached_property
    def without(self) -> frozenset[str]:
        """The names that never have a gradient."""
        names = set(self.function.assigned)
        loops = {
            node.target.id: node.iter
            for node in self.function.statements
            if isinstance(node, ast.For) and isinstance(node.target, ast.Name)
        }
        fixed = {name for name in self.function.parameters if not self._parameter_has(name)}
        names -= {name for name in self.function.parameters if name not in fixed}
        while True:
            known = names | fixed
            lost = {
                name
                for name in names
                if any(value is not None and self._has(value, known) for value in self.function.assigned[name])
                or (name not in loops and None in self.function.assigned[name])
            }
            if not lost:
                return frozenset(known)
            names -= lost

    def has(self, node: ast.AST) -> bool:
        """Whether an expression has a gradient."""
        return self._has(node, self.without)

    def any_in(self, body: list[ast.stmt]) -> bool:
        """Whether a block computes, stores or calls anything that has a gradient."""
        values = (getattr(node, "value", None) for node in statements(body))
        return any(value is not None and self.has(value) for value in values)

    def _parameter_has(self, name: str) -> bool:
        annotation = self.function.parameters[name]
        array = array_of(annotation)
        if array is not None:
            return not array.holds_integers
        spelled = ast.unparse(annotation) if annotation is not None else ""
        if self.function.is_kernel:
            fields = self.function.module.structs.get(spelled, {})
            return any(array_of(field) is not None for field in fields.values())
        return not is_integer_name(spelled)

    def _has(self, node: ast.AST | None, without: frozenset[str] | set[str]) -> bool:
        match node:
            case None | ast.Constant() | ast.Compare() | ast.BoolOp() | ast.JoinedStr():
                return False
            case ast.Name(id=name):
                return name not in without and (name in self.function.assigned or name in self.function.parameters)
            case ast.Attribute(attr=attr):
                field = self.function.module.array_fields.get(attr)
                if field is not None:
                    return not field.holds_integers
                return attr not in ("shape", "size", "ndim") and self._has(node.value, without)
            case ast.Subscript(value=value):
                return self._has(value, without)
            case ast.UnaryOp(op=ast.Not() | ast.Invert()):
                return False
            case ast.UnaryOp(operand=operand):
                return self._has(operand, without)
            case ast.BinOp(op=ast.LShift() | ast.RShift() | ast.BitAnd() | ast.BitOr() | ast.BitXor()):
                return False
            case ast.BinOp(left=left, right=right):
                return self._has(left, without) or self._has(right, without)
            case ast.IfExp(body=body, orelse=orelse):
                return self._has(body, without) or self._has(orelse, without)
            case ast.Call():
                name = called(node)
                if name in _COUNTS or name.startswith(_COUNTS_BY_PREFIX):
                    return False
                if name not in _SCALARS and is_integer_name(name):
                    return False
                operands = [*node.args, *(one.value for one in node.keywords)]
                return any(self._has(one, without) for one in operands)
            case ast.Tuple(elts=elements):
                return any(self._has(one, without) for one in elements)
        return False

    def is_array(self, node: ast.expr) -> bool:
        """Whether an expression names an array whose elements have a gradient."""
        array = self.function.array_at(node)
        return array is not None and not array.holds_integers

    def of_element(self, node: ast.expr) -> bool:
        """Whether the elements of what is indexed have a gradient."""
        return self.has(base(node)) or self.is_array(base(node))
