"""Mutants of accepted sources: what the recogniser lets through keeps to names that some rule allows."""

from __future__ import annotations

import ast
import builtins
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recogniser_attacks import RUN, placed
from whole_language import SOURCES

from grammar import CATEGORIES, SeededChoices, generate
from grammar.recogniser import accept
from grammar.recogniser.vocabulary import ARRAY_TYPES, GENERIC_TYPES, OBJECT_TYPES, SHAPED_TYPES, vocabulary

FRAGMENTS = [
    *(RUN, "__import__('os')", "eval", "exec(1)", "().__class__", ".__globals__", "wp.config", "wp.launch"),
    *("import os", "from os import *", "@wp.func_native('x')", "@eval", "f'{x}'", "'shared'", "*", "**", ":=", ";"),
    *("[", "]", "(", ")", "{", "}", ":", "=", ",", ".", "@", "->", "wp", "wp.", "wp.static(", "type(", "\\", '"""'),
    *("class C(IntEnum):\n    A = 1\n", "def f():\n", "yield", "await", "async ", "del ", "global x", "try:\n", "#"),
    *("else:\n", "return", "assert", "\n", "    ", "\t", "\x00", "é", "9" * 40, "1e999", "0x", "_", "__x__", "open"),
    *("ptr", ".ptr", "dtype=", "storage=", "id", "wp.uint64(64)", "wp.array(ptr=", "wp.mesh_get(", "wp.grad("),
    *("[k for k in a]", "lambda: 1", "with x:\n", "in", "is", "None", "...", "Any", "IntEnum", "float", "struct"),
]  # fmt: skip
TOKEN = r"\w+|[^\w\s]|\s+"
KEYWORDS_OF_WARP = {
    *("func", "kernel", "struct", "constant", "static", "grad", "types", "overload", "set_module_options", "func_grad"),
    *("func_replay", "adjoint", "ref", "array", "zeros", "Volume", "Function"),
}  # fmt: skip
PYTHON = {"abs", "bool", "float", "int", "len", "max", "min", "pow", "range", "reversed", "round", "type", "tuple"}
FORBIDDEN = (
    *(ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.NamedExpr, ast.JoinedStr, ast.Starred),
    *(ast.Try, ast.With, ast.Raise, ast.Global, ast.Nonlocal, ast.Delete, ast.AsyncFunctionDef, ast.Await, ast.Yield),
    *(ast.Match, ast.AnnAssign, ast.Set, ast.In, ast.Is, ast.AsyncFor, ast.AsyncWith, ast.YieldFrom),
)  # fmt: skip


def named_in(tree: ast.AST) -> set[str]:
    """Every name that a source defines itself."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.ImportFrom):
            assert node.module in ("enum", "typing", "collections.abc")
            found |= {alias.name for alias in node.names}
    return found


def only_allowed_names(source: str) -> None:
    """What every accepted source keeps to, by rules that know nothing of the recogniser's."""
    tree = ast.parse(source)
    own = named_in(tree)
    words = vocabulary()
    of_warp = words.functions | words.types | words.constants | KEYWORDS_OF_WARP | GENERIC_TYPES | OBJECT_TYPES
    of_warp |= set(ARRAY_TYPES) | SHAPED_TYPES
    assert not own & {"wp", "warp", "__builtins__"}
    fields = {ast.unparse(node.target) for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)}
    for node in ast.walk(tree):
        assert not isinstance(node, FORBIDDEN) or isinstance(node, ast.AnnAssign)
        if isinstance(node, ast.Name):
            assert node.id in own | PYTHON | {"wp"}
            assert not hasattr(builtins, node.id) or node.id in PYTHON | own
        elif isinstance(node, ast.Attribute):
            assert not node.attr.startswith("__")
            root = isinstance(node.value, ast.Name) and node.value.id == "wp"
            members = words.attributes | fields | own | {"ptr", "value", "LINEAR", "CLOSEST", "vector", "matrix"}
            assert node.attr in (of_warp if root else members | {"quaternion", "transformation"})
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert len(node.value) < 400
        elif isinstance(node, ast.FunctionDef):
            assert len(node.decorator_list) == 1
            assert ast.unparse(node.decorator_list[0]).startswith("wp.")
        elif isinstance(node, ast.Import):
            assert ast.unparse(node) == "import warp as wp"


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """Accepted sources with tokens swapped, repeated, left out, and pieces of attacks put in."""
    if draw(st.booleans()):
        source = draw(st.sampled_from([*SOURCES.values(), placed()]))
    else:
        seed = draw(st.integers(0, 10**6))
        source = generate(SeededChoices(seed), draw(st.sampled_from(CATEGORIES)), 6).source
    tokens = re.findall(TOKEN, source)
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(tokens) - 1))
        words = [k for k, token in enumerate(tokens) if token.isidentifier() == tokens[place].isidentifier()]
        other = draw(st.sampled_from(words))
        how = draw(st.sampled_from(["insert", "replace", "swap", "copy", "drop"]))
        if how == "insert":
            tokens.insert(place, draw(st.sampled_from(FRAGMENTS)))
        elif how == "replace":
            tokens[place] = draw(st.sampled_from(FRAGMENTS))
        elif how == "swap":
            tokens[place], tokens[other] = tokens[other], tokens[place]
        elif how == "copy":
            tokens[place] = tokens[other]
        else:
            del tokens[place]
    return "".join(tokens)


@given(mutants())
@settings(deadline=None, max_examples=400)
def test_a_mutant_is_refused_or_keeps_to_allowed_names(source: str) -> None:
    begin = time.process_time()
    rejection = accept(source)
    assert time.process_time() - begin < 10.0
    if rejection is None:
        only_allowed_names(source)
    else:
        assert rejection.line >= 1
        assert rejection.column >= 1
        assert rejection.reason


def test_the_allowed_names_are_those_of_accepted_sources() -> None:
    """The rules that judge the mutants let the sources themselves through."""
    for source in SOURCES.values():
        only_allowed_names(source)
    with pytest.raises(AssertionError):
        only_allowed_names(placed(body="x = eval(x)"))
    with pytest.raises(AssertionError):
        only_allowed_names(placed(body="x = wp.config.verbose"))
