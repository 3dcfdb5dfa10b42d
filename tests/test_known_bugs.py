"""The table of Warp's known bugs (`benchmarks/known_bugs/`); what releases show is for the benchmark to say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grammar import releases
from grammar.recogniser import accept
from oracle.evidence import ACCUSERS
from oracle.gradients import ORACLE as GRADIENT
from oracle.reference.opinion import ORACLE as REFERENCE

FOLDER = Path(__file__).parent / "benchmarks" / "known_bugs"
ROWS = json.loads((FOLDER / "table.json").read_text())


def test_every_kernel_has_a_row_and_every_row_a_kernel():
    assert sorted(row["kernel"] for row in ROWS) == sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["kernel"])
def test_a_known_bug_is_shown_by_a_kernel_of_the_grammar(row):
    assert accept((FOLDER / f"{row['kernel']}.py").read_text()) is None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["kernel"])
def test_a_row_names_oracles_that_exist_and_a_release_that_was_fixed(row):
    assert row["oracles"] and set(row["oracles"]) <= {*ACCUSERS.values(), GRADIENT, REFERENCE}
    assert row["issue"] > 0 and row["entry"]
    assert not row["fixed_in"] or releases.release_of(row["fixed_in"]) > (1, 14)
