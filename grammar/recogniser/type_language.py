"""The type language: what an annotation may say, and how a source names a type of its own.

Python evaluates annotations while the source is loaded, so only these forms pass: Warp's and Python's scalar types,
vectors, matrices, quaternions and transformations, the source's structs and aliases, arrays and tiles of them, the
objects of `OBJECT_TYPES`, and the words of generic functions.
"""

from __future__ import annotations

import ast

from grammar.recogniser.scope import Scope, keywords_of, plain_name, refuse, warp_name
from grammar.recogniser.vocabulary import (
    ARRAY_TYPES,
    GENERIC_TYPES,
    OBJECT_TYPES,
    PYTHON_TYPES,
    SHAPED_TYPES,
    TYPE_MAKERS,
    vocabulary,
)

MAX_DIMENSIONS = 4
MAX_VECTOR = 64
MAX_SIDE = 16
"""Rows or columns of a matrix."""
MAX_RESULTS = 16
MAX_ELEMENTS = 4096
"""Elements of a tile, or of an array on the stack."""


def is_value_type(node: ast.expr, scope: Scope) -> bool:
    """Whether an expression names a type that a variable can have: any but an array."""
    if isinstance(node, ast.Name):
        return node.id in PYTHON_TYPES or node.id in scope.structs or node.id in scope.aliases
    return warp_name(node) in vocabulary().types


def check_annotation(node: ast.expr, scope: Scope) -> None:
    """Check the annotation of a parameter or field: `T`, `wp.array(dtype=T, ndim=n)`, `wp.array2d[T]` and the like."""
    if is_value_type(node, scope) or is_callable_type(node, scope) or warp_name(node) in OBJECT_TYPES:
        return
    if isinstance(node, ast.Call) and warp_name(node.func) in (ARRAY_TYPES.keys() | SHAPED_TYPES):
        _check_array_call(node, scope)
    elif isinstance(node, ast.Subscript) and plain_name(node.value) == "tuple":
        _check_tuple(node, scope)
    elif isinstance(node, ast.Subscript):
        _check_subscript(node, scope)
    else:
        _check_element(node, scope)


def check_return_annotation(node: ast.expr, scope: Scope, of_kernel: bool) -> None:
    """Check what a function says that it returns: a type, `tuple[T, U]` or None; a kernel returns None."""
    if isinstance(node, ast.Constant) and node.value is None:
        return
    if of_kernel:
        refuse(node, "a kernel returns nothing")
    check_annotation(node, scope)


def _check_tuple(node: ast.Subscript, scope: Scope) -> None:
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if len(items) > MAX_RESULTS:
        refuse(node, f"more than {MAX_RESULTS} values in a tuple")
    for item in items:
        _check_element(item, scope)


def is_callable_type(node: ast.expr, scope: Scope) -> bool:
    """Whether an annotation stands for a function that is passed as an argument."""
    return warp_name(node) == "Function" or (plain_name(node) == "Callable" and "Callable" in scope.imported)


def is_type_maker(node: ast.expr) -> bool:
    """Whether an expression calls something that hangs off `wp.types` or another module of Warp."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Attribute)
    )


def check_type_maker(node: ast.expr, scope: Scope, generic: bool = False) -> None:
    """Check the right side of an alias: `wp.types.matrix(shape=(2, 3), dtype=wp.float32)` and its siblings.

    `generic` allows `Any` for extents and types, as the annotations of generic functions have it.
    """
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    maker = node.func.attr
    if warp_name(node.func.value) != "types" or maker not in TYPE_MAKERS:
        refuse(node.func, "not a maker of types")
    keywords = keywords_of(node)
    if node.args or set(keywords) != TYPE_MAKERS[maker]:
        refuse(node, f"wp.types.{maker} takes the keywords {', '.join(sorted(TYPE_MAKERS[maker]))}")
    dtype = keywords["dtype"]
    is_scalar = is_value_type(dtype, scope) and (not isinstance(dtype, ast.Name) or dtype.id in PYTHON_TYPES)
    if not is_scalar and not (generic and _is_generic(dtype, scope)):
        refuse(dtype, "not a scalar type")
    shape = keywords.get("shape", keywords.get("length"))
    if maker == "matrix" and (not isinstance(shape, ast.Tuple) or len(shape.elts) != 2):
        refuse(shape, "a matrix' shape is a pair of literals")
    for extent in shape.elts if isinstance(shape, ast.Tuple) else [shape]:
        if extent is not None and not (generic and _is_generic(extent, scope)):
            _check_extent(extent, MAX_VECTOR if maker == "vector" else MAX_SIDE)


def check_shape(node: ast.expr) -> None:
    """Check a shape in literals, `4` or `(4, 2)`, of not too many elements."""
    extents = node.elts if isinstance(node, ast.Tuple) else [node]
    if not 1 <= len(extents) <= MAX_DIMENSIONS:
        refuse(node, f"a shape has 1 to {MAX_DIMENSIONS} extents")
    elements = 1
    for extent in extents:
        elements *= _check_extent(extent, MAX_ELEMENTS)
    if elements > MAX_ELEMENTS:
        refuse(node, f"more than {MAX_ELEMENTS} elements")


def _check_array_call(node: ast.Call, scope: Scope) -> None:
    name = warp_name(node.func) or ""
    keywords = keywords_of(node)
    if name in SHAPED_TYPES:
        allowed = {"dtype", "shape"}
    else:
        allowed = {"dtype", "ndim"} if ARRAY_TYPES[name] is None else {"dtype"}
    if node.args or "dtype" not in keywords or not set(keywords) <= allowed:
        refuse(node, f"wp.{name} in an annotation takes {' and '.join(sorted(allowed))} by keyword")
    _check_element(keywords["dtype"], scope)
    if "ndim" in keywords:
        _check_extent(keywords["ndim"], MAX_DIMENSIONS)
    if "shape" in keywords:
        check_shape(keywords["shape"])


def _check_subscript(node: ast.Subscript, scope: Scope) -> None:
    """Check `wp.array2d[T]`, `wp.ref[T]` or `wp.tile[T, 4, 4]`."""
    name = warp_name(node.value)
    if name in SHAPED_TYPES and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) > 1:
        element, *extents = node.slice.elts
        check_shape(ast.copy_location(ast.Tuple(extents, ast.Load()), node.slice))
    elif name in ARRAY_TYPES or name in ("ref", "tile"):
        element = node.slice
    else:
        refuse(node, "not an array type")
    _check_element(element, scope)


def _check_element(node: ast.expr, scope: Scope) -> None:
    if is_value_type(node, scope) or _is_generic(node, scope):
        return
    if is_type_maker(node):
        check_type_maker(node, scope, generic=True)
    elif isinstance(node, ast.Call):
        refuse(node, "an annotation calls nothing but an array type")
    else:
        refuse(node, "not a type of the grammar")


def _is_generic(node: ast.expr, scope: Scope) -> bool:
    return warp_name(node) in GENERIC_TYPES or (plain_name(node) == "Any" and "Any" in scope.imported)


def _check_extent(node: ast.expr, largest: int) -> int:
    if not isinstance(node, ast.Constant) or type(node.value) is not int or not 1 <= node.value <= largest:
        refuse(node, f"expected a literal from 1 to {largest}")
    return node.value
