"""Python sources become Warp kernels of one Warp module without a file being written.

Warp registers a kernel in the module that its namespace's `__name__` says, and reads its text through `linecache`, so
each source runs in a namespace of its own that carries the batch's name, with its lines put where `linecache` looks.
"""

from __future__ import annotations

import linecache
import re
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import warp as wp

from extractor.warp_internals import generic_kernel_of, launchable_of


class LoadError(Exception):
    """A source did not run, or does not hold exactly one kernel; the message is the last line of Python's report."""


def load_kernel(source: str, module: str, label: str) -> wp.Kernel:
    """Run `source` and return its one kernel, registered in the Warp module called `module`.

    Of a generic kernel this is the first overload that the source registers with `wp.overload`: the one that is
    launched and recorded. The others are compiled beside it.

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
    kernels = _declared(kernels_of(namespace))
    if len(kernels) != 1 or not launchable_of(kernels[0]):
        forget_source(label)
        if len(kernels) == 1:
            raise LoadError("the source holds a generic kernel without an overload")
        raise LoadError(f"the source holds {len(kernels)} kernels instead of one")
    return launchable_of(kernels[0])[0]


def _declared(kernels: Sequence[wp.Kernel]) -> list[wp.Kernel]:
    """Return the kernels as they stand in the source: the generic one in place of an overload that has a name."""
    return list({id(kernel): kernel for kernel in map(generic_kernel_of, kernels)}.values())


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
