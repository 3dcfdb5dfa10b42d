"""`python -m oracle check`: what is checked, progress, what is printed, exit codes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import Progress

from extractor.warp_setup import open_workspace
from grammar.errors import UserError
from oracle.backends import choose_cuda
from oracle.check import CheckOptions, check_corpus
from oracle.check_kernel import FINDING, check_kernel
from oracle.check_standing import print_standing
from oracle.observation import Verdict
from oracle.pool import Death
from oracle.rerun import Case, Rerun
from oracle.tables import exit_code, print_judgements, print_opinions, print_report


def check(request: argparse.Namespace) -> int:
    """Carry out a call; returns the exit code. Raises UserError."""
    _check_numbers(request)
    if not request.path.exists():
        raise UserError(f"{request.path}: no such file or folder")
    cuda, versions = _installed(request.cuda)
    if request.path.suffix == ".py" or _is_finding(request):
        return _check_kernel(request, cuda, versions)
    return _check_corpus(request, cuda, versions)


def _is_finding(request: argparse.Namespace) -> bool:
    return bool(request.path.is_dir() and (request.path / FINDING).is_file())


def _check_numbers(request: argparse.Namespace) -> None:
    for option, least in (("workers", 1), ("sample", 1), ("seed", 0)):
        value = getattr(request, option)
        if value is not None and value < least:
            raise UserError(f"--{option} must be at least {least}")


def _installed(wanted: str) -> tuple[str, Mapping[str, Any]]:
    """Return the name of the back end for cuda and the versions of what is installed, as records hold them."""
    import warp

    with open_workspace():
        toolkit = ".".join(str(part) for part in warp.get_cuda_toolkit_version())
        return choose_cuda(wanted), {"warp": warp.config.version, "cuda_toolkit": toolkit}


def _check_corpus(request: argparse.Namespace, cuda: str, versions: Mapping[str, Any]) -> int:
    options = CheckOptions(request.sample, request.seed, request.workers, cuda, versions)
    console = Console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("records run")
        report = check_corpus(
            request.path, options, lambda done, total: progress.update(task, completed=done, total=total)
        )
    print_report(report, console)
    wrong = len({(bad.shard, bad.line) for bad in report.bad})
    print(f"cuda ran on the {cuda}, Warp {versions['warp']}: {f'{wrong} bad' if wrong else 'all well'}")
    return 1 if wrong else 0


def _check_kernel(request: argparse.Namespace, cuda: str, versions: Mapping[str, Any]) -> int:
    case, outcome = check_kernel(request.path, cuda, request.sample, request.seed)
    console = Console()
    code = _print_rerun(case, outcome, cuda, versions, console)
    if _is_finding(request):
        print_standing(case, outcome, cuda, request.workers, console)
    return code


def _print_rerun(case: Case, outcome: Rerun | Death, cuda: str, versions: Mapping[str, Any], console: Console) -> int:
    if isinstance(outcome, Death):
        verdict = Verdict.HANG if outcome.hang else Verdict.CRASH
        print(f"{verdict}: {outcome.reason}")
        return 1
    if outcome.refusal:
        print(f"{Verdict.COMPILE_ERROR}: {outcome.refusal}")
        return 1
    print_judgements(outcome.judgements, case.input_seeds, console)
    print_opinions(outcome.judgements, console)
    print(f"launched over {outcome.dims}, cuda on the {cuda}, Warp {versions['warp']}")
    return exit_code([judgement.verdict for judgement in outcome.judgements])
