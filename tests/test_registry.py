"""The registry hands out Warp's own built-ins, and the table of domains says something about each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import warp as wp

import grammar
from grammar import coverage, domains, registry
from grammar.recipes import SETTINGS, recipes
from grammar.types import (
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INT32,
    SCALARS,
    Matrix,
    Quaternion,
    Transform,
    Vector,
    from_alias,
)

VECTORS = [Vector(length, scalar) for scalar in SCALARS for length in range(1, 9)]
MATRICES = [Matrix(rows, columns, scalar) for scalar in SCALARS for rows in range(1, 7) for columns in range(1, 7)]
ROTATIONS = [kind(scalar) for kind in (Quaternion, Transform) for scalar in (FLOAT16, FLOAT32, FLOAT64)]
TYPES = [*SCALARS, *VECTORS, *MATRICES, *ROTATIONS]


def test_every_type_has_warps_own_counterpart_and_back():
    for type_ in TYPES:
        assert registry.from_warp(registry.to_warp(type_)) == type_


@pytest.mark.parametrize("type_", [t for t in TYPES if getattr(t, "is_named", True)], ids=str)
def test_a_spelling_names_the_type_in_warp(type_):
    name = type_.spelling.removeprefix("wp.")
    assert registry.from_warp({"int": int, "float": float, "bool": bool}.get(name) or getattr(wp, name)) == type_


def test_an_alias_leads_back_to_its_type():
    for type_ in (*VECTORS, *MATRICES):
        assert from_alias(type_.alias) == type_
    assert from_alias("vec9") is None
    assert from_alias("matter") is None


def test_a_square_matrix_is_named_and_a_rectangular_one_needs_an_alias():
    assert registry.from_warp(getattr(wp, Matrix(3, 3, FLOAT32).spelling.removeprefix("wp."))) == Matrix(3, 3, FLOAT32)
    assert Matrix(2, 3, FLOAT32).spelling == "mat23"
    assert Matrix(2, 2, INT32).spelling == "mat22i"


def test_scalar_overloads_are_read():
    signatures = {overload.signature for overload in registry.builtins()["sin"].concrete}
    assert signatures == {"sin(float16)", "sin(bfloat16)", "sin(float32)", "sin(float64)"}


def test_results_come_with_the_overload():
    found = {overload.types: overload.results for overload in registry.builtins()["quat_rotate"].concrete}
    quaternion, vector = Quaternion(FLOAT32), Vector(3, FLOAT32)
    assert found[quaternion, vector] == (vector,)


def test_a_generic_overload_is_specialised_for_rectangular_matrices():
    wide, tall, square = Matrix(2, 5, FLOAT32), Matrix(5, 2, FLOAT32), Matrix(2, 2, FLOAT32)
    found = {o.types: o.results for o in registry.specialise("mul", (wide, tall, square, FLOAT32))}
    assert found[wide, tall] == (square,)
    assert (wide, wide) not in found
    transposed = {o.types: o.results for o in registry.specialise("transpose", (wide, tall))}
    assert transposed == {(wide,): (tall,), (tall,): (wide,)}


def test_the_registered_overloads_are_warps_own():
    overloads = registry.builtins()["atomic_add"].overloads
    assert {len(one.types) for one in overloads} == {3, 4, 5, 6}
    assert any(one.signature == "atomic_add(Array[Any], int16, Any)" for one in overloads)


def test_every_overload_has_a_word_and_a_reason():
    for builtin in registry.builtins().values():
        for status in (coverage.status_of(builtin), *map(coverage.overload_status, builtin.overloads)):
            assert status.word in ("generable", "excluded", "unclassified")
            assert status.reason


def test_nothing_is_left_unclassified():
    overloads = (one for builtin in registry.builtins().values() for one in builtin.overloads)
    assert not [one.signature for one in overloads if coverage.overload_status(one).word == "unclassified"]


def test_a_built_in_that_the_tables_do_not_know_is_unclassified():
    new = registry.Builtin("brand_new", "Utility", ())
    one = registry.Registered("brand_new", "Utility", 0, (("a", "Any"),), frozenset(), "brand_new", True, None)
    assert coverage.status_of(new).word == coverage.overload_status(one).word == "unclassified"


def test_what_is_aimed_at_is_what_is_counted_as_generable():
    aimed_at = {one for setting in ("", *SETTINGS.values()) for one in coverage.generable_overloads(setting)}
    counted = {
        one
        for builtin in registry.builtins().values()
        for one in builtin.overloads
        if coverage.overload_status(one).word == "generable"
    }
    assert aimed_at == counted


def test_the_tables_name_only_what_warp_has():
    known = registry.builtin_names()
    for table in (domains.DOMAINS, domains.SPELLED, domains.EXCLUDED, recipes()):
        assert set(table) <= known
    assert not set(domains.EXCLUDED) & {*domains.DOMAINS, *domains.SPELLED, *recipes()}


def test_no_other_module_of_the_grammar_touches_warps_private_parts():
    folder = Path(grammar.__file__).parent
    touching = {path.name for path in folder.rglob("*.py") if re.search(r"warp\._src", path.read_text())}
    assert touching == {"registry.py"}
