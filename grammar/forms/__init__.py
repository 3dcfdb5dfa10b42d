"""Forms: what a kernel's module can hold besides plain helpers, each with statements that use it.

A form is `Frame -> bool`: it adds definitions to the module and emits statements of the kernel that need them; False
when nothing fitting came out. Each module has a table `FORMS` of its forms by weight, and every form notes a feature
`form:…` for what it wrote.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from grammar.choices import pick_weighted
from grammar.scope import Frame

Form = Callable[[Frame], bool]

_COUNTS = ((0, 70), (1, 24), (2, 6))
"""How many forms a kernel has, by weight."""

_ATTEMPTS = 3


@functools.cache
def forms() -> Mapping[str, tuple[Form, float]]:
    """Return all forms with their weights, by the name of their module and their own (`records.nested`)."""
    from grammar.forms import callbacks, gradients, options, overloads, records, results, writers

    modules = (callbacks, overloads, results, writers, records, gradients, options)
    return {
        f"{module.__name__.rpartition('.')[2]}.{form.__name__}": (form, weight)
        for module in modules
        for form, weight in module.FORMS
    }


def emit_some(frame: Frame) -> None:
    """Emit none, one or two forms, and before them a call of a function in C++ where the caller allows that."""
    if frame.unit.allow_native:
        from grammar.forms import gradients

        gradients.native(frame)
    for _ in range(pick_weighted(frame.choices, _COUNTS)):
        emit(frame)


def emit(frame: Frame) -> bool:
    """Emit one form; False when a few attempts came to nothing, or all forms are off."""
    table = [row for name, row in forms().items() if f"form:{name}" not in frame.unit.swarm.off]
    return bool(table) and any(pick_weighted(frame.choices, table)(frame) for _ in range(_ATTEMPTS))
