"""Whether a kernel itself is at fault for a race: every thread stores to the same element, as its text shows."""

from __future__ import annotations

import ast
import math

from oracle.peers.rewrites.program import Program, name_of
from oracle.rerun import Case


def stores_to_one_element(source: str) -> bool:
    """Whether a kernel stores to an element of an array whose indices are all literals."""
    kernel = Program(source).kernel
    arrays = {one.arg for one in kernel.args.args}
    stores = [node for node in ast.walk(kernel) if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)]
    return any(name_of(one.value) in arrays and not _names_in(one.slice) for one in stores)


def _names_in(node: ast.expr) -> bool:
    return any(isinstance(one, ast.Name) for one in ast.walk(node))


def races_itself(case: Case) -> bool:
    """Whether several threads of a plain launch store to one element."""
    several = math.prod(case.dims or (2,)) > 1
    return several and not case.options.tiled and stores_to_one_element(case.source)
