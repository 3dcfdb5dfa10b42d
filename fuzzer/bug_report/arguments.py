"""The lines of a script that make a launch's arguments, in the order in which a person would write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from fuzzer.bug_report.resources import resource_lines
from fuzzer.bug_report.signature import ArrayText, StructText, TypeText, signature_of
from fuzzer.bug_report.values import creation, extent, nested, scalar
from oracle.backends.layouts import layout_of
from oracle.floats import is_float, numbers
from oracle.reduce.minimal import Minimal
from oracle.resources import ResourceInput


class Unwritable(Exception):  # noqa: N818
    """No script can be written for a minimised kernel; the message says why."""


@dataclass
class Arguments:
    """The `lines` that make the arguments, what the launch is `passed` for each parameter, and the arrays by path.

    `adjoints` are what an adjoint launch takes for each; gradients of arrays inside structs do not come back by it.
    `arrays` holds the variable of every array, those inside struct values included.
    """

    lines: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    adjoints: list[str] = field(default_factory=list)
    arrays: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Writer:
    """Writes the arguments of a minimised kernel for a device; `gradients` says that arrays of floats get some.

    `layouts` says by path how arrays lie in memory that are not contiguous. `taken` are names in use.
    """

    minimal: Minimal
    device: str
    gradients: bool
    layouts: Mapping[str, str]
    taken: frozenset[str] = frozenset()

    def arguments(self) -> Arguments:
        """Return the arguments; raises Unwritable for what has no short text."""
        found = Arguments()
        for name, kind in signature_of(self.minimal.case.source).parameters:
            text = self._value(found, name, kind, self.minimal.inputs[name])
            found.passed.append(text)
            found.adjoints.append(_adjoint(kind, text))
        return found

    def _value(self, found: Arguments, path: str, kind: TypeText, value: Any) -> str:
        """Write what makes a value, and return the text that passes it."""
        if isinstance(value, ResourceInput):
            return self._resource(found, path, value)
        if isinstance(kind, ArrayText):
            found.arrays[path] = self._array(found, path, kind, value)
            return found.arrays[path]
        if isinstance(kind, StructText):
            return self._struct(found, path, kind, value)
        if value.shape:
            return f"{kind.name}({', '.join(scalar(one) for one in numbers(value).ravel())})"
        return self._typed(kind.name, scalar(value))

    def _typed(self, name: str, text: str) -> str:
        """Return a number with its type where a kernel's overload is told by that."""
        return f"{name}({text})" if self._generic and name.startswith("wp.") else text

    @cached_property
    def _generic(self) -> bool:
        return signature_of(self.minimal.case.source).generic

    def _resource(self, found: Arguments, path: str, given: ResourceInput) -> str:
        name = self._name(path)
        lines = resource_lines(name, given, self.device)
        if lines is None:
            raise Unwritable(f"the parameter {path} stands for a resource ({given.word})")
        found.lines += lines
        return self._typed("wp.uint64", f"{name}.id")

    def _struct(self, found: Arguments, path: str, kind: StructText, value: Mapping[str, Any]) -> str:
        parts = [
            (name, self._value(found, f"{path}.{name}", part, value[name]))
            for name, part in kind.fields
            if isinstance(part, ArrayText) or not _is_zero(value[name])
        ]
        name = self._name(path)
        found.lines.append(f"{name} = {kind.name}()")
        found.lines += [f"{name}.{part} = {text}" for part, text in parts]
        return name

    def _array(self, found: Arguments, path: str, kind: ArrayText, value: np.ndarray) -> str:
        name = self._name(path)
        word = self.layouts.get(path, "indexed" if kind.indexed else "")
        axes = _axes(self.minimal, path, value)
        layout = layout_of(word, value.shape[:axes])
        values = layout.spread(value)
        more = ", requires_grad=True" if self.gradients and _has_floats(value.dtype) else ""
        made = creation(values, values.shape[:axes], kind.dtype, self.device, more)
        if not word:
            found.lines.append(f"{name} = {made}")
            return name
        found.lines.append(f"whole_{name} = {made}")
        found.lines.append(f"{name} = {self._view(f'whole_{name}', word, axes, value.shape[:axes])}")
        return name

    def _view(self, whole: str, word: str, axes: int, shape: tuple[int, ...]) -> str:
        """Return the text of what a kernel is passed of a larger array."""
        if word == "transposed":
            return f"{whole}.transpose()"
        if word == "indexed":
            lists = [
                "None" if one is None else f"wp.array({nested(one)}, dtype=int, device={self.device})"
                for one in layout_of(word, shape).lists
            ]
            return f"wp.indexedarray({whole}, [{', '.join(lists)}])"
        parts = ["1:-1"] * axes if word == "sliced" else [":"] * (axes - 1) + ["::2"]
        return f"{whole}[{', '.join(parts)}]"

    def _name(self, path: str) -> str:
        """Return the variable for what lies at a path: its own name, unless the source has that for something else."""
        name = path.replace(".", "_")
        return f"{name}_" if name in self.taken else name


def _adjoint(kind: TypeText, text: str) -> str:
    if isinstance(kind, ArrayText) and not kind.indexed:
        return f"{text}.grad"
    return f"{kind.name}()" if isinstance(kind, StructText) else "None"


def gradient_lines(minimal: Minimal, arguments: Arguments, device: str) -> dict[str, str]:
    """Return for every array that a backward pass starts from, by its variable, the text of the gradient there.

    Those of nothing but zeros are left out.
    """
    kinds = dict(_arrays("", signature_of(minimal.case.source).parameters))
    found = {}
    for path, values in minimal.gradients.items():
        if not _is_zero(values):
            axes = _axes(minimal, path, values)
            if minimal.layouts.get(path) or kinds[path].indexed:
                raise Unwritable(f"the gradient of {path} does not lie contiguously in memory")
            found[arguments.arrays[path]] = creation(values, values.shape[:axes], kinds[path].dtype, device)
    return found


def _arrays(path: str, parts: tuple[tuple[str, TypeText], ...]) -> list[tuple[str, ArrayText]]:
    found: list[tuple[str, ArrayText]] = []
    for name, kind in parts:
        at = f"{path}.{name}" if path else name
        if isinstance(kind, ArrayText):
            found.append((at, kind))
        elif isinstance(kind, StructText):
            found += _arrays(at, kind.fields)
    return found


def _axes(minimal: Minimal, path: str, values: np.ndarray) -> int:
    """Return how many of an array's axes are its own, not its elements'."""
    shapes = {str(one["name"]): one["shape"] for one in minimal.case.arguments or ()}
    return len(shapes[path]) if path in shapes else values.ndim


def _has_floats(dtype: np.dtype) -> bool:
    if is_float(dtype):
        return True
    return any(_has_floats(dtype[name].base) for name in dtype.names or ())


def _is_zero(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_zero(part) for part in value.values())
    return isinstance(value, np.ndarray) and not value.tobytes().strip(b"\0")


def dims_text(dims: tuple[int, ...], tiled: bool) -> str:
    """Return a launch's dimensions as `wp.launch` or `wp.launch_tiled` takes them."""
    return f"[{', '.join(map(str, dims))}]" if tiled else extent(dims)
