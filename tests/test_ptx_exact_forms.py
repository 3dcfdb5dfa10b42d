"""Every opcode form gives, on many operands, what exact arithmetic gives, whichever threads execute it."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import exact_forms_data
import exact_forms_float
import exact_forms_integer
import pytest
from exact_atomics import ATOMICS, SPACES
from exact_bounds import APPROXIMATIONS
from exact_forms import WAYS, Form, check, execute, operands
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
    @settings(deadline=None, max_examples=3, database=None)
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
    *("ld", "ldu", "st", "isspacep", "cvta", "membar", "fence"),
    *("bra", "brx", "ret", "exit", "call", "trap", "brkpt"),
    *("bar", "barrier", "shfl", "vote", "match", "redux", "activemask", "elect"),
)
HINTS = {"prefetch", "prefetchu", "discard", "applypriority", "nanosleep", "pmevent", "griddepcontrol", "setmaxnreg"}
UNSUPPORTED = {"tex"}


def _is_tested(opcode: str) -> bool:
    base = opcode.partition(".")[0]
    return opcode in FORMS or opcode in APPROXIMATE or opcode in ATOMIC or base in ELSEWHERE


def test_every_form_that_warp_s_own_tests_and_examples_compile_to_is_tested() -> None:
    """NVRTC's output for them, sm_75, with backward passes, from Warp 1.19: regenerate the list for a newer one."""
    forms = (Path(__file__).parent / "warp_ptx_forms.txt").read_text().split()
    assert len(forms) > 400
    assert {form.partition(".")[0] for form in forms if not _is_tested(form)} == UNSUPPORTED


def test_every_opcode_that_the_emulator_reads_is_tested() -> None:
    known = {opcode.partition(".")[0] for opcode in (*FORMS, *APPROXIMATE, *ATOMIC)}
    assert set(decode._forms()) - known - set(ELSEWHERE) - HINTS == set()


@pytest.mark.parametrize("base", ELSEWHERE)
def test_what_computes_nothing_is_executed_elsewhere(base: str) -> None:
    others = set(Path(__file__).parent.glob("test_ptx_*.py")) - {Path(__file__)}
    assert any(re.search(rf'\b{base}(\.\w+)* ?["%&;_a-z\[({{]', path.read_text()) for path in others)
