"""A kernel: one typed module source, with what a caller must know to launch it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import libcst as cst

Range = tuple[int, int]
"""Lowest and highest value, both included."""


@dataclass(frozen=True)
class Argument:
    """What a launch must pass for one parameter, beyond what the parameter's annotation says.

    `shape` is the extent of an array in each dimension, and empty for values. `ranges` bounds the integers that the
    kernel relies on (loop bounds, indices, operands whose signed arithmetic must not overflow), by the dotted path of
    the struct field inside the argument; the path of the argument itself is the empty string. Integers without a
    range may take any value of their type, and floats any value at all. `written` says that the kernel stores to it.

    `layout` is how an array lies in memory, `fill` what its values or the value have in common, and `resource` what the
    handle or object that is passed stands for; each is a word of the table of its name in `grammar.arguments`, and
    empty for the ordinary case.
    """

    name: str
    shape: tuple[int, ...] = ()
    ranges: Mapping[str, Range] = field(default_factory=lambda: MappingProxyType({}))
    written: bool = False
    layout: str = ""
    fill: str = ""
    resource: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the argument as the JSON object that a record's metadata holds."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "ranges": {path: list(bounds) for path, bounds in sorted(self.ranges.items())},
            "written": self.written,
        } | {key: word for key in ("layout", "fill", "resource") if (word := getattr(self, key))}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Argument:
        """Read what `to_json` wrote; raises KeyError, TypeError or ValueError on anything else."""
        return cls(
            name=str(data["name"]),
            shape=tuple(int(extent) for extent in data["shape"]),
            ranges=MappingProxyType({str(path): (int(low), int(high)) for path, (low, high) in data["ranges"].items()}),
            written=bool(data["written"]),
            layout=str(data.get("layout", "")),
            fill=str(data.get("fill", "")),
            resource=str(data.get("resource", "")),
        )


@dataclass(frozen=True)
class Kernel:
    """One `@wp.kernel` with the functions, structs and constants that it needs, and how to launch it.

    `tree` is the whole module. `dims` are the launch dimensions, 1 to 3 of them; with a `block_dim` each point of them
    is a block of that many threads, as `wp.launch_tiled` makes it; `lanes` says that they tell themselves apart within
    the block. `features` are the overloads and
    constructs that the productions used (`builtin:sin(float32)`, `statement:while`), sorted, for statistics; `contexts`
    are the overloads among them with each place of their use (`builtin:sin(float32) @ kernel, for`), sorted.
    """

    name: str
    tree: cst.Module
    category: str
    description: str
    dims: tuple[int, ...]
    arguments: tuple[Argument, ...]
    features: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    block_dim: int = 0
    lanes: bool = False

    def __repr__(self) -> str:
        """Show the source, which says more than its tree, as in the report of a failed test."""
        return f"<kernel {self.name}, launched with {self.dims}>\n{self.source}"

    @cached_property
    def source(self) -> str:
        """The module's Python source; printing a tree takes milliseconds, so it is done once."""
        return self.tree.code
