"""Python sources become Warp kernels of one Warp module without a file being written.

Warp registers a kernel in the module that its namespace's `__name__` says, and reads its text through `linecache`, so
each source runs in a namespace of its own that carries the batch's name, with its lines put where `linecache` looks.
"""

from __future__ import annotations

import linecache
import re
import traceback
from collections.abc import Mapping
from typing import Any

import warp as wp


class LoadError(Exception):
    """A source did not run, or does not hold exactly one kernel; the message is the last line of Python's report."""


def load_kernel(source: str, module: str, label: str) -> wp.Kernel:
    """Run `source` and return its one kernel, registered in the Warp module called `module`.

    This executes the source: it must be the caller's own, or accepted by the recogniser. `label` stands for the file's
    name in tracebacks and for `linecache`, and is unique among the sources that are loaded at a time. Raises LoadError.
    """
    filename = source_name(label)
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": module}
    try:
        exec(compile(source, filename, "exec", dont_inherit=True), namespace)
    except Exception as error:
        forget_source(label)
        raise LoadError("".join(traceback.format_exception_only(error)).strip()) from error
    kernels = kernels_of(namespace)
    if len(kernels) != 1:
        forget_source(label)
        raise LoadError(f"the source holds {len(kernels)} kernels instead of one")
    return kernels[0]


def kernels_of(namespace: Mapping[str, Any]) -> list[wp.Kernel]:
    """Return the kernels that a module's namespace binds, each once, in the order of their definition."""
    return list({id(value): value for value in namespace.values() if isinstance(value, wp.Kernel)}.values())


def source_name(label: str) -> str:
    """Return what stands for the file name of a source: in angle brackets, so that nothing looks for it on the disk."""
    return f"<warpsmith {label}>"


def labels_in(message: str) -> tuple[str, ...]:
    """Return the labels of the sources that a message mentions by their file names."""
    return tuple(re.findall(source_name("([^>]*)"), message))


def rename_sources(text: str, name: str) -> str:
    """Return a text in which every loaded source is called `name`."""
    return re.sub(source_name("[^>]*"), lambda _: name, text)


def forget_source(label: str) -> None:
    """Take a source's lines out of `linecache` again."""
    linecache.cache.pop(source_name(label), None)
