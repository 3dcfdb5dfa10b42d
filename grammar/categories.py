"""The categories: what a kernel is about. A row each, with all that the grammar knows of it.

A category is defined by what a kernel of it contains, as seen on its tree (`contains`), wherever that comes from;
generation makes the definition true by construction, with the row's production. The first ten are kinds of constructs,
the others shapes of real programs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import libcst as cst
from grammar.palette import Taste
from grammar.requirements import Requirement

from grammar import palette, requirements
from grammar.facts import Facts
from grammar.tiles import programs


@dataclass(frozen=True)
class Category:
    """One row: how it is made, how it is recognised, how it is named, and the types and launches that suit it.

    `verbs` begin its kernels' names, and `subject` says what its threads do with their inputs. `dimensions` weights
    launches by how many dimensions they have; `tiled` kernels are launched in blocks of threads.
    """

    production: Requirement
    definition: Callable[[Facts], bool]
    verbs: tuple[str, ...]
    subject: str
    taste: Taste
    dimensions: tuple[tuple[int, float], ...] = ((1, 66), (2, 24), (3, 10))
    tiled: bool = False


ROWS: Mapping[str, Category] = {
    "arithmetic": Category(
        requirements.arithmetic,
        lambda facts: facts.operators >= 3,
        verbs=("combine", "compute", "evaluate", "rescale", "mix", "offset"),
        subject="does arithmetic on",
        taste=Taste(integers=45),
    ),
    "vector": Category(
        requirements.vector,
        lambda facts: facts.has_vector,
        verbs=("project", "displace", "blend", "measure", "advance", "reflect"),
        subject="does vector algebra on",
        taste=Taste(25, palette.vector_types, 5.0),
    ),
    "matrix": Category(
        requirements.matrix,
        lambda facts: facts.has_matrix,
        verbs=("transform", "assemble", "multiply", "compose", "solve", "rotate"),
        subject="does matrix algebra on",
        taste=Taste(8, palette.matrix_types, 5.0),
    ),
    "control_flow": Category(
        requirements.control_flow,
        lambda facts: facts.branches > 0 and facts.loops > 0,
        verbs=("filter", "march", "relax", "classify", "trace", "settle"),
        subject="steers through",
        taste=Taste(35),
    ),
    "math": Category(
        requirements.math,
        lambda facts: facts.library_calls >= 2,
        verbs=("evaluate", "shape", "attenuate", "map", "modulate", "warp"),
        subject="applies mathematical functions to",
        taste=Taste(0),
    ),
    "atomic": Category(
        requirements.atomic,
        lambda facts: facts.atomics > 0,
        verbs=("accumulate", "count", "reduce", "gather", "tally", "bin"),
        subject="reduces",
        taste=Taste(40),
    ),
    "nested_loop": Category(
        requirements.nested_loop,
        lambda facts: facts.deepest_loop >= 2,
        verbs=("convolve", "sum", "sweep", "integrate", "correlate", "scan"),
        subject="sweeps over",
        taste=Taste(25),
    ),
    "multi_conditional": Category(
        requirements.multi_conditional,
        lambda facts: facts.longest_chain >= 3,
        verbs=("classify", "select", "bucket", "grade", "route", "quantize"),
        subject="sorts into cases",
        taste=Taste(35),
    ),
    "combined": Category(
        requirements.combined,
        lambda facts: facts.ingredients >= 3,
        verbs=("simulate", "update", "process", "integrate", "resolve", "evolve"),
        subject="processes",
        taste=Taste(15, palette.many_types),
    ),
    "scalar_param": Category(
        requirements.scalar_param,
        lambda facts: facts.scalar_parameters >= 2,
        verbs=("scale", "apply", "adjust", "damp", "tune", "shift"),
        subject="applies parameters to",
        taste=Taste(25),
    ),
    "tile": Category(
        programs.tile,
        lambda facts: facts.tiles >= 2,
        verbs=("reduce", "multiply", "stage", "transform", "scan", "blend", "stream", "pack"),
        subject="works on tiles of",
        taste=Taste(25),
        tiled=True,
    ),
}

CATEGORIES: tuple[str, ...] = tuple(ROWS)


def contains(category: str, tree: cst.Module) -> bool:
    """Whether a kernel's module contains what its category promises; raises KeyError for an unknown category."""
    facts = Facts()
    tree.visit(facts)
    return ROWS[category].definition(facts)
