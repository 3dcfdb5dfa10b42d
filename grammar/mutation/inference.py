"""Static types of a source's expressions, as far as annotations, assignments and Warp's registry tell them.

What has no type here is left alone by mutation: tiles, resources, slices, parameters of any type.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import libcst as cst
import warp as wp

from grammar import domains, registry
from grammar.mutation.tree import children, code, indices_of, name_of, walk, warp_name
from grammar.recogniser.vocabulary import vocabulary
from grammar.types import (
    BOOL,
    FLOAT32,
    INT32,
    SCALARS,
    Array,
    Matrix,
    Quaternion,
    Scalar,
    Struct,
    Transform,
    Type,
    ValueType,
    Vector,
)

_PYTHON = {"int": INT32, "float": FLOAT32, "bool": BOOL}
_SCALARS = {scalar.name: scalar for scalar in SCALARS}
_ARRAYS = {f"{kind}{suffix}": (kind == "indexedarray", ndim)
           for kind in ("array", "indexedarray")
           for suffix, ndim in (("", 1), ("1d", 1), ("2d", 2), ("3d", 3), ("4d", 4))}  # fmt: skip
_PYTHON_FUNCTIONS = ("abs", "min", "max", "pow", "round")
_COMPARED = (cst.Comparison, cst.BooleanOperation)
_PASSES = 2
"""How often the assignments of a function are read: variables that loops carry have their types after the first."""

Expression = cst.BaseExpression
Found = Type | None


@functools.cache
def named_types() -> Mapping[str, ValueType]:
    """Return Warp's names for types, `vec3` and `float64`, with the types that they name."""
    found = {name: registry.from_warp(getattr(wp, name)) for name in vocabulary().types}
    return {name: type_ for name, type_ in found.items() if type_ is not None} | _SCALARS


@functools.cache
def result_types(name: str, types: tuple[ValueType, ...]) -> tuple[ValueType, ...]:
    """Return what a built-in gives for arguments of these types; nothing where no overload takes them."""
    builtin = registry.builtins().get(name)
    if builtin is None:
        return ()
    specialised = registry.specialise(name, sorted(set(types), key=str))
    fitting = (overload.results for overload in (*builtin.concrete, *specialised) if overload.types == types)
    return next(fitting, ())


@functools.cache
def _operators() -> Mapping[str, str]:
    """Return the built-ins behind the operators of two operands."""
    unary = ("neg", "pos", "invert", "unot")
    found = {row.operator: name for name, row in domains.DOMAINS.items() if row.operator and name not in unary}
    return found | {"@": "mul", "**": "pow"}


_SYMBOLS: Mapping[type[cst.CSTNode], str] = {
    cst.Add: "+", cst.Subtract: "-", cst.Multiply: "*", cst.Divide: "/", cst.FloorDivide: "//", cst.Modulo: "%",
    cst.MatrixMultiply: "@", cst.Power: "**", cst.BitAnd: "&", cst.BitOr: "|", cst.BitXor: "^", cst.LeftShift: "<<",
    cst.RightShift: ">>",
    cst.AddAssign: "+", cst.SubtractAssign: "-", cst.MultiplyAssign: "*", cst.DivideAssign: "/",
    cst.FloorDivideAssign: "//", cst.ModuloAssign: "%", cst.MatrixMultiplyAssign: "@", cst.PowerAssign: "**",
    cst.BitAndAssign: "&", cst.BitOrAssign: "|", cst.BitXorAssign: "^", cst.LeftShiftAssign: "<<",
    cst.RightShiftAssign: ">>",
}  # fmt: skip


def operator_name(operator: cst.CSTNode) -> str:
    """Return the built-in behind an operator of two operands, augmented or not."""
    return _operators()[_SYMBOLS[type(operator)]]


def callee_of(call: cst.Call) -> str:
    """Return the name of the built-in that a call calls, `wp.` left out; empty for functions of the source's own."""
    plain = name_of(call.func)
    return warp_name(call.func) or (plain if plain in _PYTHON or plain in _PYTHON_FUNCTIONS else "")


class Types:
    """The types of a module: of its structs and constants, its functions' variables, and any expression in them."""

    def __init__(self, module: cst.Module) -> None:
        self.structs: dict[str, Struct | None] = {}
        self.aliases: dict[str, ValueType] = {}
        self.constants: dict[str, ValueType] = {}
        self.functions: dict[str, list[cst.FunctionDef]] = {}
        self.results: dict[str, tuple[Found, ...]] = {}
        self.variables: dict[str, dict[str, Found]] = {}
        self._known: dict[int, Found] = {}
        self._local: dict[str, Found] = {}
        for node in module.body:
            self._learn(node)

    def of(self, node: cst.CSTNode) -> Found:
        """Return the type of an expression of a function, None where it is not known."""
        return self._known.get(id(node))

    def value(self, node: cst.CSTNode) -> ValueType | None:
        """Return the type of an expression that is a value and no struct or array, None for others."""
        found = self.of(node)
        return None if isinstance(found, Array | Struct) else found

    def is_overloaded(self, name: str) -> bool:
        """Whether several functions of the source have a name."""
        return len(self.functions.get(name, ())) > 1

    def annotated(self, node: cst.CSTNode | None) -> Found:
        """Return the type that an annotation names."""
        if isinstance(node, cst.Name):
            return _PYTHON.get(node.value) or self.aliases.get(node.value) or self.structs.get(node.value)
        if isinstance(node, cst.Attribute):
            return named_types().get(warp_name(node))
        if isinstance(node, cst.Call) and warp_name(node.func) in _ARRAYS:
            keywords = {name_of(arg.keyword): arg.value for arg in node.args}
            known = set(keywords) <= {"dtype"}
            return self._array(warp_name(node.func), self.annotated(keywords.get("dtype"))) if known else None
        if isinstance(node, cst.Subscript) and warp_name(node.value) in _ARRAYS:
            dtypes = indices_of(node) or []
            return self._array(warp_name(node.value), self.annotated(dtypes[0])) if len(dtypes) == 1 else None
        return None

    @staticmethod
    def _array(maker: str, dtype: Found) -> Found:
        indexed, ndim = _ARRAYS[maker]
        return None if dtype is None or isinstance(dtype, Array) else Array(dtype, ndim, indexed)

    # the module's level

    def _learn(self, node: cst.CSTNode) -> None:
        match node:
            case cst.ClassDef():
                self._learn_struct(node)
            case cst.SimpleStatementLine(body=[cst.Assign(targets=[target], value=value)]):
                self._learn_name(name_of(target.target), value)
            case cst.FunctionDef():
                self._learn_function(node)

    def _learn_struct(self, node: cst.ClassDef) -> None:
        fields: list[tuple[str, Found]] = []
        for line in node.body.body:
            entries = [part for part in getattr(line, "body", ()) if isinstance(part, cst.AnnAssign)]
            fields += [(name_of(part.target), self.annotated(part.annotation.annotation)) for part in entries]
        known = tuple((name, type_) for name, type_ in fields if type_ is not None)
        is_struct = any(warp_name(one.decorator) == "struct" for one in node.decorators)
        self.structs[node.name.value] = Struct(node.name.value, known) if is_struct and known else None

    def _learn_name(self, name: str, value: Expression) -> None:
        if isinstance(value, cst.Call) and code(value.func).startswith("wp.types."):
            made = self._made_type(value)
            if made is not None:
                self.aliases[name] = made
            return
        named = self.annotated(value)
        if named is not None and not isinstance(named, Array | Struct):
            self.aliases[name] = named
            return
        if isinstance(value, cst.Call) and warp_name(value.func) == "constant" and len(value.args) == 1:
            value = value.args[0].value
        found = self._typed(value)
        if found is not None and not isinstance(found, Array):
            self.constants[name] = found

    def _made_type(self, call: cst.Call) -> ValueType | None:
        """Return the type that `wp.types.vector(length=5, dtype=float)` or the like makes."""
        keywords = {name_of(arg.keyword): arg.value for arg in call.args}
        dtype = self.annotated(keywords.get("dtype"))
        if not isinstance(dtype, Scalar):
            return None
        sizes = [
            int(part.value) for value in keywords.values() for part in walk(value) if isinstance(part, cst.Integer)
        ]
        match warp_types_name(call), sizes:
            case "vector", [length]:
                return Vector(length, dtype)
            case "matrix", [rows, columns]:
                return Matrix(rows, columns, dtype)
            case "quaternion", []:
                return Quaternion(dtype)
            case "transformation", []:
                return Transform(dtype)
        return None

    def _learn_function(self, node: cst.FunctionDef) -> None:
        name = node.name.value
        self.functions.setdefault(name, []).append(node)
        parameters = [
            (one.name.value, self.annotated(one.annotation.annotation) if one.annotation else None)
            for one in node.params.params
        ]
        self._local = dict(parameters)
        fixed = set(self._local)
        for _ in range(_PASSES):
            returned = self._read_block(node, fixed)
        self.variables[name] = self._local
        self.results[name] = returned

    def _read_block(self, function: cst.FunctionDef, fixed: set[str]) -> tuple[Found, ...]:
        """Read a function's statements in order; return the types of what it returns."""
        seen: dict[str, set[Found]] = {}
        returned: set[tuple[Found, ...]] = set()
        for node in walk(function):
            match node:
                case cst.Assign(targets=[target]):
                    self._typed(node.value)
                    self._bind(target.target, node.value, seen)
                case cst.For(target=cst.Name(value=name)):
                    ranged = isinstance(node.iter, cst.Call) and name_of(node.iter.func) in ("range", "reversed")
                    seen.setdefault(name, set()).add(INT32 if ranged else None)
                    self._local[name] = INT32 if ranged else None
                    self._typed(node.iter)
                case cst.Return(value=value) if value is not None:
                    self._typed(value)
                    parts = [one.value for one in value.elements] if isinstance(value, cst.Tuple) else [value]
                    returned.add(tuple(self.of(part) for part in parts))
                case cst.AugAssign() | cst.Expr() | cst.Assert() | cst.If() | cst.While():
                    for part in children(node):
                        if isinstance(part, Expression):
                            self._typed(part)
        for name, types in seen.items():
            if name not in fixed:
                self._local[name] = next(iter(types)) if len(types) == 1 else None
        return returned.pop() if len(returned) == 1 else ()

    def _bind(self, target: cst.CSTNode, value: Expression, seen: dict[str, set[Found]]) -> None:
        if isinstance(target, cst.Name):
            self._see(target.value, self.of(value), seen)
            return
        if not isinstance(target, cst.Tuple):
            self._typed(target)
            return
        for element, type_ in zip(target.elements, self._several(value, len(target.elements)), strict=True):
            self._see(name_of(element.value), type_, seen)

    def _several(self, value: Expression, count: int) -> Sequence[Found]:
        """Return the types of the values that one expression unpacks into."""
        found: Sequence[Found] = ()
        if isinstance(value, cst.Tuple):
            found = [self.of(element.value) for element in value.elements]
        elif isinstance(value, cst.Call) and warp_name(value.func) == "tid":
            found = [INT32] * count
        elif isinstance(value, cst.Call):
            found = self.results.get(name_of(value.func)) or _results(
                callee_of(value), [self.of(argument.value) for argument in value.args]
            )
        return found if len(found) == count else [None] * count

    def _see(self, name: str, type_: Found, seen: dict[str, set[Found]]) -> None:
        seen.setdefault(name, set()).add(type_)
        self._local[name] = type_

    # expressions

    def _typed(self, node: cst.CSTNode) -> Found:
        """Return the type of an expression, and keep it and its parts' types."""
        found = self._inferred(node)
        self._known[id(node)] = found
        return found

    def _inferred(self, node: cst.CSTNode) -> Found:
        match node:
            case cst.Integer():
                return INT32
            case cst.Float():
                return FLOAT32
            case cst.Name():
                if node.value in ("True", "False"):
                    return BOOL
                return self._local.get(node.value, self.constants.get(node.value))
            case cst.BinaryOperation():
                return _applied(operator_name(node.operator), (self._typed(node.left), self._typed(node.right)))
            case cst.UnaryOperation():
                operand = self._typed(node.expression)
                return BOOL if isinstance(node.operator, cst.Not) else operand
            case cst.IfExp():
                self._typed(node.test)
                body, orelse = self._typed(node.body), self._typed(node.orelse)
                return body if body == orelse else None
            case cst.Call():
                return self._called(node, [self._typed(argument.value) for argument in node.args])
            case cst.Attribute():
                return self._attribute(node)
            case cst.Subscript():
                return self._element(node)
        for part in walk(node):
            if part is not node and isinstance(part, Expression) and id(part) not in self._known:
                self._typed(part)
        return BOOL if isinstance(node, _COMPARED) else None

    def _called(self, node: cst.Call, types: list[Found]) -> Found:
        plain = name_of(node.func)
        if plain in self.functions:
            results = self.results.get(plain, ())
            return results[0] if len(results) == 1 and not self.is_overloaded(plain) else None
        if plain in self.structs or plain in self.aliases:
            return self.aliases.get(plain) or self.structs.get(plain)
        callee = callee_of(node)
        if callee in named_types() or callee in _PYTHON:
            return _PYTHON.get(callee) or named_types().get(callee)
        if any(argument.keyword is not None for argument in node.args):
            return None
        if callee == "where" and len(types) == 3:
            return types[1] if types[1] == types[2] else None
        return INT32 if callee == "tid" else _applied(callee, tuple(types))

    def _attribute(self, node: cst.Attribute) -> Found:
        base = self._typed(node.value)
        match base, node.attr.value:
            case Struct(), field:
                return dict(base.fields).get(field)
            case Vector() | Quaternion(), "x" | "y" | "z" | "w":
                return base.scalar
            case Transform(), "p":
                return Vector(3, base.scalar)
            case Transform(), "q":
                return Quaternion(base.scalar)
        return None

    def _element(self, node: cst.Subscript) -> Found:
        base = self._typed(node.value)
        for element in node.slice:
            for part in children(element.slice):
                self._typed(part)
        indices = indices_of(node)
        match base:
            case Array() if indices is not None and len(indices) == base.ndim:
                return base.dtype
            case Vector() | Quaternion() | Transform() if indices is not None and len(indices) == 1:
                return base.scalar
            case Matrix() if indices is not None:
                return base.scalar if len(indices) == 2 else Vector(base.columns, base.scalar)
            case Vector() if len(node.slice) == 1:
                length = _extent(base.length, node.slice[0].slice)
                return Vector(length, base.scalar) if length else None
            case Matrix() if len(node.slice) == 2:
                extents = (_extent(base.rows, node.slice[0].slice), _extent(base.columns, node.slice[1].slice))
                return _block(base, *extents)
        return None


def warp_types_name(call: cst.Call) -> str:
    """Return the `vector` of a call of `wp.types.vector`."""
    return call.func.attr.value if isinstance(call.func, cst.Attribute) else ""


def _results(name: str, types: Sequence[Found]) -> tuple[ValueType, ...]:
    known = tuple(type_ for type_ in types if type_ is not None and not isinstance(type_, Array | Struct))
    return result_types(name, known) if len(known) == len(types) else ()


def _applied(name: str, types: Sequence[Found]) -> ValueType | None:
    results = _results(name, types)
    return results[0] if len(results) == 1 else None


def _block(matrix: Matrix, rows: int | None, columns: int | None) -> ValueType | None:
    """Return what a subscript with a slice takes out of a matrix, given how much it takes along both axes."""
    if rows is None or columns is None:
        return None
    return Matrix(rows, columns, matrix.scalar) if rows and columns else Vector(rows or columns, matrix.scalar)


def _extent(length: int, part: cst.BaseSlice) -> int | None:
    """Return how many of so many components a slice of literal bounds has: 0 for an index, None for another slice."""
    if not isinstance(part, cst.Slice):
        return 0
    texts = [code(bound) if bound is not None else "" for bound in (part.lower, part.upper, part.step)]
    if not all(text.lstrip("-").isdigit() for text in texts if text):
        return None
    lower, upper, step = (int(text) if text else None for text in texts)
    return len(range(length)[slice(lower, upper, step)]) or None
