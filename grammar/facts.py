"""What a kernel's tree holds, counted: the facts that the categories' definitions ask about.

Nothing but the tree is read, so it may come from anywhere.
"""

from __future__ import annotations

import functools
import re
from collections import Counter

import libcst as cst

from grammar import domains
from grammar.flow import Flow

_VECTOR_TYPE = re.compile(r"(vec[1-8](h|bf|d|b|ub|s|us|i|ui|l|ul|f|flags)?|spatial_vector[hdf]?)$")
_MATRIX_TYPE = re.compile(r"(mat[1-6][1-6](h|bf|d|b|ub|s|us|i|ui|l|ul|f|flags)?|spatial_matrix[hdf]?)$")
_QUATERNION = re.compile(r"quat(h|d|f|_\w+)?$")
_TRANSFORM = re.compile(r"transform(h|d|f|_\w+)?$")
_COMPONENTS = frozenset("xyzw")
_OPERATORS = (cst.Add, cst.Subtract, cst.Multiply, cst.Divide, cst.FloorDivide, cst.Modulo, cst.Power)
_AUGMENTED = (cst.AddAssign, cst.SubtractAssign, cst.MultiplyAssign, cst.DivideAssign, cst.ModuloAssign)

FUNCTIONS = frozenset(name for name in domains.DOMAINS if domains.is_library(name) and not name.startswith("quat")) | {
    "sqrt"
}
"""The functions that the math category is about."""

_VECTOR_CALLS = frozenset(
    {"dot", "cross", "length", "length_sq", "normalize", "cw_mul", "cw_div", "argmin", "argmax", "outer", "lerp"}
    | {"skew", "min", "max", "abs"}
)
_ONLY_VECTORS = ("cross", "dot", "length", "length_sq", "normalize")
_MATRIX_CALLS = frozenset(
    {"transpose", "determinant", "trace", "inverse", "ddot", "get_diag", "diag", "outer", "skew"}
    | {"matrix_from_rows", "matrix_from_cols"}
)


_GEOMETRY = ("mesh_", "bvh_", "hash_grid_", "volume_", "texture_", "intersect_", "closest_point_")
"""How the built-ins of resources and of geometry begin."""


class Facts(cst.CSTVisitor):
    """Counts what the definitions ask about. Names after `wp.` count as types or calls by where they stand."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.operators = 0
        self.products = 0
        self.parts = 0
        self.branches = 0
        self.longest_chain = 0
        self.loops = 0
        self.deepest_loop = 0
        self.functions = 0
        self.structs = 0
        self.scalar_parameters = 0
        self._loop_depth = 0
        self._tree: cst.Module | None = None

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Count a node before its parts."""
        match node:
            case cst.Module():
                self._tree = node
            case cst.Name():
                self.names[node.value] += 1
            case cst.Call():
                self._count_call(node.func)
            case cst.BinaryOperation():
                self.operators += isinstance(node.operator, _OPERATORS)
                self.products += isinstance(node.operator, (cst.Multiply, cst.MatrixMultiply))
            case cst.AugAssign():
                self.operators += isinstance(node.operator, _AUGMENTED)
            case cst.Subscript():
                self.parts += 1
            case cst.Attribute():
                self.parts += node.attr.value in _COMPONENTS
            case cst.If():
                self.branches += 1
                self.longest_chain = max(self.longest_chain, _chain_length(node))
            case cst.IfExp():
                self.branches += 1
            case cst.For() | cst.While():
                self.loops += 1
                self._loop_depth += 1
                self.deepest_loop = max(self.deepest_loop, self._loop_depth)
            case cst.ClassDef():
                self.structs += 1
            case cst.FunctionDef():
                self._count_function(node)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        """Leave a loop."""
        if isinstance(original_node, (cst.For, cst.While)):
            self._loop_depth -= 1

    def _count_call(self, function: cst.BaseExpression) -> None:
        if isinstance(function, cst.Attribute):
            self.calls[function.attr.value] += 1
        elif isinstance(function, cst.Name):
            self.calls[function.value] += 1

    def _count_function(self, node: cst.FunctionDef) -> None:
        if any(_decorator_name(decorator) == "func" for decorator in node.decorators):
            self.functions += 1
            return
        annotations = [parameter.annotation for parameter in node.params.params]
        self.scalar_parameters += sum(
            not isinstance(annotation.annotation, (cst.Call, cst.Subscript)) for annotation in annotations if annotation
        )

    @property
    def has_vector(self) -> bool:
        """Whether a built-in of vectors alone is called, or a vector type named and one called or a component read."""
        named = any(_VECTOR_TYPE.match(name) for name in self.names)
        return any(self.calls[name] for name in _ONLY_VECTORS) or (
            named and (self.parts > 0 or any(self.calls[name] for name in _VECTOR_CALLS))
        )

    @property
    def has_matrix(self) -> bool:
        """Whether a matrix built-in is called, or a matrix type named and a product formed or an element read."""
        named = any(_MATRIX_TYPE.match(name) for name in self.names)
        called = any(self.calls[name] for name in _MATRIX_CALLS)
        return called or (named and (self.products > 0 or self.parts > 0))

    @property
    def has_quaternion(self) -> bool:
        """Whether a quaternion type is named."""
        return any(_QUATERNION.match(name) for name in self.names)

    @property
    def has_transform(self) -> bool:
        """Whether a type of transformations is named, and used: made, multiplied, or passed to a built-in for them."""
        named = any(_TRANSFORM.match(name) for name in self.names)
        return named and (self.products > 0 or any(name.startswith("transform") for name in self.calls))

    @property
    def has_distance(self) -> bool:
        """Whether a vector's length or square is computed."""
        return any(self.calls[name] for name in ("length", "length_sq", "dot", "sqrt"))

    @property
    def has_draws(self) -> bool:
        """Whether random numbers are drawn from a state that the kernel seeds."""
        drawn = any(name.startswith(("rand", "sample_")) and name != "rand_init" for name in self.calls)
        return self.calls["rand_init"] > 0 and drawn

    @functools.cached_property
    def flow(self) -> Flow:
        """What the kernel's indices and totals depend on."""
        if self._tree is None:
            raise ValueError("the facts of no tree: visit one first")
        return Flow(self._tree)

    @property
    def library_calls(self) -> int:
        """How many calls of mathematical functions there are."""
        return sum(self.calls[name] for name in FUNCTIONS)

    @property
    def tiles(self) -> int:
        """How many calls of built-ins for tiles there are."""
        return sum(
            count for name, count in self.calls.items() if name.startswith("tile_") or name in ("tile", "untile")
        )

    @property
    def atomics(self) -> int:
        """How many atomics are called; augmented assignments to elements, which are atomics as well, do not count."""
        return sum(count for name, count in self.calls.items() if name.startswith("atomic_"))

    @property
    def queries(self) -> int:
        """How many calls ask a resource or test triangles and edges."""
        return sum(count for name, count in self.calls.items() if name.startswith(_GEOMETRY))

    @property
    def ingredients(self) -> int:
        """How many different things a kernel combines."""
        return sum(
            (
                self.has_vector or self.has_matrix,
                self.has_quaternion,
                self.loops > 0,
                self.branches > 0,
                self.library_calls > 0,
                self.atomics > 0,
                self.functions > 0,
                self.structs > 0,
            )
        )


def _chain_length(node: cst.If) -> int:
    """Return how many branches an if has, the else included."""
    length = 1
    rest = node.orelse
    while isinstance(rest, cst.If):
        length, rest = length + 1, rest.orelse
    return length + (rest is not None)


def _decorator_name(decorator: cst.Decorator) -> str:
    node = decorator.decorator
    return node.attr.value if isinstance(node, cst.Attribute) else ""
