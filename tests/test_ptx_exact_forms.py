"""Every opcode form gives, on many operands, what exact arithmetic gives, whichever threads execute it."""

from __future__ import annotations

from collections import defaultdict

import exact_forms_data
import exact_forms_float
import exact_forms_integer
import pytest
from exact_forms import WAYS, Form, check, execute, operands
from hypothesis import given, settings
from hypothesis import strategies as st

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
