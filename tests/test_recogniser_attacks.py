"""Attacks on the recogniser: each is refused where it stands, with a reason, at once, and nothing of it is executed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest
from recogniser_attacks import (
    AFTER_THE_KERNEL,
    BODY_ATTACKS,
    CANARY,
    FORGERIES,
    FORGERY,
    MODULE,
    MODULE_ATTACKS,
    RUN,
    placed,
)
from whole_language import NATIVE

from grammar.recogniser import Rejection, accept
from grammar.recogniser.raw_text import MAX_BYTES

MODULE_LINE = MODULE[: MODULE.index("{module}")].count("\n") + 1
BODY_LINE = MODULE[: MODULE.index("{body}")].count("\n") + 1

AT_ONCE = 10.0
"""Seconds that no source may take: ten times what a slow machine needs, far below what reading in square time needs."""


def refused(source: str, attack: str, first: int, reason: str) -> None:
    """The attack, which starts on line `first`, is refused on one of its lines, for the reason, at once."""
    begin = time.process_time()
    rejection = accept(source)
    assert time.process_time() - begin < AT_ONCE
    assert isinstance(rejection, Rejection)
    assert reason in rejection.reason
    assert rejection.line in range(first, first + attack.count("\n") + 2)
    assert rejection.column >= 1


@pytest.fixture(autouse=True)
def nothing_is_executed() -> Iterator[None]:
    CANARY.unlink(missing_ok=True)
    yield
    assert not CANARY.exists()


def test_the_canary_sings_when_the_code_is_executed() -> None:
    try:
        eval(RUN).close()
        assert CANARY.exists()
    finally:
        CANARY.unlink()


def test_what_the_attacks_stand_in_is_accepted() -> None:
    assert accept(placed()) is None
    assert accept(placed(module="LIMIT = 3", body="x = 2.0")) is None


@pytest.mark.parametrize("attack", BODY_ATTACKS, ids=lambda attack: attack[:50])
def test_an_attack_in_a_kernels_body_is_refused(attack: str) -> None:
    refused(placed(body=attack), attack, BODY_LINE, BODY_ATTACKS[attack])


@pytest.mark.parametrize("attack", MODULE_ATTACKS, ids=lambda attack: attack[:50])
def test_an_attack_at_module_level_is_refused(attack: str) -> None:
    refused(placed(module=attack), attack, MODULE_LINE, MODULE_ATTACKS[attack])


@pytest.mark.parametrize("attack", AFTER_THE_KERNEL, ids=lambda attack: attack[:50])
def test_an_attack_after_the_kernel_is_refused(attack: str) -> None:
    refused(placed() + attack + "\n", attack, placed().count("\n") + 1, AFTER_THE_KERNEL[attack])


@pytest.mark.parametrize("forgery", FORGERIES)
def test_no_number_is_read_as_an_address(forgery: str) -> None:
    helper = "wp.cast(x, dtype=wp.uint64)" if "forged" in forgery else "x"
    assert accept(FORGERY.format(helper="x", body="b = 1.0")) is None
    assert accept(FORGERY.format(helper=helper, body=forgery)) is not None


def test_native_snippets_are_accepted_only_on_request() -> None:
    assert "expected @wp.func" in str(accept(NATIVE))
    assert accept(NATIVE, allow_native=True) is None
    for body in (f"return {RUN}", RUN, "pass\n    import os"):
        assert accept(NATIVE.replace(": ...", f":\n    {body}"), allow_native=True) is not None
    assert accept(NATIVE.replace('"""\n    return', f'{RUN} + """\n    return'), allow_native=True) is not None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-7", "utf-8-sig", "cp500"])
def test_a_source_in_another_encoding_is_refused(encoding: str) -> None:
    data = placed(body=RUN).encode(encoding)
    assert accept(data) is not None
    cookie = f"# -*- coding: {encoding} -*-\n"
    assert "encoding" in str(accept(cookie + placed())) or encoding == "utf-8-sig"


def repeated(line: str, room: int) -> str:
    """As many lines as there is room for, `%` standing for the line's number."""
    return "\n".join(line.replace("%", str(number)) for number in range(room // (len(line) + 12)))


ROOM = MAX_BYTES - 1000
LONG = {
    "constants and what evaluates them": (repeated("A% = %", ROOM // 2), repeated("x = wp.static(1)", ROOM // 2)),
    "overloads": (repeated("@wp.func\ndef f%(a: wp.types.vector(length=3, dtype=int)): pass", ROOM), "x = 1.0"),
    "functions that take a handle": (
        repeated("@wp.func\ndef f%(id: wp.uint64):\n    return wp.mesh_get(id).points[0]", ROOM // 2),
        repeated("y = f%(mesh)", ROOM // 2),
    ),
    "variables": ("", repeated("v% = x", ROOM)),
    "loops": ("", repeated("for k% in range(%): pass", ROOM)),
    "nested calls": ("", "x = " + "wp.sin(" * 30 + "x" + ")" * 30),
    "fields": ("@wp.struct\nclass C:\n" + repeated("    f%: int", ROOM), "x = 1.0"),
    "members": ("class C:\n" + repeated("    A% = %", ROOM), "x = 1.0"),
    "names of functions": ("", repeated("f% = moved", ROOM)),
    "comments": (repeated("# " + "x" * 900, ROOM), "x = 1.0"),
    "a docstring": ("", "x = 1.0\n" + repeated("# '\"'\"'\"", ROOM)),
}


@pytest.mark.parametrize("what", LONG)
def test_the_longest_sources_are_read_at_once(what: str) -> None:
    source = placed(*LONG[what])
    assert len(source) <= MAX_BYTES
    begin = time.process_time()
    accept(source)
    assert time.process_time() - begin < AT_ONCE


def test_a_source_of_too_many_bytes_is_refused_before_it_is_read() -> None:
    source = placed() + "#" * 10**8
    begin = time.process_time()
    assert "longer than" in str(accept(source))
    assert time.process_time() - begin < AT_ONCE


def test_no_attack_opens_or_imports_anything() -> None:
    seen: list[str] = []
    watching = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if watching and (event in ("import", "exec", "os.system", "subprocess.Popen") or event == "open"):
            seen.append(f"{event} {arguments[0]}")

    sys.addaudithook(hook)
    for attack in BODY_ATTACKS:
        accept(placed(body=attack))
    for attack in MODULE_ATTACKS:
        accept(placed(module=attack))
    watching = False
    assert set(seen) <= {"open <unknown>"}  # where Python looks for the line of a syntax error
