"""Numbers in PTX text, and the initial contents of variables."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from .parse import Variable
from .types import TYPES, Array, Type

SYMBOL_SUM = re.compile(r"([%$\w.]+?)([+-]\d+)$")
"""A symbol with an offset."""

_INTEGER = re.compile(r"-?(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)U?$")
_DECIMAL = re.compile(r"-?\d+\.\d*(?:[eE][+-]?\d+)?$")


def immediate(text: str, type_: Type) -> Array | None:
    """A literal as a 0-d array; None if the text is none."""
    if len(text) in (10, 18) and text[:2].lower() in ("0f", "0d"):
        return _exact_float(text[2:], type_)
    if _INTEGER.match(text):
        return _integer(int(text.rstrip("U"), 0), type_)
    if _DECIMAL.match(text):
        return np.array(float(text), type_.dtype)
    if text == "WARP_SZ":
        return _integer(32, type_)
    return None


def _exact_float(digits: str, type_: Type) -> Array:
    """The hexadecimal bits of a float32 or float64, as they are or converted to another float type."""
    size = len(digits) // 2
    bits = np.array(int(digits, 16), f"u{size}")
    if type_.kind == "f":
        return bits.view(f"f{size}").astype(type_.dtype)
    return np.array(int(digits, 16) & ((1 << type_.bits) - 1), f"u{type_.size}").view(type_.dtype)


def _integer(value: int, type_: Type) -> Array:
    if type_.kind == "p":
        return np.array(value != 0)
    if type_.dtype.kind == "f":
        if type_.bits == 16:
            return np.array(value & 0xFFFF, np.uint16).view(np.float16)
        return np.array(float(value), type_.dtype)
    return np.array(value & ((1 << type_.bits) - 1), f"u{type_.size}").view(type_.dtype)


def variable_bytes(variable: Variable, resolve: Callable[[str], int]) -> bytes:
    """A variable's initial contents; `resolve` gives the address of a symbol named in the initialiser."""
    type_ = TYPES[variable.type]
    text = variable.initial.replace("{", " ").replace("}", " ").strip()
    values = [v.strip() for v in text.split(",")] if text else []
    if type_.kind != "f" and all(_INTEGER.match(v) for v in values):
        mask = (1 << type_.bits) - 1
        packed = np.array([int(v.rstrip("U"), 0) & mask for v in values], f"u{type_.size}").tobytes()
    else:
        packed = b"".join(_element(v, type_, resolve) for v in values)
    return packed.ljust(variable.size, b"\0")


def _element(text: str, type_: Type, resolve: Callable[[str], int]) -> bytes:
    value = immediate(text, type_)
    if value is None:
        inner = text.removeprefix("generic(").rstrip(")")
        match = SYMBOL_SUM.match(inner)
        name, offset = (match[1], int(match[2])) if match else (inner, 0)
        value = np.array(resolve(name) + offset, np.uint64).astype(type_.dtype)
    return value.tobytes()
