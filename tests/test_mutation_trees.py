"""Typed mutation of trees: every mutant is another kernel, in the grammar, of its category, and well-defined."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import libcst as cst
import pytest
from hypothesis import HealthCheck, given, settings
from trapping import exit_code

from extractor.compiling import CompileOptions
from extractor.warp_setup import open_workspace
from grammar import CATEGORIES, SeededChoices, accept, contains, generate, kernel_id, limits
from grammar.kernel import Argument, Kernel
from grammar.mutation import OPERATORS, Mutant, Parent, mutate
from grammar.mutation.finish import kernel_of
from grammar.mutation.inference import Types
from grammar.mutation.links import Demand
from grammar.mutation.subject import Subject
from grammar.mutation.table import read
from grammar.mutation.tree import code, walk
from grammar.strategies import expressions
from oracle.backends import cpu, cuda_backend
from oracle.judge import DIRECTIONS, Judge
from oracle.observation import Verdict
from oracle.rerun import Case, rerun

PARENTS = 27
"""One of each category."""


@cache
def _parents() -> list[Kernel]:
    return [generate(SeededChoices(("parent", index)), CATEGORIES[index % len(CATEGORIES)]) for index in range(PARENTS)]


@cache
def _mutants(operator: str) -> list[tuple[Kernel, Mutant]]:
    """Return what an operator makes of each parent, with the next category's kernel for a donor."""
    found = []
    for index, kernel in enumerate(_parents()):
        donor = Parent.from_kernel(_parents()[(index + 1) % PARENTS])
        mutant = mutate(Parent.from_kernel(kernel), SeededChoices((operator, index)), donor, (operator,))
        if mutant is not None:
            found.append((kernel, mutant))
    return found


def _all_mutants() -> Iterator[tuple[Kernel, Mutant]]:
    for operator in OPERATORS:
        yield from _mutants(operator)


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_mutant_is_another_kernel_of_its_category_in_the_grammar(operator: str):
    assert len(_mutants(operator)) >= 4
    for parent, mutant in _mutants(operator):
        kernel = mutant.kernel
        assert mutant.operator == operator
        assert accept(kernel.source) is None
        assert kernel_id(kernel.source) != kernel_id(parent.source)
        assert contains(kernel.category, kernel.tree)
        assert (kernel.name, kernel.category, kernel.dims) == (parent.name, parent.category, parent.dims)


@pytest.mark.parametrize("operator", OPERATORS)
def test_each_parameter_of_a_mutant_has_its_argument(operator: str):
    for _, mutant in _mutants(operator):
        names = [parameter.name.value for parameter in kernel_of(mutant.kernel.tree).params.params]
        passed = list(dict.fromkeys(one.name.partition(".")[0] for one in mutant.kernel.arguments))
        assert passed == names


def test_a_mutant_has_no_backward_pass_that_is_known_to_be_wrong():
    kept = 0
    for _, mutant in _all_mutants():
        backward = "enable_backward=False" not in mutant.kernel.source
        kept += backward
        assert not backward or limits.keeps_backward(mutant.kernel.source)
    assert kept > 100


def test_a_mutant_is_a_function_of_parent_donor_and_choices():
    for index, kernel in enumerate(_parents()[:10]):
        parent, donor = Parent.from_kernel(kernel), Parent.from_kernel(_parents()[index + 5])
        first, second = (mutate(parent, SeededChoices(index), donor) for _ in range(2))
        assert first is not None
        assert second is not None
        assert (first.operator, first.kernel.source) == (second.operator, second.kernel.source)


def test_a_parent_from_a_record_is_as_good_as_a_kernel():
    for index, kernel in enumerate(_parents()):
        metadata = {
            "kernel_name": kernel.name,
            "category": kernel.category,
            "description": kernel.description,
            "launch_dims": list(kernel.dims),
            "arguments": [argument.to_json() for argument in kernel.arguments],
            "features": list(kernel.features),
        } | ({"block_dim": kernel.block_dim} if kernel.block_dim else {})
        read_back = Parent.from_metadata(kernel.source, json.loads(json.dumps(metadata)))
        assert read_back == Parent.from_kernel(kernel), index


def test_mutants_are_parents_in_their_turn():
    for index, kernel in enumerate(one for one in _parents()[:27] if not one.block_dim):
        parent, steps = Parent.from_kernel(kernel), 0
        for step in range(5):
            mutant = mutate(parent, SeededChoices(("chain", index, step)))
            if mutant is not None:
                assert accept(mutant.kernel.source) is None
                parent, steps = Parent.from_kernel(mutant.kernel), steps + 1
        assert steps >= 2


def test_an_unknown_operator_is_an_error():
    with pytest.raises(KeyError):
        mutate(Parent.from_kernel(_parents()[0]), SeededChoices(1), None, ("no such operator",))


def test_mutants_compile_and_run_without_undefined_behaviour(tmp_path: Path):
    mutants = [mutant.kernel for operator in OPERATORS for _, mutant in _mutants(operator)[::6]]
    plain = [kernel for kernel in mutants if not kernel.block_dim]
    assert len(plain) > 30
    assert exit_code(plain, tmp_path, range(4)) == 0


@pytest.mark.parametrize("part", range(3))
def test_both_targets_and_the_other_oracles_agree_on_mutants(part: int, tmp_path: Path):
    made = map(_mutants, list(OPERATORS)[part::3])
    mutants = [mutant for pairs in made for _, mutant in pairs[part :: max(1, len(pairs) // 3)]]
    mutants.sort(key=lambda mutant: mutant.kernel.block_dim)
    with open_workspace(tmp_path) as workspace:
        judge = Judge(cpu, cuda_backend("emulator"), "emulator", DIRECTIONS)
        outcomes = rerun([_case(mutant.kernel) for mutant in mutants], workspace, judge)
    for mutant, outcome in zip(mutants, outcomes, strict=True):
        assert not outcome.refusal, (mutant.operator, outcome.refusal, mutant.kernel.source)
        for judgement in outcome.judgements:
            assert judgement.verdict in (Verdict.MATCH, Verdict.UNSTABLE), (
                mutant.operator,
                judgement.reason,
                mutant.kernel.source,
            )


def _case(kernel: Kernel) -> Case:
    arguments = [argument.to_json() for argument in kernel.arguments]
    return Case(kernel.source, CompileOptions().for_blocks_of(kernel.block_dim), (5,), kernel.dims, arguments)


# what mutation knows of a source

GUARDED = """
import warp as wp


@wp.func
def halved(value: float):
    return value * 0.5


@wp.kernel
def steps(x: wp.array(dtype=float), k: wp.array(dtype=int), u: wp.array(dtype=wp.uint32), out: wp.array(dtype=float)):
    i = wp.tid()
    total = x[i] * 3.0
    cell = int(wp.clamp(x[i] + 1.0, 0.0, 3.0))
    other = k[cell] + 2
    hashed = u[i] * wp.uint32(7)
    if x[i] > 1.25:
        total += wp.sin(x[i])
    if i > 0:
        total += x[i - 1]
    near = i < 6
    if near:
        total += x[i + 1]
    if wp.floor(total) > 2.5:
        total = halved(total) + float(other)
    out[i] = total + float(hashed)
"""


def _subject(source: str) -> Subject:
    arguments = (Argument("x", (8,)), Argument("k", (8,), {"": (0, 7)}), Argument("u", (8,)))
    return read(Parent("steps", source, "arithmetic", "", (8,), 0, (*arguments, Argument("out", (8,), written=True))))


def _demand(subject: Subject, text: str) -> Demand:
    found = {
        subject.demands.of(node) for function in subject.tree.functions for node in walk(function) if code(node) == text
    }
    assert found, text
    return max(found)


def test_what_indexes_bounds_and_guards_rely_on_stays():
    subject = _subject(GUARDED)
    for text in ("cell", "i - 1", "i > 0", "i < 6", "near", "wp.clamp(x[i] + 1.0, 0.0, 3.0)"):
        assert _demand(subject, text) is Demand.PINNED, text


def test_what_becomes_an_integer_or_a_decision_stays_exact():
    subject = _subject(GUARDED)
    assert _demand(subject, "x[i] + 1.0") is Demand.EXACT
    assert _demand(subject, "x[i] > 1.25") is Demand.DECISION
    assert _demand(subject, "1.25") is Demand.EXACT
    assert _demand(subject, "x[i] * 3.0") is Demand.EXACT


def test_what_is_only_stored_is_free():
    subject = _subject(GUARDED)
    assert _demand(subject, "total + float(hashed)") is Demand.FREE
    assert _demand(subject, "u[i] * wp.uint32(7)") < Demand.PINNED
    assert _demand(subject, "value * 0.5") <= Demand.EXACT


def test_what_comes_through_a_library_function_is_known_by_name():
    subject = _subject(GUARDED)
    assert subject.demands.is_inexact_variable("steps", "total")
    assert not subject.demands.is_inexact_variable("steps", "cell")


@given(expressions())
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_an_expression_has_the_type_that_it_was_grown_with_or_none(expression):
    types = Types(cst.parse_module(expression.kernel.source))
    found = types.variables[expression.kernel.name].get("result")
    assert found in (None, expression.type)


def test_most_expressions_have_a_type():
    known = total = 0
    for kernel in _parents():
        if kernel.block_dim:
            continue
        module = cst.parse_module(kernel.source)
        types = Types(module)
        for function in (one for one in module.body if isinstance(one, cst.FunctionDef)):
            nodes = [
                node for node in walk(function) if isinstance(node, cst.BinaryOperation | cst.Call | cst.Subscript)
            ]
            total += len(nodes)
            known += sum(types.of(node) is not None for node in nodes)
    assert known / total > 0.85


# single operators


DONOR = """
import warp as wp


@wp.func
def bump(value: float):
    return wp.exp(-value * value) + 0.125


@wp.kernel
def give(y: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    sharp = float(0.0)
    for turn in range(3):
        sharp += wp.sqrt(wp.abs(y[i])) * 0.375
    out[i] = bump(sharp * y[i]) - y[i]
"""


def _made(operator: str, donor: Parent | None = None, source: str = GUARDED) -> list[str]:
    parent = _subject(source).parent
    mutants = (mutate(parent, SeededChoices((operator, seed)), donor, (operator,)) for seed in range(24))
    return [mutant.kernel.source for mutant in mutants if mutant is not None]


def _donor() -> Parent:
    arguments = (Argument("y", (8,)), Argument("out", (8,), written=True))
    return Parent("give", DONOR, "arithmetic", "", (8,), 0, arguments)


def test_an_expression_moves_with_the_function_that_it_calls():
    assert any("wp.exp" in source and "def bump" in source for source in _made("expression spliced", _donor()))


def test_a_run_of_statements_moves_with_what_its_total_begins_at():
    moved = [source for source in _made("statements spliced", _donor()) if "0.375" in source]
    assert moved
    assert all("range(3)" in source for source in moved)


def test_a_float_is_retyped_throughout():
    found = _made("float retyped")
    assert any("wp.array(dtype=wp.float64)" in source and "wp.float64(3.0)" in source for source in found)
    assert all("dtype=float)" not in source for source in found)


def test_a_vector_in_a_rotation_keeps_its_length():
    text = """import warp as wp


@wp.kernel
def spin(omegas: wp.array(dtype=wp.vec3), turns: wp.array(dtype=wp.quat)):
    i = wp.tid()
    omega = omegas[i]
    turns[i] = wp.normalize(wp.quat(omega, 0.5))
"""
    arguments = tuple(Argument(name, (4,), {}, name == "turns") for name in ("omegas", "turns"))
    parent = Parent("spin", text, "vector", "spins", (4,), 0, arguments)
    assert all(mutate(parent, SeededChoices(seed), None, ("vector lengthened",)) is None for seed in range(10))
    free = replace(parent, source=text.replace("wp.quat(omega, 0.5)", "turns[i] * omega[0]"))
    assert any(mutate(free, SeededChoices(seed), None, ("vector lengthened",)) for seed in range(10))


def test_what_guards_an_index_stays():
    for operator in OPERATORS:
        for source in _made(operator, _donor()):
            assert "x[i - 1]" not in source or " > 0" in source or "i - 1)" in source, (operator, source)
            assert "x[i + 1]" not in source or " < 6" in source, (operator, source)


def test_what_becomes_an_index_stays_between_its_bounds():
    for operator in OPERATORS:
        for source in _made(operator, _donor()):
            assert "k[cell]" not in source or re.search(r"0\.0\)?, .*3\.0\)", source), (operator, source)
