"""Which of Warp's native functions a generated C++ text calls, with what goes in and comes out: types and variables.

Warp writes one call per statement and declares every variable with its type, so that reading lines is enough.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

_INNERMOST = r"<[^<>;=()]*>"
_INNER = rf"<(?:[^<>;=()]|{_INNERMOST})*>"
_TYPE = rf"(?!return\b)(?:wp::)?[A-Za-z_]\w*(?:<(?:[^<>;=()]|{_INNER})*>)?"
_COMMENT = re.compile(r"//[^\n]*")
_DECLARED = re.compile(rf"(?:^|[(,])\s*(?:static )?(?:const )?({_TYPE}\s*[*&]?)\s*\b((?:var|adj)_\w+)", re.MULTILINE)
_CALLED = re.compile(r"(?:\b(var_\w+)\s*=\s*|(?<=[;{}\s]))(wp::)?(\w+)(?:<[^;()]*>)?\(([^;]*)\);")
_BRACKET = re.compile(r"[(<\[{]")
_FUNCTION = re.compile(r"^[A-Za-z_][^\n;]*\([^\n;]*$", re.MULTILINE)


@dataclass(frozen=True)
class NativeCall:
    """A call of `wp::function`: the C++ types of its arguments and of its result (empty where it has none).

    An argument that is no variable (a literal, a function) has its own text for a type.
    """

    function: str
    arguments: tuple[str, ...]
    result: str


@dataclass(frozen=True)
class CallSite:
    """One statement that calls: the call, the variables that go in (or an argument's own text), and the one it sets.

    `body` numbers the text's functions, whose variables have nothing to do with each other's. `native` says that the
    function is written with Warp's namespace; the module's own functions and structs are not.
    """

    call: NativeCall
    inputs: tuple[str, ...]
    output: str
    body: int
    native: bool


def native_calls(text: str) -> Iterator[NativeCall]:
    """Yield the calls in a kernel's C++ or CUDA text, functions of the user's included, in the order of the text."""
    return (site.call for site in call_sites(text))


def call_sites(text: str) -> Iterator[CallSite]:
    """Yield the calls of `native_calls` with their variables, in the order of the text."""
    text = _COMMENT.sub("", text)
    starts = [match.start() for match in _FUNCTION.finditer(text)]
    for body, (start, end) in enumerate(itertools.pairwise([*starts, len(text)])):
        code = text[start:end]
        types = {name: _plain(type_) for type_, name in _DECLARED.findall(code)}
        for output, namespace, function, arguments in _CALLED.findall(code):
            inputs = tuple(_split(_unbraced(arguments.strip())))
            call = NativeCall(function, tuple([types.get(name, name) for name in inputs]), types.get(output, ""))
            yield CallSite(call, inputs, output, body, bool(namespace))


def _plain(type_: str) -> str:
    """Return a type without spaces, references and pointers: Warp passes what it loads by either."""
    return re.sub(r"[\s&*]", "", type_)


def _unbraced(arguments: str) -> str:
    """Return the values of an initializer list, as constructors of more than four numbers take them."""
    is_list = arguments.startswith("{") and arguments.endswith("}") and arguments.count("{") == 1
    return arguments[1:-1] if is_list else arguments


def _split(arguments: str) -> list[str]:
    """Split at the commas outside all brackets."""
    if not _BRACKET.search(arguments):
        return [part for part in map(str.strip, arguments.split(",")) if part]
    found, depth, current = [], 0, ""
    for character in arguments:
        depth += (character in "(<[{") - (character in ")>]}")
        if character == "," and not depth:
            found.append(current.strip())
            current = ""
        else:
            current += character
    return [*found, current.strip()] if current.strip() else found
