"""The sub-command `export`: a corpus as a data set in Parquet or JSON lines."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from fuzzer.export.card import splits_of
from fuzzer.export.exporting import ExportOptions, export
from fuzzer.export.writers import FORMATS
from grammar.command_line import Parser
from grammar.errors import UserError

BROKEN = 200
"""Kernels that are broken on purpose by default: a few seconds of Warp's work."""


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the sub-command with its options."""
    command = commands.add_parser("export", help="write a corpus as a data set that load_dataset reads")
    command.add_argument("corpus", type=Path, metavar="CORPUS", help="a corpus folder")
    command.add_argument("--format", choices=FORMATS, required=True)
    command.add_argument("--out", type=Path, required=True, help="the folder to make")
    command.add_argument(
        "--errors", type=int, default=BROKEN, metavar="N", help=f"break so many kernels on purpose (default: {BROKEN})"
    )
    command.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes for these")
    command.set_defaults(carry_out=carry_out)


def carry_out(request: argparse.Namespace) -> int:
    """Write the data set that is asked for; returns 0."""
    if request.errors < 0 or request.workers < 1:
        raise UserError("--errors must not be negative, and --workers at least 1")
    options = ExportOptions(request.corpus, request.out, request.format, request.errors, request.workers)
    terminal = Console(stderr=True)
    with Progress(console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task("writing", total=None)
        result = export(options, lambda done, total: progress.update(task, completed=done, total=total))
    console = Console()
    for config, rows in result.rows.items():
        counts = ", ".join(f"{split} {rows[split]:,}" for split in splits_of(rows))
        megabytes = sum(result.bytes[config].values()) / 10**6
        console.print(f"{config:<8}{counts or 'none'}, {megabytes:.1f} MB of text", markup=False, highlight=False)
    return 0
