"""`python -m fuzzer`: the table of its sub-commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

from fuzzer import minimize, run_command, stats_command
from fuzzer.bisect import command as bisect_command
from fuzzer.export import command as export_command
from grammar.command_line import Parser, carry_out

COMMANDS: tuple[ModuleType, ...] = (run_command, minimize, bisect_command, stats_command, export_command)
"""A module per sub-command. `add_parser` adds its options and sets `carry_out`, which takes the request and returns the
exit code: 0, 1 where something was found wrong with what was checked, 130 when interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: a sub-command's own, 2 for a bad call, 130 when interrupted."""
    return carry_out(lambda: _carry_out(arguments))


def _carry_out(arguments: Sequence[str] | None) -> int:
    parser = Parser(prog="python -m fuzzer", description="Fuzz NVIDIA Warp's kernel compiler.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    for command in COMMANDS:
        command.add_parser(commands)
    request = parser.parse_args(arguments)
    return int(request.carry_out(request))


if __name__ == "__main__":
    sys.exit(main())
