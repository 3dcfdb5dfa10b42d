"""Where a module's own variables and functions have their addresses; variables keep their values between launches."""

from __future__ import annotations

import numpy as np

from .errors import Malformed
from .literals import variable_bytes
from .memory import ALIGNMENT, FUNCTION_BASE, MODULE_BASE, Extent, Segment
from .parse import Function, ModuleIndex
from .types import Array


class ModuleSpace:
    """A module's `.global` and `.const` variables in memory; each is laid down when code first names it."""

    def __init__(self, index: ModuleIndex) -> None:
        self._variables = {n: v for n, v in index.variables.items() if v.space in ("global", "const")}
        room = sum(v.size + 2 * ALIGNMENT + v.align for v in self._variables.values())
        self.segment = Segment("module", MODULE_BASE, room)
        self._functions = {FUNCTION_BASE + 16 * i: f for i, f in enumerate(index.functions.values())}
        self._addresses: dict[str, int] = {}
        self._next = ALIGNMENT

    def function_at(self, address: int) -> Function | None:
        """The function that has this address."""
        return self._functions.get(address)

    def address(self, name: str) -> int | None:
        """The address of a variable or function; None if the module has none of that name."""
        if name in self._addresses:
            return self._addresses[name]
        variable = self._variables.get(name)
        if variable is None:
            return next((address for address, f in self._functions.items() if f.name == name), None)
        start = -(-self._next // max(16, variable.align)) * max(16, variable.align)
        self._next = start + variable.size + ALIGNMENT
        self._addresses[name] = self.segment.base + start
        self._initialise(name)
        self.segment.add(Extent(start, variable.size))
        return self._addresses[name]

    def _initialise(self, name: str) -> None:
        contents = np.frombuffer(variable_bytes(self._variables[name], self._required), np.uint8)
        start = self._addresses[name] - self.segment.base
        self.segment.data[start : start + len(contents)] = contents

    def contents(self) -> Array:
        """What the variables hold that have been laid down so far."""
        return self.segment.data[: self._next].copy()

    def restore(self, contents: Array) -> None:
        """Let all variables hold what they held when `contents` was taken."""
        self.segment.data[: len(contents)] = contents
        for name, address in self._addresses.items():
            if address - self.segment.base >= len(contents):
                self._initialise(name)

    def _required(self, name: str) -> int:
        address = self.address(name)
        if address is None:
            raise Malformed(f"an initialiser names {name}, which the module does not define")
        return address
