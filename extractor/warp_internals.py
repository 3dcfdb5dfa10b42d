"""The parts of Warp without a public name that the extractor needs, each behind one function."""

from __future__ import annotations

from typing import Any

import warp as wp


def mangled_name(kernel: wp.Kernel) -> str:
    """Return the name that Warp derives a kernel's entry points from: its key and a hash. The kernel is compiled.

    Raises RuntimeError where the installed Warp names kernels in another way.
    """
    try:
        return str(kernel.get_mangled_name())
    except AttributeError as error:
        raise RuntimeError(f"Warp {wp.config.version} does not tell how it names a kernel: {error}") from error


def launchable_of(kernel: wp.Kernel) -> list[wp.Kernel]:
    """Return what can be launched of a kernel: itself, or a generic kernel's overloads as they were registered."""
    if not kernel.is_generic:
        return [kernel]
    return list(kernel.overloads.values())


def generic_kernel_of(kernel: wp.Kernel) -> wp.Kernel:
    """Return the generic kernel that an overload was made from, any other kernel itself."""
    return getattr(kernel, "generic_parent", None) or kernel


def forget_module(name: str) -> None:
    """Unload the Warp module called `name` and drop it from Warp's registry, so that its kernels can be collected.

    Raises RuntimeError where the installed Warp keeps its modules elsewhere.
    """
    try:
        from warp._src.context import user_modules
    except ImportError as error:
        raise RuntimeError(f"Warp {wp.config.version} keeps its modules elsewhere: {error}") from error
    module = user_modules.pop(name, None)
    if module is not None:
        module.unload()
        _forget_struct_sizes(module)
        # modules whose functions this one calls (`warp.math`) know it, and stay for good
        for called in module.references:
            called.dependents.discard(module)


def _forget_struct_sizes(module: Any) -> None:
    """Drop the module's structs from the table of sizes that Warp keeps for good, and that would keep the module alive.

    A Warp without that table (it has no public name) needs nothing here.
    """
    import warp._src.types as warp_types

    sizes = getattr(warp_types, "_type_size_cache", {})
    for kind in [kind for kind in sizes if getattr(kind, "module", None) is module]:
        del sizes[kind]
