"""Which struct an expression has, as far as names need it: `s.x` may be a field or a component of a vector.

Renaming a field must not change a kernel's canonical source, so a field is told from a component by the type of what
stands before the dot. That type is followed through parameters, assignments, calls, elements and fields.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import NamedTuple


class Held(NamedTuple):
    """What an expression holds: a struct, or an array of structs."""

    struct: str
    is_array: bool = False


Inferred = Held | list["Held | None"] | None
"""A struct or an array of them; a list for several results; None for anything else."""


@dataclass
class StructTypes:
    """The structs and functions of a source, and the variables of the function being read."""

    structs: dict[str, dict[str, Inferred]] = field(default_factory=dict)
    results: dict[str, Inferred] = field(default_factory=dict)
    variables: dict[str, Inferred] = field(default_factory=dict)
    function: str = ""

    def add_struct(self, node: ast.ClassDef) -> None:
        """Learn a struct's fields, whose order gives their places."""
        fields = [entry for entry in node.body if isinstance(entry, ast.AnnAssign)]
        self.structs[node.name] = {
            entry.target.id: self._annotated(entry.annotation) for entry in fields if isinstance(entry.target, ast.Name)
        }

    def enter(self, node: ast.FunctionDef) -> None:
        """Start on a function: its parameters are its first variables."""
        self.function = node.name
        self.variables = {argument.arg: self._annotated(argument.annotation) for argument in node.args.args}
        self.results[node.name] = self._annotated(node.returns)

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        """Learn from an assignment, `a, b = f(x)` included."""
        inferred = self.infer(value)
        if isinstance(target, ast.Name):
            self.variables[target.id] = inferred
        elif isinstance(target, ast.Tuple) and isinstance(inferred, list):
            for element, item in zip(target.elts, inferred, strict=False):
                if isinstance(element, ast.Name):
                    self.variables[element.id] = item

    def returns(self, value: ast.expr) -> None:
        """Learn what the function returns, where no annotation says it."""
        self.results[self.function] = self.results.get(self.function) or self.infer(value)

    def infer(self, node: ast.expr) -> Inferred:
        """Return what an expression holds."""
        if isinstance(node, ast.Name):
            return self.variables.get(node.id)
        if isinstance(node, ast.Subscript):
            base = self.infer(node.value)
            return Held(base.struct) if isinstance(base, Held) and base.is_array else None
        if isinstance(node, ast.Attribute):
            base = self.infer(node.value)
            return self.structs[base.struct].get(node.attr) if isinstance(base, Held) and not base.is_array else None
        if isinstance(node, ast.IfExp):
            return self.infer(node.body)
        if isinstance(node, ast.Tuple):
            items = [self.infer(element) for element in node.elts]
            return [None if isinstance(item, list) else item for item in items]
        if isinstance(node, ast.Call):
            return self._called(node)
        return None

    def _called(self, node: ast.Call) -> Inferred:
        if isinstance(node.func, ast.Name):
            return Held(node.func.id) if node.func.id in self.structs else self.results.get(node.func.id)
        # A built-in that gives back one of its arguments (`wp.where`) gives back its struct.
        return next((held for held in map(self.infer, node.args) if isinstance(held, Held) and not held.is_array), None)

    def place_in(self, struct: str, name: str) -> int | None:
        """Return a field's place in its struct, None when there is no such struct or field."""
        fields = self.structs.get(struct, {})
        return list(fields).index(name) if name in fields else None

    def field_place(self, node: ast.Attribute) -> int | None:
        """Return the place of the field that an attribute names, None for a component."""
        base = self.infer(node.value)
        if not isinstance(base, Held) or base.is_array:
            return None
        return self.place_in(base.struct, node.attr)

    def _annotated(self, node: ast.expr | None) -> Inferred:
        if isinstance(node, ast.Name):
            return Held(node.id) if node.id in self.structs else None
        if isinstance(node, ast.Call):
            elements = [keyword.value for keyword in node.keywords if keyword.arg == "dtype"]
            element = self._annotated(elements[0]) if elements else None
            return Held(element.struct, True) if isinstance(element, Held) else None
        if isinstance(node, ast.Subscript):
            return self._subscripted(node)
        return None

    def _subscripted(self, node: ast.Subscript) -> Inferred:
        if isinstance(node.value, ast.Name) and node.value.id == "tuple" and isinstance(node.slice, ast.Tuple):
            items = [self._annotated(element) for element in node.slice.elts]
            return [None if isinstance(item, list) else item for item in items]
        element = self._annotated(node.slice)
        return Held(element.struct, True) if isinstance(element, Held) else None
