"""What `wp` stands for in a source that the reference runs: types, decorators, and the definitions of built-ins."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType, SimpleNamespace
from typing import Any

from grammar.types import Matrix, from_alias
from oracle.reference.arrays import Array
from oracle.reference.functions import ArrayAnnotation, Function, Overload
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import LITERALS
from oracle.reference.structs import StructType

_FLOAT_SUFFIXES: Mapping[str, str] = MappingProxyType({"": "float32", "h": "float16", "f": "float32", "d": "float64"})

_NAMED = re.compile(r"(?P<what>quat|transform|spatial_vector|spatial_matrix)(?P<suffix>[hfd]?)")
_ARRAY = re.compile(r"(?:indexed)?array(?:(?P<rank>[1-4])d)?")
_CONSTANTS: Mapping[str, float] = MappingProxyType(
    {
        name: value
        for lower, value in {
            "e": math.e,
            "inf": math.inf,
            "ln10": math.log(10.0),
            "ln2": math.log(2.0),
            "log10e": math.log10(math.e),
            "log2e": math.log2(math.e),
            "nan": math.nan,
            "phi": (1.0 + math.sqrt(5.0)) / 2.0,
            "pi": math.pi,
            "half_pi": math.pi / 2.0,
            "tau": 2.0 * math.pi,
        }.items()
        for name in (lower, lower.upper())
    }
)
"""Numbers, which are literals."""

_NOTHING = ("printf", "print", "synchronize")
"""What leaves no trace in a kernel's results."""


class Language:
    """The module that a source knows as `wp`, for one run. Kernels that it declares are in `kernels`, by name."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.kernels: dict[str, Callable[..., Any]] = {}
        self._known: dict[str, Any] = {
            **run.scalars,
            "types": SimpleNamespace(vector=self._vector_type, matrix=self._matrix_type),
            "constant": lambda value: value,
            "static": lambda value: value,
            "tid": lambda: run.tid(1),
            "func": self._func,
            "kernel": self._kernel,
            "struct": self._struct,
            "func_grad": lambda function: lambda gradient: gradient,
            "func_replay": lambda function: lambda replay: replay,
            "overload": lambda kernel, *types, **named: kernel,
            "set_module_options": lambda options: None,
            "Function": None,
            "Volume": SimpleNamespace(CLOSEST=0, LINEAR=1),
            **dict.fromkeys(("Scalar", "Float", "Int"), Any),
            **_CONSTANTS,
            **dict.fromkeys(_NOTHING, lambda *arguments: None),
        }

    def __getattr__(self, name: str) -> Any:
        found = self._known[name] if name in self._known else self._find(name)
        setattr(self, name, found)  # so that Python asks here once
        return found

    def _find(self, name: str) -> Any:
        """Return a type by its name, or the definition of a built-in; raises LackingError for all others."""
        kind = self._compound_type(name)
        if kind is not None:
            return kind
        array = _ARRAY.fullmatch(name)
        if array is not None:
            return ArrayMaker(self, int(array["rank"] or 1))
        return bound(self._run.definition(name), self._run)

    def _compound_type(self, name: str) -> Any:
        run = self._run
        alias = from_alias(name[:-1] if re.fullmatch(r"(?:vec\d|mat\d\d)f", name) else name)
        if alias is not None:
            scalar = run.scalars[alias.scalar.name]
            if isinstance(alias, Matrix):
                return run.matrix(alias.rows, alias.columns, scalar)
            return run.vector(alias.length, scalar)
        named = _NAMED.fullmatch(name)
        if named is None:
            return None
        scalar = run.scalars[_FLOAT_SUFFIXES[named["suffix"]]]
        makers = {
            "quat": lambda: run.quaternion(scalar),
            "transform": lambda: run.transform(scalar),
            "spatial_vector": lambda: run.vector(6, scalar),
            "spatial_matrix": lambda: run.matrix(6, 6, scalar),
        }
        return makers[named["what"]]()

    def type_of(self, annotation: Any) -> Any:
        """Return the type that an annotation means, None for those that leave it open."""
        if isinstance(annotation, str) or annotation is inspect.Parameter.empty or annotation is Any:
            return None
        plain = {float: "float32", int: "int32", bool: "bool"}.get(annotation)
        return self._run.scalars[plain] if plain else annotation

    def _vector_type(self, length: Any, dtype: Any) -> Any:
        if length is Any or dtype is Any:
            return Any  # of a generic function: whatever comes
        return self._run.vector(int(length), self.type_of(dtype))

    def _matrix_type(self, shape: tuple[Any, Any], dtype: Any) -> Any:
        if Any in shape or dtype is Any:
            return Any
        return self._run.matrix(int(shape[0]), int(shape[1]), self.type_of(dtype))

    def _struct(self, declared: type) -> StructType:
        fields = {name: self.type_of(kind) for name, kind in inspect.get_annotations(declared).items()}
        return StructType(declared.__name__, fields, self._run.convert)

    def _func(self, function: Callable[..., Any] | None = None, **options: Any) -> Any:
        if function is None:
            return self._func
        group = self._run.functions.setdefault(function.__name__, Function(function.__name__))
        group.overloads.append(Overload(function, self._run, self.type_of))
        return group

    def _kernel(self, function: Callable[..., Any] | None = None, **options: Any) -> Any:
        if function is None:
            return self._kernel
        self.kernels[function.__name__] = function
        return function


@dataclass(frozen=True)
class ArrayMaker:
    """What `wp.array` and its kin stand for: `wp.array(dtype=T)` and `wp.array[T]` are types of parameters.

    With a pointer, as in `wp.array(ptr=a.ptr, shape=(2, 3), dtype=float)`, a kernel reads memory by other indices.
    """

    language: Language
    rank: int

    def __getitem__(self, dtype: Any) -> ArrayAnnotation:
        return ArrayAnnotation(self.language.type_of(dtype), self.rank)

    def __call__(
        self, dtype: Any = None, ndim: int | None = None, *, ptr: Array | None = None, shape: Any = ()
    ) -> ArrayAnnotation | Array:
        """Return the type, or the array at a pointer; raises LackingError where that reads memory as other types."""
        element = self.language.type_of(dtype)
        if ptr is None:
            return ArrayAnnotation(element, ndim or self.rank)
        try:
            return ptr.reshaped(element, tuple(map(int, shape if isinstance(shape, tuple) else (shape,))))
        except LookupError as error:
            raise LackingError(f"an array from a pointer: {error}") from None


def bound(definition: Callable[..., Any], run: Run) -> Callable[..., Any]:
    """Return a built-in as the source calls it: literals among its arguments get types first.

    A definition with the attribute `takes_literals` sees them as they are.
    """
    if getattr(definition, "takes_literals", False):
        return partial(definition, run)

    def call(*arguments: Any, **named: Any) -> Any:
        if named or not LITERALS.isdisjoint(map(type, arguments)):
            settled = run.settle((*arguments, *named.values()))
            arguments, named = settled[: len(arguments)], dict(zip(named, settled[len(arguments) :], strict=True))
        return definition(run, *arguments, **named)

    return call
