"""Meshes, bvhs, hash grids, volumes and textures: built from a seed, seen alike by both targets, chosen by no file."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from grammar import SeededChoices, accept, focus, generate
from grammar.arguments import DEFAULT_ITEMS, RESOURCE_FAMILIES, RESOURCES, TEXELS, VOLUME_CORNER, VOXEL_SIZE, family_of
from grammar.categories import contains
from grammar.kernel import Argument
from grammar.recogniser.families import handle_families
from grammar.registry import builtins
from oracle import ptx
from oracle.backends import cpu, emulator
from oracle.handles import check_resources, default_resources
from oracle.inputs import Inputs, make_inputs
from oracle.judge import Judge
from oracle.observation import Verdict
from oracle.rerun import Case, rerun
from oracle.resources import NUMBERS, ResourceInput, build, mesh_faces, mesh_points, voxels_of

COUNT = 24
HEAD = "import warp as wp\n\n\n"
SURFACE = (
    HEAD
    + """@wp.kernel
def measure(mesh: wp.uint64, points: wp.array(dtype=wp.vec3), out: wp.array(dtype=float), hits: wp.array(dtype=int)):
    i = wp.tid()
    p = points[i]
    query = wp.mesh_query_point(mesh, p, 100.0)
    if query.result:
        closest = wp.mesh_eval_position(mesh, query.face, query.u, query.v)
        out[i] = query.sign * wp.length(p - closest)
    hits[i] = wp.mesh_query_ray_count_intersections(mesh, p, wp.vec3(0.3, 0.2, 1.0))
"""
)
NEIGHBORS = (
    HEAD
    + """@wp.kernel
def count(grid: wp.uint64, points: wp.array(dtype=wp.vec3), out: wp.array(dtype=int)):
    i = wp.tid()
    for j in wp.hash_grid_query(grid, points[i], 0.4):
        wp.atomic_add(out, j, 1)
"""
)
BOXES = (
    HEAD
    + """@wp.kernel
def overlap(tree: wp.uint64, points: wp.array(dtype=wp.vec3), out: wp.array2d(dtype=int)):
    i = wp.tid()
    query = wp.bvh_query_aabb(tree, points[i] - wp.vec3(0.5), points[i] + wp.vec3(0.5))
    item = int(0)
    while wp.bvh_query_next(query, item):
        out[i, item] = 1
"""
)
VOXELS = (
    HEAD
    + """@wp.kernel
def copy(source: wp.uint64, target: wp.uint64, points: wp.array(dtype=wp.vec3), out: wp.array(dtype=float)):
    i = wp.tid()
    uvw = wp.volume_world_to_index(source, points[i])
    out[i] = wp.volume_sample_f(source, uvw, wp.Volume.CLOSEST)
    wp.volume_store_v(target, i, 1, 2, points[i])
"""
)
TEXTURE = (
    HEAD
    + """@wp.kernel
def read(ramp: wp.Texture1D, image: wp.Texture2D, fog: wp.Texture3D, out: wp.array(dtype=wp.vec4)):
    i = wp.tid()
    u = (float(i % 8) + 0.5) / 8.0
    v = (float(i // 8) + 0.5) / 8.0
    sampled = wp.texture_sample(ramp, v, dtype=wp.vec4) + wp.texture_sample(image, u, v, dtype=wp.vec4)
    out[i] = sampled + wp.texture_sample(fog, wp.vec3(u, v, 0.9), dtype=wp.vec4)
"""
)
POINTS = Argument("points", (COUNT,), fill="point")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("resources")) as opened:
        yield opened


def given_for(word: str, seed: int = 1, count: int = DEFAULT_ITEMS) -> ResourceInput:
    raw = np.random.PCG64(seed).random_raw(NUMBERS).astype(np.uint64)
    return ResourceInput(word, count, False, raw)


def both(source: str, arguments: list[Argument], workspace: Workspace, seed: int = 5) -> tuple[Inputs, dict]:
    """Run forward on both targets, expect the same of them, and return the inputs and what came out."""
    with compile_batch([source], CompileOptions(backward=False), workspace) as batch:
        (compiled,) = batch.results
        assert isinstance(compiled, Compiled), compiled
        inputs = make_inputs(compiled.kernel, arguments, seed)
        first = cpu.run(compiled, (COUNT,), inputs, False)
        second = emulator.run(compiled, (COUNT,), inputs, False)
    assert not second.reports
    for name, values in first.values.items():
        np.testing.assert_array_equal(values, second.values[name], name)
    return inputs, dict(second.values)


@pytest.mark.parametrize("word", [word for word in RESOURCES if word.startswith("volume")])
def test_a_volume_is_a_function_of_its_numbers(workspace: Workspace, word: str) -> None:
    first, again, other = (build(given_for(word, seed), "cpu") for seed in (1, 1, 2))
    buffers = [one.objects[0].array().numpy().tobytes() for one in (first, again, other)]
    assert buffers[0] == buffers[1]
    assert (buffers[0] == buffers[2]) == (word == "volume_index")


def test_a_mesh_is_closed() -> None:
    edges = [(face[i], face[(i + 1) % 3]) for face in mesh_faces().tolist() for i in range(3)]
    assert len(set(edges)) == len(edges)
    assert {(b, a) for a, b in edges} == set(edges)


def test_both_targets_find_the_closest_point_of_a_mesh(workspace: Workspace) -> None:
    arguments = [Argument("mesh", resource="mesh"), POINTS]
    arguments += [Argument(name, (COUNT,), written=True) for name in ("out", "hits")]
    inputs, values = both(SURFACE, arguments, workspace)
    corners = mesh_points(inputs.values["mesh"])[mesh_faces()]
    weights = np.array([(a, b, 20 - a - b) for a in range(21) for b in range(21 - a)]) / 20.0
    samples = np.einsum("wk,fkx->fwx", weights, corners).reshape(-1, 3)
    apart = np.linalg.norm(inputs.values["points"][:, None] - samples, axis=-1).min(axis=1)
    found = np.abs(values["out"])
    assert (found <= apart + 1e-5).all()
    assert (found >= apart - 0.1).all()
    # Mostly a point inside has an odd number of triangles above it.
    assert ((values["out"] < 0) == (values["hits"] % 2 == 1)).mean() > 0.9


def test_both_targets_find_all_neighbors_in_a_hash_grid(workspace: Workspace) -> None:
    arguments = [Argument("grid", (40,), resource="hash_grid"), POINTS, Argument("out", (40,), written=True)]
    inputs, values = both(NEIGHBORS, arguments, workspace)
    sites = inputs.values["grid"].coordinates(40)
    near = np.linalg.norm(inputs.values["points"][:, None] - sites, axis=-1) < 0.4
    before = inputs.values["out"]
    assert ((values["out"] - before) >= near.sum(axis=0)).all()
    assert ((values["out"] - before) <= COUNT).all()
    assert near.any() and (values["out"] != before + COUNT).any()


def test_both_targets_find_exactly_the_boxes_that_overlap(workspace: Workspace) -> None:
    out = Argument("out", (COUNT, 16), {"": (0, 0)}, written=True)
    inputs, values = both(BOXES, [Argument("tree", (16,), resource="bvh"), POINTS, out], workspace)
    box = inputs.values["tree"]
    lowers = box.coordinates(16).astype(np.float32)
    uppers = lowers + ((box.coordinates(16, first=2048) + 2.25) / 4.0).astype(np.float32)
    points = inputs.values["points"][:, None]
    expected = ((lowers <= points + 0.5) & (uppers >= points - 0.5)).all(axis=-1)
    np.testing.assert_array_equal(values["out"], expected)
    assert expected.any() and not expected.all()


def test_a_volumes_voxels_are_read_and_stored(workspace: Workspace) -> None:
    arguments = [Argument("source", resource="volume_f"), Argument("target", written=True, resource="volume_v"), POINTS]
    inputs, values = both(VOXELS, [*arguments, Argument("out", (COUNT,), written=True)], workspace)
    voxels = voxels_of(build(inputs.values["source"], "cpu").objects[0].array().numpy().copy(), "volume_f")
    places = np.floor((inputs.values["points"] - np.array(VOLUME_CORNER)) / VOXEL_SIZE + 0.5).astype(int)
    in_first_tile = (places < 8).all(axis=1)
    flat = places[in_first_tile] @ np.array([64, 8, 1])
    np.testing.assert_array_equal(values["out"][in_first_tile], voxels[0, flat, 0])
    assert in_first_tile.any()
    stored = values["target"].reshape(-1, 8, 8, 8, 3)
    np.testing.assert_array_equal(stored[0, :8, 1, 2], inputs.values["points"][:8])


def test_a_texture_is_read_at_the_nearest_texel(workspace: Workspace) -> None:
    names = ("ramp", "image", "fog")
    arguments = [Argument(name, resource=f"texture{axes}d") for axes, name in enumerate(names, 1)]
    inputs, values = both(TEXTURE, [*arguments, Argument("out", (COUNT,), written=True)], workspace)
    ramp, image, fog = (build(inputs.values[name], "cpu").objects[0] for name in names)
    column, row = np.arange(COUNT) % TEXELS, np.arange(COUNT) // TEXELS
    np.testing.assert_array_equal(values["out"], ramp[row] + image[row, column] + fog[7, row, column])


def test_a_texture_object_that_is_none_stops_the_emulator(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="four channels"):
        ptx.GlobalMemory().add_texture(np.zeros((4, 3), np.float32))
    with compile_batch([TEXTURE], CompileOptions(backward=False), workspace) as batch:
        (compiled,) = batch.results
        assert isinstance(compiled, Compiled)
        module, memory = ptx.Module(compiled.ptx.text), ptx.GlobalMemory()
        sizes = module.parameter_sizes(compiled.forward_entry)
        bounds = np.zeros(sizes[0], np.uint8)
        bounds[:] = np.frombuffer(np.array([COUNT, 1, 1, 1, 1, COUNT], np.int32).tobytes(), np.uint8)[: sizes[0]]
        with pytest.raises(ptx.Fault, match=r"no [123]-dimensional texture"):
            parameters = [bounds.tobytes(), *(bytes(size) for size in sizes[1:])]
            ptx.launch(module, compiled.forward_entry, (1, 1, 1), (32, 1, 1), parameters, memory)


KERNEL = HEAD + "@wp.kernel\ndef k(mesh: wp.uint64, n: wp.uint64, flags: wp.array(dtype=wp.uint64)):\n"
HELPER = HEAD + "@wp.func\ndef face_of(m: wp.uint64):\n    return wp.mesh_get_index(m, 0)\n\n\n"
ATTACKS = {
    "a number": KERNEL + "    wp.mesh_get_index(wp.uint64(4096), 0)\n",
    "arithmetic": KERNEL + "    wp.mesh_get_index(mesh + n, 0)\n",
    "an element": KERNEL + "    wp.mesh_get_index(flags[0], 0)\n",
    "an assignment": KERNEL + "    mesh = n\n    wp.mesh_get_index(mesh, 0)\n",
    "an update": KERNEL + "    mesh += n\n    wp.mesh_get_index(mesh, 0)\n",
    "a loop's variable": KERNEL + "    for mesh in range(3):\n        wp.mesh_get_index(mesh, 0)\n",
    "another name": KERNEL + "    other = n\n    wp.mesh_get_index(other, 0)\n",
    "two families": KERNEL + "    wp.mesh_get_index(mesh, 0)\n    wp.hash_grid_point_id(mesh, 0)\n",
    "a store": KERNEL + "    wp.mesh_get_index(mesh, 0)\n    flags[0] = mesh\n",
    "a comparison": KERNEL + "    if mesh > n:\n        wp.mesh_get_index(mesh, 0)\n",
    "by keyword": KERNEL + "    wp.mesh_get_index(id=n + n, index=0)\n",
    "a derived one stored": KERNEL + "    flags[0] = wp.mesh_get_bvh(mesh)\n",
    "a derived one changed": KERNEL + "    b = wp.mesh_get_bvh(mesh)\n    b = n\n    wp.bvh_get_group_root(b, 0)\n",
    "through a function": HELPER + KERNEL[len(HEAD) :] + "    x = face_of(n + n)\n",
    "a function under another name": HELPER + KERNEL[len(HEAD) :] + "    f = face_of\n    x = f(wp.uint64(64))\n",
    "a built-in under another name": KERNEL + "    f = wp.mesh_get\n    x = f(wp.uint64(64))\n",
    "in a static": KERNEL + "    x = wp.static(wp.mesh_get)(wp.uint64(64))\n",
    "as a gradient": HELPER.replace("wp.mesh_get_index(m, 0)", "m")
    + "@wp.func_grad(face_of)\ndef adj(m: wp.uint64, a: wp.uint64):\n    wp.mesh_get_index(m, 0)\n\n\n"
    + KERNEL[len(HEAD) :]
    + "    x = face_of(wp.uint64(64))\n",
    "a default": HEAD
    + "@wp.func\ndef f(m: wp.uint64 = wp.uint64(64)):\n    return wp.mesh_get_index(m, 0)\n\n\n"
    + KERNEL[len(HEAD) :]
    + "    x = f()\n",
}


@pytest.mark.parametrize("how", ATTACKS)
def test_no_file_chooses_a_handle(how: str) -> None:
    assert accept(ATTACKS[how]) is not None


def test_handles_are_passed_on_to_built_ins_and_functions() -> None:
    source = (
        HELPER
        + KERNEL[len(HEAD) :]
        + (
            "    x = face_of(mesh)\n    b = wp.mesh_get_bvh(mesh)\n    y = wp.bvh_get_group_root(b, 0)\n"
            "    flags[0] = n + wp.uint64(1)\n"
        )
    )
    assert accept(source) is None
    assert handle_families(source) == {"mesh": "mesh"}
    assert default_resources(source) == {"mesh": "mesh_groups"}


@pytest.mark.parametrize(
    ("passed", "reason"),
    [
        ((), "is passed nothing"),
        ((Argument("mesh", resource="bvh"),), "is passed bvh"),
        ((Argument("mesh", resource="mesh"), Argument("n", resource="mesh")), "does not follow"),
        ((Argument("mesh", resource="sphere"),), "no resource is called"),
    ],
)
def test_a_record_that_lies_about_handles_is_refused(
    workspace: Workspace, passed: tuple[Argument, ...], reason: str
) -> None:
    source = KERNEL + "    flags[wp.tid()] = n + wp.uint64(wp.mesh_get_index(mesh, 0))\n"
    arguments = [one.to_json() for one in (*passed, Argument("flags", (4,), written=True))]
    judge = Judge(cpu, emulator, "emulator")
    (refused,) = rerun([Case(source, CompileOptions(), (1,), (4,), arguments)], workspace, judge)
    assert reason in refused.refusal and not refused.judgements
    (guessed,) = rerun([Case(source, CompileOptions(), (1,), (4,))], workspace, judge)
    assert [one.verdict for one in guessed.judgements] == [Verdict.MATCH]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_a_kernel_of_the_category_says_what_its_handles_are(seed: int) -> None:
    kernel = generate(SeededChoices(str(seed)), "geometry", size=6)
    assert accept(kernel.source) is None
    assert contains("geometry", kernel.tree)
    check_resources(kernel.source, kernel.arguments)
    named = {one.name: family_of(one.resource) for one in kernel.arguments if one.resource}
    assert set(named.values()) <= set(RESOURCE_FAMILIES)


@pytest.mark.parametrize("seed", range(6))
def test_a_kernel_never_has_two_queries_on_one_stack(seed: int) -> None:
    """Warp keeps one stack a thread for all queries of a kernel on cuda, so that two overwrite each other."""
    names = ("bvh_query_aabb", "mesh_get_bvh", "bvh_query_next", "mesh_query_sphere", "mesh_query_next")
    wanted = [focus.Focus(builtins()[name].overloads[-1]) for name in names]
    source = generate(SeededChoices(str(seed)), "geometry", size=4, wanted=wanted).source
    for loop in (r"wp\.bvh_query_next\(", r"wp\.mesh_query_(aabb_)?next\("):
        assert len(re.findall(loop, source)) == 1
