"""Which releases show a bug: told by scripts and by kernels, in environments that are there or that cannot be made."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from fuzzer.__main__ import main
from fuzzer.bisect.environments import Environments, installed_release, parse_releases
from fuzzer.bisect.looking import Look, same_bug, since, subject_of
from fuzzer.bisect.record import record, section
from fuzzer.bug_report.running import Ending
from grammar.errors import UserError

HERE = installed_release()
NOWHERE = "0.0.999"
"""A release that does not exist."""

SWAP = Path(__file__).parents[1] / "corpus" / "findings" / "swap-in-dynamic-loop"

FINDINGS = SWAP.parent

BROKEN = """import warp as wp


@wp.kernel
def second(q: wp.array(dtype=wp.quat), out: wp.array(dtype=float)):
    i = wp.tid()
    value = q[i]
    out[i] = value[wp.int16(1)]
"""
"""A kernel that Warp 1.14 to 1.19 do not compile (`component-index-int16`)."""


@pytest.fixture(scope="module")
def finding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a finding that was minimised by hand."""
    folder = tmp_path_factory.mktemp("findings") / SWAP.name
    folder.mkdir()
    for file in SWAP.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture(scope="module")
def told(finding: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    """The exit code of a bisection over the installed release and one that does not exist, and its environments."""
    environments = tmp_path_factory.mktemp("environments")
    call = ["bisect", str(finding), "--warp", f"{NOWHERE},{HERE}", "--environments", str(environments)]
    return main(call), environments


def test_a_script_is_run_on_what_is_installed_and_a_release_that_does_not_exist_is_said_so(told, finding):
    code, _ = told
    data = json.loads((finding / "finding.json").read_text())
    assert code == 1
    assert data["since"] == HERE
    assert data["releases"] == {NOWHERE: "not installed", HERE: "shows it"}


def test_the_releases_are_a_section_at_the_end_of_the_findings_report(told, finding):
    report = (finding / "report.md").read_text()
    before = (SWAP / "report.md").read_text().partition("## Releases")[0]
    assert report.startswith(before.rstrip())
    assert report.count("## Releases") == 1 and f"| Warp | {NOWHERE} | {HERE} |" in report
    assert "| | not installed | shows it |" in report and f"- {NOWHERE}: " in report


def test_nothing_stays_of_an_environment_that_could_not_be_made(told):
    _, environments = told
    assert not any(environments.iterdir())


def test_a_kernel_is_judged_by_the_oracle(tmp_path, capsys):
    kernel = tmp_path / "kernel.py"
    kernel.write_text(BROKEN)
    code = main(["bisect", str(kernel), "--warp", HERE, "--environments", str(tmp_path), "--json"])
    (found,) = json.loads(capsys.readouterr().out)
    assert code == 1 and found["since"] == HERE
    (release,) = found["releases"]
    assert release["outcome"] == "shows it" and release["said"].startswith("compile_error: ")


def test_a_release_that_fails_otherwise_does_not_show_the_bug():
    looks = same_bug(
        [
            Look("1.15.0", Ending.SHOWS, "no built-in of that name"),
            Look("1.16.0", Ending.SHOWS, "error: call to 'a' is ambiguous"),
            Look("1.17.0", Ending.PASSES, "passes"),
            Look("1.18.0", Ending.SHOWS, "error: call to 'b' is ambiguous"),
        ]
    )
    assert [look.shows for look in looks] == [False, True, False, True]
    assert since(looks) == "1.16.0" and looks[0].outcome == "fails otherwise"


def test_a_section_is_replaced_and_what_follows_it_stays(tmp_path):
    (tmp_path / "finding.json").write_text('{"id": "x"}')
    (tmp_path / "report.md").write_text(
        f"# x\n\n{section([Look('1.1', Ending.PASSES, 'passes')])}\n## Kernel\n\ncode\n"
    )
    for _ in range(2):
        record(tmp_path, [Look("1.2", Ending.SHOWS, "2.0"), Look("1.3", None, "no such release")])
    report = (tmp_path / "report.md").read_text()
    assert report.count("## Releases") == 1 and "1.1" not in report and "## Kernel\n\ncode" in report
    assert json.loads((tmp_path / "finding.json").read_text())["since"] == "1.2"


def test_releases_are_listed_or_given_by_their_pythons():
    assert parse_releases(f"1.16.0, 1.17.0,1.16.0,{sys.executable}") == ("1.16.0", "1.17.0", sys.executable)
    for wrong in ("", "1.16.0,-r", "1", "/no/such/python", "latest"):
        with pytest.raises(UserError):
            parse_releases(wrong)


def test_a_python_with_a_warp_of_its_own_is_a_release():
    environment = Environments(Path("unused")).provide(sys.executable)
    assert environment.python == Path(sys.executable) and environment.release.startswith(f"{HERE} at ")


def test_only_environments_are_removed(tmp_path):
    (tmp_path / "1.16.0").mkdir()
    (tmp_path / "1.17.0").mkdir()
    (tmp_path / "1.17.0" / "pyvenv.cfg").touch()
    Environments(tmp_path).remove(["1.16.0", "1.17.0", "1.18.0", sys.executable])
    assert [path.name for path in tmp_path.iterdir()] == ["1.16.0"]


def test_what_only_defines_is_a_kernel_and_what_runs_is_a_script(tmp_path):
    kernel, script = tmp_path / "a.py", tmp_path / "b.py"
    kernel.write_text(BROKEN)
    script.write_text(f"{BROKEN}\n\nwp.launch(second, dim=1)\n")
    assert not subject_of(kernel).is_script and subject_of(script).is_script
    assert subject_of(SWAP).is_script and subject_of(SWAP).folder == SWAP


@pytest.mark.parametrize("text", ["def (", None])
def test_what_cannot_be_read_is_one_line_and_exit_code_2(text, tmp_path, capsys):
    path = tmp_path / "kernel.py"
    if text is not None:
        path.write_text(text)
    assert main(["bisect", str(path), "--warp", "1.16.0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_every_finding_in_the_table_says_since_which_release():
    table = (FINDINGS / "README.md").read_text()
    for path in FINDINGS.glob("*/finding.json"):
        data = json.loads(path.read_text())
        if "since" in data:
            (row,) = re.findall(rf"^\| \[`{re.escape(path.parent.name)}`\].*$", table, re.MULTILINE)
            assert row.split(" | ")[-2] == ("-" if data["since"] is None else data["since"].rpartition(".")[0])
            assert "## Releases" in (path.parent / "report.md").read_text()
