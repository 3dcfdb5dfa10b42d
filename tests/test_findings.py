"""Buckets of findings, and the texts of a finding's folder."""

from __future__ import annotations

import json
from dataclasses import replace

from fuzzer.findings import PER_BUCKET, Findings, bucket, finding_files, finding_id
from fuzzer.outcome import Outcome
from oracle.observation import Verdict
from oracle.opinions import Opinion, Stance
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


def test_only_the_first_few_of_a_bucket_are_kept_and_all_are_counted():
    findings = Findings()
    wanted = [findings.wants(replace(FOUND, index=index)) for index in range(10)]
    assert wanted == [True] * PER_BUCKET + [False] * (10 - PER_BUCKET)
    assert findings.buckets[bucket(FOUND)] == 10


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
