"""Run a Warp kernel's cpu code from another object file than the one that Warp made.

Everything that this needs of Warp's private interface stands here.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import warp as wp

from extractor.scratch import new_scratch


class PrivateApiError(RuntimeError):
    """The installed Warp lacks, or has changed, something without a public name that this module relies on."""


_numbers = count()


class LoadedObject:
    """An object file in the memory of this process, until it is collected."""

    def __init__(self, data: bytes) -> None:
        self._llvm = _llvm()
        self.handle = f"warpsmith_object_{next(_numbers)}"
        with new_scratch() as folder:
            path = folder.path / "object.o"
            path.write_bytes(data)
            if self._llvm.wp_load_obj(str(path).encode(), self.handle.encode(), *_linker_choice(self._llvm)) != 0:
                raise PrivateApiError("Warp's linker refused an object file")

    def address(self, symbol: str) -> int:
        """Return where `symbol` lies; raises PrivateApiError if the object file does not define it."""
        address = int(self._llvm.wp_lookup(self.handle.encode(), symbol.encode()))
        if not address:
            raise PrivateApiError(f"Warp's linker did not find {symbol}")
        return address

    def unload(self) -> None:
        """Free the memory; no function of the object may be called any more."""
        self._llvm.wp_unload_obj(self.handle.encode())


class Substitute:
    """Another object file for the loaded Warp module of `kernel`, with the same entry points."""

    def __init__(self, kernel: wp.Kernel, data: bytes) -> None:
        self._executables = _cpu_executables(kernel)
        loaded = LoadedObject(data)
        self._replacements = {}
        for key, executable in self._executables.items():
            replacement = copy.copy(executable)  # unloads its handle when collected
            replacement.handle, replacement.kernel_hooks = loaded.handle, {}
            self._replacements[key] = replacement
        self._registry = kernel.module.execs

    @contextmanager
    def active(self) -> Iterator[None]:
        """Launches of the module's kernels on the cpu run the substitute meanwhile."""
        self._registry.update(self._replacements)
        try:
            yield
        finally:
            self._registry.update(self._executables)


def compile_cpp(source: str) -> bytes:
    """Return the object file that Warp's clang makes of C++ that includes nothing."""
    try:
        from warp._src.build import build_cpu
    except ImportError as error:
        raise PrivateApiError(f"Warp {wp.config.version} builds C++ elsewhere: {error}") from error
    with new_scratch() as folder:
        text, result = folder.path / "source.cpp", folder.path / "source.o"
        text.write_text(source, encoding="utf-8")
        build_cpu(str(result), str(text))
        return result.read_bytes()


def _llvm() -> Any:
    try:
        from warp._src.context import runtime
    except ImportError as error:
        raise PrivateApiError(f"Warp {wp.config.version} keeps its runtime elsewhere: {error}") from error
    return runtime.llvm


def _linker_choice(llvm: Any) -> tuple[bool, ...]:
    """Return what Warp passes to say which of its linkers to use; releases before there were two take nothing."""
    return () if len(llvm.wp_load_obj.argtypes) == 2 else (bool(wp.config.legacy_cpu_linker),)


def _cpu_executables(kernel: wp.Kernel) -> dict[Any, Any]:
    try:
        loaded = {key: found for key, found in kernel.module.execs.items() if found.device.is_cpu}
    except AttributeError as error:
        raise PrivateApiError(f"Warp {wp.config.version} keeps loaded modules elsewhere: {error}") from error
    if len(loaded) != 1:
        raise PrivateApiError(f"the module of {kernel.key} is loaded {len(loaded)} times for the cpu, not once")
    return loaded
