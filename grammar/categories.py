"""The categories: what a kernel is about. A row each, with all that the grammar knows of it.

A category is defined by what a kernel of it contains, as seen on its tree (`contains`), wherever that comes from;
generation makes the definition true by construction, with the row's production. The first ten are kinds of constructs,
the others shapes of real programs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import libcst as cst

from grammar import palette, requirements, visiting
from grammar.facts import Facts
from grammar.palette import Taste
from grammar.programs import (
    bodies,
    chains,
    elements,
    equations,
    fluids,
    graphs,
    grids,
    layers,
    particles,
    rays,
    reductions,
    sampling,
    scatter,
)
from grammar.programs.page import floats
from grammar.requirements import Requirement
from grammar.resources.category import geometry
from grammar.tiles import programs


@dataclass(frozen=True)
class Category:
    """One row: how it is made, how it is recognised, how it is named, and the types and launches that suit it.

    `verbs` begin its kernels' names and `nouns` end them, if not the name of an input does; `subject` says what its
    threads do with their inputs. `lines` is about how many the production needs. `dimensions` weights launches by how
    many dimensions they have; `tiled` kernels are launched in blocks of threads.
    """

    production: Requirement
    definition: Callable[[Facts], bool]
    verbs: tuple[str, ...]
    subject: str
    taste: Taste
    dimensions: tuple[tuple[int, float], ...] = ((1, 66), (2, 24), (3, 10))
    nouns: tuple[str, ...] = ()
    lines: int = 4
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
    "geometry": Category(
        geometry,
        lambda facts: facts.queries > 0,
        verbs=("query", "probe", "trace", "locate", "sense", "sample"),
        subject="asks a resource about",
        taste=Taste(20),
        dimensions=((1, 80), (2, 15), (3, 5)),
    ),
    "tile": Category(
        programs.tile,
        lambda facts: facts.tiles >= 1,
        verbs=("reduce", "multiply", "stage", "transform", "scan", "blend", "stream", "pack"),
        subject="works on tiles of",
        taste=Taste(25),
        tiled=True,
    ),
    "reduction": Category(
        reductions.reduction,
        lambda facts: facts.flow.carried > 0 and len(facts.flow.reads) > 0,
        verbs=("reduce", "sum", "average", "aggregate", "summarize", "fold"),
        subject="folds",
        taste=Taste(30),
        dimensions=((1, 80), (2, 16), (3, 4)),
        nouns=("rows", "values", "segments", "samples"),
        lines=10,
    ),
    "scan": Category(
        reductions.scan,
        lambda facts: (
            (facts.flow.carried > 0 and (facts.flow.bounds_depend or facts.flow.stores_in_loops > 0))
            or facts.flow.has_neighbours
        ),
        verbs=("scan", "accumulate", "prefix", "running", "cumulate"),
        subject="scans",
        taste=Taste(30),
        dimensions=((1, 75), (2, 20), (3, 5)),
        nouns=("rows", "totals", "sequence", "counts"),
        lines=9,
    ),
    "gather_scatter": Category(
        scatter.gather_scatter,
        lambda facts: facts.flow.gathers + facts.flow.scatters > 0,
        verbs=("gather", "scatter", "permute", "collect", "distribute", "lookup"),
        subject="goes through indices into",
        taste=Taste(25),
        dimensions=((1, 100),),
        nouns=("values", "elements", "entries", "neighbors"),
        lines=8,
    ),
    "histogram": Category(
        scatter.histogram,
        lambda facts: facts.atomics > 0 and (facts.flow.scatters > 0 or (facts.branches > 0 and facts.loops > 0)),
        verbs=("count", "bin", "tally", "histogram", "bucket"),
        subject="counts in bins",
        taste=Taste(35),
        nouns=("samples", "values", "levels"),
        lines=8,
    ),
    "stencil": Category(
        grids.stencil,
        lambda facts: facts.flow.has_neighbours,
        verbs=("filter", "blur", "smooth", "sharpen", "convolve", "erode"),
        subject="combines neighbouring elements of",
        taste=Taste(20),
        dimensions=((1, 35), (2, 50), (3, 15)),
        nouns=("grid", "image", "field", "cells"),
        lines=12,
    ),
    "pde": Category(
        equations.pde,
        lambda facts: facts.flow.has_neighbours and facts.scalar_parameters > 0 and facts.operators >= 5,
        verbs=("diffuse", "advect", "step", "evolve", "relax", "propagate"),
        subject="takes a step of a differential equation on",
        taste=Taste(0),
        dimensions=((1, 35), (2, 50), (3, 15)),
        nouns=("field", "heat", "wave", "concentration"),
        lines=10,
    ),
    "n_body": Category(
        particles.n_body,
        lambda facts: facts.flow.has_pairs and facts.has_distance and (facts.flow.carried > 0 or facts.atomics > 0),
        verbs=("attract", "repel", "simulate", "accelerate", "pull"),
        subject="sums the forces between pairs from",
        taste=Taste(0, floats("vec3"), 4.0),
        dimensions=((1, 80), (2, 20)),
        nouns=("bodies", "particles", "forces", "stars"),
        lines=20,
    ),
    "sph": Category(
        fluids.sph,
        lambda facts: facts.flow.has_pairs and facts.has_distance and facts.flow.carried > 0 and facts.branches > 0,
        verbs=("compute", "estimate", "smooth", "sample", "interpolate"),
        subject="smooths over the neighbours within a radius of",
        taste=Taste(0, floats("vec3"), 3.0),
        dimensions=((1, 85), (2, 15)),
        nouns=("density", "pressure", "fluid", "particles"),
        lines=25,
    ),
    "ray_march": Category(
        rays.ray_march,
        lambda facts: facts.loops > 0 and (facts.has_distance or facts.flow.early_ends > 0) and facts.has_vector,
        verbs=("trace", "march", "render", "shade", "cast", "intersect"),
        subject="follows a ray through",
        taste=Taste(0, floats("vec3"), 3.0),
        dimensions=((1, 35), (2, 65)),
        nouns=("rays", "scene", "pixels", "spheres"),
        lines=25,
    ),
    "rigid_body": Category(
        bodies.rigid_body,
        lambda facts: facts.has_quaternion and facts.has_vector and facts.operators >= 5,
        verbs=("integrate", "step", "move", "simulate", "advance"),
        subject="integrates a rigid body from",
        taste=Taste(0, floats("vec3", "quat"), 3.0),
        dimensions=((1, 100),),
        nouns=("bodies", "state", "motion", "velocities"),
        lines=28,
    ),
    "transform": Category(
        chains.transform,
        lambda facts: facts.has_transform,
        verbs=("compose", "pose", "skin", "transform", "articulate"),
        subject="composes the transformations of",
        taste=Taste(0, floats("vec3", "quat"), 3.0),
        dimensions=((1, 100),),
        nouns=("chain", "joints", "bones", "frames"),
        lines=14,
    ),
    "graph": Category(
        graphs.graph,
        lambda facts: facts.flow.gathers > 0 and (facts.flow.scatters > 0 or facts.flow.carried > 0),
        verbs=("relax", "propagate", "visit", "rank", "traverse", "label"),
        subject="relaxes the edges of a graph given by",
        taste=Taste(35),
        dimensions=((1, 100),),
        nouns=("edges", "nodes", "neighbors", "distances"),
        lines=12,
    ),
    "neural": Category(
        layers.neural,
        lambda facts: facts.flow.weighted_sums > 0,
        verbs=("forward", "infer", "activate", "predict", "evaluate"),
        subject="computes a neuron from",
        taste=Taste(0),
        dimensions=((1, 50), (2, 50)),
        nouns=("layer", "neurons", "activations", "outputs"),
        lines=16,
    ),
    "fem": Category(
        elements.fem,
        lambda facts: facts.flow.gathers >= 2 and facts.flow.scatters >= 2,
        verbs=("assemble", "integrate", "load", "deform", "stiffen"),
        subject="assembles the contributions of an element from",
        taste=Taste(0, floats("vec2", "vec3"), 3.0),
        dimensions=((1, 100),),
        nouns=("elements", "stiffness", "forces", "mesh"),
        lines=20,
    ),
    "random": Category(
        sampling.random,
        lambda facts: facts.has_draws,
        verbs=("sample", "draw", "estimate", "perturb", "roll"),
        subject="draws random numbers for",
        taste=Taste(0),
        nouns=("samples", "walks", "noise", "estimates"),
        lines=14,
    ),
}

CATEGORIES: tuple[str, ...] = tuple(ROWS)


def contains(category: str, tree: cst.Module) -> bool:
    """Whether a kernel's module contains what its category promises; raises KeyError for an unknown category."""
    facts = Facts()
    visiting.visit(tree, facts)
    return ROWS[category].definition(facts)
