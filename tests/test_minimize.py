"""A full minimisation ends with a kernel in which nothing can be simpler, and two of one cause end alike."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_reduce import FIRST, ROUNDING, SECOND, Faulty, case_of, judged

from extractor.compiling import CompileOptions
from extractor.warp_setup import Workspace, open_workspace
from fuzzer.__main__ import main
from fuzzer.minimizing.campaign import in_turn
from fuzzer.minimizing.one import journal_for, write_so_far
from grammar.recogniser import accept
from grammar.strategies import kernels
from oracle.backends import cpu
from oracle.check_kernel import case_of as case_at
from oracle.given import Given
from oracle.judge import DIRECTIONS, Judge
from oracle.observation import Verdict
from oracle.reduce.accuser import Accuser, accuser_of
from oracle.reduce.cost import count_tokens
from oracle.reduce.minimise import Minimisation, NothingShownError, language_of
from oracle.reduce.printing import printed
from oracle.reduce.races import races_itself
from oracle.reduce.steps.families import FAMILIES
from oracle.reduce.steps.step import Subject
from oracle.reduce.testing import Journal
from oracle.reduce.trying import Trial, Tried, Trier
from oracle.rerun import Case

ACCUSER = Accuser(Verdict.MISMATCH, "cpu against cuda", wrong="cuda")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("warp")) as opened:
        yield opened


@dataclass
class Here:
    """Tries candidates in this process, with a fault planted into the code for cuda."""

    trier: Trier
    accuser: Accuser
    compiles: int = 0
    asked: list[Case] = field(default_factory=list)

    def ask(self, cases: Sequence[Case], described: bool = False) -> list[Tried]:
        self.compiles += 1
        self.asked += cases
        return self.trier.run([Trial(case, self.accuser, None, described) for case in cases])


@dataclass(frozen=True)
class Done:
    """A finished minimisation: what it began with, and came to, and all that was tried for it."""

    original: Case
    best: Case
    here: Here
    known: dict[str, Tried]
    search: Minimisation


def minimised(source: str, fault: str, workspace: Workspace, journal: Path) -> Done:
    """Minimise a kernel that a planted fault makes wrong; the journal may hold answers already."""
    case, backend = case_of(source), Faulty(fault)
    accuser = accuser_of(judged(case, fault, workspace))
    assert accuser is not None
    judges = (Judge(cpu, backend, "emulator", directions) for directions in (DIRECTIONS, None))
    here = Here(Trier(workspace, *judges), accuser)
    (first,) = here.ask([case], described=True)
    assert first.description is not None
    case = replace(case, given=first.description.given)
    tester = Journal(here, journal)
    search = Minimisation(case, language_of(case, accuser), tester)
    return Done(case, search.run(), here, tester.known, search)


@pytest.fixture(scope="module")
def done(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Done:
    return minimised(FIRST, "min", workspace, tmp_path_factory.mktemp("first") / "tried.jsonl")


PLAIN = """import warp as wp


@wp.kernel
def kernel(a: float, out: wp.array(dtype=float)):
    out[0] = wp.min(a, 0.0)
"""


def test_what_is_left_is_what_a_person_would_write_and_shows_the_same(done: Done, workspace: Workspace) -> None:
    assert printed(done.best.source) == PLAIN
    assert done.best.dims == (1,) and done.search.is_minimal
    assert done.best.given is not None and done.best.given.to_json() == {"a": 1.0, "out": [0.0]}
    assert accuser_of(judged(replace(done.best, source=PLAIN), "min", workspace)) == done.here.accuser


def test_no_single_step_can_be_made_at_the_end(done: Done) -> None:
    language = language_of(done.original, done.here.accuser)
    types = done.here.ask([done.best])[0].types
    steps = [step for family in FAMILIES.values() for step in family(Subject(done.best, types))]
    simpler = [case for step in steps if (case := step.apply(done.best)) is not None and language.is_sound(case)]
    simpler = [case for case in simpler if language.cost(case) < language.cost(done.best)]
    tried = len(done.here.asked)
    journal = Journal(done.here)
    journal.known = done.known
    assert simpler and not any(one.shows for one in journal.ask(simpler))
    assert len(done.here.asked) == tried  # all of them had been tried


def test_interrupted_and_resumed_it_ends_with_the_same(done: Done, tmp_path: Path) -> None:
    journal = tmp_path / "tried.jsonl"
    first = Journal(Answers(done.known, left=8), journal)
    search = Minimisation(done.original, language_of(done.original, done.here.accuser), first)
    with pytest.raises(KeyboardInterrupt):
        search.run()
    assert count_tokens(done.best.source) < count_tokens(search.best.source) < count_tokens(FIRST)
    write_so_far(tmp_path, search.best, done.original)
    assert (tmp_path / "kernel.py").read_text() == printed(search.best.source)
    again = case_at(tmp_path / "kernel.py", 1, 0)
    assert again.given is not None and again.given.to_json() == search.best.given.to_json()
    with journal.open("a") as file:
        file.write('{"key": "half a li')
    second = Journal(Answers(done.known), journal)
    assert second.resumed > 20
    resumed = Minimisation(done.original, language_of(done.original, done.here.accuser), second)
    assert resumed.run().source == done.best.source and resumed.tried == done.search.tried


@dataclass
class Answers:
    """Gives the answers of another run, and raises KeyError for a question that was not asked there.

    It is interrupted after so many rounds as are `left`.
    """

    known: dict[str, Tried]
    left: int = 10_000
    compiles: int = 0

    def ask(self, cases: Sequence[Case]) -> list[Tried]:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        journal = Journal(Nobody())
        journal.known = self.known
        return journal.ask(cases)


class Nobody:
    compiles = 0

    def ask(self, cases: Sequence[Case]) -> list[Tried]:
        raise KeyError(f"{len(cases)} questions are new")


def test_another_kernel_with_the_same_cause_ends_with_the_same_text(workspace: Workspace, tmp_path: Path) -> None:
    assert printed(minimised(SECOND, "min", workspace, tmp_path / "tried.jsonl").best.source) == PLAIN


def test_what_shows_nothing_is_refused() -> None:
    class Never:
        compiles = 0

        def ask(self, cases: Sequence[Case]) -> list[Tried]:
            return [Tried(False) for _ in cases]

    case = case_of(ROUNDING)
    with pytest.raises(NothingShownError):
        Minimisation(case, language_of(case, ACCUSER), Never()).run()


def test_after_its_deadline_it_stops_with_what_it_has() -> None:
    case = case_of(ROUNDING)
    search = Minimisation(case, language_of(case, ACCUSER), Nobody(), deadline=time.monotonic())
    assert search.run() == case and not search.is_minimal


@given(st.data())
@settings(deadline=None, max_examples=6, suppress_health_check=list(HealthCheck))
def test_every_step_leaves_a_source_and_what_is_passed_for_it(data: st.DataObject) -> None:
    kernel = data.draw(kernels(size=6))
    arguments = [one.to_json() for one in kernel.arguments]
    given_ = Given(0, {one.name: np.ones(one.shape) for one in kernel.arguments if not one.resource})
    case = Case(kernel.source, CompileOptions(), (0,), kernel.dims, arguments, given=given_)
    for name, family in FAMILIES.items():
        for step in list(family(Subject(case)))[:40]:
            after = step.apply(case)
            if after is None or not language_of(case, ACCUSER).is_sound(after):
                continue
            own = {one.arg for one in _kernel(after.source).args.args}
            passed = {str(one["name"]).partition(".")[0] for one in after.arguments or ()}
            assert passed <= own, (name, step.what)


def _kernel(source: str) -> ast.FunctionDef:
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return next(node for node in found if "kernel" in ast.unparse(node.decorator_list[0]))


STRUCTS = """import warp as wp

SCALE = wp.constant(2.0)


@wp.struct
class Body:
    mass: wp.float64
    place: wp.vec3d
    idle: int


@wp.func
def heavier(value: wp.float64, by: wp.float64):
    more = value * by
    return more + by


@wp.kernel
def moved(bodies: wp.array2d(dtype=Body), factor: float, out: wp.array(dtype=wp.float64)):
    i, j = wp.tid()
    mass = heavier(bodies[i, j].mass, wp.float64(factor))
    total = mass
    total += wp.float64(SCALE)
    out[i] = total + bodies[i, j].place[2]
"""

TYPED = """import warp as wp


@wp.kernel
def typed(x: wp.array(dtype=wp.vec4d), out: wp.array(dtype=wp.float64)):
    i = wp.tid()
    out[i] = x[i][3] + wp.vec4d(wp.float64(1.0), x[i][0], x[i][1], x[i][2])[1]
"""

ARGUMENTS = {
    STRUCTS: [
        {"name": "bodies", "shape": [2, 3], "ranges": {"idle": [0, 4]}, "written": False},
        {"name": "factor", "shape": [], "ranges": {}, "written": False},
        {"name": "out", "shape": [2], "ranges": {}, "written": True},
    ],
    TYPED: [
        {"name": "x", "shape": [2], "ranges": {}, "written": False},
        {"name": "out", "shape": [2], "ranges": {}, "written": True},
    ],
}

VALUES = {
    STRUCTS: {
        "bodies.mass": np.arange(6.0).reshape(2, 3),
        "bodies.place": np.ones((2, 3, 3)),
        "bodies.idle": np.ones((2, 3), np.int64),
        "factor": np.array(0.5),
        "out": np.zeros(2),
    },
    TYPED: {"x": np.arange(8.0).reshape(2, 4), "out": np.zeros(2)},
}

STEPS = [
    (STRUCTS, "inline heavier", "heavier", "more = bodies[i, j].mass * by_2"),
    (STRUCTS, "join moved.total", "total +=", "total = mass + wp.float64(SCALE)"),
    (STRUCTS, "constant SCALE", "SCALE", "wp.float64(2.0)"),
    (STRUCTS, "drop Body.idle", "idle", "place: wp.vec3d"),
    (STRUCTS, "flatten bodies", "class Body", "bodies_place: wp.array2d(dtype=wp.vec3d)"),
    (STRUCTS, "literal for factor", "factor: float", "wp.float64(0.5)"),
    (STRUCTS, "axis 1 of bodies", "array2d", "bodies[i].mass"),
    (STRUCTS, "plain launch", "i, j = wp.tid()", "bodies[i, 0].mass"),
    (STRUCTS, "float64 plain: float64 vec3d", "float64", "place: wp.vec3"),
    (STRUCTS, "all names", "heavier", "def kernel("),
    (TYPED, "element of x", "x[i]", "x: wp.vec4d"),
    (TYPED, "threads 1+1 of axis 0", "never there", "x[i][3]"),
]


@pytest.mark.parametrize(("source", "what", "gone", "there"), STEPS, ids=[step[1] for step in STEPS])
def test_a_step_makes_one_thing_simpler(source: str, what: str, gone: str, there: str) -> None:
    case = Case(source, CompileOptions(), (0,), (2, 3)[: 2 if source is STRUCTS else 1], ARGUMENTS[source])
    case = replace(case, given=Given(0, VALUES[source]))
    steps = [step for family in FAMILIES.values() for step in family(Subject(case)) if step.what == what]
    after = steps[0].apply(case)
    assert after is not None and accept(after.source) is None
    assert gone not in after.source and there in after.source


def test_a_smaller_type_takes_the_first_components_of_inputs_and_constructors() -> None:
    case = Case(TYPED, CompileOptions(), (0,), (2,), ARGUMENTS[TYPED], given=Given(0, VALUES[TYPED]))
    step = next(one for one in FAMILIES["types"](Subject(case)) if one.what.startswith("4 smaller"))
    after = step.apply(case)
    assert after is not None and "wp.vec3d(wp.float64(1.0), x[i][0], x[i][1])" in after.source
    assert after.given is not None and after.given.values["x"].tolist() == [[0.0, 1.0, 2.0], [4.0, 5.0, 6.0]]


def test_a_kernel_whose_threads_store_to_one_element_races_by_itself() -> None:
    case = Case(PLAIN, CompileOptions(), (0,), (4,))
    assert races_itself(case) and not races_itself(replace(case, dims=(1,)))
    assert not races_itself(replace(case, source=TYPED))


def test_given_numbers_are_the_same_after_json() -> None:
    values = {"x": np.array([np.nan, -np.inf, -0.0, 0.1]), "n": np.array([2**63], np.uint64), "f": np.array(True)}
    again = Given.from_json(1, json.loads(json.dumps(Given(1, values).to_json())))
    assert all(np.array_equal(again.values[path], part, equal_nan=path == "x") for path, part in values.items())
    assert np.signbit(again.values["x"][2])


SCRIPT = """import math

def helper(a, b):
    c = a + b
    return c * 2

for i in range(3):
    x = helper(i, 8)
    if x > 4:
        print("needle", x + math.pi)
    else:
        print("hay")
"""


def test_any_file_is_minimised_by_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    call = ["minimize", str(path), "--check", "grep -q print..needle {}", "--workers", "1"]
    assert main([*call, "--out", str(tmp_path / "one")]) == 0
    assert (tmp_path / "one" / "kernel.py").read_text() == "print('needle')\n"
    assert json.loads((tmp_path / "one" / "finding.json").read_text())["minimisation"]["minimal"]
    assert not list((tmp_path / "one").glob("tried*"))
    assert "print('needle')" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("false", "does not exit with 0"),
        ("no-such-command-here", "cannot be run"),
    ],
)
def test_a_command_that_does_not_take_the_file_is_refused_in_one_line(
    check: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    assert main(["minimize", str(path), "--check", check]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_command_that_is_flaky_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, seen = tmp_path / "script.py", tmp_path / "seen"
    path.write_text(SCRIPT)
    toggle = f"sh -c 'if test -e {seen}; then rm {seen}; exit 1; else touch {seen}; fi'"
    assert main(["minimize", str(path), "--check", toggle]) == 2
    assert "flaky" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "import os\n", "def broken(:\n"])
def test_what_is_no_kernel_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "kernel.py"
    path.write_text(text)
    assert main(["minimize", str(path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_findings_come_in_turn_the_first_of_each_cause_first(tmp_path: Path) -> None:
    for index, cause in enumerate(["a", "a", "b", "a", "c"]):
        folder = tmp_path / f"finding-{index}"
        folder.mkdir()
        data = {"cause": cause, "origin": {"index": index}, "standing": {"flaky": index == 3}}
        (folder / "finding.json").write_text(json.dumps(data))
    done = tmp_path / "finding-2" / "minimal"
    done.mkdir()
    (done / "report.md").write_text("")
    assert [folder.name for folder in in_turn(tmp_path)] == ["finding-0", "finding-4", "finding-1"]


def test_a_journal_about_something_else_is_begun_anew(tmp_path: Path) -> None:
    path = journal_for(tmp_path, "this")
    path.write_text("{}\n")
    assert journal_for(tmp_path, "this").read_text() == "{}\n"
    assert journal_for(tmp_path, "that").read_text() == ""
