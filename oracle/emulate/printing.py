"""An outcome for a person to read, and the same as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from oracle import ptx
from oracle.emulate.running import Outcome, Ran, Subject

Array = np.ndarray[Any, Any]

FIRST = 3
"""Elements of an array that are shown."""

CLASSES = {
    "load": ("ld", "ldu"),
    "store": ("st",),
    "atomic": ("atom", "red"),
    "control": ("bra", "brx", "ret", "exit", "call", "trap", "brkpt"),
    "barrier": ("bar", "barrier", "membar", "fence"),
    "between threads": ("shfl", "vote", "match", "redux", "elect", "activemask"),
    "move": ("mov", "cvta", "prmt", "selp", "slct", "isspacep"),
    "compare": ("setp", "set", "testp"),
    "convert": ("cvt",),
}
"""Class of instructions to base opcodes; all others are float or integer arithmetic, as their types say."""

_CLASS_OF = {base: name for name, bases in CLASSES.items() for base in bases}


def class_of(opcode: str) -> str:
    """The class of an opcode with its modifiers."""
    base, *modifiers = opcode.split(".")
    is_float = any(modifier.startswith(("f16", "f32", "f64", "bf16")) for modifier in modifiers)
    return _CLASS_OF.get(base) or ("float" if is_float else "integer")


def print_outcome(subject: Subject, outcome: Outcome, console: Console) -> None:
    """Print what was launched, the arrays, the instructions, and at the end everything that is wrong."""
    for guess in subject.guesses:
        _line(console, f"guessed: {guess}")
    console.print(_arrays(outcome))
    for run in outcome.runs:
        launch = run.launch
        _line(console, f"{launch.entry}: grid {launch.grid}, block {launch.block}, over {subject.dims}")
        if run.instructions:
            console.print(_instructions(run.instructions))
        for text in run.printed:
            _line(console, f"printed: {text.rstrip()}")
    for run in outcome.runs:
        for report in run.reports:
            _line(console, f"sanitizer: {report}")
        if run.stopped:
            _line(console, f"stopped: {run.launch.entry}: {run.stopped}")
    if outcome.clean:
        _line(console, "the sanitizer has nothing to report")


def as_json(subject: Subject, outcome: Outcome, trace: list[ptx.Traced]) -> dict[str, Any]:
    """The outcome as a JSON object; numbers that JSON lacks are strings."""
    return {
        "dims": list(subject.dims),
        "guesses": list(subject.guesses),
        "launches": [_run_json(run) for run in outcome.runs],
        "arrays": [
            {"name": name, "changed": _changed(outcome, name), **_summary(values)}
            for name, values in outcome.after.items()
        ],
        "clean": outcome.clean,
        "trace": [{**vars(traced), "mask": f"{traced.mask:08x}"} for traced in trace],
    }


def _run_json(run: Ran) -> dict[str, Any]:
    return {
        "entry": run.launch.entry,
        "grid": list(run.launch.grid),
        "block": list(run.launch.block),
        "instructions": dict(sorted(run.instructions.items())),
        "classes": _by_class(run.instructions),
        "total": sum(run.instructions.values()),
        "printed": list(run.printed),
        "reports": [vars(report) for report in run.reports],
        "stopped": run.stopped,
    }


def _changed(outcome: Outcome, name: str) -> bool:
    return outcome.before[name].tobytes() != outcome.after[name].tobytes()


def _arrays(outcome: Outcome) -> Table:
    """Arrays that changed first."""
    table = Table("array", "dtype", "shape", "changed", "range", "NaN", "first elements")
    for name in sorted(outcome.after, key=lambda name: not _changed(outcome, name)):
        summary = _summary(outcome.after[name])
        table.add_row(
            name,
            summary["dtype"],
            "x".join(map(str, summary["shape"])),
            "yes" if _changed(outcome, name) else "",
            " to ".join(_short(summary[end]) for end in ("min", "max") if summary[end] is not None),
            str(summary["nan"] or ""),
            " ".join(map(_short, summary["first"])),
        )
    return table


def _summary(values: Array) -> dict[str, Any]:
    numbers = values[~np.isnan(values)] if values.dtype.kind == "f" else values.ravel()
    return {
        "dtype": str(values.dtype),
        "shape": list(values.shape),
        "first": [_plain(value) for value in values.ravel()[:FIRST]],
        "min": _plain(numbers.min()) if numbers.size else None,
        "max": _plain(numbers.max()) if numbers.size else None,
        "nan": values.size - numbers.size,
    }


def _plain(value: Any) -> Any:
    """A number that JSON can hold: the shortest decimal that gives a float again."""
    if not isinstance(value, np.floating):
        return value.item()
    return float(str(value)) if math.isfinite(value) else str(value)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _by_class(instructions: Mapping[str, int]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for opcode, count in instructions.items():
        totals[class_of(opcode)] = totals.get(class_of(opcode), 0) + count
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


def _instructions(instructions: Mapping[str, int]) -> Table:
    """Instructions of all threads, the most frequent opcodes first, classes beside them."""
    total = sum(instructions.values())
    table = Table("opcode", title=f"{total} instructions of all threads", title_justify="left")
    table.add_column("count", justify="right")
    table.add_column("class")
    table.add_column("count", justify="right")
    opcodes = sorted(instructions.items(), key=lambda item: (-item[1], item[0]))
    classes = list(_by_class(instructions).items())
    for place in range(max(len(opcodes), len(classes))):
        left = opcodes[place] if place < len(opcodes) else ("", "")
        right = classes[place] if place < len(classes) else ("", "")
        table.add_row(*map(str, (*left, *right)))
    return table


def _line(console: Console, text: str) -> None:
    """Print one line as it is, however narrow the terminal, but nothing that could steer it."""
    text = "".join(character if character.isprintable() else "?" for character in text)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
