"""A kernel's structs: fields in order, zero at first, copied when assigned; arrays among the fields are references."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class StructType:
    """A struct of the kernel's module. Called, it gives a value whose fields are zero, or the arguments in order."""

    name: str
    fields: Mapping[str, Any]
    convert: Callable[[Any, Any], Any]

    def __call__(self, *arguments: Any, **named: Any) -> Struct:
        """Construct a value."""
        value = Struct(self, {name: zero_of(kind) for name, kind in self.fields.items()})
        for name, argument in (dict(zip(self.fields, arguments, strict=False)) | named).items():
            setattr(value, name, argument)
        return value

    def __repr__(self) -> str:
        return self.name


def zero_of(kind: Any) -> Any:
    """Return what a field of a type holds before anything was assigned to it."""
    if isinstance(kind, StructType):
        return kind()
    zero = getattr(kind, "zero", None)
    return zero if zero is not None else kind(0) if callable(kind) else None


class Struct:
    """A value of a struct."""

    __slots__ = ("_home", "_type", "_values")

    _type: StructType
    _values: dict[str, Any]
    _home: Callable[[Struct], None] | None

    def __init__(self, type_: StructType, values: dict[str, Any], home: Callable[[Struct], None] | None = None) -> None:
        for slot, value in zip(("_type", "_values", "_home"), (type_, values, home), strict=True):
            object.__setattr__(self, slot, value)

    def __getattr__(self, name: str) -> Any:
        try:
            value = self._values[name]
        except KeyError:
            raise AttributeError(f"{self._type} has no field {name}") from None
        if self._home is not None and hasattr(value, "copy"):
            return _at_home(value, lambda changed: setattr(self, name, changed))
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._type.fields:
            raise AttributeError(f"{self._type} has no field {name}")
        self._values[name] = self._type.convert(value, self._type.fields[name])
        if self._home is not None:
            self._home(self)

    def copy(self) -> Struct:
        """Return a value of its own; arrays stay the ones that they are."""
        return Struct(self._type, {name: copied(value) for name, value in self._values.items()})


def copied(value: Any) -> Any:
    """Return a value of its own where values can be changed in place."""
    return value.copy() if hasattr(value, "is_value") or isinstance(value, Struct) else value


def _at_home(value: Any, home: Callable[[Any], None]) -> Any:
    """Return a field's value such that changes in place are told to the struct that it belongs to."""
    if isinstance(value, Struct):
        return Struct(value._type, value._values, home)
    return type(value)(value.type, value.items, home) if hasattr(value, "is_value") else value
