"""What mutation starts from, a kernel of which only source and metadata are known, and what it ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grammar.kernel import Argument, Kernel


@dataclass(frozen=True)
class Parent:
    """A kernel as a record holds it: its source, and how it is launched. `lanes` is as a `Kernel` has it."""

    name: str
    source: str
    category: str
    description: str
    dims: tuple[int, ...]
    block_dim: int
    arguments: tuple[Argument, ...]
    lanes: bool = False
    features: tuple[str, ...] = ()

    @classmethod
    def from_kernel(cls, kernel: Kernel) -> Parent:
        """Return a kernel as a parent."""
        return cls(
            kernel.name,
            kernel.source,
            kernel.category,
            kernel.description,
            kernel.dims,
            kernel.block_dim,
            kernel.arguments,
            kernel.lanes,
            kernel.features,
        )

    @classmethod
    def from_metadata(cls, source: str, metadata: Mapping[str, Any]) -> Parent:
        """Return the kernel of a record; raises KeyError, TypeError or ValueError for metadata of another form.

        Metadata does not say whether threads of a block tell themselves apart; the source does, by its second index.
        """
        dims = tuple(int(extent) for extent in metadata["launch_dims"])
        block_dim = int(metadata.get("block_dim", 0))
        return cls(
            str(metadata["kernel_name"]),
            source,
            str(metadata["category"]),
            str(metadata["description"]),
            dims,
            block_dim,
            tuple(Argument.from_json(argument) for argument in metadata["arguments"]),
            bool(block_dim) and _indices(source) > len(dims),
            tuple(str(feature) for feature in metadata.get("features", ())),
        )


@dataclass(frozen=True)
class Mutant:
    """A new kernel, and the operator of `grammar.mutation.OPERATORS` that made it."""

    kernel: Kernel
    operator: str


def _indices(source: str) -> int:
    """Return how many names `wp.tid()` is unpacked into."""
    before, call, _ = source.partition(" = wp.tid()")
    return before.rpartition("\n")[2].count(",") + 1 if call else 0
