"""Every opcode form gives, on many operands, what exact arithmetic gives, whichever threads execute it."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import exact_forms_data
import exact_forms_float
import exact_forms_integer
import numpy as np
import pytest
from exact_atomics import ATOMICS, SPACES
from exact_bounds import APPROXIMATIONS
from exact_forms import BLOCK, FLOATS, SEEDED, WAYS, Form, check, execute, operands
from exact_rounding import MODES, power
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.ptx import decode

FORMS: dict[str, list[Form]] = defaultdict(list)
for _module in (exact_forms_float, exact_forms_integer, exact_forms_data):
    for _form in _module.forms():
        FORMS[_form.opcode].append(_form)


@pytest.mark.parametrize("opcode", FORMS)
def test_a_form_is_exact(opcode: str) -> None:
    # A property of its own for each opcode: Hypothesis nests the settings of one that is run thousands of times.
    @settings(SEEDED, max_examples=3)
    @given(seed=st.integers(0, 2**32), way=st.sampled_from(WAYS))
    def is_exact(seed: int, way: str) -> None:
        for form in FORMS[opcode]:
            given_operands = operands(form, seed)
            check(form, given_operands, execute(form, given_operands, way), way)

    is_exact()


ATOMIC = {atomic.opcode(base, space) for atomic in ATOMICS for base in ("atom", "red") for space in SPACES}
APPROXIMATE = {approximation.opcode for approximation in APPROXIMATIONS}
ELSEWHERE = (
    # Instructions that compute nothing: other modules' tests execute them.
    *("ld", "ldu", "st", "cp", "isspacep", "cvta", "membar", "fence"),
    *("bra", "brx", "ret", "exit", "call", "trap", "brkpt"),
    *("bar", "barrier", "shfl", "vote", "match", "redux", "activemask", "elect", "mma", "ldmatrix"),
)
HINTS = {"prefetch", "prefetchu", "discard", "applypriority", "nanosleep", "pmevent", "griddepcontrol", "setmaxnreg"}
SAMPLED = {"tex"}
"""What kernels with textures execute, in test_resources."""


def _is_tested(opcode: str) -> bool:
    base = opcode.partition(".")[0]
    return opcode in FORMS or opcode in APPROXIMATE or opcode in ATOMIC or base in ELSEWHERE


def test_every_form_that_warp_s_own_tests_and_examples_compile_to_is_tested() -> None:
    """NVRTC's output for them, sm_75, with backward passes, from Warp 1.19: regenerate the list for a newer one."""
    forms = (Path(__file__).parent / "warp_ptx_forms.txt").read_text().split()
    assert len(forms) > 400
    assert {form.partition(".")[0] for form in forms if not _is_tested(form)} == SAMPLED


def test_every_opcode_that_the_emulator_reads_is_tested() -> None:
    known = {opcode.partition(".")[0] for opcode in (*FORMS, *APPROXIMATE, *ATOMIC)}
    assert set(decode._forms()) - known - set(ELSEWHERE) - HINTS - SAMPLED == set()


@pytest.mark.parametrize("base", ELSEWHERE)
def test_what_computes_nothing_is_executed_elsewhere(base: str) -> None:
    others = set(Path(__file__).parent.glob("test_ptx_*.py")) - {Path(__file__)}
    assert any(re.search(rf'\b{base}(\.\w+)* ?["%&;_a-z\[({{]', path.read_text()) for path in others)


EDGE = ("mul", "fma", "mad", "div", "rcp", "cvt")


@pytest.mark.parametrize("base", EDGE)
@settings(SEEDED, max_examples=12)
@given(seed=st.integers(0, 2**32))
def test_flushing_knows_what_rounds_to_the_smallest_normal_number(base: str, seed: int) -> None:
    """Results next to the smallest normal number: flushed unless the format's full precision rounds them up to it."""
    for opcode, forms in FORMS.items():
        for form in forms if opcode.startswith(f"{base}.") and ".ftz" in opcode else ():
            target = form.results[0]
            if target in ("f16", "f32") and set(form.sources) <= {"f16", "f32", "f64"}:
                rows = _next_to_the_smallest_normal(form, target, random.Random(seed))
                check(form, rows, execute(form, rows, "everywhere"), "everywhere")


def _next_to_the_smallest_normal(form: Form, target: str, rng: random.Random) -> np.ndarray[Any, Any]:
    """Operands whose product, quotient or value is a little less than the smallest normal number of the target."""
    to, source = FLOATS[target], FLOATS[form.sources[0]]
    smallest = power(to.smallest + to.precision - 1)
    base = form.opcode.partition(".")[0]
    rows = []
    for _ in range(BLOCK):
        near = 1 + rng.choice((-2, -1, 1, 2)) * power(-rng.randint(to.precision // 2, to.precision + 2))
        half = power(rng.randint(to.smallest // 2, -2))
        first = source.round(smallest / half * (1 - power(-rng.randint(8, 2 * to.precision))), rng.choice(MODES))
        second = source.round(half * near, "rn")
        if base == "div":
            first, second = source.round(smallest * near / half, "rn"), float(1 / half)
        elif base == "rcp":
            first = source.round(1 / smallest * near, "rn")
        elif base == "cvt":
            first = source.round(smallest * (1 - power(-rng.randint(20, 30))), rng.choice(MODES))
        signs = [rng.choice((1.0, -1.0)) for _ in range(2)]
        numbers = [first * signs[0], second * signs[1], 0.0][: len(form.sources)]
        rows.append([int(np.array(x, source.dtype).view(source.unsigned)) for x in numbers])
    return np.array(rows, np.uint64)
