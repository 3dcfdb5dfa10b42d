"""Which branches of Warp's code generator a kernel takes depends on the kernel alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from extractor import branches
from extractor.compiling import CompileOptions, compile_batch
from extractor.probes import ENTER, LEAVE, TAKEN, Wanted, probed
from extractor.warp_setup import Workspace, open_workspace
from grammar import CATEGORIES, SeededChoices, generate

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = CompileOptions(cuda_level=0, targets=("cuda",))
CHOSEN = [category for category in CATEGORIES if category != "tile"][:6]

WITHOUT_LOOP = """import warp as wp

@wp.kernel
def copy(values: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = values[i]
"""
WITH_LOOP = WITHOUT_LOOP.replace("    out[i]", "    for k in range(i):\n        out[k] = 1.0\n    out[i]")
STATIC = WITHOUT_LOOP.replace("= values[i]", "= values[i] + wp.static(1.5)")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


@pytest.fixture(scope="module")
def sources() -> list[str]:
    return [*(generate(SeededChoices(("branches", name)), name, size=6).source for name in CHOSEN), STATIC]


def taken(sources: Sequence[str], workspace: Workspace) -> list[frozenset[str]]:
    with compile_batch(sources, OPTIONS, workspace, follow_branches=True) as batch:
        return [batch.branches[place] for place in range(len(sources))]


def test_a_loop_takes_the_branches_of_loops(workspace):
    plain, loop = taken([WITHOUT_LOOP, WITH_LOOP], workspace)
    more = {branch.partition(":")[0] for branch in loop - plain}
    assert {"codegen.Adjoint.begin_for", "codegen.Adjoint.emit_For"} & more
    assert not any("emit_For" in branch for branch in plain)


def test_branches_are_the_same_alone_and_in_any_batch(workspace, sources):
    whole = taken(sources, workspace)
    halves = taken(sources[4:], workspace), taken(sources[:4], workspace)
    assert [*halves[1], *halves[0]] == whole
    assert [taken([source], workspace)[0] for source in sources] == whole
    assert taken(sources[::-1], workspace)[::-1] == whole


def test_branches_are_the_same_in_a_fresh_process(workspace, sources, tmp_path):
    whole = taken(sources, workspace)
    script = (
        "import json, sys\n"
        "from tests.test_branches import taken\n"
        "from extractor.warp_setup import open_workspace\n"
        "with open_workspace(sys.argv[1]) as workspace:\n"
        "    print(json.dumps([sorted(one) for one in taken(json.load(sys.stdin), workspace)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        input=json.dumps(sources[::2]),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"},
    )
    assert [frozenset(one) for one in json.loads(done.stdout)] == whole[::2]


def test_branches_are_those_of_the_known_ones_and_followed_only_when_asked(workspace):
    with compile_batch([WITH_LOOP], OPTIONS, workspace) as batch:
        assert not batch.branches
    assert (branches.known_branches() or 0) > 1000
    assert 100 < len(taken([WITH_LOOP], workspace)[0]) < (branches.known_branches() or 0)


def test_a_kernel_that_is_refused_takes_none_and_leaves_the_others_theirs(workspace):
    bad = WITHOUT_LOOP.replace("values[i]\n", "values[i] + wp.int8(1)\n")
    with compile_batch([WITHOUT_LOOP, bad, WITH_LOOP], OPTIONS, workspace, follow_branches=True) as batch:
        assert set(batch.branches) == {0, 2}
        found = batch.branches[0], batch.branches[2]
    assert list(found) == taken([WITHOUT_LOOP, WITH_LOOP], workspace)


def test_the_code_is_the_same_whether_branches_are_followed_or_not(workspace, sources):
    with compile_batch(sources, OPTIONS, workspace, follow_branches=True) as batch:
        followed = [result.artifacts for result in batch.results]
    with compile_batch(sources, OPTIONS, workspace) as batch:
        assert [result.artifacts for result in batch.results] == followed


PROGRAM = '''
import functools

def classify(number, signs):
    """Say what a number is."""
    if number < 0:
        word = "negative"
    elif number == 0:
        raise ValueError("zero")
    else:
        word = "positive" if number < 10 else "large"
    for sign in signs:
        while sign > 2:
            sign -= 1
            break
    try:
        signs[5]
    except IndexError:
        word += "!"
    return word

@functools.cache
def remembered(number):
    return 1 if number else 2

class Kind:
    def ask(self, lazy):
        if lazy.answer is None:
            return 1
        return 2

def among(number):
    for each in KNOWN:
        if each == number:
            return True
    return False
'''
WANTED = Wanted(lambda name: True, {"classify": "number"}, lazy={"answer"}, unordered={"KNOWN"})


def run_probed(number: int, signs: list[int]) -> tuple[str, set[str], list[object]]:
    """Run `classify` with probes; returns what it returns, the ways that it took, and who entered and left."""
    found = probed(PROGRAM, "<program>", WANTED)
    calls: list[object] = []
    flags = [0] * len(found.ways)
    namespace = {TAKEN: flags, ENTER: calls.append, LEAVE: lambda: calls.append("left")}
    exec(compile(PROGRAM, "<program>", "exec"), namespace)
    classify = namespace["classify"]
    classify.__code__ = found.codes["classify", classify.__code__.co_firstlineno]
    result = classify(number, signs)
    return result, {way for way, flag in zip(found.ways, flags, strict=True) if flag}, calls


def test_probes_name_the_ways_that_were_taken():
    result, ways, calls = run_probed(3, [1, 5])
    assert result == "positive!"
    assert calls == [3, "left"]
    assert ways == {
        "classify: if 1, else",
        "classify: if 2, else",
        "classify: expression 1, then",
        "classify: for 1, again",
        "classify: for 1, over",
        "classify: while 1, again",
        "classify: while 1, over",
        "classify: except 1",
    }


def test_whoever_raises_leaves_as_well():
    calls: list[object] = []
    with pytest.raises(ValueError, match="zero"):
        found = probed(PROGRAM, "<program>", WANTED)
        namespace = {TAKEN: [0] * len(found.ways), ENTER: calls.append, LEAVE: lambda: calls.append("left")}
        exec(compile(PROGRAM, "<program>", "exec"), namespace)
        namespace["classify"].__code__ = found.codes["classify", namespace["classify"].__code__.co_firstlineno]
        namespace["classify"](0, [])
    assert calls == [0, "left"]


def test_ways_to_errors_and_what_is_remembered_have_no_probes():
    ways = probed(PROGRAM, "<program>", WANTED).ways
    assert "classify: if 2, then" not in ways
    assert not any(way.startswith(("remembered", "Kind.ask", "among")) for way in ways)
    everything = Wanted(lambda name: True, {})
    more = {way.partition(":")[0] for way in probed(PROGRAM, "<program>", everything).ways}
    assert more == {"classify", "Kind.ask", "among"}


def test_a_warp_that_translates_elsewhere_is_named(monkeypatch):
    monkeypatch.setattr(branches, "_FILES", ("nowhere",))
    monkeypatch.setattr(branches, "_probes", branches._Probes)
    assert branches.known_branches() is None
    with pytest.raises(branches.FollowingError, match=r"has no warp\._src\.nowhere"), branches.following({}):
        pass
