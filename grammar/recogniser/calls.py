"""What a kernel's body may call, and with which arguments.

Warp follows some calls further than others: `wp.static` hands its argument's text to `eval`, `wp.zeros` takes room on
the stack, `wp.array` follows an address, `wp.cast` could make one. Each of those has its rule here; the handles of
resources have theirs in `families`.
"""

from __future__ import annotations

import ast
from collections import ChainMap
from dataclasses import replace
from typing import TYPE_CHECKING

from grammar.recogniser.constants import constant_value
from grammar.recogniser.scope import Scope, keywords_of, plain_name, refuse, warp_name
from grammar.recogniser.type_language import MAX_ELEMENTS, is_value_type
from grammar.recogniser.vocabulary import ADDRESS, PYTHON_NAMES, STRING_OPTIONS, vocabulary

if TYPE_CHECKING:
    from grammar.recogniser.body import BodyRules

_ADDRESSING = frozenset({"array", "cast", "zeros"})
"""Built-ins with a rule of their own for each call, which nobody may call in another's stead."""


def check_call(body: BodyRules, node: ast.Call) -> None:
    """Refuse a call of anything but a function of the source or the grammar, or with arguments that have no rule."""
    name = warp_name(node.func)
    if name == "static":
        _check_static(body, node)
    elif name == "zeros":
        _check_zeros(body.scope, node)
    elif name == "array":
        _check_view(body, node)
    elif name == "cast":
        _check_cast(body, node)
    else:
        _check_callee(body, node.func)
        keywords = keywords_of(node)
        for value in node.args:
            _check_argument(body, value)
        for keyword, value in keywords.items():
            _check_keyword(body, keyword, value)


def _check_callee(body: BodyRules, node: ast.expr) -> None:
    name = warp_name(node)
    if name is not None:
        if name not in vocabulary().functions and name not in vocabulary().types:
            refuse(node, f"wp.{name} is no built-in of the grammar")
    elif isinstance(node, ast.Name):
        if node.id in body.callables:
            return
        known = node.id in body.scope.functions or node.id in PYTHON_NAMES or is_value_type(node, body.scope)
        if node.id in body.bound or not known:
            refuse(node, f"{node.id} is no function of the source or the grammar")
    elif isinstance(node, ast.Call) and (plain_name(node.func) == "type" or warp_name(node.func) == "static"):
        body.expression(node)
    elif isinstance(node, ast.Call) and warp_name(node.func) == "grad":
        _check_gradient(body, node)
    elif isinstance(node, ast.Attribute) and node.attr == "dtype":
        body.expression(node)
    else:
        refuse(node, "only functions called by their name are allowed")


def _check_argument(body: BodyRules, node: ast.expr) -> None:
    """An argument is a value, a type (`dtype=wp.float64`) or a function (`wp.tile_map(wp.sin, t)`)."""
    if not is_value_type(node, body.scope) and not is_function(body, node):
        body.expression(node)


def _check_keyword(body: BodyRules, name: str, node: ast.expr) -> None:
    if name.startswith("_"):
        refuse(node, f"keyword {name}")
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if node.value not in STRING_OPTIONS.get(name, ()):
            refuse(node, f"{node.value[:40]!r} is no word for {name}")
    else:
        _check_argument(body, node)


def is_function(body: BodyRules, node: ast.expr) -> bool:
    """Whether an expression names a function that may be handed on."""
    name = warp_name(node)
    if name is not None:
        return name in vocabulary().functions and name not in _ADDRESSING
    name = plain_name(node)
    return name in body.callables or (name in body.scope.functions and name not in body.bound)


def _check_gradient(body: BodyRules, node: ast.Call) -> None:
    """Check the `wp.grad(f)` of `wp.grad(f)(x)`."""
    if len(node.args) != 1 or node.keywords or not is_function(body, node.args[0]):
        refuse(node, "wp.grad takes the name of one function")


def _check_static(body: BodyRules, node: ast.Call) -> None:
    """Check that `wp.static` holds arithmetic on constants, in one line: Warp evaluates its text with newlines cut out.

    The counter of a loop over constants counts as its largest value.
    """
    if len(node.args) != 1 or keywords_of(node):
        refuse(node, "wp.static takes one argument")
    if node.lineno != node.end_lineno:
        refuse(node, "wp.static stands in one line")
    argument = node.args[0]
    if not (isinstance(argument, ast.Name) and is_function(body, argument)):
        constant_value(argument, replace(body.scope, values=ChainMap(body.counters, body.scope.values)))


def _check_zeros(scope: Scope, node: ast.Call) -> None:
    """Check `wp.zeros(shape=(4,), dtype=float)`, an array on the stack, whose size must be a constant."""
    arguments = dict(zip(("shape", "dtype"), node.args, strict=False)) | keywords_of(node)
    if set(arguments) != {"shape", "dtype"} or len(node.args) + len(node.keywords) != 2:
        refuse(node, "wp.zeros takes a shape and a dtype")
    if not is_value_type(arguments["dtype"], scope):
        refuse(arguments["dtype"], "not a type of the grammar")
    shape = arguments["shape"]
    elements = 1
    for extent in shape.elts if isinstance(shape, ast.Tuple) else [shape]:
        value = constant_value(extent, scope)
        if type(value) is not int or not 1 <= value <= MAX_ELEMENTS:
            refuse(extent, f"an extent is a constant from 1 to {MAX_ELEMENTS}")
        elements *= value
    if elements > MAX_ELEMENTS:
        refuse(shape, f"more than {MAX_ELEMENTS} elements")


def _check_view(body: BodyRules, node: ast.Call) -> None:
    """Check `wp.array(ptr=a.ptr, shape=…, dtype=…)`: the address is another array's and never a number."""
    keywords = keywords_of(node)
    if node.args or set(keywords) != {"ptr", "shape", "dtype"}:
        refuse(node, "wp.array in a kernel takes ptr, shape and dtype by keyword")
    pointer = keywords["ptr"]
    if not isinstance(pointer, ast.Attribute) or pointer.attr != ADDRESS or warp_name(pointer) is not None:
        refuse(pointer, "an address is the .ptr of an array")
    body.expression(pointer.value)
    body.expression(keywords["shape"])
    _check_reinterpretation(body, node, keywords["dtype"])


def _check_cast(body: BodyRules, node: ast.Call) -> None:
    """Check `wp.cast(x, dtype=T)`, which reads the bits of x as a T."""
    arguments = dict(zip(("a", "dtype"), node.args, strict=False)) | keywords_of(node)
    if set(arguments) != {"a", "dtype"} or len(node.args) + len(node.keywords) != 2:
        refuse(node, "wp.cast takes a value and a dtype")
    body.expression(arguments["a"])
    _check_reinterpretation(body, node, arguments["dtype"])


def _check_reinterpretation(body: BodyRules, node: ast.Call, dtype: ast.expr) -> None:
    """Bits may be read as another type by its name; a module with arrays in structs must not do it at all."""
    if not is_value_type(dtype, body.scope):
        refuse(dtype, "not a type of the grammar")
    body.scope.reinterpreted.append(node)
