"""`python -m grammar`: what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest

from grammar.__main__ import main
from grammar.categories import CATEGORIES


def test_a_sample_with_a_seed_is_always_the_same(capsys: pytest.CaptureFixture[str]):
    assert main(["sample", "--seed", "5", "--count", "3"]) == 0
    first = capsys.readouterr().out
    assert main(["sample", "--seed", "5", "--count", "3"]) == 0
    assert capsys.readouterr().out == first
    assert first.count("@wp.kernel") == 3


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_sample_may_be_of_one_category(category: str, capsys: pytest.CaptureFixture[str]):
    assert main(["sample", "--seed", "1", "--category", category]) == 0
    assert capsys.readouterr().out.startswith(f"# {category}, seed 1, kernel 0, ")


def test_an_unknown_category_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]):
    assert main(["sample", "--category", "poetry"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: there is no category 'poetry'; there are arithmetic, ")
    assert captured.err.count("\n") == 1


def test_built_ins_as_json_cover_the_registry(capsys: pytest.CaptureFixture[str]):
    assert main(["builtins", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    by_name = {row["name"]: row for row in rows}
    signatures = {overload["signature"]: overload["status"] for overload in by_name["sin"]["overloads"]}
    assert signatures == dict.fromkeys(
        ["sin(Float)", "sin(float16)", "sin(bfloat16)", "sin(float32)", "sin(float64)"], "generable"
    )
    assert by_name["printf"]["status"] == "excluded"
    assert by_name["svd3"]["reason"]


def test_built_ins_as_a_table_end_with_reasons(capsys: pytest.CaptureFixture[str]):
    assert main(["builtins"]) == 0
    out = capsys.readouterr().out
    assert "Scalar Math" in out
    assert "excluded: prints" in out


def test_accept_tells_what_is_in_the_grammar(tmp_path, capsys: pytest.CaptureFixture[str]):
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    main(["sample", "--seed", "2"])
    good.write_text(capsys.readouterr().out)
    bad.write_text("import os\n")
    assert main(["accept", str(good)]) == 0
    assert main(["accept", str(bad)]) == 1
    assert f"{bad}:1:" in capsys.readouterr().out


def test_accept_of_no_file_is_exit_code_2(tmp_path, capsys: pytest.CaptureFixture[str]):
    assert main(["accept", str(tmp_path / "none.py")]) == 2
    assert "cannot read" in capsys.readouterr().err
