"""What the command lines of all rooms share: one-line errors and exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from grammar.errors import UserError

BAD_CALL = 2
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Raise UserError; `carry_out` prints it."""
        raise UserError(f"{message} (see {self.prog} --help)")


def carry_out(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; an error of the user's becomes one line on standard error and exit code
    2, an interrupt 130. A reader of the output that goes away (`| head`) is no error.
    """
    try:
        code = command()
        sys.stdout.flush()
        return code
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_CALL
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # or Python would complain once more while it exits
        return 0
