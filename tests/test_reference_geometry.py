"""The reference answers what meshes, trees of boxes and volumes are asked as the cpu does, and says what is open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from grammar.kernel import Argument
from oracle.backends import cpu
from oracle.inputs import Inputs, make_inputs
from oracle.observation import Observation
from oracle.opinions import Opinion, Stance
from oracle.parameters import parameters_of
from oracle.reference import Program
from oracle.reference.definitions import DEFINITIONS, geometry
from oracle.reference.launch import evaluate
from oracle.reference.opinion import consult
from oracle.reference.run import Run

SOURCE = """
import warp as wp


@wp.kernel
def probe(
    mesh: wp.uint64,
    tree: wp.uint64,
    volume: wp.uint64,
    places: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=int),
    boxes: wp.array(dtype=int),
    sampled: wp.array(dtype=float),
    normals: wp.array(dtype=wp.vec3),
    corners: wp.array(dtype=wp.vec3),
    hits: wp.array(dtype=int),
):
    i = wp.tid()
    p = places[i]
    found = int(0)
    face = int(0)
    query = wp.mesh_query_aabb(mesh, p - wp.vec3(0.4), p + wp.vec3(0.4))
    while wp.mesh_query_aabb_next(query, face):
        found += face + 1
    faces[i] = found
    for face in wp.mesh_query_sphere(mesh, p, 0.75):
        faces[i] += 1000 * (face + 1)
    box = int(0)
    near = wp.bvh_query_sphere(tree, p, 0.5)
    while wp.bvh_query_next(near, box):
        boxes[i] += 1 + box * box
    uvw = wp.volume_world_to_index(volume, p)
    cell = wp.volume_lookup_f(volume, i % 10, 9 - i % 10, 3)
    sampled[i] = wp.volume_sample_f(volume, uvw, wp.Volume.LINEAR) + cell
    sampled[i] += 100.0 * wp.volume_sample_f(volume, uvw, wp.Volume.CLOSEST)
    normals[i] = wp.mesh_eval_face_normal(mesh, i % 24)
    ahead = wp.vec3(1.0, 0.3, 0.2) - p
    hits[i] = wp.mesh_query_ray_count_intersections(mesh, p, ahead)
    if wp.mesh_query_ray_anyhit(mesh, p, ahead, 0.5):
        hits[i] += 10
    corners[i] = wp.mesh_get_point(mesh, i) + wp.mesh_eval_position(mesh, i % 24, 0.25, 0.5)
"""

COUNT = 20

ARGUMENTS = (
    Argument("mesh", resource="mesh"),
    Argument("tree", (32,), resource="bvh"),
    Argument("volume", resource="volume_f"),
    Argument("places", (COUNT,), fill="point"),
    *(Argument(name, (COUNT,)) for name in ("faces", "boxes", "sampled", "normals", "corners", "hits")),
)


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, Inputs, Observation]]:
    """Return the kernel, its inputs and what the cpu made of them."""
    folder: Path = tmp_path_factory.mktemp("scratch")
    options = CompileOptions(backward=False, cuda_level=0)
    with open_workspace(folder) as workspace, compile_batch([SOURCE], options, workspace) as batch:
        (compiled,) = batch.results
        assert isinstance(compiled, Compiled)
        inputs = make_inputs(compiled.kernel, ARGUMENTS, 5)
        observed = cpu.run(compiled, (COUNT,), inputs, False)
        yield Program.of(SOURCE, parameters_of(compiled.kernel)), inputs, observed


def _opinion(probed: tuple[Program, Inputs, Observation]) -> Opinion:
    program, inputs, observed = probed
    reference = consult(program, (COUNT,), inputs)
    assert not isinstance(reference, Opinion), reference.reason
    return reference.opinion("cpu", observed)


def test_queries_lookups_and_samples_agree_with_the_cpu(probed: Any) -> None:
    opinion = _opinion(probed)
    assert opinion.stance is Stance.AGREES, opinion.reason
    _, _, observed = probed
    assert len(set(observed.values["faces"].tolist())) > 2
    assert len(set(observed.values["boxes"].tolist())) > 5
    assert len(set(observed.values["hits"].tolist())) > 2


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("bvh_query_sphere", lambda right: lambda run, a, b, r, *c: right(run, a, b, r * np.float32(1.5))),
        ("mesh_query_ray_anyhit", lambda right: lambda run, m, p, a, t: right(run, m, p, a, t + t)),
        ("volume_lookup_f", lambda right: lambda run, v, i, j, k: right(run, v, k, j, i)),
    ],
)
def test_a_definition_that_is_wrong_accuses(name: str, make: Any, probed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oracle.reference.launch.DEFINITIONS", {**DEFINITIONS, name: make(DEFINITIONS[name])})
    assert _opinion(probed).stance is Stance.ACCUSES


def test_all_of_it_runs_in_float64_and_what_is_found_does_not_depend_on_the_order(probed: Any) -> None:
    program, inputs, _ = probed
    wide = evaluate(program, (COUNT,), inputs, wide=True).observation.values
    usual = evaluate(program, (COUNT,), inputs).observation.values
    assert wide["sampled"].dtype == np.float64
    for seed in range(4):
        noisy = evaluate(program, (COUNT,), inputs, noise=seed).observation.values
        assert np.array_equal(noisy["boxes"], usual["boxes"])


def test_noise_turns_the_order_of_what_a_query_finds() -> None:
    orders = {tuple(map(int, geometry.Query(Run(noise=seed), np.arange(4)))) for seed in range(8)}
    assert orders == {(0, 1, 2, 3), (3, 2, 1, 0)}


def test_the_distance_to_a_triangle_is_that_to_the_nearest_of_many_points_on_it() -> None:
    random = np.random.default_rng(3)
    steps = np.linspace(0.0, 1.0, 41)
    weights = np.array([(u, v, 1.0 - u - v) for u in steps for v in steps if u + v <= 1.0 + 1e-12])
    for _ in range(40):
        corners, point = random.normal(size=(3, 3)), 2.0 * random.normal(size=3)
        nearest = np.linalg.norm(weights @ corners - point, axis=1).min()
        own = geometry._distance(point, *corners)
        assert own <= nearest + 1e-12
        assert nearest - own < 0.1
