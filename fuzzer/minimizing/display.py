"""What a person sees of a minimisation: a live line in a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from oracle.reduce.minimise import Progress

PLAIN_INTERVAL = 15.0
"""Seconds between two plain lines."""


class Display:
    """Shows `Progress` snapshots. Use as a context manager: a terminal is given back as it was."""

    def __init__(self, console: Console, label: str = "") -> None:
        """Show on `console`: live when it is a terminal. `label` is put before each line."""
        self._console = console
        self._label = label
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._next_line = time.monotonic() + PLAIN_INTERVAL

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
        """Show a snapshot; without a terminal, a line now and then."""
        line = self._label + in_words(progress)
        if self._live is not None:
            self._live.update(Text(line))
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + PLAIN_INTERVAL
            self.say(line)

    def say(self, line: str) -> None:
        """Print one line that stays."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def in_words(progress: Progress) -> str:
    """Return a snapshot as one line."""
    percent = 100.0 * (1.0 - progress.size / max(progress.size_before, 1))
    return (
        f"{progress.size_before} -> {progress.size} tokens ({percent:.0f}% gone) | {progress.tried} candidates | "
        f"{progress.family} {progress.share:.0%} | last success {progress.idle_seconds:.0f} s ago"
    )
