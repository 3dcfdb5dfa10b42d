"""What a person sees while a campaign runs: a live panel in a terminal, plain lines anywhere else."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fuzzer.progress import Progress
from oracle.observation import Verdict

PLAIN_INTERVAL = 10.0
"""Seconds between two plain lines."""

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
        self._next_line = 0.0

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
        """Show a snapshot; without a terminal, at most one line every `PLAIN_INTERVAL` seconds."""
        if self._live is not None:
            self._live.update(panel(progress))
        elif progress.elapsed >= self._next_line:
            self._next_line = progress.elapsed + PLAIN_INTERVAL
            self.say(plain_line(progress))

    def say(self, line: str) -> None:
        """Print one line that stays."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def plain_line(progress: Progress) -> str:
    """Return the snapshot as one line for logs."""
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(progress.verdicts.items()) if count)
    return (
        f"{_clock(progress.elapsed)}  {progress.kernels} kernels ({progress.rate:.1f}/s), {progress.records} records, "
        f"{_size(progress)}{_left(progress)}; {verdicts or 'compiling the first kernels'}; "
        f"{progress.findings} findings; cuda: {progress.cuda_backend or 'not yet known'}"
    )


def panel(progress: Progress) -> RenderableType:
    """Return the snapshot as the live panel."""
    facts = Table.grid(padding=(0, 2))
    facts.add_row("kernels", f"{progress.kernels}", f"{progress.rate:.1f}/s with {progress.workers} workers")
    facts.add_row("corpus", f"{progress.records} records", _size(progress) + _left(progress))
    facts.add_row("cuda", progress.cuda_backend or "…", _backend_in_words(progress.cuda_backend))
    facts.add_row("findings", f"{progress.findings}", f"{progress.deaths} workers died" if progress.deaths else "")
    verdicts = Text("verdicts  ")
    for verdict in Verdict:
        count = progress.verdicts.get(verdict, 0)
        verdicts.append(f"{verdict} {count}   ", style=STYLES[verdict] if count else "dim")
    parts: list[RenderableType] = [facts, verdicts]
    if (share := _share_done(progress)) is not None:
        parts.insert(0, ProgressBar(total=1.0, completed=share))
    return Panel(Group(*parts), title=f"warpsmith  {_clock(progress.elapsed)}", title_align="left")


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
    judged = sum(progress.verdicts.values()) or 1
    verdicts = ", ".join(
        f"{verdict} {count} ({count / judged:.2%})" for verdict, count in sorted(progress.verdicts.items()) if count
    )
    refused = ", ".join(f"{count} {reason}" for reason, count in sorted(progress.refused.items()))
    total = sum(progress.stage_seconds.values()) or 1.0
    stages = ", ".join(
        f"{stage} {seconds / total:.0%}"
        for stage, seconds in sorted(progress.stage_seconds.items(), key=lambda item: -item[1])
    )
    share = f" ({progress.used / progress.budget:.1%} of the budget)" if progress.budget else ""
    return [
        f"{'interrupted: the same command goes on' if interrupted else 'done'} after {_clock(progress.elapsed)}",
        f"corpus    {out}: {progress.records} records, {progress.used / 1e6:.3f} MB{share}",
        f"kernels   {progress.kernels} judged, {progress.rate:.1f}/s, {progress.bytes_per_second / 1e6:.3f} MB/s",
        f"verdicts  {verdicts or 'none'}",
        f"refused   {refused or 'none'}",
        f"findings  {progress.findings}{_where_findings_are(progress, out)}",
        f"cuda      {progress.cuda_backend or 'did not run'}",
        f"time      {stages}",
    ]
