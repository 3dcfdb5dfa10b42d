"""How a kernel is compiled and launched, made simpler or quicker: what a reduction tries before it edits the source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from oracle.observation import Verdict
from oracle.reduce.accuser import FORWARD, Accuser
from oracle.rerun import Case

Setting = Callable[[Case], Case]


def settings_of(case: Case, accuser: Accuser) -> list[Setting]:
    """Return what makes the case simpler, each a change of its own, without those that would change nothing.

    A backward pass goes where gradients are not at stake, and layouts of arrays that their types do not ask for. NVRTC
    takes a third of the time without optimisation, and a compile error needs one target.
    """
    refused = accuser.verdict is Verdict.COMPILE_ERROR
    wanted: list[Setting] = [*([_only_cpu, _only_cuda] if refused else [_unoptimised]), _contiguous]
    if accuser.direction == FORWARD:
        wanted.append(_forward)
    return [setting for setting in wanted if setting(case) != case]


def with_settings(case: Case, settings: Sequence[Setting]) -> Case:
    """Return a case with several settings."""
    for setting in settings:
        case = setting(case)
    return case


def _unoptimised(case: Case) -> Case:
    return replace(case, options=replace(case.options, cuda_level=0))


def _forward(case: Case) -> Case:
    return replace(case, options=replace(case.options, backward=False))


def _only_cpu(case: Case) -> Case:
    return replace(case, options=replace(case.options, targets=("cpu",)))


def _only_cuda(case: Case) -> Case:
    """Return a case for cuda alone, if it is not for another target alone already."""
    left = ("cuda",) if "cuda" in case.options.targets else case.options.targets
    return replace(case, options=replace(case.options, targets=left))


def _contiguous(case: Case) -> Case:
    arguments = [_without_layout(dict(argument)) for argument in case.arguments or ()]
    changed = arguments != [dict(argument) for argument in case.arguments or ()]
    return replace(case, arguments=arguments) if changed else case


def _without_layout(argument: dict[str, Any]) -> dict[str, Any]:
    """Return an argument that is contiguous, unless its parameter is an indexed array."""
    if argument.get("layout", "") not in ("", "indexed"):
        del argument["layout"]
    return argument
