"""A campaign that is killed again and again, at random moments, against the same campaign left alone.

    python tests/benchmarks/kills.py [--kills 100] [--seed 0] [--budget 400KB] [--campaign-seed 5] [--workers 2]

Kills the main process (SIGKILL), one of its workers (SIGKILL), or presses Ctrl-C or sends SIGTERM to the main process's
whole group, and resumes until the campaign is done; then does the same with a new one, until there were enough kills.
Every corpus must hold the same bytes as the undisturbed one's. All processes and folders are accounted for: processes
by a mark in their environment, folders by a temporary folder of this run's own.

Exits with 1 if anything was lost, doubled, broken or left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

KINDS = {"main process, SIGKILL": 4, "a worker, SIGKILL": 4, "the group, SIGINT": 1, "the group, SIGTERM": 1}
"""What is done to a campaign, and how often in proportion."""

LIFE_SECONDS = 0.2
"""Between two kills at least, when nothing is imported yet; at most as long as the undisturbed campaign takes. A third
of that on average: most runs die before their first batches are merged, and enough get further.
"""

END_SECONDS = 60.0
"""How long an interrupted run may take to end, and processes of a killed one to go."""

MARK = "WARPSMITH_KILLS"


@dataclass
class Tally:
    """What was done, and what came of it."""

    kills: Counter[str] = field(default_factory=Counter)
    resumes: int = 0
    corpora: int = 0
    lost: int = 0
    doubled: int = 0
    broken: int = 0
    different: int = 0
    orphans: int = 0
    folders: int = 0
    complaints: list[str] = field(default_factory=list)

    @property
    def bad(self) -> bool:
        """Whether anything is not as it would be without the kills."""
        wrong = self.lost, self.doubled, self.broken, self.different, self.orphans, self.folders, self.complaints
        return any(wrong)


class Campaigns:
    """Starts campaigns with the same options in folders of `folder`, and knows their processes."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.mark = secrets.token_hex(8)
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self._options = options

    def start(self, out: Path) -> subprocess.Popen[bytes]:
        """Start or resume the campaign in `out`, in a session of its own; what it says goes beside `out`."""
        options = self._options
        command = [sys.executable, "-m", "fuzzer", "run", "--budget", options.budget, "--out", str(out)]
        command += ["--seed", str(options.campaign_seed), "--workers", str(options.workers), *options.more]
        command += ["--no-minimize"]  # for as long as the clock allows, and so not the same each time
        with out.with_suffix(".out").open("ab") as said, out.with_suffix(".err").open("ab") as complaints:
            return subprocess.Popen(
                command,
                stdout=said,
                stderr=complaints,
                env={**os.environ, MARK: self.mark, "TMPDIR": str(self.temporary)},
                start_new_session=True,
            )

    def alive(self) -> list[int]:
        """Return the processes, of all campaigns, that are still there."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
            except OSError:  # another user's, or gone
                continue
        return found


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _wait(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _ends(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait so long for a process to end by itself; returns whether it has."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


class Killer:
    """Runs campaigns to their end through many deaths."""

    def __init__(self, campaigns: Campaigns, rng: random.Random, kills: int, longest_life: float, tally: Tally) -> None:
        self._campaigns = campaigns
        self._longest_life = longest_life
        self._random = rng
        self._kills = kills
        self._tally = tally

    @property
    def done(self) -> bool:
        """Whether there were enough kills."""
        return self._tally.kills.total() >= self._kills

    def run(self, out: Path) -> None:
        """Start the campaign in `out`, and kill and resume it until it is done."""
        process = self._campaigns.start(out)
        while process.poll() is None:
            if self.done:
                process.wait()
            elif not _ends(process, self._life()):
                kind = self._random.choices(list(KINDS), list(KINDS.values()))[0]
                if self._kill(process, kind) and process.poll() is not None:
                    self._look_around(process)
                    process = self._campaigns.start(out)
                    self._tally.resumes += 1
        if process.returncode != 0:
            self._tally.complaints.append(f"{out.name} ended with {process.returncode}")

    def _life(self) -> float:
        return max(LIFE_SECONDS, self._longest_life * self._random.random() ** 2)

    def _kill(self, process: subprocess.Popen[bytes], kind: str) -> bool:
        """Kill something; returns whether there was something to kill. All but a worker's kill ends the process."""
        if "worker" in kind:
            workers = _children(process.pid)
            if not workers:
                return False
            victim = self._random.choice(workers)
            os.kill(victim, signal.SIGKILL)
            self._tally.kills[kind] += 1
            return True
        self._tally.kills[kind] += 1
        number = next(number for number in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM) if number.name in kind)
        if "main" in kind:
            process.kill()
        else:
            os.killpg(process.pid, number)
        if not _ends(process, END_SECONDS):
            self._tally.complaints.append(f"no end within {END_SECONDS:.0f} s of {kind}")
            process.kill()
            process.wait()
        return True

    def _look_around(self, process: subprocess.Popen[bytes]) -> None:
        """The dead must have taken their workers along; an interrupted run must have left nothing else either."""
        if not _wait(lambda: not self._campaigns.alive(), seconds=5.0):
            self._tally.orphans += len(self._campaigns.alive())
        if process.returncode == 130:
            self._tally.folders += len(list(self._campaigns.temporary.iterdir()))


def _lines(corpus: Path) -> list[bytes]:
    return [line for path in sorted(corpus.glob("shard-*")) for line in path.read_bytes().splitlines()]


def _identity(line: bytes) -> str | None:
    try:
        return str(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError):
        return None


def compare(corpus: Path, undisturbed: Path, tally: Tally) -> None:
    """Count what is not in `corpus` as it is in `undisturbed`."""
    found, wanted = _lines(corpus), _lines(undisturbed)
    identities = Counter(map(_identity, found))
    tally.broken += identities.pop(None, 0)
    tally.doubled += identities.total() - len(identities)
    tally.lost += len({_identity(line) for line in wanted} - identities.keys())
    shards = [{path.name: path.read_bytes() for path in folder.glob("shard-*")} for folder in (corpus, undisturbed)]
    listed = [json.loads((folder / "manifest.json").read_text())["shards"] for folder in (corpus, undisturbed)]
    tally.different += shards[0] != shards[1] or listed[0] != listed[1]


def show(tally: Tally, alone: float, taken: float, console: Console) -> None:
    """Print what was done and what came of it."""
    table = Table(title=f"{tally.kills.total()} kills in {taken:.0f} s")
    table.add_column("what")
    table.add_column("count", justify="right")
    for kind in KINDS:
        table.add_row(f"killed: {kind}", str(tally.kills[kind]))
    table.add_row("resumed", str(tally.resumes))
    table.add_row(f"campaigns finished (undisturbed: {alone:.0f} s each)", str(tally.corpora), end_section=True)
    for what in ("lost", "doubled", "broken"):
        table.add_row(f"records {what}", str(getattr(tally, what)))
    table.add_row("corpora with other bytes or another manifest", str(tally.different))
    table.add_row("processes left behind", str(tally.orphans))
    table.add_row("scratch folders left behind", str(tally.folders))
    table.add_row("complaints", str(len(tally.complaints)))
    console.print(table)
    for complaint in tally.complaints:
        console.print(complaint, markup=False)


def measure(folder: Path, options: argparse.Namespace) -> bool:
    """Run and compare everything, in `folder`; returns whether all is well."""
    tally, campaigns = Tally(), Campaigns(folder, options)
    undisturbed, started = folder / "undisturbed", time.monotonic()
    if campaigns.start(undisturbed).wait() != 0:
        sys.exit(undisturbed.with_suffix(".err").read_text())
    alone, started = time.monotonic() - started, time.monotonic()
    killer = Killer(campaigns, random.Random(options.seed), options.kills, alone, tally)
    while not killer.done:
        corpus = folder / f"killed-{tally.corpora}"
        killer.run(corpus)
        compare(corpus, undisturbed, tally)
        tally.corpora += 1
    tally.orphans += len(campaigns.alive())
    tally.folders += len(list(campaigns.temporary.iterdir()))
    check = [sys.executable, "-m", "oracle", "check", str(corpus), "--sample", str(options.sample)]
    if subprocess.run(check, stdout=subprocess.DEVNULL).returncode != 0:
        tally.complaints.append("`oracle check` finds fault with the last corpus")
    tracebacks = sum(path.read_text().count("Traceback") for path in folder.glob("*.err"))
    if tracebacks:
        tally.complaints.append(f"{tracebacks} tracebacks")
    show(tally, alone, time.monotonic() - started, Console())
    return not tally.bad


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of when what is killed")
    parser.add_argument("--budget", default="400KB")
    parser.add_argument("--campaign-seed", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sample", type=int, default=10, help="records that `oracle check` compiles and runs again")
    parser.add_argument("--keep", type=Path, help="an empty folder for everything, kept")
    options, options.more = parser.parse_known_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        return 0 if measure(options.keep, options) else 1
    with tempfile.TemporaryDirectory() as folder:
        return 0 if measure(Path(folder), options) else 1


if __name__ == "__main__":
    sys.exit(main())
