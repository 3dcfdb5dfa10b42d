"""What a rewrite does to a kernel's parameters, so that the same inputs fit it."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from oracle.peers.rewrites.program import Program


@dataclass(frozen=True)
class Effects:
    """`added` are new parameters with their values, `moved` are new ones with the paths of what they are passed."""

    added: Mapping[str, int | float] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)


NO_EFFECTS = Effects()

Rewrite = Callable[[Program, random.Random], Effects | None]
"""Changes the program's tree in place, or leaves it as it is and returns None where there is nothing to rewrite."""


_Site = TypeVar("_Site")


def about_half(sites: Sequence[_Site], rng: random.Random) -> list[_Site]:
    """Return about half of the places for a rewrite, and at least one if there is any."""
    chosen = [site for site in sites if rng.random() < 0.5]
    return chosen or ([rng.choice(sites)] if sites else [])


def add_parameter(program: Program, rng: random.Random, stem: str, annotation: str) -> str:
    """Give the kernel a parameter, anywhere among the others, and return its name."""
    name = program.fresh(stem)
    parameters = program.kernel.args.args
    parameters.insert(rng.randrange(len(parameters) + 1), ast.arg(name, ast.parse(annotation, mode="eval").body))
    return name
