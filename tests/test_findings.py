"""Buckets of findings, and the texts of a finding's folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from extractor.compiling import CompileOptions
from fuzzer.findings import Findings, bucket, finding_files, finding_id
from fuzzer.outcome import Outcome
from oracle.observation import Verdict
from oracle.opinions import Opinion, Stance
from oracle.reduce.reduced import Reduced
from oracle.rerun import Case
from oracle.standing import Alone, Element, Sighting, Standing, Thread

FOUND = Outcome(
    index=7,
    id="abc",
    category="vector",
    verdict=Verdict.MISMATCH,
    reason="out[3]: cpu 1.5 (0x3fc00000), cuda 2.5 (0x40200000), no library function explains it",
    source="import warp as wp\n",
    backends=("cpu", "emulator"),
)


THREAD = Thread((1, 1), 0, 3)

STANDING = Standing(
    accused=Verdict.MISMATCH,
    again=(Sighting(Verdict.MISMATCH, FOUND.reason, "out[3]"),) * 2,
    alone={target: Alone(None, "", repeats=True) for target in ("cpu", "cuda")},
    others={Verdict.MISMATCH: 3, Verdict.MATCH: 1},
    oracles=(Opinion("cpu against cuda", Stance.ACCUSES, FOUND.reason),),
    wrong="cpu",
    witness="the reference: cuda is equal to the bit",
    options=("debug", "backward off"),
    element=Element("out", (3,), "0x3fc00000 (1.5)", "0x40200000 (2.5)", "0x40200000 (2.5)", THREAD),
    thread=THREAD,
)


def test_numbers_do_not_make_another_bucket_but_words_do():
    other = replace(FOUND, reason=FOUND.reason.replace("[3]", "[12]").replace("2.5", "-1e-7"))
    assert bucket(other) == bucket(FOUND)
    assert bucket(replace(FOUND, reason="ptxas error")) != bucket(FOUND)
    assert bucket(replace(FOUND, verdict=Verdict.CRASH)) != bucket(FOUND)


def test_a_compile_errors_bucket_is_its_message_and_not_the_kernels_code():
    text = (
        'codegen for cpu: RuntimeError: Error while parsing function "{}" at kernel.py:25:\n    v -= {}\n;Expected `{}`'
    )
    first, second = (
        replace(FOUND, verdict=Verdict.COMPILE_ERROR, reason=text.format(*words))
        for words in (("convolve", "step + 1.0", "a()"), ("blur", "x[i] * 2.0", "b()"))
    )
    assert bucket(first) == bucket(second)
    clang = "native for cpu: In file included from module.cpp:1:\nbuiltin.h:5:4: error: ambiguous\n  584 | {}\nnote: x"
    one, other = (replace(first, reason=clang.format(code)) for code in ("T adj_x", "int y"))
    assert bucket(one) == bucket(other) != bucket(first)
    assert "\n" not in bucket(one) + bucket(first)


def test_the_first_few_of_a_reason_are_examined_and_then_ever_fewer_and_all_are_counted():
    findings = Findings()
    wanted = [findings.wants(replace(FOUND, index=index)) for index in range(40)]
    assert [number for number, one in enumerate(wanted, start=1) if one] == [1, 2, 3, 4, 8, 16, 32]
    assert findings.buckets[bucket(FOUND)] == 40


def test_a_known_bug_is_counted_and_not_examined():
    findings = Findings()
    assert not findings.wants(replace(FOUND, reason="reference: known bug negated-zero: out[0] …"))
    assert findings.buckets == {"mismatch: known bug negated-zero": 1}


CAUSES = ("a", "b", "a", "a", "a", "b", "mismatch: known bug x", "a")


def _examined(order: Sequence[int], findings: Findings) -> list[int]:
    """Hand in what came of kernels 0, 1, … in an order; returns those that are kept, as they come."""
    kept = []
    for index in order:
        kept += findings.examined(index, replace(STANDING, cause=CAUSES[index]))
    return [one.outcome.index for one in kept]


def _wanting() -> Findings:
    findings = Findings()
    for index in range(len(CAUSES)):
        assert findings.wants(replace(FOUND, index=index, reason="abcdefgh"[index]))
    return findings


@given(st.permutations(range(len(CAUSES))))
def test_the_first_few_of_each_cause_are_kept_in_whatever_order_they_are_examined(order):
    findings = _wanting()
    assert _examined(order, findings) == [0, 1, 2, 3, 5]
    assert findings.causes == {"a": 5, "b": 2, "mismatch: known bug x": 1}
    assert not findings.pending and not findings.unexamined


@given(st.permutations(range(len(CAUSES))), st.integers(0, len(CAUSES)))
def test_a_resumed_campaign_keeps_the_same_findings_and_counts(order, interrupted):
    findings = _wanting()
    kept = _examined(order[:interrupted], findings)
    resumed = Findings()
    resumed.restore(json.loads(json.dumps(findings.state())))
    assert resumed.buckets == findings.buckets
    again = [outcome.index for outcome in resumed.pending]
    assert kept + _examined(again, resumed) == [0, 1, 2, 3, 5]
    assert resumed.causes == {"a": 5, "b": 2, "mismatch: known bug x": 1}


def test_a_finding_holds_the_reduced_kernel_beside_its_own_and_shows_it_first():
    case = Case("import warp as wp\n# smaller\n", CompileOptions(), (7,), (4,), [{"name": "x"}])
    smaller = Reduced(case, ("sin(float)",), size=2, size_before=30, tried=12)
    standing = replace(STANDING, reduced=smaller, cause="mismatch on cpu: cpu against cuda; sin(float)")
    files = finding_files(FOUND, standing, {"seed": 1, "index": 7}, {"warp": "1.19.0"})
    data = json.loads(files["finding.json"])
    assert files["reduced.py"] == case.source and files["kernel.py"] == FOUND.source
    assert data["cause"] == standing.cause and data["reduced"]["arguments"] == [{"name": "x"}]
    assert data["reduced"]["file"] == "reduced.py" and data["reduced"]["launch_dims"] == [4]
    report = files["report.md"]
    assert standing.cause in report and report.index("# smaller") < report.index("## Kernel")
    assert "reduced.py" not in finding_files(FOUND, STANDING, {}, {})


def test_a_finding_says_whether_it_stands():
    for second, stands in ((Verdict.MISMATCH, True), (Verdict.MATCH, False)):
        again = (STANDING.again[0], replace(STANDING.again[1], verdict=second))
        files = finding_files(FOUND, replace(STANDING, again=again), {"seed": 1, "index": 7}, {"warp": "1.19.0"})
        data = json.loads(files["finding.json"])
        assert data["reproduced"] is stands and data["standing"]["flaky"] is not stands
        assert ("flaky" in files["report.md"].lower()) is not stands


def test_a_report_says_what_differs_who_is_wrong_and_what_makes_it_go_away():
    report = finding_files(FOUND, STANDING, {"seed": 1, "index": 7}, {"warp": "1.19.0"})["report.md"]
    assert report.startswith("# mismatch: out[3] is 0x3fc00000 (1.5) on cpu and 0x40200000 (2.5) on cuda\n")
    for text in (
        "**Accused by.** cpu against cuda",
        "reference 0x40200000 (2.5)",
        "launch index (1, 1), block 0, thread 3 of it",
        "**Wrong target.** the cpu target",
        "accused on 3 of 4 (1 match, 3 mismatch)",
        "`debug`, `backward off`",
    ):
        assert text in report


def test_a_finding_names_seed_index_versions_and_its_own_folder():
    files = finding_files(FOUND, STANDING, {"seed": 41, "index": 7}, {"warp": "1.19.0"})
    for text in ("seed 41", "kernel 7", "warp: 1.19.0", finding_id(FOUND), FOUND.source.strip()):
        assert text in files["report.md"]
    assert files["kernel.py"] == FOUND.source
