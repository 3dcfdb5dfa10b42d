"""NVIDIA's own assembler takes the PTX that the tests of the emulator are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import exact_atomics
import exact_forms
import exact_forms_data
import exact_forms_float
import exact_forms_integer
import pytest
from exact_bounds import APPROXIMATIONS
from hypothesis import HealthCheck, given, settings
from nvidia_assembler import assembles, is_available, joined
from ptx_snippets import source
from structured_programs import FUNCTIONS, Node, kernel_body, programs
from test_ptx_device import SNIPPETS

pytestmark = pytest.mark.skipif(not is_available(), reason="this Warp's library has no assembler to ask")

HEADERS = {
    # By compute capability, which the forms' own minimum is rounded up to.
    75: ".version 8.3\n.target sm_75\n.address_size 64",
    80: ".version 8.3\n.target sm_80\n.address_size 64",
    86: ".version 8.3\n.target sm_86\n.address_size 64",
    90: ".version 8.3\n.target sm_90\n.address_size 64",
    100: ".version 8.8\n.target sm_100\n.address_size 64",
}


def _modules() -> Iterator[tuple[int, str, str]]:
    """Compute capability, base opcode and text of every module of the tables."""
    for table in (exact_forms_float, exact_forms_integer, exact_forms_data):
        for form in table.forms():
            yield form.minimum, form.opcode.partition(".")[0], exact_forms.module(form, "after a branch")
    for approximation in APPROXIMATIONS:
        yield approximation.minimum, "approximations", exact_forms.module(approximation.form, "guarded")
    for atomic in exact_atomics.ATOMICS:
        for space in exact_atomics.SPACES:
            for base in ("atom", "red"):
                if exact_atomics.has(base, atomic):
                    yield atomic.minimum, base, exact_atomics.module(atomic, base, space, 4)


MODULES: dict[tuple[int, str], list[str]] = defaultdict(list)
for _arch, _base, _text in _modules():
    MODULES[_arch, _base].append(_text)


@pytest.mark.parametrize(("arch", "base"), MODULES, ids=lambda part: str(part))
def test_the_tables_forms_are_legal(arch: int, base: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    legal = assembles(joined(MODULES[arch, base], HEADERS[arch]), arch, tmp_path)
    assert legal, capfd.readouterr()


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_snippets_are_legal(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert assembles(source(*SNIPPETS[name]), 75, tmp_path), capfd.readouterr()


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nodes=programs(3))
def test_divergent_programs_are_legal(nodes: list[Node], tmp_path: Path) -> None:
    assert assembles(source(kernel_body(nodes), FUNCTIONS), 75, tmp_path)


def test_an_illegal_form_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert not assembles(source("add.rn.s32 %r4, %r5, %r6; ret;"), 75, tmp_path)
    output, errors = capfd.readouterr()
    assert "ptxas" in output + errors
