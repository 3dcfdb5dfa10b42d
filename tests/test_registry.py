"""The registry hands out Warp's own built-ins, and the table of domains says something about each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import warp as wp

import grammar
from grammar import domains, registry
from grammar.types import FLOAT32, INT32, Matrix, Quaternion, Scalar, Vector

TYPES = [*(Scalar(name) for name in ("bool", "int8", "uint64", "float16", "float64")), *registry.VECTORS]


def test_every_type_has_warps_own_counterpart_and_back():
    for type_ in (*registry.VECTORS, *registry.MATRICES, *registry.QUATERNIONS, *TYPES):
        assert registry.from_warp(registry.to_warp(type_)) == type_


@pytest.mark.parametrize("type_", [*registry.VECTORS, *registry.QUATERNIONS], ids=str)
def test_a_spelling_names_the_type_in_warp(type_):
    assert registry.from_warp(getattr(wp, type_.spelling.removeprefix("wp."))) == type_


def test_a_square_matrix_is_named_and_a_rectangular_one_needs_an_alias():
    assert registry.from_warp(getattr(wp, Matrix(3, 3, FLOAT32).spelling.removeprefix("wp."))) == Matrix(3, 3, FLOAT32)
    assert Matrix(2, 3, FLOAT32).spelling == "mat23"
    assert Matrix(2, 2, INT32).spelling == "mat22i"


def test_scalar_overloads_are_read():
    signatures = {overload.signature for overload in registry.builtins()["sin"].overloads}
    assert signatures == {"sin(float16)", "sin(float32)", "sin(float64)"}


def test_results_come_with_the_overload():
    found = {overload.types: overload.results for overload in registry.builtins()["quat_rotate"].overloads}
    quaternion, vector = Quaternion(FLOAT32), Vector(3, FLOAT32)
    assert found[quaternion, vector] == (vector,)


def test_a_generic_overload_is_specialised_for_rectangular_matrices():
    found = {overload.types: overload.results for overload in registry.builtins()["mul"].overloads}
    assert found[Matrix(2, 3, FLOAT32), Matrix(3, 4, FLOAT32)] == (Matrix(2, 4, FLOAT32),)
    assert (Matrix(2, 3, FLOAT32), Matrix(2, 3, FLOAT32)) not in found
    transposed = {o.types: o.results for o in registry.builtins()["transpose"].overloads}
    assert transposed[(Matrix(2, 4, FLOAT32),)] == (Matrix(4, 2, FLOAT32),)


def test_every_built_in_is_classified_but_the_dtype_that_is_to_come():
    words = {name: domains.classify(builtin).word for name, builtin in registry.builtins().items()}
    assert {name for name, word in words.items() if word == "unclassified"} <= {"bfloat16"}


def test_what_is_left_out_has_a_reason():
    for builtin in registry.builtins().values():
        status = domains.classify(builtin)
        assert status.word in ("generable", "later", "excluded", "unclassified")
        assert status.reason


def test_the_tables_name_only_what_warp_has():
    known = registry.builtin_names()
    for table in (domains.DOMAINS, domains.SPELLED, domains.LATER, domains.EXCLUDED):
        assert set(table) <= known
    tables = [domains.DOMAINS, domains.SPELLED, domains.LATER, domains.EXCLUDED]
    assert sum(map(len, tables)) == len(set().union(*tables))


def test_no_other_module_of_the_grammar_touches_warps_private_parts():
    folder = Path(grammar.__file__).parent
    touching = {path.name for path in folder.rglob("*.py") if re.search(r"warp\._src", path.read_text())}
    assert touching == {"registry.py"}
