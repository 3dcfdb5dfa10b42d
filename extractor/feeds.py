"""Who feeds whom in generated C++: which function's result is which argument of another, and of what class of types.

Loads and copies pass on what they are given. What no call set is a `parameter` or an `expression` (a constant, a
comparison, a field); the module's own functions are all one `function`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from extractor.calls import CallSite

_PASSED_ON = frozenset(("load", "copy"))
_NUMBERED = re.compile(r"\d")
_CLASSES = (
    ("wp::tile_", "tile"),
    ("wp::vec_t", "vector"),
    ("wp::mat_t", "matrix"),
    ("wp::quat_t", "quaternion"),
    ("wp::transform_t", "transform"),
    ("wp::float", "float"),
    ("wp::bfloat", "float"),
    ("wp::int", "integer"),
    ("wp::uint", "integer"),
    ("bool", "bool"),
    ("wp::", "object"),
)
"""How a C++ type begins, and its class; what begins otherwise is a struct."""


def feeds(sites: Iterable[CallSite]) -> frozenset[str]:
    """Return `mul > add.0 (float)` for each variable that the result of `wp::mul` goes into `wp::add` by."""
    makers: dict[str, str] = {}
    found: set[tuple[str, str, int, str]] = set()
    body = -1
    for site in sites:
        if site.body != body:
            makers.clear()
            body = site.body
        function = called(site)
        if not function:
            continue
        if function in _PASSED_ON and site.output:
            makers[site.output] = _maker(makers, site.inputs[0]) if site.inputs else "expression"
            continue
        for place, name in enumerate(site.inputs):
            if name.startswith("var_"):
                kind = _class(site.call.arguments[place])
                found.add((_maker(makers, name), function, min(place, 4), kind))
        if site.output:
            makers[site.output] = function
    return frozenset(f"{maker} > {user}.{place} ({kind})" for maker, user, place, kind in found)


def called(site: CallSite) -> str:
    """Return the name of Warp's function that a statement calls, `function` for one of the module's own.

    It is empty for what only belongs to the frame around a kernel.
    """
    name = site.call.function
    if site.native or name.startswith("builtin_"):
        return name
    return "function" if site.output else ""


def _maker(makers: dict[str, str], name: str) -> str:
    """Return what set a variable last: Warp numbers its own variables and names parameters as the source does."""
    found = makers.get(name)
    if found:
        return found
    return "expression" if _NUMBERED.match(name[4:]) else "parameter"


@functools.lru_cache(maxsize=1 << 12)
def _class(type_: str) -> str:
    """Return the class of a C++ type."""
    if "array_t<" in type_ and not type_.startswith("wp::tile_"):
        return "array"
    return next((name for start, name in _CLASSES if type_.startswith(start)), "struct")
