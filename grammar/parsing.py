"""The syntax tree of a source that several readers ask for one after another: it is parsed once."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache


@lru_cache(maxsize=8)
def parsed(source: str) -> ast.Module:
    """Return the tree of a source, for reading only: others get the same one.

    Python's warnings about strange sources are not shown. Raises SyntaxError for text that is not Python, and what else
    `ast.parse` raises.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)
