"""Which expressions are certainly scalars, and of which type: as much as the source alone tells."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from grammar.recogniser.scope import warp_name
from grammar.recogniser.vocabulary import PYTHON_TYPES, SCALARS
from oracle.peers.rewrites.program import name_of

_PYTHON_NAMES = {"int32": "int", "float32": "float"}

FLOATS = ("float", "float64", "float16", "bfloat16")
"""The float types, as `ScalarTypes` calls them."""

INTEGERS = ("int", "int8", "uint8", "int16", "uint16", "uint32", "int64", "uint64")

_GUESSES = 3
"""How long a chain of assignments may be before the first one that tells a type, against the order of the source."""

_SAME_TYPE = frozenset(
    {
        *("sin", "cos", "tan", "exp", "log", "sqrt", "abs", "min", "max", "clamp", "floor", "ceil", "pow", "atan2"),
        *("asin", "acos", "atan", "sinh", "cosh", "tanh", "log2", "log10", "round", "rint", "trunc", "cbrt"),
    }
)
"""Built-ins that return a scalar of their arguments' type where all of those are scalars of one type."""


class ScalarTypes:
    """The scalar types of one function's variables and expressions, by their names without `wp.`.

    A variable has a type if everything that is assigned to it has it.
    """

    def __init__(self, function: ast.FunctionDef) -> None:
        self._arrays: dict[str, tuple[str, int]] = {}
        self._variables: dict[str, str] = {}
        for argument in function.args.args:
            self._add_parameter(argument)
        self._parameters = dict(self._variables)
        unknown = {argument.arg for argument in function.args.args} - self._parameters.keys()
        statements = [node for node in ast.walk(function) if isinstance(node, ast.For | ast.Assign | ast.AugAssign)]
        for _ in range(_GUESSES):
            self._variables = self._inferred(statements, unknown, certain=False)
        while not self._variables.items() <= (found := self._inferred(statements, unknown, certain=True)).items():
            self._variables = dict(self._variables.items() & found.items())

    def _inferred(self, statements: Sequence[ast.stmt], unknown: set[str], certain: bool) -> dict[str, str]:
        """Return the variables of one type, by the types known so far; unless `certain`, others do not count.

        So a variable that is assigned to from itself starts with the type that its other assignments have, and loses
        it again unless all of them agree.
        """
        found: dict[str, set[str]] = {name: {type_} for name, type_ in self._parameters.items()}
        found |= {name: {""} for name in unknown}
        for node in statements:
            for name, type_ in self._assigned(node):
                if type_ or certain:
                    found.setdefault(name, set()).add(type_)
        return {name: next(iter(types)) for name, types in found.items() if len(types) == 1 and "" not in types}

    def of(self, node: ast.expr) -> str:
        """Return the type of an expression that is certainly a scalar, `float` for float32, else the empty text."""
        match node:
            case ast.Constant(value=bool()):
                return "bool"
            case ast.Constant(value=int()):
                return "int"
            case ast.Constant(value=float()):
                return "float"
            case ast.Name():
                return self._variables.get(node.id, "")
            case ast.UnaryOp(op=ast.USub()):
                return self.of(node.operand)
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Mod() | ast.FloorDiv()):
                return self._common([node.left, node.right])
            case ast.IfExp():
                return self._common([node.body, node.orelse])
            case ast.Call():
                return self._of_call(node)
            case ast.Subscript():
                return self._of_element(node)
        return ""

    def _common(self, nodes: list[ast.expr]) -> str:
        types = {self.of(node) for node in nodes}
        return types.pop() if len(types) == 1 else ""

    def _of_call(self, node: ast.Call) -> str:
        called = warp_name(node.func) or name_of(node.func)
        if called in PYTHON_TYPES or (called in SCALARS and warp_name(node.func)):
            return _PYTHON_NAMES.get(called, called)
        if called in _SAME_TYPE and warp_name(node.func) and node.args:
            return self._common(node.args)
        return ""

    def _of_element(self, node: ast.Subscript) -> str:
        element, rank = self._arrays.get(name_of(node.value), ("", 0))
        index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return element if len(index) == rank and not any(isinstance(one, ast.Slice) for one in index) else ""

    def _add_parameter(self, argument: ast.arg) -> None:
        annotation = argument.annotation
        if isinstance(annotation, ast.Call):
            kind = warp_name(annotation.func) or ""
            dtype = next((keyword.value for keyword in annotation.keywords if keyword.arg == "dtype"), None)
            ndim = [keyword.value for keyword in annotation.keywords if keyword.arg == "ndim"]
            if dtype is not None and not ndim and kind.startswith(("array", "indexedarray")):
                self._arrays[argument.arg] = _scalar(dtype), int(kind[-2]) if kind.endswith("d") else 1
        elif annotation is not None and _scalar(annotation):
            self._variables[argument.arg] = _scalar(annotation)

    def _assigned(self, node: ast.AST) -> list[tuple[str, str]]:
        """Return the variables that a statement assigns to, each with the type of what it gets."""
        if isinstance(node, ast.For):
            over_range = isinstance(node.iter, ast.Call) and name_of(node.iter.func) in ("range", "reversed")
            return [(name_of(node.target), "int" if over_range else "")]
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            return [(node.target.id, self._common([ast.Name(node.target.id, ast.Load()), node.value]))]
        if not isinstance(node, ast.Assign):
            return []
        target = node.targets[0]
        if isinstance(target, ast.Tuple):
            of_thread = isinstance(node.value, ast.Call) and warp_name(node.value.func) == "tid"
            return [(name_of(one), "int" if of_thread else "") for one in target.elts]
        if isinstance(node.value, ast.Call) and warp_name(node.value.func) == "tid":
            return [(name_of(target), "int")]
        return [(target.id, self.of(node.value))] if isinstance(target, ast.Name) else []


def _scalar(annotation: ast.expr) -> str:
    """Return the type that an annotation names, the empty text for anything but a scalar."""
    if name_of(annotation) in PYTHON_TYPES:
        return name_of(annotation)
    name = warp_name(annotation) or ""
    return _PYTHON_NAMES.get(name, name) if name in SCALARS else ""
