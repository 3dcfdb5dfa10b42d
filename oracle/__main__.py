"""`python -m oracle check|emulate`: the command lines of the oracle."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from grammar.command_line import Parser, carry_out
from oracle.emulate.command import add_emulate_options, emulate


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns 0 if all is well, 1 if something is wrong, 2 for a bad call, 130 if interrupted."""
    return carry_out(lambda: _run(_parser().parse_args(arguments)))


def _run(request: argparse.Namespace) -> int:
    if request.command == "emulate":
        return emulate(request)
    from oracle.check_command import check  # needs Warp, which the emulator does not

    return check(request)


def _parser() -> Parser:
    parser = Parser(prog="python -m oracle", description="Ask whether Warp's cpu and cuda targets agree.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    _add_check_options(commands.add_parser("check", help="re-verify a corpus, a shard, a finding or a kernel file"))
    add_emulate_options(commands.add_parser("emulate", help="run one kernel on the PTX emulator and show all it does"))
    return parser


def _add_check_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("path", type=Path, metavar="PATH", help="corpus or finding folder, .jsonl shard, .py kernel")
    command.add_argument("--sample", type=int, metavar="N", help="run N records (of a kernel: N inputs), not all")
    command.add_argument("--seed", type=int, default=0, help="which records --sample takes (default: 0)")
    command.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    command.add_argument("--cuda", choices=["auto", "device", "emulator"], default="auto")


if __name__ == "__main__":
    sys.exit(main())
