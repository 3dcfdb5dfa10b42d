"""The kernel's own functions: several of one name are told apart by their arguments; parameters are copies."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from typing import Any

from oracle.reference.arrays import Array
from oracle.reference.compounds import Compound, CompoundType
from oracle.reference.run import Run
from oracle.reference.scalars import LITERALS, ScalarType
from oracle.reference.structs import Struct, StructType


class Overload:
    """One function as the source has it, with the types of its parameters; None stands for any type."""

    def __init__(self, function: Callable[..., Any], run: Run, type_of: Callable[[Any], Any]) -> None:
        self._function = function
        self._run = run
        self.signature = inspect.signature(function)
        self.types = [type_of(one.annotation) for one in self.signature.parameters.values()]
        self.result = type_of(self.signature.return_annotation)

    def bound(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> list[Any] | None:
        """Return one argument per parameter, defaults filled in; None where they do not fit in number or name."""
        try:
            bound = self.signature.bind(*arguments, **named)
        except TypeError:
            return None
        bound.apply_defaults()
        return list(bound.arguments.values())

    def fits(self, arguments: list[Any]) -> bool:
        """Whether every argument has the type of its parameter."""
        return all(_fits(value, kind) for value, kind in zip(arguments, self.types, strict=True))

    def __call__(self, arguments: list[Any]) -> Any:
        """Call the function with one argument per parameter."""
        run = self._run
        values = [run.convert(value, kind) for value, kind in zip(arguments, self.types, strict=True)]
        result = self._function(*values)
        return self._steps(result) if isinstance(result, Generator) else run.convert(result, self.result)

    def _steps(self, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Go through a function that calls collective operations, and return its result."""
        return self._run.convert((yield from steps), self.result)


class Function:
    """All functions of one name. Called, the first whose parameters have the arguments' types runs."""

    is_function = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.overloads: list[Overload] = []

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the function that the arguments choose; raises TypeError if there is none."""
        if len(self.overloads) == 1 and not named and len(arguments) == len(self.overloads[0].types):
            return self.overloads[0](list(arguments))
        candidates = [(one, bound) for one in self.overloads if (bound := one.bound(arguments, named)) is not None]
        for overload, bound in candidates:
            if len(candidates) == 1 or overload.fits(bound):
                return overload(bound)
        raise TypeError(f"no overload of {self.name} takes these arguments")


def _fits(value: Any, kind: Any) -> bool:
    if kind is None:
        return True
    if isinstance(kind, ScalarType):
        if type(value) in LITERALS:
            return kind.is_float if type(value) is float else not kind.is_float
        return type(value) is kind.make
    if isinstance(kind, CompoundType):
        if not isinstance(value, Compound) or value.type.family != kind.family:
            return False
        return value.type.shape == kind.shape and value.type.scalar.make is kind.scalar.make
    if isinstance(kind, StructType):
        return isinstance(value, Struct) and value._type is kind
    if isinstance(kind, ArrayAnnotation):
        return isinstance(value, Array) and value.rank == kind.rank and value.element is kind.element
    return True


class ArrayAnnotation:
    """The type of an array parameter or field."""

    def __init__(self, element: Any, rank: int) -> None:
        self.element = element
        self.rank = rank
