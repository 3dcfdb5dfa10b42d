"""PTX's fundamental types as NumPy dtypes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Type:
    """A type modifier: `kind` is NumPy's kind letter for its values (`u`, `i`, `f`), or `p` for predicates.

    bfloat16 and the packed types have no NumPy dtype: their `dtype` holds the bits.
    """

    name: str
    bits: int
    kind: str
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.bits // 8

    @property
    def signed(self) -> bool:
        """Whether integers of this type have a sign."""
        return self.kind == "i"


def _table() -> dict[str, Type]:
    types = {"pred": Type("pred", 8, "p", np.dtype(np.bool_))}
    for size in (1, 2, 4, 8):
        bits = 8 * size
        types[f"b{bits}"] = Type(f"b{bits}", bits, "u", np.dtype(f"u{size}"))
        types[f"u{bits}"] = Type(f"u{bits}", bits, "u", np.dtype(f"u{size}"))
        types[f"s{bits}"] = Type(f"s{bits}", bits, "i", np.dtype(f"i{size}"))
        if size > 1:
            types[f"f{bits}"] = Type(f"f{bits}", bits, "f", np.dtype(f"f{size}"))
    types["bf16"] = Type("bf16", 16, "f", np.dtype(np.uint16))
    types["f16x2"] = Type("f16x2", 32, "f", np.dtype(np.uint32))
    types["bf16x2"] = Type("bf16x2", 32, "f", np.dtype(np.uint32))
    types["f32x2"] = Type("f32x2", 64, "f", np.dtype(np.uint64))
    types["u16x2"] = Type("u16x2", 32, "u", np.dtype(np.uint32))
    types["s16x2"] = Type("s16x2", 32, "i", np.dtype(np.int32))
    return types


TYPES = _table()
"""Type modifier without its dot to `Type`."""

ROUNDINGS = ("rn", "rz", "rm", "rp", "rna")
INTEGRAL_ROUNDINGS = ("rni", "rzi", "rmi", "rpi")
