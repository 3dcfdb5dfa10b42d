"""Every kind of fault that the benchmark plants is one edit that compiles, changes something and is found."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import libcst as cst
import pytest
from faults.edits import Edit
from faults.flips import BITS
from faults.planting import KINDS, Planted, Subject, plant, plant_edit, subject_of

from extractor.warp_setup import Workspace, open_workspace
from grammar.kernel import Argument, Kernel
from oracle.pool import Death, Pool

COUNT = 40
INPUT_SEED = 2  # brings no edge values
ATTEMPTS = {"cpp": 12, "cuda": 12, "ptx": 40}
"""Edits of a kind, of which some change nothing: a comparison whose sides are never equal, a dead instruction."""

SOURCE = """import warp as wp


@wp.struct
class Body:
    mass: float
    drag: float


@wp.func
def bend(x: float, y: float, limit: int):
    total = float(0.0)
    for k in range(limit):
        if x > float(k):
            total = total + x * 0.25
        else:
            total = total - y / 3.0
    return total


@wp.func
def weight(body: Body):
    heavier = Body(body.mass, body.drag)
    heavier.mass = body.mass + body.drag
    return heavier.mass * heavier.drag + body.mass


@wp.kernel
def bent(
    x: wp.array(dtype=float),
    y: wp.array(dtype=float),
    whole: wp.array(dtype=int),
    bodies: wp.array(dtype=Body),
    sums: wp.array(dtype=float),
    out: wp.array(dtype=float),
    rest: wp.array(dtype=int),
    sines: wp.array(dtype=float),
    shares: wp.array(dtype=int),
):
    i = wp.tid()
    n = whole[i]
    a = wp.sin(x[i])
    v = wp.vec3(x[i], y[i], 1.5)
    body = bodies[i]
    total = bend(v[0], v[1], n) * body.mass - v[1] * weight(Body(v[0], body.drag))
    if n < 4:
        total = total - y[i]
    wp.atomic_add(sums, n, y[i])
    out[i] = total + wp.abs(y[i])
    sines[i] = a
    shares[i] = n % 5 / (whole[i] - 9) + wp.min(n - 3, 1)
    rest[i] = n % 3 - (n << (n & 1))
"""

KERNEL = Kernel(
    tree=cst.parse_module(SOURCE),
    name="bent",
    category="combined",
    description="",
    dims=(COUNT,),
    arguments=(
        Argument("x", (COUNT,)),
        Argument("y", (COUNT,)),
        Argument("whole", (COUNT,), {"": (0, 6)}),
        Argument("bodies", (COUNT,)),
        Argument("sums", (8,), written=True),
        Argument("out", (COUNT,), written=True),
        Argument("rest", (COUNT,), written=True),
        Argument("sines", (COUNT,), written=True),
        Argument("shares", (COUNT,), written=True),
    ),
)


ON_TEXTS = [(target, kind.name) for target in ("cpp", "ptx") for kind in KINDS[target]]
ON_TEXTS += [("cuda", "another operation"), ("cuda", "adjoint dropped")]
ON_RESULTS = [*(("result", name) for name in BITS), ("shared", "top bit")]
UNEDITED = [("cpp", ""), ("cuda", "")]

OF_ROUNDING = ("another rounding", "float's last bit", "float constant's last bit")
"""What a library function's own freedom may hide, where the fault is in its code or before its call."""

Item = tuple[str, str]
"""A target and the name of a kind; without a name, the text is compiled again as it is."""


def start(scratch: Path) -> Callable[[tuple[Item, ...]], list[list[Planted]]]:
    """Return what plants faults in a worker, which they may kill."""
    workspace = open_workspace(scratch).__enter__()

    def run(items: tuple[Item, ...]) -> list[list[Planted]]:
        with subject_of(KERNEL, INPUT_SEED, workspace) as subject:
            assert isinstance(subject, Subject), subject
            return [planted(subject, workspace, *item) for item in items]

    return run


def planted(subject: Subject, workspace: Workspace, target: str, name: str) -> list[Planted]:
    """Plant faults of one kind until one is found, or until there were enough."""
    if target in ("result", "shared"):
        return [plant(subject, target, [name], random.Random(5), workspace)]
    text = text_of(subject, target)
    kinds = {kind.name: kind for kind in KINDS[target]}
    edits = list(kinds[name].sites(text)) if name else [Edit(len(text), len(text), "")]
    found: list[Planted] = []
    for edit in random.Random(name).sample(edits, min(ATTEMPTS[target], len(edits))):
        assert not name or edit.apply(text) != text
        found.append(plant_edit(subject, Planted(0, target, name, detail=edit.describe(text)), edit, workspace))
        if found[-1].stage == "caught":
            break
    return found


def text_of(subject: Subject, target: str) -> str:
    return subject.compiled.ptx.text if target == "ptx" else subject.builds.calls[target][2]


@pytest.fixture(scope="module")
def outcomes() -> dict[Item, list[Planted] | Death]:
    """What became of every kind's faults."""
    items = [*ON_TEXTS, *ON_RESULTS, *UNEDITED]
    found: dict[Item, list[Planted] | Death] = {}
    with Pool[Item, list[Planted]](start, workers=1) as pool:
        pool.submit("all", items)
        while pool.unfinished:
            for _, outcomes in pool.completed(timeout=1):
                found.update(zip(items, outcomes, strict=True))
    return found


def names(items: list[Item]) -> list[str]:
    return [": ".join(item) for item in items]


@pytest.mark.parametrize("item", ON_TEXTS, ids=names(ON_TEXTS))
def test_one_edit_of_each_kind_compiles_and_is_found(outcomes: dict[Item, list[Planted] | Death], item: Item) -> None:
    found = outcomes[item]
    if isinstance(found, Death):  # as the kernel itself did not, in the tests before
        assert item[0] == "cpp" and not found.hang
        return
    assert found and found[-1].stage == "caught", found
    assert found[-1].verdict in ("mismatch", "sanitizer", "hang")
    others = {"unchanged", "not compiled"} | ({"missed"} if item[1] in OF_ROUNDING else set())
    assert {planted.stage for planted in found[:-1]} <= others, found


@pytest.mark.parametrize("item", ON_RESULTS, ids=names(ON_RESULTS))
def test_a_flipped_bit_of_an_observation_is_found(outcomes: dict[Item, list[Planted] | Death], item: Item) -> None:
    found = outcomes[item]
    assert not isinstance(found, Death) and [planted.stage for planted in found] == ["caught"], found


@pytest.mark.parametrize("item", UNEDITED, ids=names(UNEDITED))
def test_the_text_compiled_again_without_an_edit_changes_nothing(
    outcomes: dict[Item, list[Planted] | Death], item: Item
) -> None:
    found = outcomes[item]
    assert not isinstance(found, Death) and [planted.stage for planted in found] == ["unchanged"], found
