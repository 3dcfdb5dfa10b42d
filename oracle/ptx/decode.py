"""Opcodes to emitters: what to do for an instruction form, worked out once per form and process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from .errors import Unsupported
from .types import ROUNDINGS, TYPES, Type

if TYPE_CHECKING:
    from .program import Emitter


class Modifiers:
    """The modifiers of one opcode; whoever decodes it takes out what it understands, and the rest is unsupported."""

    def __init__(self, opcode: str) -> None:
        self.opcode = opcode
        self.base, *self.left = opcode.split(".")

    def flag(self, name: str) -> bool:
        """Whether the modifier is there."""
        if name in self.left:
            self.left.remove(name)
            return True
        return False

    def one_of(self, *names: str, default: str = "") -> str:
        """The first modifier that is one of these."""
        for name in self.left:
            if name in names:
                self.left.remove(name)
                return name
        return default

    def rounding(self, default: str = "rn") -> str:
        """A floating-point rounding modifier."""
        return self.one_of(*ROUNDINGS, default=default)

    def drop(self, *names: str) -> None:
        """Remove modifiers that make no difference here."""
        self.left = [name for name in self.left if name not in names and name.partition("::")[0] not in names]

    def type(self) -> Type:
        """The next type modifier."""
        for name in self.left:
            if name in TYPES:
                self.left.remove(name)
                return TYPES[name]
        raise self.unsupported()

    def end(self) -> None:
        """Nothing may be left."""
        if self.left:
            raise self.unsupported()

    def unsupported(self) -> Unsupported:
        """The error that names this form."""
        return Unsupported(self.opcode)


Form = Callable[[Modifiers], "Emitter"]


@cache
def _forms() -> dict[str, Form]:
    from . import (
        forms_async,
        forms_atomic,
        forms_bits,
        forms_control,
        forms_data,
        forms_float,
        forms_integer,
        forms_matrix,
        forms_memory,
        forms_texture,
    )

    tables = (
        *(forms_integer, forms_bits, forms_float, forms_data),
        *(forms_memory, forms_atomic, forms_async, forms_control, forms_matrix, forms_texture),
    )
    merged: dict[str, Form] = {}
    for module in tables:
        merged.update(module.FORMS)
    return merged


@cache
def emitter(opcode: str) -> Emitter:
    """What adds the steps of an instruction with this opcode to a program; Unsupported if nothing does."""
    modifiers = Modifiers(opcode)
    form = _forms().get(modifiers.base)
    if form is None:
        raise Unsupported(opcode)
    found = form(modifiers)
    modifiers.end()
    return found
