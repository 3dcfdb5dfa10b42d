"""A record's metadata: what the kernel is, how it was made, and how its agreement was established."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extractor.derived import token_counts
from extractor.record import SCHEMA, Artifacts
from grammar.fingerprint import Fingerprint, shape
from grammar.kernel import Kernel
from grammar.measures import level, measure, names_from_warp
from grammar.patterns import patterns
from grammar.registry import builtin_names
from oracle.judge import Judgement
from oracle.work import Work

SPLITS = (("train", 0.70), ("validation", 0.15), ("test", 0.15))

NOT_TYPES = frozenset({"kernel", "func", "struct", "types", "array", "array1d", "array2d", "array3d", "constant"})
"""Names after `wp.` that are neither built-ins nor value types."""


@dataclass(frozen=True)
class Origin:
    """How a kernel was made: number `index` of the campaign with `seed`, from no parent or from one by a mutation.

    `choices` is the encoded sequence of the choices that it was grown from, around the overloads `wanted`; a kernel
    whose tree was mutated has none.
    """

    seed: int
    index: int
    parent: str | None = None
    mutation: str | None = None
    choices: str = ""
    wanted: tuple[str, ...] = ()

    @property
    def input_seed(self) -> int:
        """The seed of the kernel's inputs: another number for every kernel of every campaign."""
        digest = hashlib.sha256(f"inputs {self.seed} {self.index}".encode()).digest()
        return int.from_bytes(digest[:6], "big")

    def to_json(self) -> dict[str, Any]:
        """Return the origin as metadata holds it."""
        data: dict[str, Any] = {
            "seed": self.seed,
            "index": self.index,
            "parent": self.parent,
            "mutation": self.mutation,
        }
        return (
            data
            | ({"choices": self.choices} if self.choices else {})
            | ({"wanted": [*self.wanted]} if self.wanted else {})
        )


def metadata(
    kernel: Kernel,
    origin: Origin,
    versions: Mapping[str, Any],
    backends: Sequence[str],
    judgement: Judgement,
    artifacts: Artifacts,
    work: Work | None = None,
) -> dict[str, Any]:
    """Return a record's metadata; the judgement is the match that admits the kernel, `work` what it was seen to do.

    `comparison` maps each leaf to its worst ULP or difference, `explained_by` names the library functions whose
    rounding accounts for what is not zero there, and `oracles` has the stance of every other oracle that was asked.
    """
    used = names_from_warp(kernel.source)
    builtins = used & builtin_names()
    complexity = measure(kernel.source).to_json()
    return {
        "kernel_name": kernel.name,
        "category": kernel.category,
        "description": kernel.description,
        "builtins": sorted(builtins),
        "types": sorted(used - builtins - NOT_TYPES),
        "features": list(kernel.features),
        "complexity": complexity,
        "level": level(complexity),
        "patterns": list(patterns(kernel.source)),
        "tokens": token_counts(kernel.source, artifacts),
        "fingerprint": Fingerprint.of(kernel.source).to_json(),
        **({"performance": work.to_json()} if work is not None else {}),
        "launch_dims": list(kernel.dims),
        **block_dim_json(kernel),
        "arguments": [argument.to_json() for argument in kernel.arguments],
        "origin": origin.to_json(),
        "versions": dict(versions) | {"schema": SCHEMA},
        "backends": list(backends),
        "input_seed": origin.input_seed,
        "comparison": judgement.comparison.to_json() if judgement.comparison else {},
        "explained_by": sorted(judgement.functions),
        "oracles": {opinion.oracle: str(opinion.stance) for opinion in judgement.opinions},
        "split": split(kernel.source),
    }


def block_dim_json(kernel: Kernel) -> dict[str, int]:
    """Return `block_dim` as metadata holds it beside the launch dims: plain launches have none."""
    return {"block_dim": kernel.block_dim} if kernel.block_dim else {}


def split(source: str) -> str:
    """Return the split of a kernel, by its shape: kernels that differ in names or literals only share one.

    The shape's hash decides, so a kernel's split stays as the corpus grows and is the same for both targets.
    """
    point = int.from_bytes(hashlib.sha256(shape(source).encode()).digest()[:8], "big") / 2**64
    total = 0.0
    for name, share in SPLITS:
        total += share
        if point < total:
            return name
    return SPLITS[-1][0]
