"""`python -m oracle check|emulate|limits|reference`: the command lines of the oracle."""

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
    # these need Warp, which the emulator does not
    if request.command == "reference":
        from oracle.reference.command import reference

        return reference(request)
    if request.command == "limits":
        from oracle.limits_command import limits

        return limits(request)
    from oracle.check_command import check

    return check(request)


def _parser() -> Parser:
    parser = Parser(prog="python -m oracle", description="Ask whether Warp's cpu and cuda targets agree.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    _add_check_options(commands.add_parser("check", help="re-verify a corpus, a shard, a finding or a kernel file"))
    add_emulate_options(commands.add_parser("emulate", help="run one kernel on the PTX emulator and show all it does"))
    documented = commands.add_parser("limits", help="list what Warp documents that its compiler does not do")
    documented.add_argument("--probe", action="store_true", help="say whether the installed Warp still shows each")
    covered = commands.add_parser("reference", help="say which built-ins the reference evaluator defines")
    covered.add_argument("--json", action="store_true", help="print the groups, and every reason, as JSON")
    return parser


def _add_check_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("path", type=Path, metavar="PATH", help="corpus or finding folder, .jsonl shard, .py kernel")
    command.add_argument("--sample", type=int, metavar="N", help="run N records (of a kernel: N inputs), not all")
    command.add_argument("--seed", type=int, default=0, help="which records --sample takes (default: 0)")
    command.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    command.add_argument("--cuda", choices=["auto", "device", "emulator"], default="auto")


if __name__ == "__main__":
    sys.exit(main())
