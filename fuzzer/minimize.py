"""The sub-command `minimize`: from a failing kernel to the smallest that fails alike, with a script and a report."""

from __future__ import annotations

import argparse
import os
import shlex
import time
from pathlib import Path

from rich.console import Console

from extractor.warp_setup import open_workspace
from fuzzer.minimizing.accused import accused_at
from fuzzer.minimizing.display import Display
from fuzzer.minimizing.file import minimise_file
from fuzzer.minimizing.one import Settings, minimise
from fuzzer.options import parse_time
from grammar.command_line import Parser
from grammar.errors import UserError
from oracle.backends import choose_cuda
from oracle.check_kernel import KERNEL

FOLDER = "minimal"
"""Where the result goes without `--out`: inside a finding's folder, or behind the name of a file."""


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the sub-command with its options."""
    command = commands.add_parser("minimize", help="make a failing kernel small: a script and a report come out")
    command.add_argument("path", type=Path, metavar="KERNEL.py|FINDING_DIR", help="a kernel, or a finding's folder")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help=f"where to write (default: {FOLDER} beside the kernel)"
    )
    command.add_argument(
        "--check",
        metavar="COMMAND",
        help="keep what this command exits with 0 for; it is given a candidate's path, last or in the place of {}",
    )
    command.add_argument("--seed", type=int, default=0, help="of the inputs, and of the order of what is tried")
    command.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    command.add_argument("--cuda", choices=["auto", "device", "emulator"], default="auto")
    command.add_argument("--time", metavar="TIME", help="stop after this time with the smallest so far, such as 10m")
    command.set_defaults(carry_out=carry_out)


def carry_out(request: argparse.Namespace) -> int:
    """Minimise what is asked for; returns 0. Raises UserError for what shows nothing, or not every time."""
    if request.workers < 1:
        raise UserError("--workers must be at least 1")
    if request.seed < 0:
        raise UserError("--seed must not be negative")
    deadline = time.monotonic() + parse_time(request.time) if request.time else None
    folder = request.out or _folder_for(request.path)
    console = Console()
    if request.check:
        path = request.path / KERNEL if request.path.is_dir() else request.path
        with Display(console) as display:
            found = minimise_file(path, folder, request.check, request.workers, request.seed, display.show)
        _say(console, found.source, found.tokens_before, found.tokens, found.tried, folder)
        return 0
    with open_workspace():
        cuda = choose_cuda(request.cuda)
    with Display(console) as display:
        accused = accused_at(request.path, cuda, request.workers, request.seed)
        accuser = accused.accuser
        display.say(
            f"{accuser.verdict}: {accuser.oracle or accuser.said}{' of gradients' * (accuser.direction != 'forward')}"
        )
        command = shlex.join(["python", "-m", "fuzzer", "minimize", str(request.path), "--seed", str(request.seed)])
        settings = Settings(cuda, request.workers, request.seed, deadline, command)
        minimal = minimise(accused, folder, settings, display.show)
    _say(console, minimal.case.source, minimal.tokens_before, minimal.tokens, minimal.tried, folder)
    return 0


def _folder_for(path: Path) -> Path:
    return path / FOLDER if path.is_dir() else path.with_name(f"{path.stem}-{FOLDER}")


def _say(console: Console, source: str, before: int, after: int, tried: int, folder: Path) -> None:
    console.print(source, markup=False, highlight=False, soft_wrap=True)
    console.print(f"{before} -> {after} tokens, {tried} candidates; written to {folder}", markup=False, highlight=False)
