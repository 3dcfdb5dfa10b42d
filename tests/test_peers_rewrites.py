"""Rewrites stay inside the grammar and keep their hands off what may not be moved."""

from __future__ import annotations

import ast
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grammar import accept
from grammar.kernel import Kernel
from grammar.strategies import kernels
from oracle.peers.rewrites.program import Program
from oracle.peers.rewrites.scalars import ScalarTypes
from oracle.peers.rewrites.table import REWRITES, rewrite

HEAD = "import warp as wp\n\n\n"
KERNEL = (
    "@wp.kernel\n"
    "def probe(n: int, x: wp.array(dtype=float), m: wp.array(dtype=wp.mat33), k: wp.array(dtype=int), "
    "out: wp.array(dtype=float)):\n"
    "    i = wp.tid()\n"
)


def source_of(body: str, definitions: str = "") -> str:
    """Return a module whose kernel has this body after `i = wp.tid()`."""
    return HEAD + definitions + KERNEL + "".join(f"    {line}\n" for line in body.splitlines())


def rewritten(name: str, body: str, definitions: str = "") -> str | None:
    """Return the source with one rewrite at every site that its seeds reach, None if it applies nowhere."""
    source = source_of(body, definitions)
    assert accept(source) is None, accept(source)
    results = [rewrite(source, random.Random(seed), [name]) for seed in range(8)]
    texts = [one.source for one in results if one is not None]
    assert all(accept(text) is None for text in texts)
    return "\n".join(texts) or None


@settings(deadline=None, max_examples=40)
@given(kernels(), st.integers(0, 1000))
def test_every_rewrite_of_a_generated_kernel_is_accepted(kernel: Kernel, seed: int) -> None:
    for name in REWRITES:
        one = rewrite(kernel.source, random.Random(seed), [name])
        if one is not None:
            rejection = accept(one.source)
            assert rejection is None, f"{name}: {rejection}\n{one.source}"
            assert one.applied == (name,)


@settings(deadline=None, max_examples=20)
@given(kernels(), st.integers(0, 1000))
def test_several_rewrites_are_accepted_and_depend_on_the_seed_alone(kernel: Kernel, seed: int) -> None:
    one = rewrite(kernel.source, random.Random(seed))
    again = rewrite(kernel.source, random.Random(seed))
    assert one == again
    assert one is None or accept(one.source) is None


@pytest.mark.parametrize(
    ("name", "body", "part"),
    [
        ("operands swapped", "out[i] = x[i] + out[i]", "out[i] + x[i]"),
        ("operands swapped", "m[i] = m[0] * x[i]", "x[i] * m[0]"),
        ("comparison mirrored", "if x[i] < 1.0:\n    out[i] = 2.0", "if 1.0 > x[i]:"),
        ("statements exchanged", "a = x[i]\nb = x[0]\nout[i] = a - b", "b = x[0]\n    a = x[i]"),
        ("extremes swapped", "k[i] = wp.max(k[i], n)", "wp.max(n, k[i])"),
        ("condition inverted", "if n > 2:\n    out[i] = 1.0", "if not n > 2:\n        pass\n    else:"),
        ("dead code", "out[i] = x[i]", "never > 0:\n        out[i] = x[i]"),
        ("store guarded", "out[i] = x[i]", "once > 0:\n        out[i] = x[i]"),
        ("expression named", "out[i] = x[i] * 2.0 + 1.0", "part = x[i] * 2.0\n    out[i] = part + 1.0"),
        ("update expanded", "a = x[i]\na += 1.0\nout[i] = a", "a = a + 1.0"),
        ("doubled by adding", "a = x[i]\nout[i] = 2.0 * a", "out[i] = a + a"),
        ("doubled by adding", "a = x[i]\nout[i] = a / 2.0", "out[i] = a * 0.5"),
        ("loop unrolled", "for j in range(2, 6, 3):\n    out[j] = x[j]", "out[2] = x[2]\n    out[5] = x[5]"),
        ("loop unrolled", "for j in range(1, -2, -1):\n    out[j + 1] = x[i]", "out[-1 + 1] = x[i]"),
        ("loop with while", "for j in range(1, n):\n    out[j] = x[j]", "while following < end:"),
        ("literal passed", "out[i] = x[i] * 3.0", "out[i] = x[i] * passed"),
        ("expression hoisted", "out[i] = x[i] * 3.0", "def hoisted(x: Any,\n    i: Any):\n    return x[i]"),
        ("store hoisted", "out[i] = x[i]", "stored(out, i, x[i])"),
        ("variable renamed", "total = x[i]\nout[i] = total", "_total"),
    ],
)
def test_a_rewrite_changes_what_it_is_for(name: str, body: str, part: str) -> None:
    assert part in (rewritten(name, body) or "")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("operands swapped", "m[i] = m[0] * m[1]"),
        ("operands swapped", "out[i] = x[i] - x[0]"),
        ("operands swapped", "out[i] = wp.atomic_add(x, 0, 1.0) + wp.atomic_add(x, 0, 2.0)"),
        ("comparison mirrored", "if 0.0 < x[i] < 1.0:\n    out[i] = 2.0"),
        ("comparison mirrored", "if wp.atomic_add(k, 0, 1) < k[0]:\n    out[i] = 2.0"),
        ("statements exchanged", "a = x[i]\nb = a\nout[i] = b"),
        ("statements exchanged", "a = wp.atomic_add(x, 0, 1.0)\nb = x[0]\nout[i] = a - b"),
        ("statements exchanged", "a = int(1)\nb = int(2)\nfor j in range(n):\n    a, b = b, a + b\nk[i] = a"),
        ("extremes swapped", "out[i] = wp.max(x[i], 0.0)"),
        ("expression named", "out[i] = 1.0\nif n > 2 and k[n - 3] > 0:\n    out[i] = 1.0"),
        ("expression named", "out[wp.atomic_add(k, 0, 1)] = 1.0"),
        ("loop unrolled", "j = int(0)\nfor j in range(3):\n    out[j] = 1.0\nout[j] = 2.0"),
        ("loop unrolled", "for j in range(3):\n    if x[j] > 1.0:\n        break\n    out[j] = 1.0"),
        ("loop unrolled", "for j in range(n):\n    out[j] = 1.0"),
        ("loop with while", "for j in range(n):\n    if x[j] > 1.0:\n        return\n    out[j] = 1.0"),
        ("loop with while", "for j in range(3):\n    out[j] = x[j]"),
        ("literal passed", "m[i] = m[0]\nfor j in range(3):\n    out[j] = x[j]"),
        ("doubled by adding", "a = k[i]\nk[i] = 2 * a"),
    ],
)
def test_a_rewrite_leaves_alone_what_it_would_change_the_meaning_of(name: str, body: str) -> None:
    assert rewritten(name, body) is None


@pytest.mark.parametrize("value", ["x[n - 3] if n > 2 else 1.0", "float(n > 2 and k[n - 3] > 0)"])
def test_what_only_some_evaluations_reach_is_not_computed_before(value: str) -> None:
    text = rewritten("expression named", f"out[i] = {value}")
    assert text is not None and "part = " in text
    assert not any(
        line.strip().startswith(("part = x[n", "part = k[n")) and " if " not in line for line in text.splitlines()
    )


def test_literals_of_other_types_are_passed_as_those() -> None:
    text = rewritten("literal passed", "out[i] = float(wp.float64(x[i]) * wp.float64(0.1))")
    assert text is not None and "passed: wp.float64" in text


def test_fields_are_passed_one_by_one_and_put_together_where_the_struct_is_needed() -> None:
    struct = "@wp.struct\nclass Body:\n    mass: float\n    at: wp.vec3\n\n\n"
    helper = "@wp.func\ndef weight(body: Body):\n    return body.mass * 9.81\n\n\n"
    kernel = "@wp.kernel\ndef probe(body: Body, out: wp.array(dtype=float)):\n    i = wp.tid()\n    out[i] = {}\n"
    apart = rewrite(HEAD + struct + kernel.format("body.mass * body.at[0]"), random.Random(1), ["fields passed"])
    assert apart is not None and "out[i] = body_mass * body_at[0]" in apart.source
    assert apart.moved == {"body_mass": "body.mass", "body_at": "body.at"}
    whole = rewrite(HEAD + struct + helper + kernel.format("weight(body)"), random.Random(1), ["fields passed"])
    assert whole is not None and "body = Body()\n    body.mass = body_mass\n    body.at = body_at" in whole.source
    assert accept(apart.source) is None and accept(whole.source) is None


def test_a_function_with_side_effects_is_not_pure_and_neither_is_its_caller() -> None:
    definitions = (
        "@wp.func\ndef count(k: wp.array(dtype=int)):\n    wp.atomic_add(k, 0, 1)\n    return k[0]\n\n\n"
        "@wp.func\ndef twice(k: wp.array(dtype=int)):\n    return count(k) * 2\n\n\n"
        "@wp.func\ndef square(a: float):\n    return a * a\n\n\n"
    )
    program = Program(source_of("out[i] = x[i]", definitions))
    assert program.pure_functions == {"square"}


def test_a_variable_has_a_type_only_if_all_that_it_is_given_has_it() -> None:
    body = (
        "a = x[i]\nb = float(0.0)\nfor j in range(n):\n    b = b + a\nc = m[i] * b\nd = b\nd = float(k[i])\nout[i] = b"
    )
    types = ScalarTypes(Program(source_of(body)).kernel)
    known = {name: types.of(ast.Name(name)) for name in "abcdijn"}
    assert known == {"a": "float", "b": "float", "c": "", "d": "float", "i": "int", "j": "int", "n": "int"}
