"""One accused kernel is minimised, judged once more by itself, and written as a folder that a person can act on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fuzzer.bug_report import write_folder
from fuzzer.minimizing.accused import Accused
from grammar.errors import UserError
from oracle.examine import Accusation, examine
from oracle.reduce.description import Description
from oracle.reduce.minimal import Minimal
from oracle.reduce.minimise import Minimisation, NothingShownError, Progress, as_warp_compiles, language_of
from oracle.reduce.printing import printed
from oracle.reduce.reduced import Reduced
from oracle.reduce.search import measure
from oracle.reduce.testing import Accusing, Journal, key_of
from oracle.rerun import Case

JOURNAL = "tried.jsonl"
"""What was tried, in the folder of a minimisation that is not done: with it the same command goes on."""

HEAD = "tried.of"
"""What that is about."""


@dataclass(frozen=True)
class Settings:
    """How to minimise: the back end for cuda, how many processes, a seed for the order of what is tried.

    `deadline` is a `time.monotonic()`, None for as long as it takes. `command` is how to do it again.
    """

    cuda: str
    workers: int = 1
    seed: int = 0
    deadline: float | None = None
    command: str = ""
    variants: bool = True


def minimise(accused: Accused, folder: Path, settings: Settings, watch: Callable[[Progress], None]) -> Minimal:
    """Minimise a kernel and write its folder; what was tried before is not tried again.

    Interrupted, it leaves the simplest kernel so far there, and raises KeyboardInterrupt. Raises UserError for a kernel
    whose accusation the candidates' processes do not see.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with Accusing(settings.cuda, settings.workers, accused.accuser, accused.peer) as accusing:
        journal = Journal(accusing, journal_for(folder, identity(accused, settings)))
        language = language_of(accused.case, accused.accuser)
        search = Minimisation(accused.case, language, journal, settings.seed, settings.deadline, watch)
        try:
            search.run()
        except NothingShownError:
            raise UserError(
                "the accusation is not made again where candidates are tried: it cannot be minimised"
            ) from None
        except KeyboardInterrupt:
            write_so_far(folder, search.best, accused.original)
            raise
        case, seen = _settled(search.best, accused, accusing)
    minimal = _minimal(case, seen, accused, search, journal.compiles, settings)
    write_folder(
        minimal,
        folder,
        command=settings.command,
        has_device=settings.cuda == "device",
        look_for_variants=settings.variants,
    )
    _complete(folder, minimal, search.is_minimal)
    forget_journal(folder)
    return minimal


def _complete(folder: Path, minimal: Minimal, is_minimal: bool) -> None:
    """Add to a folder's data the inputs that the kernel is launched with, and what the minimisation took."""
    path = folder / "finding.json"
    data = json.loads(path.read_text(encoding="utf-8")) | launch_data(minimal.case)
    data["minimisation"] = {
        "tokens": minimal.tokens,
        "tokens_before": minimal.tokens_before,
        "candidates": minimal.tried,
        "minimal": is_minimal,
    }
    path.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def identity(accused: Accused, settings: Settings) -> str:
    """Return what a journal is about: the case, its accuser, and the order of what is tried."""
    words = f"{key_of(accused.case)} {accused.accuser} {accused.peer} {settings.seed} {settings.cuda}"
    return hashlib.sha256(words.encode()).hexdigest()[:24]


def journal_for(folder: Path, about: str) -> Path:
    """Return the path of a folder's journal, which is begun anew unless it is about the same."""
    path, head = folder / JOURNAL, folder / HEAD
    if not path.exists() or not head.exists() or head.read_text(encoding="utf-8") != about:
        path.write_text("", encoding="utf-8")
        head.write_text(about, encoding="utf-8")
    return path


def forget_journal(folder: Path) -> None:
    """Remove a folder's journal: its minimisation is done."""
    for name in (JOURNAL, HEAD):
        (folder / name).unlink(missing_ok=True)


def _settled(best: Case, accused: Accused, accusing: Accusing) -> tuple[Case, Description]:
    """Return the simplest case in normal layout, as Warp compiles by default if it shows so too, with what is seen."""
    plain = replace(best, source=printed(best.source))
    for case in (as_warp_compiles(plain, accused.original), plain, best):
        (tried,) = accusing.ask([case], described=True)
        if tried.shows:
            return case, tried.description or Description(accused.accuser.said)
    raise UserError("what was minimised does not show it a second time: the accusation is flaky")


def _minimal(
    case: Case, seen: Description, accused: Accused, search: Minimisation, compiles: int, settings: Settings
) -> Minimal:
    peers = (accused.peer,) if accused.peer is not None else ()
    accusation = Accusation(replace(case, peers=()), accused.accuser.verdict, peers, reduce=False)
    sizes = measure(case.source), measure(accused.original.source)
    return Minimal(
        case=replace(case, given=seen.given or case.given),
        original=accused.original,
        inputs=seen.inputs,
        accuser=accused.accuser,
        reduced=Reduced(case, search.features, *sizes, search.tried),
        tried=search.tried,
        compiles=compiles,
        gradients=seen.gradients,
        layouts=seen.layouts,
        outputs=seen.outputs,
        place=seen.place,
        reason=seen.reason,
        opinions=seen.opinions,
        peer=accused.peer,
        standing=examine(accusation, settings.cuda, settings.workers),
        origin=accused.origin,
    )


def write_so_far(folder: Path, best: Case, original: Case) -> None:
    """Write the simplest kernel so far, with what it is launched with."""
    (folder / "kernel.py").write_text(printed(best.source), encoding="utf-8")
    text = json.dumps(launch_data(best) | {"unfinished": True}, indent=2, sort_keys=True)
    (folder / "finding.json").write_text(text + "\n", encoding="utf-8")


def launch_data(case: Case) -> dict[str, Any]:
    """Return what `finding.json` says of a launch, so that `python -m oracle check` can make it again."""
    data: dict[str, Any] = {
        "input_seed": case.input_seeds[0],
        "launch_dims": list(case.dims or ()),
        "arguments": [dict(argument) for argument in case.arguments or ()],
        "backward": case.options.backward,
        "arch": case.options.arch,
    }
    if case.given is not None:
        data["inputs"] = case.given.to_json()
    return data | ({"block_dim": case.options.block_dim} if case.options.tiled else {})
