"""What types Warp gives to a source's expressions: its code generator is run on it, and nothing is compiled.

That takes a few milliseconds, and says at once whether the code generator takes the source at all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

import warp as wp

from extractor.loading import LoadError, forget_source, load_kernel
from extractor.warp_internals import forget_module
from grammar.registry import from_warp

Span = tuple[int, int, int, int]
"""First line, column, last line and column of an expression, as `ast` counts them: where it stands in its source."""

_numbers = count()
_MODULE = re.compile(r"\bwarpsmith_types_\d+\.")


def span_of(node: ast.expr) -> Span:
    """Return where an expression stands."""
    return node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0


def expression_types(source: str) -> Mapping[Span, str] | None:
    """Return the types of the expressions that Warp's code generator evaluates, None where it refuses the source.

    Equal texts are equal types: `float32`, `vec3f`, or what Warp calls others. An element counts as its value. This
    executes the source: it must be the caller's own, or accepted by the recogniser. Raises RuntimeError where the
    installed Warp generates code in another way.
    """
    module = f"warpsmith_types_{next(_numbers)}"
    found: dict[Span, str] = {}
    try:
        kernel = load_kernel(source, module, module)
        with _recorded(found):
            kernel.adj.build(None, dict(kernel.module.options))
    except LoadError:
        return None
    except Exception as error:  # whatever Warp objects to
        if isinstance(error, RuntimeError) and "generates code in another way" in str(error):
            raise
        return None
    finally:
        forget_source(module)
        forget_module(module)
    return found


@contextmanager
def _recorded(found: dict[Span, str]) -> Iterator[None]:
    """Enter the type of every expression that is evaluated meanwhile in `found`; in a loop the last one counts."""
    try:
        from warp._src.codegen import Adjoint

        evaluate = Adjoint.eval
    except (ImportError, AttributeError) as error:
        raise RuntimeError(f"Warp {wp.config.version} generates code in another way: {error}") from error

    def recording(adjoint: Any, node: Any) -> Any:
        value = evaluate(adjoint, node)
        type_ = getattr(value, "type", None)
        if isinstance(node, ast.expr) and type_ is not None:
            first = adjoint.fun_lineno - 1
            line, column, last, end = span_of(node)
            found[line + first, column, last + first, end] = _text(type_)
        return value

    Adjoint.eval = recording
    try:
        yield
    finally:
        Adjoint.eval = evaluate


def _text(type_: Any) -> str:
    value = getattr(type_, "value_type", type_)  # of a reference to an element
    known = from_warp(value)
    if known is not None:
        return str(known)
    text = f"struct {value.key}" if hasattr(value, "key") else repr(value)
    return _MODULE.sub("", text)
