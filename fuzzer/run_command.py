"""The sub-command `run`: the options of a campaign."""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path

from rich.console import Console

from fuzzer.executor import LOCAL, check_executor
from fuzzer.options import AHEAD, CampaignOptions, parse_size, parse_time
from fuzzer.run import run
from grammar import CATEGORIES
from grammar.command_line import Parser
from grammar.errors import UserError


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the sub-command with its options."""
    command = commands.add_parser("run", help="generate kernels, compare both targets, keep what agrees")
    command.add_argument("--budget", metavar="SIZE", help="total size of the shards, 200MB unless --time is given")
    command.add_argument("--time", metavar="TIME", help="stop after this time, such as 90s, 30m, 2h")
    command.add_argument("--out", type=Path, default=Path("corpus"), help="the corpus folder (default: corpus/)")
    command.add_argument("--seed", type=int, help="the same seed gives the same corpus (default: a new one)")
    command.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    command.add_argument(
        "--executor",
        default=LOCAL,
        metavar="WHERE",
        help="dask://HOST:PORT judges kernels on the cluster of that scheduler instead (default: local)",
    )
    command.add_argument("--categories", metavar="A,B", help=f"some of {', '.join(CATEGORIES)}")
    command.add_argument("--no-backward", action="store_true", help="forward code only")
    command.add_argument("--emit", choices=["ptx"], help="add each kernel's PTX to its record")
    command.add_argument("--cuda", choices=["auto", "device", "emulator"], default="auto")
    command.add_argument("--arch", type=int, default=75, help="compute capability to compile for (default: 75)")
    command.add_argument("--probe", action="store_true", help="go beyond documented limits, and keep no records")
    command.add_argument("--no-guidance", action="store_true", help="plain generation: nothing is learnt on the way")
    command.add_argument("--parents", type=Path, metavar="CORPUS", help="start from the records of another corpus")
    command.add_argument(
        "--ahead",
        type=int,
        default=AHEAD,
        metavar="N",
        help=f"plan each batch by what was merged N batches before (default: {AHEAD}); take two for each worker",
    )
    command.add_argument("--no-minimize", action="store_true", help="leave findings as they are found")
    command.add_argument("--json-log", type=Path, metavar="FILE", help="append one JSON object per step to FILE")
    command.set_defaults(carry_out=carry_out)


def carry_out(request: argparse.Namespace) -> int:
    """Run the campaign that is asked for; returns 0, or 130 when interrupted."""
    return run(_options(request), Console(), fresh_seed=secrets.randbelow(10**6))


def _options(request: argparse.Namespace) -> CampaignOptions:
    budget = None if request.budget is None and request.time else parse_size(request.budget or "200MB")
    if request.workers < 1:
        raise UserError("--workers must be at least 1")
    if request.ahead < 1:
        raise UserError("--ahead must be at least 1")
    if request.parents is not None and (request.no_guidance or request.probe):
        raise UserError("--parents guide a campaign: they do not go with --no-guidance or --probe")
    if request.probe and (request.budget or not request.time):
        raise UserError("--probe keeps no records that a --budget could count: say how long with --time")
    if request.seed is not None and request.seed < 0:
        raise UserError("--seed must not be negative")
    return CampaignOptions(
        out=request.out,
        seed=request.seed,
        categories=_categories(request.categories),
        budget=budget,
        time=parse_time(request.time) if request.time else None,
        workers=request.workers,
        executor=check_executor(request.executor),
        backward=not request.no_backward,
        emit_ptx=request.emit == "ptx",
        cuda=request.cuda,
        arch=request.arch,
        json_log=request.json_log,
        probe=request.probe,
        guided=not (request.no_guidance or request.probe),
        ahead=request.ahead,
        parents=request.parents,
        minimize=not request.no_minimize,
    )


def _categories(text: str | None) -> tuple[str, ...]:
    if text is None:
        return CATEGORIES
    chosen = [name.strip() for name in text.split(",")]
    for name in chosen:
        if name not in CATEGORIES:
            raise UserError(f"there is no category '{name}'; there are {', '.join(CATEGORIES)}")
    return tuple(category for category in CATEGORIES if category in chosen)
