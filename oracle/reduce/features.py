"""What a small kernel still uses that few others do: built-ins with the kinds of their arguments, and constructs.

What nearly every kernel has is left out (threads' numbers, loads and stores of elements), and so are widths of numbers
but for halves: one cause shows for vectors of three and of four.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping

from extractor.calls import NativeCall, native_calls
from grammar.kernel import Argument
from grammar.registry import builtins
from oracle.peers.rewrites.program import Program, decorator_of, name_of
from oracle.rerun import Case

UBIQUITOUS = frozenset(
    {
        "address",
        "load",
        "store",
        "array_store",
        "copy",
        "assign",
        "extract",
        "select",
        "where",
        "builtin_tid1d",
        "builtin_tid2d",
    }
    | {"builtin_tid3d", "builtin_tid4d"}
)
"""Native functions of which a call says nothing about a kernel."""

_ADJOINT = re.compile(r"^adj_")
_KINDS: Mapping[str, str] = {
    "vec_t": "vector",
    "mat_t": "matrix",
    "quat_t": "quaternion",
    "transform_t": "transform",
    "array_t": "array",
    "indexedarray_t": "indexed array",
    "fixedarray_t": "local array",
}
_SCALARS = (
    (re.compile(r"b?float16$"), "half"),
    (re.compile(r"float\d*$"), "float"),
    (re.compile(r"uint\d*$"), "unsigned"),
    (re.compile(r"int\d*$"), "int"),
    (re.compile(r"bool$"), "bool"),
)


def features_of(case: Case, cpp: str = "") -> tuple[str, ...]:
    """Return the features of a case, sorted; `cpp` is the forward C++ that Warp makes of it, if it makes any."""
    found = {*_constructs(case.source), *_of_arguments(case)}
    own = {node.name for node in Program(case.source).functions}
    calls = [one for one in native_calls(cpp) if not _ADJOINT.match(one.function)]
    found |= {text for one in calls if (text := _call(one, own))}
    if not cpp:
        found |= set(_named(case.source))
    return tuple(sorted(found))


def _call(call: NativeCall, own: set[str]) -> str:
    """Return a call of a built-in with the kinds of its arguments, empty for one that says nothing."""
    name = call.function
    if name in UBIQUITOUS or name in own or name not in _natives():
        return ""
    kinds = list(dict.fromkeys(kind for one in call.arguments if (kind := _kind(one))))
    if call.arguments and not kinds:
        return ""  # of structs, or of a loop's range: Warp writes them for every struct and every loop
    return f"{name}({', '.join(kinds)})"


@functools.cache
def _natives() -> frozenset[str]:
    """Return the names of the built-ins in C++."""
    return frozenset(one.native for builtin in builtins().values() for one in builtin.overloads)


def _kind(type_: str) -> str:
    """Return the kind of a C++ type; empty for what is no type, which stands for a literal or a function."""
    bare = type_.removeprefix("wp::")
    name, opening, rest = bare.partition("<")
    if opening:
        inner = _scalar(rest)
        kind = _KINDS.get(name, name.removesuffix("_t").replace("_", " "))
        return f"{kind} of {inner}" if inner in ("half", "int", "unsigned", "bool") else kind
    return _scalar(bare)


def _scalar(text: str) -> str:
    words = re.findall(r"\w+", text)
    for word in words:
        for pattern, kind in _SCALARS:
            if pattern.match(word):
                return kind
    return ""


def _named(source: str) -> Iterator[str]:
    """Yield the built-ins that a source calls, for one that has no C++."""
    for function in Program(source).functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute) and name_of(node.value) == "wp" and node.attr != "tid":
                yield node.attr


def _constructs(source: str) -> Iterator[str]:
    """Yield what a source is made of besides assignments, stores and calls of built-ins."""
    program = Program(source)
    decorators = {decorator_of(node) for node in program.tree.body if isinstance(node, ast.FunctionDef)}
    yield from (f"wp.{name}" for name in decorators - {"kernel"})
    if program.structs:
        yield "struct"
    for function in program.functions:
        for statement in function.body:
            for node in ast.walk(statement):
                yield from _construct(node)


def _construct(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.For() | ast.While() | ast.If():
            word = type(node).__name__.lower()
            yield word
            if node.orelse:
                yield f"{word} else"
        case ast.Break() | ast.Continue() | ast.Assert() | ast.IfExp() | ast.Slice() | ast.BoolOp():
            yield _WORDS[type(node)]
        case ast.Compare(ops=[_, _, *_]):
            yield "chained comparison"
        case ast.AugAssign(target=ast.Name()):
            yield "variable updated"
        case ast.AugAssign():
            yield "element updated"
        case ast.Assign(targets=[ast.Tuple(), *_], value=value) if ast.unparse(value) != "wp.tid()":
            yield "unpacking"


_WORDS: Mapping[type[ast.AST], str] = {
    ast.Break: "break",
    ast.Continue: "continue",
    ast.Assert: "assert",
    ast.IfExp: "conditional expression",
    ast.Slice: "slice",
    ast.BoolOp: "and, or",
}


def _of_arguments(case: Case) -> Iterator[str]:
    """Yield how arrays lie in memory, and what resources are passed."""
    for data in case.arguments or ():
        argument = Argument.from_json(data)
        if argument.layout:
            yield f"{argument.layout} input"
        if argument.resource:
            yield argument.resource
    if case.options.tiled:
        yield "blocks"
