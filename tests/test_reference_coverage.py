"""What the reference covers is counted, and nothing that the grammar writes is left out without a reason."""

from __future__ import annotations

import json

import pytest

from grammar import registry
from grammar.coverage import overload_status
from oracle.__main__ import main
from oracle.reference import coverage
from oracle.reference.definitions import DEFINITIONS
from oracle.reference.definitions.lacking import LACKING

WHOLE = ("Scalar Math", "Operators", "Utility", "Other", "Code Generation")
"""Groups of which nothing may lack."""


@pytest.fixture(scope="module")
def groups() -> dict[str, coverage.Group]:
    return {group.name: group for group in coverage.groups()}


def test_every_generable_builtin_is_defined_or_has_a_reason(groups):
    unexplained = {
        name: [builtin for builtin, why in group.lacking.items() if not why] for name, group in groups.items()
    }
    assert not any(unexplained.values()), unexplained


@pytest.mark.parametrize("name", WHOLE)
def test_the_groups_of_scalars_and_arrays_are_covered_whole(groups, name):
    group = groups[name]
    assert group.builtins and group.lacking == {}
    assert (group.defined, group.defined_overloads) == (group.builtins, group.overloads)


def test_counts_are_those_of_the_grammar(groups):
    generable = [
        one
        for builtin in registry.builtins().values()
        for one in builtin.overloads
        if overload_status(one).word == "generable"
    ]
    assert sum(group.overloads for group in groups.values()) == len(generable)
    assert sum(group.builtins for group in groups.values()) == len({one.name for one in generable})


def test_what_has_no_definition_is_counted_as_lacking(monkeypatch):
    without = {name: one for name, one in DEFINITIONS.items() if name not in ("sin", "atomic_add")}
    monkeypatch.setattr(coverage, "DEFINITIONS", without)
    groups = {group.name: group for group in coverage.groups()}
    assert groups["Scalar Math"].lacking == {"sin": ""}
    assert groups["Utility"].lacking == {"atomic_add": ""}


def test_every_reason_is_for_something_that_the_grammar_writes(groups):
    lacking = [name for group in groups.values() for name in group.lacking]
    for pattern, why in LACKING.items():
        assert any(coverage.matches(pattern, name) for name in lacking), pattern
        assert why


def test_the_command_prints_the_groups(capsys):
    assert main(["reference", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {"Scalar Math", "Random"} <= {group["name"] for group in printed}
    assert main(["reference"]) == 0
    assert "Scalar Math" in capsys.readouterr().out
