"""Which resources a kernel's parameters stand for, as its source tells: what a launch must pass, and may not choose.

Native code follows a handle as a pointer. So arguments that come with a kernel are checked against the source before
anything runs: a handle gets a resource of its family, and nothing else gets one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from grammar.arguments import family_of
from grammar.kernel import Argument
from grammar.recogniser.families import handle_families

_VOLUME_SUFFIX = re.compile(r"\bvolume_(?:sample|lookup|store|sample_grad)_(f|v|i|index)\b")
_VOLUME_DTYPE = re.compile(r"\bvolume_\w+\([^\n]*dtype=(?:wp\.)?(\w+)")
_VOLUMES = {
    "float64": "volume_d",
    "int": "volume_i",
    "int32": "volume_i",
    "int64": "volume_l",
    "uint32": "volume_ui",
    "vec3": "volume_v",
    "vec3d": "volume_v3d",
    "vec4": "volume_v4",
    "vec4d": "volume_v4d",
}


def check_resources(source: str, arguments: Sequence[Argument]) -> None:
    """Raise ValueError unless the arguments pass a resource of the right family for every handle, and for nothing else.

    `source` is accepted by the recogniser.
    """
    families = handle_families(source)
    given = {argument.name: argument.resource for argument in arguments if argument.resource}
    for name, family in families.items():
        passed = family_of(given[name]) if name in given else "nothing"
        if passed != family:
            raise ValueError(f"the kernel follows '{name}' as a {family}, but is passed {passed}")
    for name, resource in given.items():
        if name not in families:
            raise ValueError(f"'{name}' is passed a {resource}, but the kernel does not follow it")


def default_resources(source: str) -> Mapping[str, str]:
    """Return a resource for each parameter that is one, as the rest of the source suggests."""
    return {name: _default(family, source) for name, family in handle_families(source).items()}


def _default(family: str, source: str) -> str:
    match family:
        case "mesh" | "bvh":
            return f"{family}_groups" if "get_group_root" in source else family
        case "hash_grid":
            return "hash_grid_h" if "vec3h" in source else "hash_grid_d" if "vec3d" in source else "hash_grid"
        case "volume":
            suffix, dtype = _VOLUME_SUFFIX.search(source), _VOLUME_DTYPE.search(source)
            if suffix is not None:
                return f"volume_{suffix[1]}"
            return _VOLUMES.get(dtype[1], "volume_f") if dtype else "volume_f"
        case _:
            return family
