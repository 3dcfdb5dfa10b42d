"""What is a kernel? Types, built-ins, productions, and the recogniser that reads a source as text.

    kernel = grammar.generate(grammar.SeededChoices(1), "vector")
    rejection = grammar.accept(kernel.source)

Names are imported on first use, since the productions need Warp and much of this package does not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grammar.canonical import kernel_id
    from grammar.categories import CATEGORIES, contains
    from grammar.choices import Choices, ContinuedChoices, RecordingChoices, ReplayingChoices, SeededChoices
    from grammar.kernel import Argument, Kernel
    from grammar.kernels import generate
    from grammar.recogniser import Rejection, accept

_HOMES = {
    "accept": "recogniser",
    "Argument": "kernel",
    "CATEGORIES": "categories",
    "Choices": "choices",
    "contains": "categories",
    "ContinuedChoices": "choices",
    "generate": "kernels",
    "Kernel": "kernel",
    "kernel_id": "canonical",
    "RecordingChoices": "choices",
    "Rejection": "recogniser",
    "ReplayingChoices": "choices",
    "SeededChoices": "choices",
}

__all__ = [
    "CATEGORIES",
    "Argument",
    "Choices",
    "ContinuedChoices",
    "Kernel",
    "RecordingChoices",
    "Rejection",
    "ReplayingChoices",
    "SeededChoices",
    "accept",
    "contains",
    "generate",
    "kernel_id",
]


def __getattr__(name: str) -> Any:
    """Import a public name from the module it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module 'grammar' has no attribute '{name}'")
    return getattr(importlib.import_module(f"grammar.{_HOMES[name]}"), name)
