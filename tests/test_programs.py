"""The shapes of real programs: each is recognised by what makes it one, runs alike on both targets, and never twice."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import libcst as cst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.compiling import Batch, Compiled, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from fuzzer.metadata import shape
from grammar import CATEGORIES, SeededChoices, accept, contains, generate, remarks
from grammar.canonical import canonical, kernel_id
from grammar.categories import ROWS
from grammar.intervals import Interval
from grammar.kernel import Kernel
from grammar.palette import Taste, choose_palette
from grammar.programs.page import Page, floats
from grammar.scope import Frame, Unit, Variable
from grammar.types import FLOAT64, INT32, Vector
from oracle.backends import cpu, emulator
from oracle.inputs import make_inputs
from oracle.judge import Judge
from oracle.observation import Verdict

PROGRAMS = tuple(name for name in CATEGORIES if ROWS[name].production.__module__.startswith("grammar.programs."))

PLAIN = """import warp as wp


@wp.kernel
def scale_values(values: wp.array(dtype=float), scale: float, out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = values[i] * scale
"""


def program(category: str, seed: object, size: int = 6) -> Kernel:
    """Return a program with nothing around it that aims at an overload."""
    return generate(SeededChoices(f"{category}/{seed}"), category, size=size, wanted=())


def test_there_are_fifteen_programs():
    assert len(PROGRAMS) == 15


@given(st.sampled_from(PROGRAMS), st.integers(0, 10**9), st.integers(1, 40))
@settings(deadline=None, max_examples=150)
def test_a_program_contains_what_its_category_promises(category: str, seed: int, size: int):
    kernel = program(category, seed, size)
    assert accept(kernel.source) is None, kernel.source
    assert contains(category, cst.parse_module(kernel.source)), kernel.source


@pytest.mark.parametrize("category", PROGRAMS)
def test_a_kernel_that_scales_an_array_is_no_such_program(category: str):
    assert not contains(category, cst.parse_module(PLAIN))


LOOPED = "total = float(0.0)\n    for j in range(4):\n        "

TOLD_BY = (
    ("reduction", LOOPED + "total += values[j]", LOOPED + "x = values[j]"),
    ("scan", (LOOPED + "total += values[j]").replace("range(4)", "range(i)"), LOOPED + "total += values[j]"),
    ("stencil", "a = values[i]\n    b = values[wp.max(i - 1, 0)]", "a = values[i]\n    b = values[i]"),
    ("neural", LOOPED + "total += values[j] * out[j]", LOOPED + "total += values[j] * scale"),
    ("gather_scatter", "j = int(values[i])\n    x = out[j]", "j = int(scale)\n    x = out[j]"),
)
"""A category, a body that belongs to it, and one that lacks just what its definition asks for."""


@pytest.mark.parametrize(("category", "body", "other"), TOLD_BY)
def test_a_program_is_told_by_the_part_that_makes_it_one(category: str, body: str, other: str):
    store = "out[i] = values[i] * scale"
    assert contains(category, cst.parse_module(PLAIN.replace(store, body)))
    assert not contains(category, cst.parse_module(PLAIN.replace(store, other)))


@functools.cache
def sample() -> tuple[Kernel, ...]:
    """Return two programs of each category."""
    return tuple(program(category, f"sample {turn}") for category in PROGRAMS for turn in range(2))


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    sources = [kernel.source for kernel in sample()]
    with (
        open_workspace(tmp_path_factory.mktemp("warp")) as workspace,
        compile_batch(sources, CompileOptions(backward=False), workspace) as compiled,
    ):
        yield compiled


@pytest.mark.parametrize("place", range(2 * len(PROGRAMS)))
def test_the_targets_agree_on_a_program(batch: Batch, place: int):
    kernel, compiled = sample()[place], batch.results[place]
    assert isinstance(compiled, Compiled), compiled
    inputs = make_inputs(compiled.kernel, kernel.arguments, seed=place)
    found = Judge(cpu, emulator, "emulator").judge(compiled, kernel.dims, inputs, backward=False)
    assert found.verdict in (Verdict.MATCH, Verdict.UNSTABLE), f"{found.reason}\n{kernel.source}"


@pytest.mark.parametrize("category", PROGRAMS)
def test_no_two_programs_are_equal_even_with_literals_blanked(category: str):
    sources = [generate(SeededChoices(f"{category}/unique {seed}"), category).source for seed in range(40)]
    assert len(set(map(kernel_id, sources))) == len(sources)
    assert len(set(map(shape, sources))) >= 0.95 * len(sources)


# the page


def page_of(scalar_is_float64: bool = False) -> Page:
    choices = SeededChoices("page")
    palette = choose_palette(choices, Taste(0, floats("vec3")))
    frame = Frame(Unit(choices, palette, "n_body", (8,), dotted=False), is_kernel=True)
    index = Variable("i", INT32, Interval(0, 7), index=True)
    frame.threads.append(frame.declare(index))
    page = Page(frame, 20)
    if scalar_is_float64:
        page.use(FLOAT64)
    return page


def written(page: Page) -> str:
    return cst.Module(page.frame.blocks[0].statements).code


def test_literals_take_the_dtype_of_the_program_but_not_twice():
    page = page_of(scalar_is_float64=True)
    page.vector(3)
    page.let("a", FLOAT64, "wp.max(2.0, -0.5) - 1e-3 + {scalar}(4.0)")
    page.let("b", Vector(3, FLOAT64), "{vector}(0.0, -1.0, 0.0)")
    assert written(page) == (
        "a = wp.max(wp.float64(2.0), wp.float64(-0.5)) - wp.float64(1e-3) + wp.float64(4.0)\n"
        "b = wp.vec3d(0.0, -1.0, 0.0)\n"
    )


def test_an_exact_variable_is_not_assigned_what_is_inexact():
    page = page_of()
    page.let("exact", page.scalar, "1.0")
    page.let("loose", page.scalar, "wp.sin({exact})", inexact=True)
    with pytest.raises(ValueError, match="exact"):
        page.set("exact", "{loose}", "+")


def test_a_suite_holds_what_is_written_meanwhile():
    page = page_of()
    page.use(page.scalar)
    page.total("total", inexact=True)
    name = page.name("total")
    with page.loop("n", "4", 0, 3), page.suite("if {n} > 1"):
        page.set("total", "1.0", "+")
    loop = page.frame.blocks[0].statements[-1]
    assert isinstance(loop, cst.For)
    assert f"{name} += " in cst.Module([loop.body.body[0].body.body[0]]).code


# docstrings and comments


def test_docstrings_and_comments_occur_now_and_then_and_ids_ignore_them():
    kernels = [generate(SeededChoices(f"remarks {seed}"), "arithmetic", size=8, wanted=()) for seed in range(200)]
    documented = [kernel.source for kernel in kernels if '"""' in kernel.source]
    commented = [kernel.source for kernel in kernels if "    # " in kernel.source]
    assert 10 <= len(documented) <= 60
    assert 4 <= len(commented) <= 50
    for source in (*documented, *commented):
        assert accept(source) is None
        bare = "\n".join(line for line in source.splitlines() if not line.strip().startswith(("#", '"""'))) + "\n"
        assert bare != source
        assert canonical(bare) == canonical(source)


def test_a_remark_speaks_of_what_stands_below_it():
    statement = cst.parse_module("for j in range(count):\n    x = 1\n").body[0]
    assert isinstance(statement, cst.For)
    words = {remarks.remark(SeededChoices(seed), statement) for seed in range(20)}
    assert "accumulate over count" in words
    assert remarks.remark(SeededChoices(1), cst.parse_module("x = y + 1\n").body[0]) == ""
