"""The type language: what an annotation may say, and how a source names a type of its own.

Python evaluates annotations while the source is loaded, so only these forms pass: Warp's and Python's scalar types,
vectors, matrices and quaternions, the source's structs and aliases, and arrays of them.
"""

from __future__ import annotations

import ast

from grammar.recogniser.scope import Scope, keywords_of, refuse, warp_name
from grammar.recogniser.vocabulary import ARRAY_TYPES, PYTHON_TYPES, TYPE_MAKERS, vocabulary

MAX_DIMENSIONS = 4
MAX_VECTOR = 64
MAX_SIDE = 16
"""Rows or columns of a matrix."""
MAX_RESULTS = 16


def is_value_type(node: ast.expr, scope: Scope) -> bool:
    """Whether an expression names a type that a variable can have: any but an array."""
    if isinstance(node, ast.Name):
        return node.id in PYTHON_TYPES or node.id in scope.structs or node.id in scope.aliases
    return warp_name(node) in vocabulary().types


def check_annotation(node: ast.expr, scope: Scope) -> None:
    """Check the annotation of a parameter or field: `T`, `wp.array(dtype=T, ndim=n)`, `wp.array2d[T]` and the like."""
    if is_value_type(node, scope):
        return
    if isinstance(node, ast.Call):
        _check_array_call(node, scope)
    elif isinstance(node, ast.Subscript):
        if warp_name(node.value) not in ARRAY_TYPES:
            refuse(node, "not an array type")
        _check_element(node.slice, scope)
    else:
        refuse(node, "not a type of the grammar")


def check_return_annotation(node: ast.expr, scope: Scope, of_kernel: bool) -> None:
    """Check what a function says that it returns: a type, `tuple[T, U]` or None; a kernel returns None."""
    if isinstance(node, ast.Constant) and node.value is None:
        return
    if of_kernel:
        refuse(node, "a kernel returns nothing")
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "tuple":
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if len(items) > MAX_RESULTS:
            refuse(node, f"more than {MAX_RESULTS} results")
        for item in items:
            _check_element(item, scope)
    else:
        check_annotation(node, scope)


def check_type_maker(node: ast.expr, scope: Scope) -> None:
    """Check the right side of an alias: `wp.types.matrix(shape=(2, 3), dtype=wp.float32)` and its siblings."""
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    maker = node.func.attr
    if warp_name(node.func.value) != "types" or maker not in TYPE_MAKERS:
        refuse(node.func, "not a maker of types")
    keywords = keywords_of(node)
    if node.args or set(keywords) != TYPE_MAKERS[maker]:
        refuse(node, f"wp.types.{maker} takes the keywords {', '.join(sorted(TYPE_MAKERS[maker]))}")
    dtype = keywords["dtype"]
    if not is_value_type(dtype, scope) or (isinstance(dtype, ast.Name) and dtype.id not in PYTHON_TYPES):
        refuse(dtype, "not a scalar type")
    if maker == "vector":
        _check_extent(keywords["length"], MAX_VECTOR)
    elif maker == "matrix":
        shape = keywords["shape"]
        if not isinstance(shape, ast.Tuple) or len(shape.elts) != 2:
            refuse(shape, "a matrix' shape is a pair of literals")
        for extent in shape.elts:
            _check_extent(extent, MAX_SIDE)


def _check_array_call(node: ast.Call, scope: Scope) -> None:
    name = warp_name(node.func)
    if name not in ARRAY_TYPES:
        refuse(node, "an annotation calls nothing but an array type")
    keywords = keywords_of(node)
    allowed = {"dtype", "ndim"} if ARRAY_TYPES[name] is None else {"dtype"}
    if node.args or "dtype" not in keywords or not set(keywords) <= allowed:
        refuse(node, f"wp.{name} in an annotation takes {' and '.join(sorted(allowed))} by keyword")
    _check_element(keywords["dtype"], scope)
    if "ndim" in keywords:
        _check_extent(keywords["ndim"], MAX_DIMENSIONS)


def _check_element(node: ast.expr, scope: Scope) -> None:
    if not is_value_type(node, scope):
        refuse(node, "not a type of the grammar")


def _check_extent(node: ast.expr, largest: int) -> None:
    if not isinstance(node, ast.Constant) or type(node.value) is not int or not 1 <= node.value <= largest:
        refuse(node, f"expected a literal from 1 to {largest}")
