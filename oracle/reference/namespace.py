"""The names that a translated source finds: `wp`, Python's functions in a kernel's sense, and operators."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from oracle.reference.arrays import Array
from oracle.reference.deviations import SLICE_OF_ITSELF
from oracle.reference.language import Language
from oracle.reference.run import LackingError, Run
from oracle.reference.translate import BINARY, HIDDEN, UNARY

_BUILTINS_TOO = ("abs", "min", "max", "round", "len", "pow")
"""Python's functions that are Warp's built-ins in a kernel."""


class PlainConstants:
    """What `IntEnum` and its kin stand for: the members of an enumeration are integers in a kernel."""


def namespace(run: Run, language: Language) -> dict[str, Any]:
    """Return the globals of a translated source."""
    return {
        "__name__": "reference",
        "wp": language,
        "warp": language,
        "range": run.trips,
        "reversed": lambda trips: reversed(list(trips)),
        "print": lambda *arguments: None,
        "float": run.scalars["float32"],
        "int": run.scalars["int32"],
        "bool": run.scalars["bool"],
        "type": run.type_of,
        "IntEnum": PlainConstants,
        "IntFlag": PlainConstants,
        **{name: getattr(language, name) for name in _BUILTINS_TOO if name in run.definitions},
        **{f"{HIDDEN}{name}": function for name, function in _hidden(run).items()},
        "__builtins__": builtins,
    }


def _hidden(run: Run) -> dict[str, Callable[..., Any]]:
    """Return what translated sources call in place of operators and statements."""
    functions: dict[str, Callable[..., Any]] = {name: _binary(run, name) for name in BINARY.values()}
    functions |= {name: _unary(run, name) for name in UNARY.values()}
    functions |= {"add": run.add, "sub": run.subtract, "mul": run.multiply}

    def whole(value: Any) -> Any:
        """Return what a part of a value is changed by, which is the value itself."""
        if SLICE_OF_ITSELF in run.known:
            raise LackingError("a slice that is changed by the whole that it is part of, a known finding")
        return run.own(value)

    def augment_item(base: Any, key: Any, name: str, value: Any) -> None:
        if value is base:
            value = whole(value)
        adds = isinstance(base, Array) and name in ("add", "sub")  # which Warp documents to be an atomic
        base[key] = functions[name](base.old(key) if adds else base[key], value)

    def augment_field(base: Any, field: str, name: str, value: Any) -> None:
        setattr(base, field, functions[name](getattr(base, field), value))

    return functions | {
        "own": run.own,
        "test": run.test,
        "tid": run.tid,
        "sample": _sample,
        "whole": whole,
        "augment_item": augment_item,
        "augment_field": augment_field,
    }


def _binary(run: Run, name: str) -> Callable[[Any, Any], Any]:
    return lambda a, b: run.operate(name, a, b)


def _unary(run: Run, name: str) -> Callable[[Any], Any]:
    return lambda value: run.operate_on_one(name, value)


def _sample(*arguments: Any) -> Any:
    raise LackingError("a random generator that is no variable")
