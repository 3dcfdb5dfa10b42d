"""`python -m oracle emulate`: options, trace, exit codes."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from grammar.errors import UserError
from oracle import ptx
from oracle.emulate.options import Options
from oracle.emulate.printing import as_json, print_outcome
from oracle.emulate.running import Subject, run
from oracle.emulate.specs import __doc__ as SPECS  # noqa: N812
from oracle.emulate.specs import parse_spec

DESCRIPTION = """\
Run one kernel on the PTX emulator, without a GPU, and show what it wrote, what it executed, and what the sanitizer saw.

A PTX file needs no Warp. A Python file is compiled by Warp; unless you --trust it, only a source inside the grammar is
executed. Exit code 1: the sanitizer reported something, or the launch did not end; 2: it could not be run."""

MAX_THREADS = 1 << 20
MAX_BLOCK_DIM = 1024


def add_emulate_options(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options to its parser."""
    parser.description = DESCRIPTION
    parser.epilog = SPECS
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", type=Path, metavar="FILE.ptx|KERNEL.py")
    parser.add_argument("--entry", metavar="NAME", help="which kernel, by its name or its PTX entry's")
    parser.add_argument("--block-dim", type=int, metavar="N", help="threads in a block (default: 256, or all)")
    parser.add_argument("--dims", type=_dims, metavar="N[,N...]", help="what to launch over (default: 64 threads)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which random inputs (default: 0)")
    parser.add_argument("--backward", action="store_true", help="launch the backward entry after the forward one")
    parser.add_argument(
        "--trace",
        nargs="?",
        const="0",
        metavar="[BLOCK:]THREAD",
        help="print what one thread executes: PTX line, active mask of its warp, instruction, results (default: 0:0)",
    )
    parser.add_argument("--param", action="append", default=[], metavar="SPEC", help="FILE.ptx: the next parameter")
    parser.add_argument("--shared-bytes", type=int, metavar="N", help="dynamic shared memory (default: 48 KiB)")
    parser.add_argument("--trust", action="store_true", help="KERNEL.py: import it as Python does, whatever it holds")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def emulate(request: argparse.Namespace) -> int:
    """Carry out a call; returns the exit code. Raises UserError."""
    options = _options(request)
    traced: list[ptx.Traced] = []
    thread = None if request.trace is None else _thread(request.trace)
    sink = traced.append if request.json else _Printer(request.file)
    with _subject(request, options) as subject:
        try:
            outcome = run(subject, thread, sink)
        except (ptx.Unsupported, ptx.Malformed, ValueError) as error:
            raise UserError(f"{request.file}: {error}") from None
        if request.json:
            print(json.dumps(as_json(subject, outcome, traced)))
        else:
            print_outcome(subject, outcome, Console())
    return 0 if outcome.clean else 1


@contextmanager
def _subject(request: argparse.Namespace, options: Options) -> Iterator[Subject]:
    if request.file.suffix == ".ptx":
        from oracle.emulate.ptx_file import ptx_subject

        specs = [parse_spec(text) for text in request.param]
        try:
            subject = ptx_subject(request.file, options, specs)
        except ptx.PtxError as error:
            raise UserError(f"{request.file}: {error}") from None
        yield subject
        return
    if request.file.suffix != ".py" or request.param:
        raise UserError("--param is for PTX files" if request.param else f"{request.file}: no .ptx or .py file")
    from extractor.warp_setup import open_workspace

    with open_workspace() as workspace:
        from oracle.emulate.kernel_file import kernel_subject

        with kernel_subject(request.file, options, request.trust, workspace) as subject:
            yield subject


def _options(request: argparse.Namespace) -> Options:
    for option, value, most in (
        ("block-dim", request.block_dim, MAX_BLOCK_DIM),
        ("shared-bytes", request.shared_bytes, 1 << 20),
        ("dims", None if request.dims is None else math.prod(request.dims), MAX_THREADS),
    ):
        if value is not None and not 1 <= value <= most:
            raise UserError(f"--{option} must be between 1 and {most}")
    if request.seed < 0:
        raise UserError("--seed must be at least 0")
    return Options(request.entry, request.dims, request.block_dim, request.shared_bytes, request.seed, request.backward)


def _dims(text: str) -> tuple[int, ...]:
    dims = tuple(int(part) for part in text.split(","))
    if not 1 <= len(dims) <= 4 or min(dims) < 1:
        raise argparse.ArgumentTypeError(f"invalid value: {text!r}")
    return dims


def _thread(text: str) -> tuple[int, int]:
    block, _, thread = text.rpartition(":")
    try:
        numbers = int(block or 0), int(thread)
    except ValueError:
        numbers = -1, -1
    if min(numbers) < 0:
        raise UserError(f"--trace {text}: a thread's number, or BLOCK:THREAD")
    return numbers


class _Printer:
    """Prints what is traced as it comes, with the source line wherever that changes."""

    def __init__(self, file: Path) -> None:
        self._source = ""
        self._name = f"{file.name}:"
        self._lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.suffix == ".py" else []

    def __call__(self, traced: ptx.Traced) -> None:
        if traced.source != self._source:
            self._source = traced.source
            print(f"{'':6}  {traced.source}  {self._text(traced.source)}".rstrip())
        print(traced)

    def _text(self, source: str) -> str:
        number = source.removeprefix(self._name)
        known = number != source and number.isdecimal() and int(number) <= len(self._lines)
        return self._lines[int(number) - 1].strip() if known else ""
