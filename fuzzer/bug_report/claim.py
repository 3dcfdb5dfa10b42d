"""What a script asserts: which element or array is looked at, what it should hold, and how the two are compared.

Numbers of few digits are compared exactly, others as closely as a correct compiler keeps them, so that a script passes
once the bug is mended, whatever else rounds a little differently then.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fuzzer.bug_report.arguments import Unwritable
from fuzzer.bug_report.values import is_simple, nested
from oracle.floats import BFLOAT16, is_float, limits, numbers
from oracle.opinions import Stance
from oracle.reduce.accuser import TARGETS
from oracle.reduce.minimal import CPU, CUDA, REFERENCE, Minimal

WIDTH = 110
"""The longest line of a script, but for a kernel's own."""

WHOLE = 8
"""The most numbers that are written out; of a larger array one element is looked at."""

SHORT = 48
"""The longest text of expected values that is repeated in a line; a longer one gets a name."""

GRADIENT = re.compile(
    r"(?P<leaf>\S+\.grad)\[(?P<index>[\d, ]*)\]: the adjoint gives \S+, central differences (?P<slope>\S+)"
)
"""How the check of gradients says which derivative it expected."""

WORDS = {CPU: "the cpu target's", CUDA: "the cuda target's", REFERENCE: "the reference's"}


@dataclass(frozen=True)
class Wanted:
    """A leaf, an element of it unless all of it counts, and the values that are expected there.

    `observed` are those of the side at fault, None where only the script will tell. `loose` says that the expected
    value is known to some digits only; `by` says in words whose it is.
    """

    leaf: str
    expected: np.ndarray
    observed: np.ndarray | None
    index: tuple[int, ...] | None
    by: str
    loose: bool = False


def side_at_fault(minimal: Minimal) -> str:
    """Return the side whose results a script shows: cuda where that alone is wrong, else the cpu, which all have."""
    standing = minimal.standing
    wrong = minimal.accuser.wrong or (standing.wrong if standing else "") or ""
    return CUDA if wrong == CUDA else CPU


def wanted(minimal: Minimal) -> Wanted:
    """Return what is expected where the minimised kernel goes wrong; raises Unwritable where nobody says."""
    by_slope = _by_slope(minimal)
    if by_slope is not None:
        return by_slope
    if minimal.place is None:
        raise Unwritable("no element is known to be wrong")
    leaf, place = minimal.place
    fault = side_at_fault(minimal)
    sides = {side: values[leaf] for side, values in minimal.outputs.items() if leaf in values}
    right = _right_side(minimal, fault, sides)
    index = None if sides[right].size <= WHOLE else place
    observed = None if minimal.peer is not None else sides.get(fault)
    return Wanted(leaf, sides[right], observed, index, WORDS[right])


def _right_side(minimal: Minimal, fault: str, sides: Mapping[str, Any]) -> str:
    """Return the side whose values are expected: the other target where both differ, else the reference."""
    other = CPU if fault == CUDA else CUDA
    order = (other, REFERENCE) if minimal.accuser.oracle == TARGETS else (REFERENCE, CPU)
    order = (CPU, CUDA) if minimal.peer is not None else order
    found = next((side for side in order if side in sides), None)
    if found is None:
        raise Unwritable("nobody says what the right value is")
    return found


def _by_slope(minimal: Minimal) -> Wanted | None:
    """Return the derivative that the check of gradients expected, None where that does not accuse."""
    for opinion in minimal.opinions:
        said = GRADIENT.search(opinion.reason) if opinion.stance is Stance.ACCUSES else None
        if said is not None:
            index = tuple(int(part) for part in said["index"].split(",") if part.strip())
            shape = next(values[said["leaf"]].shape for values in minimal.outputs.values() if said["leaf"] in values)
            expected = np.zeros(shape, np.float64)
            expected[index] = float(said["slope"])
            observed = minimal.outputs.get(CPU, {}).get(said["leaf"])
            return Wanted(said["leaf"], expected, observed, index, "central differences of the reference", loose=True)
    return None


def claim_lines(
    want: Wanted, arrays: Mapping[str, str], note: str = "", only: tuple[int, ...] | None = None
) -> list[str]:
    """Return the lines that observe, print and assert; `arrays` are the variables of the arrays by path.

    `note` follows the expected values in what is printed. With `only` that one element counts.
    """
    index = want.index if only is None else only
    if index is None and want.expected.size == 1:
        index = (0,) * want.expected.ndim
    text, dtype = _expression(want, arrays)
    where = "" if index is None else f"[{', '.join(map(str, index))}]"
    expected = np.asarray(want.expected if index is None else want.expected[index])
    observed = None if want.observed is None else np.asarray(want.observed if index is None else want.observed[index])
    return _compared(f"{text}{where}", expected, observed, dtype, want.loose, note)


def _expression(want: Wanted, arrays: Mapping[str, str]) -> tuple[str, np.dtype]:
    """Return the text of a leaf's values as NumPy has them, and their dtype."""
    is_gradient = want.leaf.endswith(".grad")
    path = want.leaf.removesuffix(".grad")
    array = max((one for one in arrays if path == one or path.startswith(f"{one}.")), key=len, default=None)
    if array is None:
        raise Unwritable(f"{want.leaf} is no array of the kernel")
    fields = path[len(array) :].split(".")[1:]
    text = f"{arrays[array]}{'.grad' if is_gradient else ''}.numpy()" + "".join(f'["{name}"]' for name in fields)
    dtype = want.expected.dtype if want.observed is None else want.observed.dtype
    if dtype == BFLOAT16:
        text = f"(({text}.view(np.uint16)).astype(np.uint32) << 16).view(np.float32)"
    return text, dtype


def _compared(
    text: str, expected: np.ndarray, observed: np.ndarray | None, dtype: np.dtype, loose: bool, note: str
) -> list[str]:
    values, seen = numbers(expected), None if observed is None else numbers(observed)
    if is_float(dtype) and seen is not None and _equal(values, seen):  # signs of zeros differ, or payloads
        return _asserted(f"np.signbit({text}).tolist()", nested(np.signbit(values)), "{} == {}", f" as signs{note}")
    if not loose and is_simple(expected):
        kept = f"{text}.tolist()" if values.ndim else f"{_PLAIN[values.dtype.kind]}({text})"
        return _asserted(kept, nested(_as_python_has_it(values)), "{} == {}", note)
    rtol = 1e-3 if loose else max(1e-5, 4 * limits(dtype).eps)
    if seen is not None and np.allclose(seen, values, rtol=rtol, equal_nan=True):
        exact = f"np.array({nested(values)}, np.{values.dtype})"
        return _asserted(text, exact, "np.array_equal({}, {}, equal_nan=True)", note)
    more = "" if rtol == 1e-5 else f", rtol={rtol:.0e}"
    more += "" if np.isfinite(values).all() else ", equal_nan=True"
    return _asserted(text, nested(_rounded(values, loose)), f"np.allclose({{}}, {{}}{more})", note)


_PLAIN = {"b": "bool", "i": "int", "u": "int", "f": "float"}


def _rounded(values: np.ndarray, loose: bool) -> np.ndarray:
    """Return values with the digits that are known."""
    return np.vectorize(lambda one: float(f"{one:.6g}"), otypes=[np.float64])(values) if loose else values


def _as_python_has_it(values: np.ndarray) -> np.ndarray:
    """Return floats in the precision of Python's own, whose digits are exact: those of a float16 are fewer."""
    return values.astype(np.float64) if values.dtype.kind == "f" else values


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))


def _asserted(text: str, expected: str, test: str, note: str) -> list[str]:
    lines = [f"observed = {text}"]
    shown = f'"expected {expected}{note}, observed"'
    if len(expected) > SHORT or '"' in expected or "\\" in expected:
        lines.append(f"expected = {expected}")
        expected = "expected"
        shown = f'"expected", expected, "{note.strip()}{" " if note else ""}observed"'
    return [*lines, f"print({shown}, observed)", f"assert {test.format('observed', expected)}"]


def joined(lines: Sequence[str]) -> str:
    """Return lines as a block of code, long calls broken between their arguments."""
    return "".join(f"{part}\n" for line in lines for part in _broken(line))


def _broken(line: str) -> list[str]:
    """Break a long line of a call; what is in quotes has no blanks but in what is printed, which is short."""
    if len(line) <= WIDTH or not set("([") & set(line) or line.lstrip().startswith("print("):
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, WIDTH, subsequent_indent=f"{indent}    ", break_long_words=False, break_on_hyphens=False)
