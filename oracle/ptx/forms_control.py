"""Traps, barriers and the instructions by which threads of a warp exchange values.

Branches, calls and returns are no steps: `execute` reads them from the ends of blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from functools import reduce as fold_left
from typing import Any

import numpy as np

from . import arithmetic, bits
from .decode import Form, Modifiers
from .errors import Fault
from .forms_data import negatable
from .program import Emitter, Gate, Program
from .reports import Kind
from .types import Array

_REDUCTIONS: dict[str, Any] = {
    "add": np.add,
    "min": np.minimum,
    "max": np.maximum,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}
_CLUSTER_BARRIER = 16
"""A number that no barrier of a block has."""


def _stop(m: Modifiers) -> Emitter:
    def emit(program: Program, operands: list[str]) -> None:
        def fault() -> None:
            if program.machine.active is None or len(program.machine.active):
                raise Fault(Kind.TRAP, "stopped", lane=0)

        program.effect(fault)

    return emit


def _bar(m: Modifiers) -> Emitter:
    if m.flag("warp"):
        m.flag("sync")
        return _syncwarp
    aligned = m.base == "bar" or "aligned" in m.left
    if m.flag("cluster"):
        return _bar_cluster(m)
    m.drop("cta", "aligned")
    operation = m.one_of("sync", "arrive", "red", default="sync")
    if operation == "red":
        return _bar_red(m, aligned)

    def emit(program: Program, operands: list[str]) -> None:
        number = _uniform(program, operands[0]) if operands else 0
        count = _uniform(program, operands[1]) if len(operands) > 1 else 0
        program.gate = Gate(
            program.site,
            barrier=number,
            count=count,
            arrive_only=operation == "arrive",
            aligned=aligned,
            orders=True,
        )

    return emit


def _bar_cluster(m: Modifiers) -> Emitter:
    """A cluster is one block here, so that its barrier is one of the block; it stands where threads wait."""
    m.drop("aligned", "release", "acquire", "relaxed")
    waits = m.one_of("arrive", "wait") == "wait"

    def emit(program: Program, operands: list[str]) -> None:
        program.gate = Gate(program.site, barrier=_CLUSTER_BARRIER, orders=True) if waits else None

    return emit


def _uniform(program: Program, operand: str) -> int:
    value = program.operands["u32"][operand]
    if value.ndim and (value != value[0]).any():
        raise ValueError("barrier numbers that differ between threads")
    return int(value.flat[0])


def _bar_red(m: Modifiers, aligned: bool) -> Emitter:
    how = m.one_of("popc", "and", "or")
    type_ = m.type()

    def emit(program: Program, operands: list[str]) -> None:
        machine = program.machine
        target = program.operands[type_.name][operands[0]]
        holds = negatable(program, operands[-1])
        program.gate = Gate(
            program.site, barrier=_uniform(program, operands[1]), together=True, aligned=aligned, orders=True
        )

        def reduce() -> None:
            taking_part = machine.mask & holds
            count = machine.per_block(taking_part)
            everyone = machine.per_block(machine.mask)
            result = {"popc": count, "and": count == everyone, "or": count > 0}[how]
            np.copyto(target, result.astype(target.dtype), where=machine.mask)

        program.effect(reduce)

    return emit


def _syncwarp(program: Program, operands: list[str]) -> None:
    program.gate = Gate(program.site, members=_members(program, operands[0]), orders=True)


def _members(program: Program, operand: str) -> Array:
    return program.full(program.operands["u32"][operand])


def _shfl(m: Modifiers) -> Emitter:
    m.flag("sync")
    mode = m.one_of("up", "down", "bfly", "idx")
    type_ = m.type()

    def emit(program: Program, operands: list[str]) -> None:
        machine = program.machine
        targets, a, b, c, members = operands
        read = program.operands["u32"]
        value, source, clamp = (program.full(x) for x in (program.operands[type_.name][a], read[b], read[c]))
        target, _, valid_name = targets.partition("|")
        result = program.operands[type_.name][target]
        valid = program.operands["pred"][valid_name] if valid_name else None
        program.gate = Gate(program.site, members=_members(program, members))

        def shuffle() -> None:
            found, in_range = machine.warps.shuffle(mode, value, source, clamp)
            np.copyto(result, found, where=machine.mask)
            if valid is not None:
                np.copyto(valid, in_range, where=machine.mask)

        program.effect(shuffle)

    return emit


def _vote(m: Modifiers) -> Emitter:
    m.flag("sync")
    how = m.one_of("all", "any", "uni", "ballot")
    type_ = m.type()

    def emit(program: Program, operands: list[str]) -> None:
        machine = program.machine
        target = program.operands[type_.name][operands[0]]
        holds = negatable(program, operands[1])
        members = _members(program, operands[2])
        program.gate = Gate(program.site, members=members)

        def vote() -> None:
            votes = machine.warps.ballot(machine.mask & holds) & members
            voters = machine.warps.ballot(machine.mask) & members
            if how == "ballot":
                result = votes
            else:
                all_, any_ = votes == voters, votes != 0
                result = {"all": all_, "any": any_, "uni": all_ | ~any_}[how]
            np.copyto(target, result, where=machine.mask)

        program.effect(vote)

    return emit


def _match(m: Modifiers) -> Emitter:
    how = m.one_of("any", "all")
    m.flag("sync")
    type_ = m.type()

    def emit(program: Program, operands: list[str]) -> None:
        machine = program.machine
        targets, a, member_mask = operands
        target, _, holds_name = targets.partition("|")
        result = program.operands["u32"][target]
        holds = program.operands["pred"][holds_name] if holds_name else None
        value = program.full(program.operands[type_.name][a])
        members = _members(program, member_mask)
        program.gate = Gate(program.site, members=members)

        def match() -> None:
            same = machine.warps.match_any(value, machine.mask, members)
            if how == "all":
                agree = same == machine.warps.ballot(machine.mask) & members
                same = np.where(agree, same, np.uint32(0))
                if holds is not None:
                    np.copyto(holds, agree, where=machine.mask)
            np.copyto(result, same, where=machine.mask)

        program.effect(match)

    return emit


def _redux(m: Modifiers) -> Emitter:
    m.flag("sync")
    operation = m.one_of(*_REDUCTIONS)
    absolute, propagating = m.flag("abs"), m.flag("NaN")
    type_ = m.type()
    fold = partial(_REDUCTIONS[operation].reduce, dtype=type_.dtype)
    if type_.kind == "f":
        pairwise = _FLOAT_REDUCTIONS[operation, propagating]
        fold = partial(_fold, (lambda a, b: pairwise(np.abs(a), np.abs(b))) if absolute else pairwise)

    def emit(program: Program, operands: list[str]) -> None:
        machine = program.machine
        target, source, member_mask = operands
        result = program.operands[type_.name][target]
        value = program.full(program.operands[type_.name][source])
        members = _members(program, member_mask)
        program.gate = Gate(program.site, members=members)

        def reduce() -> None:
            arrived = machine.warps.ballot(machine.mask) & members
            found = machine.warps.reduce(fold, value, machine.mask, arrived)
            np.copyto(result, found, where=machine.mask)

        program.effect(reduce)

    return emit


_FLOAT_REDUCTIONS = {
    ("min", False): arithmetic.minimum,
    ("max", False): arithmetic.maximum,
    ("min", True): arithmetic.minimum_nan,
    ("max", True): arithmetic.maximum_nan,
}
"""By operation, and whether a NaN makes the result one."""


def _fold(pairwise: Callable[[Array, Array], Array], values: Array) -> Any:
    # A value with itself first: of a single value, too, the magnitude may be wanted.
    return fold_left(pairwise, (values[i : i + 1] for i in range(len(values))), values[:1])[0]


def _elect(m: Modifiers) -> Emitter:
    """The leader is the first of the members that arrived."""
    m.flag("sync")

    def emit(program: Program, operands: list[str]) -> None:
        machine = program.machine
        name, _, holds = operands[0].partition("|")
        target, chosen = program.operands["u32"][name], program.operands["pred"][holds]
        members = _members(program, operands[1])
        program.gate = Gate(program.site, members=members)

        def elect() -> None:
            arrived = machine.warps.ballot(machine.mask) & members
            lowest = bits.popc((arrived & (~arrived + np.uint32(1))) - np.uint32(1))
            np.copyto(target, lowest, where=machine.mask)
            np.copyto(chosen, machine.warps.lane == lowest, where=machine.mask)

        program.effect(elect)

    return emit


def _nothing(m: Modifiers) -> Emitter:
    """Hints, and waiting for kernels that a launch never overlaps with."""
    m.left.clear()
    return lambda program, operands: None


def _activemask(m: Modifiers) -> Emitter:
    m.type()

    def emit(program: Program, operands: list[str]) -> None:
        machine = program.machine
        result = program.operands["u32"][operands[0]]
        program.effect(lambda: np.copyto(result, machine.warps.ballot(machine.mask), where=machine.mask))

    return emit


FORMS: dict[str, Form] = {
    "trap": _stop,
    "brkpt": _stop,
    "bar": _bar,
    "barrier": _bar,
    "shfl": _shfl,
    "vote": _vote,
    "match": _match,
    "redux": _redux,
    "elect": _elect,
    "activemask": _activemask,
    "pmevent": _nothing,
    "griddepcontrol": _nothing,
    "setmaxnreg": _nothing,
}
"""Base opcode to the function that decodes its modifiers."""
