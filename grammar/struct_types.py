"""Which struct an expression has, as far as names need it: `s.x` may be a field or a component of a vector.

Renaming a field must not change a kernel's canonical source, so a field is told from a component by the type of what
stands before the dot. That type is followed through parameters, assignments, calls, operators, elements and fields.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import NamedTuple


class Held(NamedTuple):
    """What an expression holds: a struct, or an array or tile of structs. No struct's name: it may hold anything."""

    struct: str
    is_array: bool = False


ANYTHING = Held("")

Inferred = Held | list["Held | None"] | None
"""A struct or an array of them; a list for several results; None for anything else."""

OPERATOR_FUNCTIONS: dict[type[ast.operator] | type[ast.unaryop], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.MatMult: "mul",
    ast.Div: "div",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.BitAnd: "bit_and",
    ast.BitOr: "bit_or",
    ast.BitXor: "bit_xor",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
    ast.USub: "neg",
    ast.UAdd: "pos",
    ast.Invert: "invert",
    ast.Not: "unot",
}
"""The functions that Warp calls for operators: a source's own of that name overloads the operator."""

_KEEPS_ARRAYS = ("tile", "view")
"""Starts the names of built-ins that make an array or tile of structs of another, or of a struct."""


class _Signature(NamedTuple):
    """One overload of a function: what its parameters hold, and what it returns."""

    parameters: tuple[Inferred, ...]
    result: Inferred


@dataclass
class StructTypes:
    """The structs and functions of a source, and the variables of the function being read."""

    structs: dict[str, dict[str, Inferred]] = field(default_factory=dict)
    functions: dict[str, list[_Signature]] = field(default_factory=dict)
    instances: dict[str, Inferred] = field(default_factory=dict)
    variables: dict[str, Inferred] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    """Variables of the function being read that stand for a function, by the function's name."""

    def add_struct(self, node: ast.ClassDef) -> None:
        """Learn a struct's fields, whose order gives their places."""
        fields = [entry for entry in node.body if isinstance(entry, ast.AnnAssign)]
        self.structs[node.name] = {
            entry.target.id: self._annotated(entry.annotation) for entry in fields if isinstance(entry.target, ast.Name)
        }

    def add_instance(self, name: str, value: ast.expr) -> None:
        """Learn of a struct that the module holds."""
        self.instances[name] = self.infer(value)

    def enter(self, node: ast.FunctionDef) -> None:
        """Start on a function: its parameters are its first variables."""
        self.variables = {argument.arg: self._annotated(argument.annotation) for argument in node.args.args}
        self.aliases = {}
        signature = _Signature(tuple(self.variables.values()), self._annotated(node.returns))
        self.functions.setdefault(node.name, []).append(signature)

    def leave(self, node: ast.FunctionDef, result: Inferred) -> None:
        """Learn what a function returns, where no annotation says it; its variables end."""
        overloads = self.functions[node.name]
        if overloads[-1].result is None:
            overloads[-1] = overloads[-1]._replace(result=result)
        self.variables = {}
        self.aliases = {}

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        """Learn from an assignment, `a, b = f(x)` included."""
        inferred = self.infer(value)
        if isinstance(target, ast.Name):
            self.variables[target.id] = inferred
            if isinstance(value, ast.Name) and value.id in self.functions and value.id not in self.variables:
                self.aliases[target.id] = value.id
        elif isinstance(target, ast.Tuple) and isinstance(inferred, list):
            for element, item in zip(target.elts, inferred, strict=False):
                if isinstance(element, ast.Name):
                    self.variables[element.id] = item

    def infer(self, node: ast.expr) -> Inferred:
        """Return what an expression holds."""
        match node:
            case ast.Name():
                return self.variables.get(node.id, self.instances.get(node.id))
            case ast.Subscript():
                base = self.infer(node.value)
                return Held(base.struct) if isinstance(base, Held) else None
            case ast.Attribute():
                base = self.infer(node.value)
                if base == ANYTHING:
                    return ANYTHING
                fields = self.structs.get(base.struct, {}) if isinstance(base, Held) and not base.is_array else {}
                return fields.get(node.attr)
            case ast.IfExp():
                return self.infer(node.body) or self.infer(node.orelse)
            case ast.Tuple():
                return [_single(self.infer(element)) for element in node.elts]
            case ast.BinOp():
                return self._result(OPERATOR_FUNCTIONS.get(type(node.op), ""), [node.left, node.right])
            case ast.UnaryOp():
                return self._result(OPERATOR_FUNCTIONS[type(node.op)], [node.operand])
            case ast.Call():
                return self._called(node)
        return None

    def _called(self, node: ast.Call) -> Inferred:
        if isinstance(node.func, ast.Name):
            name = self.aliases.get(node.func.id, node.func.id)
            if name in self.structs:
                return Held(name)
            return self._result(name, node.args)
        dtype = next((keyword.value for keyword in node.keywords if keyword.arg == "dtype"), None)
        if isinstance(dtype, ast.Name) and dtype.id in self.structs:
            return Held(dtype.id, True)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        held = next((held for held in map(self.infer, node.args) if isinstance(held, Held)), None)
        if held is None or name == "tile_extract":
            return held and Held(held.struct)
        if name.startswith(_KEEPS_ARRAYS):
            return Held(held.struct, True)
        # A built-in that gives back one of its arguments (`wp.where`) gives back its struct.
        return held if not held.is_array else None

    def _result(self, name: str, arguments: list[ast.expr]) -> Inferred:
        """Return what a function of the source gives for these arguments: that of the overload that takes them."""
        overloads = self.functions.get(name, [])
        held = tuple(self.infer(argument) for argument in arguments)
        fitting = [one for one in overloads if one.parameters[: len(held)] == held] or overloads
        return fitting[0].result if fitting else None

    def place_in(self, struct: str, name: str) -> int | None:
        """Return a field's place in its struct, None when there is no such struct or field."""
        fields = self.structs.get(struct, {})
        return list(fields).index(name) if name in fields else None

    def field_place(self, node: ast.Attribute) -> int | None:
        """Return the place of the field that an attribute names, None for a component.

        What may be anything (the parameter of a generic function) is taken for the first struct with such a field.
        """
        base = self.infer(node.value)
        if not isinstance(base, Held) or base.is_array:
            return None
        if base == ANYTHING:
            places = (self.place_in(struct, node.attr) for struct in self.structs)
            return next((place for place in places if place is not None), None)
        return self.place_in(base.struct, node.attr)

    def _annotated(self, node: ast.expr | None) -> Inferred:
        if isinstance(node, ast.Name):
            if node.id == "Any":
                return ANYTHING
            return Held(node.id) if node.id in self.structs else None
        if isinstance(node, ast.Call):
            elements = [keyword.value for keyword in node.keywords if keyword.arg == "dtype"]
            return _array_of(self._annotated(elements[0])) if elements else None
        if isinstance(node, ast.Subscript):
            return self._subscripted(node)
        return None

    def _subscripted(self, node: ast.Subscript) -> Inferred:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if isinstance(node.value, ast.Name) and node.value.id == "tuple":
            return [_single(self._annotated(element)) for element in parts]
        if isinstance(node.value, ast.Attribute) and node.value.attr == "ref":
            return self._annotated(node.slice)
        return _array_of(self._annotated(parts[0]))


def _single(held: Inferred) -> Held | None:
    return None if isinstance(held, list) else held


def _array_of(element: Inferred) -> Inferred:
    return Held(element.struct, True) if isinstance(element, Held) else None
