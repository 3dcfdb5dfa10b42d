"""Every script of a folder of findings, each in a fresh process: does it fail, and as its report says?

    python tests/benchmarks/repros.py [FINDINGS] [--warp 1.19.0] [--environments FOLDER] [NAME ...]

Without `--warp` the scripts run with the Python that runs this; with it in an environment that holds that release of
Warp and numpy alone, made with pip if it is not there. What was observed is held to the report's own words: to the
values in it, or to the compiler's message that it quotes. Where neither is there, both texts are printed for a reader.
Returns 1 if a script does not fail as it should; one that needs a device that is not there is said so.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fuzzer.bisect.environments import Environments, default_folder
from fuzzer.bug_report.running import Ending, Run, run_script

FINDINGS = Path(__file__).resolve().parents[2] / "corpus" / "findings"

_BY_HAND = re.compile(r"^\| observed \| (.*) \|$", re.MULTILINE)
_BY_PROGRAM = re.compile(r"^\| expected \| observed \|\n\|-+\|-+\|\n\| .*? \| (.*) \|$", re.MULTILINE)
_VALUES = re.compile(r"\[[-\d., nainf\[\]]+\]|^[-+\d.]+\b")
_NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?|nan|inf")
_REFUSED = re.compile(r"^(?:the module does not build|NVRTC): (.*)$")


@dataclass(frozen=True)
class Checked:
    """One script's run beside what its report says was observed."""

    name: str
    run: Run
    stated: str

    @property
    def agrees(self) -> str:
        """Whether it failed as stated: `yes`, `no`, `read` where a person must tell, or `needs a device`."""
        if self.run.ending is not Ending.SHOWS:
            return str(self.run.ending) if self.run.ending is Ending.NO_DEVICE else "no"
        values, refused = _VALUES.search(self.stated.strip("`")), _REFUSED.match(self.stated)
        if values is not None:
            return "yes" if _numbers(values[0]) == _numbers(self.run.observed)[: len(_numbers(values[0]))] else "read"
        said = _plain(self.run.observed + self.run.errors)
        if refused is not None:
            return "yes" if all(_plain(part) in said for part in _parts(refused[1])) else "read"
        return "yes" if _plain(self.stated) in said or "killed by" in self.run.said else "read"


def _numbers(text: str) -> list[float]:
    return [float(one) for one in _NUMBER.findall(text)]


def _parts(message: str) -> Iterator[str]:
    """Yield the parts of a quoted message between what was left out of it, or what is no word of the compiler's."""
    for part in re.split(r"…|`[^`]*`", message):
        if part.strip():
            yield part


def _plain(text: str) -> str:
    """Return a text without quotation marks, and with single blanks."""
    return " ".join(re.sub(r"[`'‘’\"]", "", text).split())


def check(folder: Path, python: Path) -> Checked:
    """Run the script of a finding's folder."""
    report = (folder / "report.md").read_text(encoding="utf-8")
    stated = _BY_HAND.search(report) or _BY_PROGRAM.search(report)
    return Checked(folder.name, run_script(python, folder / "repro.py"), stated[1] if stated else "")


def main() -> int:
    """Run the scripts, print a row each, and return whether one did not fail."""
    parser = argparse.ArgumentParser()
    parser.add_argument("findings", nargs="?", type=Path, default=FINDINGS)
    parser.add_argument("names", nargs="*", help="findings to look at (default: all)")
    parser.add_argument("--warp", help="the release to run with, in an environment with warp and numpy alone")
    parser.add_argument("--environments", type=Path, default=default_folder())
    options = parser.parse_args()
    python = Path(sys.executable)
    if options.warp:
        environment = Environments(options.environments).provide(options.warp, bare=True)
        if environment.python is None:
            parser.error(f"Warp {options.warp} cannot be installed: {environment.refusal}")
        python = environment.python
    table = Table("finding", "in a fresh process", "as stated", "observed", "report")
    checked = []
    for folder in sorted(path.parent for path in options.findings.glob("*/repro.py")):
        if not options.names or folder.name in options.names:
            one = check(folder, python)
            checked.append(one)
            print(f"{one.name}: {one.run.ending}, {one.agrees}", file=sys.stderr)
            table.add_row(one.name, one.run.ending, one.agrees, one.run.said[:80], one.stated[:80])
    Console(width=200, markup=False).print(table)
    counts = {word: sum(one.agrees == word for one in checked) for word in ("yes", "read", "needs a device", "no")}
    print(f"{len(checked)} scripts: " + ", ".join(f"{count} {word}" for word, count in counts.items()))
    return int(counts["no"] > 0)


if __name__ == "__main__":
    sys.exit(main())
