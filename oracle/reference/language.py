"""What `wp` stands for in a source that the reference runs: types, decorators, and the definitions of built-ins."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np

from grammar.types import Matrix, from_alias
from oracle.reference.functions import ArrayAnnotation, Function, Overload
from oracle.reference.run import Run
from oracle.reference.scalars import LITERALS
from oracle.reference.structs import StructType

_FLOAT_SUFFIXES: Mapping[str, str] = MappingProxyType({"": "float32", "h": "float16", "f": "float32", "d": "float64"})

_NAMED = re.compile(r"(?P<what>quat|transform|spatial_vector|spatial_matrix)(?P<suffix>[hfd]?)")
_ARRAY = re.compile(r"(?:indexed)?array(?:(?P<rank>[1-4])d)?")
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
            "pi": np.pi,
            **dict.fromkeys(_NOTHING, lambda *arguments: None),
        }

    def __getattr__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: str) -> Any:
        """Return a type by its name, or the definition of a built-in; raises LackingError for all others."""
        kind = self._compound_type(name)
        if kind is not None:
            return kind
        array = _ARRAY.fullmatch(name)
        if array is not None:
            return partial(self._array, int(array["rank"] or 1))
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

    def _array(self, rank: int, dtype: Any = None, ndim: int | None = None) -> ArrayAnnotation:
        return ArrayAnnotation(self.type_of(dtype), ndim or rank)

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


def bound(definition: Callable[..., Any], run: Run) -> Callable[..., Any]:
    """Return a built-in as the source calls it: literals among its arguments get types first.

    A definition with the attribute `takes_literals` sees them as they are.
    """
    if getattr(definition, "takes_literals", False):
        return partial(definition, run)

    def call(*arguments: Any, **named: Any) -> Any:
        for argument in arguments:
            if type(argument) in LITERALS:
                arguments = run.settle(arguments)
                break
        return definition(run, *arguments, **named)

    return call
