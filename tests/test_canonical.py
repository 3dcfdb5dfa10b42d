"""A kernel's id depends on what it computes, not on how it is written down."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grammar.canonical import canonical, kernel_id, tokens
from grammar.recogniser import accept

BODIES = '''
"""Bodies under a field of force."""
import warp as wp

STEP = wp.constant(0.50)
COUNT = 4
mat23 = wp.types.matrix(shape=(2, 3), dtype=wp.float32)

@wp.struct
class Body:
    pos: wp.vec3
    mass: wp.float32

@wp.func
def pushed(body: Body, force: wp.vec3):
    """Push a body."""
    body.pos = body.pos + force * (STEP / body.mass)
    return body, wp.length(force)

@wp.kernel
def advance(bodies: wp.array(dtype=Body), forces: wp.array2d(dtype=wp.vec3), out: wp.array(dtype=float), seed: int):
    i, j = wp.tid()
    total = wp.vec3(0.0, 1.5, -2.0)
    for k in range(COUNT):
        total += forces[i, k] * float(k)  # sum
        if total.x > 1.0 and not wp.isnan(total[1]):
            break
        elif seed == 0x1F:
            total.z = 1e-3 if seed > 3 else wp.pi
    body, size = pushed(bodies[i], total)
    other = Body(mass=2.0, pos=body.pos)
    wp.atomic_add(out, i, size + other.mass * mat23()[0, 1])
'''

INTEGERS = """
import warp as wp

@wp.kernel
def scramble(keys: wp.array(dtype=wp.uint32), count: wp.int32, out: wp.array(dtype=wp.uint32)):
    x = wp.tid()
    key = keys[x]
    while count > 0:
        key = key ^ (key << wp.uint32(13)) | wp.uint32(255) & key
        count -= 1
        if count == 7:
            continue
    out[x] = wp.where(key > wp.uint32(1000000), key, wp.uint32(1_000))
"""

SOURCES = (BODIES, INTEGERS)
FIELDS = {"pos", "mass"}
KEPT = {"wp", "warp", "float", "int", "range", "types", "dtype", "shape"}


def own_names(source: str) -> set[str]:
    """Every name that the source defines."""
    names = set(FIELDS) if source is BODIES else set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return names


def rewrite(source: str, replace: Callable[[tokenize.TokenInfo, str], str]) -> str:
    """Replace tokens of a source; the callback also gets the text just before the token."""
    lines = source.split("\n")
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(source).readline))):
        row, column = token.start
        if token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.OP):
            line = lines[row - 1]
            lines[row - 1] = line[:column] + replace(token, line[:column]) + line[token.end[1] :]
    return "\n".join(lines)


def renamed(source: str, names: dict[str, str]) -> str:
    def replace(token: tokenize.TokenInfo, before: str) -> str:
        follows_a_dot = before.endswith(".") and token.string not in FIELDS
        return token.string if follows_a_dot else names.get(token.string, token.string)

    return rewrite(source, replace)


def spellings(literal: str) -> list[str]:
    """Other spellings of a number."""
    value = ast.literal_eval(literal)
    if isinstance(value, int):
        return [str(value), hex(value), bin(value), oct(value), f"{value:_}"]
    return [repr(value), f"{value:.20e}", f"{value!r}00" if re.fullmatch(r"\d+\.\d+", repr(value)) else repr(value)]


identifiers = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in KEPT and name not in own_names(BODIES) | own_names(INTEGERS) and name.isidentifier()
)


@given(st.sampled_from(SOURCES), st.data())
@settings(deadline=None, max_examples=60)
def test_renaming_every_name_keeps_the_id(source: str, data: st.DataObject) -> None:
    old = sorted(own_names(source))
    new = data.draw(st.lists(identifiers, min_size=len(old), max_size=len(old), unique=True))
    other = renamed(source, dict(zip(old, (f"{name}_n" for name in new), strict=True)))
    assert other != source
    assert canonical(other) == canonical(source)
    assert kernel_id(other) == kernel_id(source)


@given(st.sampled_from(SOURCES), st.data())
@settings(deadline=None, max_examples=60)
def test_respelling_literals_keeps_the_id(source: str, data: st.DataObject) -> None:
    def replace(token: tokenize.TokenInfo, before: str) -> str:
        del before
        return data.draw(st.sampled_from(spellings(token.string))) if token.type == tokenize.NUMBER else token.string

    assert kernel_id(rewrite(source, replace)) == kernel_id(source)


@given(st.sampled_from(SOURCES), st.data())
@settings(deadline=None, max_examples=60)
def test_changing_one_literal_or_operator_changes_the_id(source: str, data: st.DataObject) -> None:
    swaps = {"+": "-", "*": "/", "-": "+", "<<": ">>", "^": "|", ">": "<", "==": "!=", "+=": "-=", "-=": "+="}
    places = [
        token.start
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.NUMBER or (token.string in swaps and token.type == tokenize.OP)
    ]
    place = data.draw(st.sampled_from(places))

    def replace(token: tokenize.TokenInfo, before: str) -> str:
        del before
        if token.start != place:
            return token.string
        return swaps.get(token.string) or repr(ast.literal_eval(token.string) + 1)

    assert kernel_id(rewrite(source, replace)) != kernel_id(source)


def test_layout_comments_and_docstrings_do_not_count() -> None:
    other = BODIES.replace('"""Bodies under a field of force."""', "# nothing").replace('    """Push a body."""\n', "")
    other = other.replace("  # sum", "").replace("    ", "\t").replace("wp.tid()", "(wp . tid( ))")
    other = other.replace("        elif seed", "        elif  (seed)")
    assert kernel_id(other) == kernel_id(BODIES)


def test_a_field_named_like_a_component_is_renamed_alone() -> None:
    template = """
import warp as wp

@wp.struct
class Ray:
    {field}: wp.vec3
    scale: wp.vec3

@wp.func
def direction(ray: Ray) -> wp.vec3:
    return ray.{field} * ray.{field}.x

@wp.kernel
def trace(rays: wp.array(dtype=Ray), out: wp.array(dtype=wp.float32)):
    i = wp.tid()
    ray = rays[i]
    made = Ray({field}=wp.vec3()).{field}.z + wp.where(i > 1, ray, ray).{field}.x
    out[i] = direction(ray).x + rays[i].{field}.y + made
"""
    sources = [template.format(field=name) for name in ("x", "y", "dir", "shape")]
    assert [accept(source) for source in sources] == [None] * 4
    assert len({kernel_id(source) for source in sources}) == 1
    swapped = template.format(field="x").replace(".scale", ".x").replace("ray.x *", "ray.scale *")
    assert kernel_id(swapped) != kernel_id(sources[0])


def test_the_id_of_a_kernel_never_changes() -> None:
    """Ids stand in published corpora: a change of this value needs a new schema version."""
    assert kernel_id(INTEGERS) == "f8a584d3e296b1ceee1e2f5d5a988cbc"


def test_equal_fields_of_two_structs_are_told_apart() -> None:
    template = """
import warp as wp

@wp.struct
class A:
    one: float
    {a}: float

@wp.struct
class B:
    {b}: float

@wp.kernel
def k(a: A, b: B, out: wp.array(dtype=float)):
    out[0] = a.{a} + b.{b}
"""
    assert kernel_id(template.format(a="m", b="m")) == kernel_id(template.format(a="p", b="q"))


def test_what_is_no_kernel_is_refused_with_its_place() -> None:
    with pytest.raises(ValueError, match=r"^1:1: Import is outside the grammar"):
        canonical("import os\n")
    with pytest.raises(ValueError, match=r"^2:5: Lambda is outside"):
        canonical("import warp as wp\nx = lambda: 1\n")


def test_tokens_hold_everything_but_layout() -> None:
    text = canonical(BODIES)
    assert "".join(tokens(text)) == re.sub(r"\s", "", text)
    assert "1.5" in tokens(text)
    assert tokens("x = 1e-07 ** y") == ["x", "=", "1e-07", "**", "y"]
