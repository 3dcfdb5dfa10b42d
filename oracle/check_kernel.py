"""One kernel file, anybody's: is it in the grammar, does Warp take it, do both targets agree on it?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from extractor.compiling import CompileOptions
from extractor.record import block_dim_of
from grammar.errors import UserError
from grammar.kernel import Argument
from grammar.recogniser import accept
from oracle.given import Given
from oracle.peers.peer import every_peer
from oracle.pool import Death, Pool
from oracle.rerun import Case, Rerun, start_worker

KERNEL = "kernel.py"
FINDING = "finding.json"

TILES = re.compile(r"\b(?:wp|warp)\.(?:un)?tile(?:_|\()")
"""What kernels have in their source that are launched in blocks of threads."""

DEFAULT_BLOCK = 64
"""Threads of a block for a kernel with tiles of which only the source is known."""

DEFAULT_SEEDS = 8
"""Inputs that a kernel is run on unless the caller says how many: about half of them hold edge values."""


class OutsideGrammar(UserError):  # noqa: N818
    """The recogniser did not accept a source."""


def check_kernel(path: Path, cuda: str, seeds: int | None, first_seed: int) -> tuple[Case, Rerun | Death]:
    """Run the kernel at `path`, a Python file or the folder of a finding, on `seeds` inputs in a worker process.

    Every peer is asked about the first inputs. A kernel that lies beside its `finding.json` is launched as that says,
    on the finding's own inputs first. Raises UserError for what cannot be read, and for a source outside the grammar,
    of which nothing is executed.
    """
    case = case_of(path / KERNEL if path.is_dir() else path, seeds or DEFAULT_SEEDS, first_seed)
    blocks = not case.options.tiled and cuda == "emulator"
    case = replace(case, peers=every_peer(first_seed, blocks=blocks))
    with Pool(partial(start_worker, cuda), workers=1) as pool:
        pool.submit(path, [case])
        while True:
            for _, (outcome,) in pool.completed(timeout=1.0):
                return case, outcome


def case_of(path: Path, seeds: int, first_seed: int) -> Case:
    """Read a kernel file as a case on `seeds` inputs; raises UserError as `check_kernel` does, and executes nothing."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error.strerror if isinstance(error, OSError) else 'not UTF-8'}") from None
    rejection = accept(source)
    if rejection is not None:
        raise OutsideGrammar(f"{path}:{rejection} (outside the grammar, so nothing of it was executed)")
    others = tuple(range(first_seed, first_seed + seeds))
    options = CompileOptions().for_blocks_of(DEFAULT_BLOCK if TILES.search(source) else 0)
    finding = path.with_name(FINDING)
    if path.name != KERNEL or not finding.is_file():
        return Case(source, options, others)
    try:
        data = json.loads(finding.read_text(encoding="utf-8"))
        if "input_seed" not in data:  # minimised by hand: the kernel shows it on any input, or its repro.py does
            return Case(source, options, others)
        return _case_of_finding(source, data, others)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{finding} cannot be read: {type(error).__name__} {error}") from None


def _case_of_finding(source: str, data: Mapping[str, Any], seeds: tuple[int, ...]) -> Case:
    return Case(
        source=source,
        options=CompileOptions(backward=bool(data["backward"]), arch=int(data["arch"])).for_blocks_of(
            block_dim_of(data)
        ),
        input_seeds=(int(data["input_seed"]), *seeds[:-1]),
        dims=tuple(int(extent) for extent in data["launch_dims"]),
        arguments=[Argument.from_json(argument).to_json() for argument in data["arguments"]],
        given=Given.from_json(int(data["input_seed"]), data["inputs"]) if "inputs" in data else None,
    )
