"""What a person sees while a campaign runs: a live panel in a terminal, plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from fuzzer.guidance.coverage_map import Covered
from fuzzer.progress import Progress
from oracle.observation import Verdict

FIRST_LINES = (0.0, 15.0, 30.0)
"""Seconds after which the first plain lines come."""

PLAIN_INTERVAL = 60.0
"""Seconds between two plain lines after those."""

SAMPLE_LINES = 10
"""After so many plain lines one of the kernels is printed; the panel changes its own every `SAMPLE_SECONDS`."""

SAMPLE_SECONDS = 30.0

MOST_BUCKETS = 5
"""How many buckets of findings are shown, those with the most findings."""

STYLES = {
    Verdict.MATCH: "green",
    Verdict.MISMATCH: "bold red",
    Verdict.SANITIZER: "bold red",
    Verdict.CRASH: "bold red",
    Verdict.HANG: "bold red",
    Verdict.COMPILE_ERROR: "bold red",
    Verdict.UNSTABLE: "yellow",
    Verdict.DOCUMENTED: "yellow",
    Verdict.UNSUPPORTED: "yellow",
}


class Display:
    """Shows `Progress` snapshots. Use as a context manager: a terminal is given back as it was."""

    def __init__(self, console: Console):
        """Show on `console`: live when it is a terminal."""
        self._console = console
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._lines = 0
        self._next_line = FIRST_LINES[0]
        self._warned: set[str] = set()
        self._sample = ""
        self._next_sample = 0.0

    def __enter__(self) -> Display:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, progress: Progress) -> None:
        """Show a snapshot; without a terminal, a line a minute, at times with a kernel."""
        if self._live is not None:
            if progress.elapsed >= self._next_sample and progress.sample:
                self._sample, self._next_sample = progress.sample, progress.elapsed + SAMPLE_SECONDS
            self._live.update(panel(progress, self._sample))
        elif progress.elapsed >= self._next_line:
            self._lines += 1
            early = self._lines < len(FIRST_LINES)
            self._next_line = FIRST_LINES[self._lines] if early else progress.elapsed + PLAIN_INTERVAL
            self.say(plain_line(progress))
            self._warn(progress)
            if self._lines % SAMPLE_LINES == 0 and progress.sample:
                self.say(f"one of the kernels:\n{progress.sample.rstrip()}")

    def _warn(self, progress: Progress) -> None:
        """Say what mostly fails, each thing once."""
        for warning in progress.warnings:
            subject = warning.partition(":")[0]
            if subject not in self._warned:
                self._warned.add(subject)
                self.say(f"warning: {warning}")

    def say(self, line: str) -> None:
        """Print one line that stays."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def plain_line(progress: Progress) -> str:
    """Return the snapshot as one line for logs."""
    parts = [
        f"{_clock(progress.elapsed)}  {progress.kernels} kernels ({progress.rate:.1f}/s), {progress.records} records, "
        f"{_size(progress)}{_left(progress)}",
        _verdicts(progress) or "compiling the first kernels",
    ]
    if progress.kernels:
        parts.append(
            f"coverage {progress.features}: {_covered(progress)}; last grown {progress.last_growth} kernels ago"
            + (f", stuck: {', '.join(progress.stuck)}" if progress.stuck else "")
        )
    parts.append("; ".join([f"{sum(progress.findings.values())} findings", *_buckets(progress)]))
    if progress.kernels:
        parts.append(f"time {_stages(progress, 6)}")
    if progress.health:
        parts.append(_workers(progress))
    return " | ".join([*parts, f"cuda: {progress.cuda_backend or 'not yet known'}"])


def panel(progress: Progress, sample: str = "") -> RenderableType:
    """Return the snapshot as the live panel, with the source of a kernel if there is one to show."""
    facts = Table.grid(padding=(0, 2))
    facts.add_row("kernels", f"{progress.kernels}", f"{progress.rate:.1f}/s, {progress.parents} parents")
    facts.add_row("corpus", f"{progress.records} records", _size(progress) + _left(progress))
    facts.add_row("cuda", progress.cuda_backend or "…", _backend_in_words(progress.cuda_backend))
    facts.add_row("workers", f"{len(progress.health)}", _workers(progress))
    facts.add_row("time", "", _stages(progress, 8))
    facts.add_row("findings", f"{sum(progress.findings.values())}", "\n".join(_buckets(progress)))
    verdicts = Text("verdicts  ")
    for verdict in Verdict:
        count = progress.verdicts.get(verdict, 0)
        verdicts.append(f"{verdict} {count}   ", style=STYLES[verdict] if count else "dim")
    parts: list[RenderableType] = [facts, verdicts, _coverage_table(progress)]
    parts += [Text(f"warning: {warning}", style="yellow") for warning in progress.warnings]
    if (share := _share_done(progress)) is not None:
        parts.insert(0, ProgressBar(total=1.0, completed=share))
    if sample:
        parts += [Text("one of the kernels", style="dim"), Syntax(sample.rstrip(), "python", word_wrap=True)]
    return Panel(Group(*parts), title=f"warpsmith  {_clock(progress.elapsed)}", title_align="left")


def _coverage_table(progress: Progress) -> Table:
    table = Table("coverage", "covered", "known", "last grown", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, group in progress.coverage.items():
        style = "yellow" if name in progress.stuck else ""
        ago = progress.kernels - group.grown
        last = "never" if not group.covered else f"{ago} kernels ago"
        table.add_row(name, f"{group.covered}", f"{group.total or 'open'}", last, style=style)
    return table


def _verdicts(progress: Progress) -> str:
    judged = sum(progress.verdicts.values()) or 1
    return ", ".join(
        f"{count} {verdict} ({count / judged:.1%})" for verdict, count in sorted(progress.verdicts.items()) if count
    )


def _covered(progress: Progress) -> str:
    return ", ".join(f"{name} {_of_known(group)}" for name, group in progress.coverage.items())


def _of_known(group: Covered) -> str:
    return f"{group.covered}/{group.total}" if group.total else f"{group.covered}"


def _buckets(progress: Progress) -> Iterator[str]:
    """Yield the largest buckets, each in one line."""
    for name, count in sorted(progress.findings.items(), key=lambda item: -item[1])[:MOST_BUCKETS]:
        yield f"{count} × {name if len(name) < 100 else name[:97] + '...'}"
    if len(progress.findings) > MOST_BUCKETS:
        yield f"and {len(progress.findings) - MOST_BUCKETS} more kinds"


def _workers(progress: Progress) -> str:
    memory = "/".join(f"{worker.memory_bytes / 1e6:.0f}" for worker in progress.health)
    died = f", {progress.deaths} died" if progress.deaths else ""
    return f"{len(progress.health)} of {progress.workers} workers, {memory} MB{died}"


def _stages(progress: Progress, most: int) -> str:
    total = sum(progress.stage_seconds.values()) or 1.0
    ordered = sorted(progress.stage_seconds.items(), key=lambda item: -item[1])
    return ", ".join(f"{stage} {seconds / total:.0%}" for stage, seconds in ordered[:most])


def _share_done(progress: Progress) -> float | None:
    shares = []
    if progress.budget is not None:
        shares.append(progress.used / progress.budget)
    if progress.time is not None:
        shares.append(progress.elapsed / progress.time)
    return min(1.0, max(shares)) if shares else None


def _size(progress: Progress) -> str:
    limit = f" of {progress.budget / 1e6:.2f}" if progress.budget is not None else ""
    return f"{progress.used / 1e6:.2f}{limit} MB"


def _left(progress: Progress) -> str:
    return "" if progress.seconds_left is None else f", about {_clock(progress.seconds_left)} left"


def _backend_in_words(name: str) -> str:
    return {"device": "on the GPU", "emulator": "PTX on the NumPy emulator; no GPU used"}.get(name, "")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _where_findings_are(progress: Progress, out: Path) -> str:
    if not progress.findings:
        return ""
    folder = out / "findings"
    return f", see {folder}" if folder.is_dir() else ", all of known bugs"


def summary(progress: Progress, out: Path, interrupted: bool) -> list[str]:
    """Return the closing lines: what the corpus holds now, and where the time went."""
    refused = ", ".join(f"{count} {reason}" for reason, count in sorted(progress.refused.items()))
    share = f" ({progress.used / progress.budget:.1%} of the budget)" if progress.budget else ""
    return [
        f"{'interrupted: the same command goes on' if interrupted else 'done'} after {_clock(progress.elapsed)}",
        f"corpus    {out}: {progress.records} records, {progress.used / 1e6:.3f} MB{share}",
        f"kernels   {progress.kernels} judged, {progress.rate:.1f}/s, {progress.bytes_per_second / 1e6:.3f} MB/s",
        f"verdicts  {_verdicts(progress) or 'none'}",
        f"coverage  {progress.features}: {_covered(progress)}",
        f"refused   {refused or 'none'}",
        f"findings  {sum(progress.findings.values())}{_where_findings_are(progress, out)}",
        f"cuda      {progress.cuda_backend or 'did not run'}",
        f"time      {_stages(progress, 20)}",
        *(f"warning   {warning}" for warning in progress.warnings),
    ]
