"""Warp translates a module's kernels once for both targets, instead of once for each.

What Warp makes of a kernel's Python, the blocks of its `Adjoint`, does not know the target: it is printed as C++ or as
CUDA afterwards. Warp's `ModuleBuilder` nevertheless translates everything again for every compilation. Within
`shared_codegen` the next compilation of the same kernels gets the last builder, unless its options say something else
to the translation. A Warp whose builder is made in another way translates twice, as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@contextmanager
def shared_codegen(neutral: Set[str]) -> Iterator[None]:
    """Let the compilations of one module share a translation; `neutral` names the options that it does not read."""
    import warp._src.context as context

    original = context.ModuleBuilder
    context.ModuleBuilder = _Builders(original, neutral)
    try:
        yield
    finally:
        context.ModuleBuilder = original


def neutral_options(sources: Iterable[str], plain_tiles: bool) -> frozenset[str]:
    """Return the options that the translation of these sources does not read.

    Tiles know how many threads their block has, and NVIDIA's libraries for them are linked by architecture, unless
    the module's options leave the libraries out: `plain_tiles`.
    """
    if not any("tile" in source for source in sources):
        return frozenset({"optimization_level", "output_arch", "block_dim"})
    return frozenset({"optimization_level", "output_arch"} if plain_tiles else {"optimization_level"})


@dataclass
class _Builders:
    """Stands for `ModuleBuilder`: makes one, or returns the last one for another target."""

    original: Any
    neutral: Set[str]
    last: Any = None

    def __call__(self, module: Any, options: Mapping[str, Any], hasher: Any = None, **more: Any) -> Any:
        if self._fits(module, options, hasher):
            self._turn(options, hasher, more)
        else:
            self.last = self.original(module, options, hasher, **more)
        return self.last

    def _fits(self, module: Any, options: Mapping[str, Any], hasher: Any) -> bool:
        """Whether the last builder's translation is that of the hasher's kernels with these options."""
        return (
            self.last is not None
            and self.last.module is module
            and hasher is not None
            and [*map(id, self.last.kernels)] == [*map(id, hasher.get_unique_kernels())]
            and not (self.last.ltoirs or self.last.fatbins or self.last.ltoirs_decl)
            and self._read(self.last.options) == self._read(options)
        )

    def _read(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in options.items() if name not in self.neutral}

    def _turn(self, options: Mapping[str, Any], hasher: Any, more: Mapping[str, Any]) -> None:
        """Bring what else a new builder would note up to date: the options, the kernels' hashes for this block size."""
        builder = self.last
        builder.options = options
        builder.kernels = hasher.get_unique_kernels()
        for name, value in more.items():
            setattr(builder, name, value)
        for kernel_hash, kernel in hasher.unique_kernels.items():
            kernel.hash = kernel_hash
            if hasattr(builder.module, "_cache_kernel_tid_extent_limit"):  # since 1.19
                builder.module._cache_kernel_tid_extent_limit(kernel, options["block_dim"])
