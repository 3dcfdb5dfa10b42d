"""Where operators and built-ins are used that Warp documents as having no gradient, or a wrong one."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from grammar.limits.gradients import Gradients
from grammar.limits.reading import Function, base, called

CONSTANT_ALMOST_EVERYWHERE = frozenset(
    {"floor", "ceil", "round", "rint", "trunc", "sign", "step", "nonzero", "floordiv", "argmin", "argmax"}
    | {"isfinite", "isnan", "isinf", "bool", "int", "len", "unot", "lower_bound", "tile_argmax", "tile_argmin"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
"""Built-ins registered as not differentiable whose gradient is zero anyway, or whose results are counts."""

_RESULT_WITHOUT_GRADIENT = ("bvh_query", "hash_grid_query", "mesh_query", "tile_bvh", "tile_mesh", "tile_query")
_NOTHING_LOST = frozenset(
    {"intersect_tri_tri", "tile_view", "tile_zeros", "tile_ones", "tile_empty", "printf", "load", "index"}
    | {"indexref", "tuple", "array", "zeros", "static", "expect_eq", "expect_neq", "expect_near", "identity", "poisson"}
    | {
        "range",
        "quat_identity",
        "transform_identity",
        "tile_stack_clear",
        "tile_stack_count",
        "tile_stack",
        "sample_cdf",
        "mod",
    }
)
"""Others: what calls them takes no number that a gradient could flow to, or the documentation says they pass it on."""


@functools.cache
def losing_gradients() -> frozenset[str]:
    """Return the built-ins that the installed Warp registers as not differentiable and that lose a gradient so."""
    from grammar import registry  # needs Warp, which the other detectors do not

    names = {
        builtin.name
        for builtin in registry.builtins().values()
        if not any(overload.differentiable for overload in builtin.overloads)
    }
    kept = {name for name in names if not name.startswith(_RESULT_WITHOUT_GRADIENT)}
    return frozenset(kept - CONSTANT_ALMOST_EVERYWHERE - _NOTHING_LOST)


def in_place_products(function: Function) -> Iterator[int]:
    """Yield the lines that multiply or divide an array's element, a component or a tile in place."""
    gradients = function.kept(Gradients)
    tiles = _tiles(function)
    for node in function.statements:
        if not isinstance(node, ast.AugAssign) or isinstance(node.op, ast.Add | ast.Sub):
            continue
        target = node.target
        whole = isinstance(target, ast.Name)
        if whole and target.id not in tiles:  # type: ignore[union-attr]
            continue
        if isinstance(target, ast.Attribute) and not gradients.function.array_at(_element_of(target)):
            continue  # a field of a local struct, which is assigned anew
        if whole or gradients.of_element(target) or gradients.has(node.value):
            yield node.lineno


def not_differentiable(function: Function) -> Iterator[int]:
    """Yield the lines that call what is registered as not differentiable with an argument that has a gradient."""
    gradients = function.kept(Gradients)
    for name, call in function.calls:
        is_builtin = name not in function.module.by_name
        if is_builtin and name == "store":  # its value is not there at all when the gradient is computed
            yield call.lineno
        if is_builtin and name in losing_gradients() and any(gradients.has(one) for one in _operands(call)):
            yield call.lineno
    for node in function.nodes:
        match node:
            case ast.BinOp(left=left, op=ast.Mod(), right=right) if _is_vector(left) or _is_vector(right):
                if gradients.has(node):
                    yield node.lineno


def grad_calls(function: Function) -> Iterator[int]:
    """Yield the lines that ask for `wp.grad`."""
    return (node.lineno for name, node in function.calls if name == "grad")


def tile_stacks(function: Function) -> Iterator[int]:
    """Yield the lines that push to a stack of tiles, or pop from one."""
    for name, node in function.calls:
        if name in ("tile_stack_push", "tile_stack_pop"):
            yield node.lineno


def scaled_products(function: Function) -> Iterator[int]:
    """Yield the lines on which a factor of `tile_matmul` would need a gradient."""
    gradients = function.kept(Gradients)
    for name, node in function.calls:
        if name == "tile_matmul":
            named = [one.value for one in node.keywords if one.arg in ("alpha", "beta")]
            factors = named + (node.args[3:5] if len(node.args) > 3 else node.args[2:3] if _returns(node) else [])
            if any(gradients.has(one) for one in factors):
                yield node.lineno


def noise_shapes(function: Function) -> Iterator[int]:
    """Yield the lines on which the lacunarity or gain of a noise field would need a gradient."""
    gradients = function.kept(Gradients)
    for name, node in function.calls:
        if name == "curlnoise":
            shape = [one.value for one in node.keywords if one.arg in ("lacunarity", "gain")] + node.args[3:5]
            if any(gradients.has(one) for one in shape):
                yield node.lineno


def decompositions(function: Function) -> Iterator[int]:
    """Yield the lines that decompose or invert a matrix."""
    for name, node in function.calls:
        if name in ("qr3", "eig3", "inverse"):
            yield node.lineno


def _returns(node: ast.Call) -> bool:
    return len(node.args) < 3


def _operands(node: ast.Call) -> list[ast.expr]:
    return [*node.args, *(one.value for one in node.keywords)]


def _is_vector(node: ast.expr) -> bool:
    return called(node).startswith(("vec", "vector", "spatial_vector"))


def _tiles(function: Function) -> frozenset[str]:
    return frozenset(
        name
        for name, values in function.assigned.items()
        if any(value is not None and called(value).startswith("tile") for value in values)
    )


def _element_of(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return base(node)
