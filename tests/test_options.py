"""Sizes and times as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzer.options import parse_size, parse_time
from grammar.errors import UserError


@pytest.mark.parametrize(
    ("text", "size"), [("200MB", 200_000_000), ("1.5 gb", 1_500_000_000), ("3000", 3000), ("64kb", 64_000)]
)
def test_sizes_are_decimal_and_take_their_unit_in_any_case(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400), ("0.5m", 30)])
def test_times_take_seconds_minutes_hours_and_days(text, seconds):
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "MB", "0", "0.1", "-5MB", "5 apples", "1e6", "5MB5", "nan", "inf MB", "٣MB5"])
def test_what_is_no_size_is_refused_with_the_text_in_the_message(text):
    with pytest.raises(UserError, match=r"is not understood|more than nothing") as error:
        parse_size(text)
    assert repr(text)[1:-1] in str(error.value)


@given(st.text(max_size=12))
def test_no_text_makes_parsing_fail_in_another_way(text):
    for parse in (parse_size, parse_time):
        try:
            assert parse(text) > 0
        except UserError:
            continue
