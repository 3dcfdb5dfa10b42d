"""Fault kinds for the C++ and the CUDA C++ that Warp writes: one call, constant, condition or variable is another.

Warp's text is regular: a statement a line, every argument a variable, `var_7` for a value and `adj_7` for its adjoint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial

import numpy as np

from extractor.cutting import split_preamble
from faults.edits import Edit, Kind

OPERATIONS: Mapping[str, str] = {
    "add": "sub",
    "sub": "add",
    "mul": "div",
    "div": "mul",
    "mod": "div",
    "floordiv": "mod",
    "min": "max",
    "max": "min",
    "abs": "neg",
    "neg": "abs",
    "bit_and": "bit_or",
    "bit_or": "bit_xor",
    "bit_xor": "bit_and",
    "lshift": "rshift",
    "rshift": "lshift",
    "floor": "ceil",
    "ceil": "floor",
    "round": "trunc",
    "rint": "floor",
    "trunc": "round",
    "cw_mul": "cw_div",
    "cw_div": "cw_mul",
    "length": "length_sq",
    "length_sq": "length",
    "argmin": "argmax",
    "argmax": "argmin",
    "quat_rotate": "quat_rotate_inv",
    "quat_rotate_inv": "quat_rotate",
    "degrees": "radians",
    "radians": "degrees",
    "atomic_add": "atomic_sub",
    "atomic_sub": "atomic_add",
    "atomic_min": "atomic_max",
    "atomic_max": "atomic_min",
    "atomic_and": "atomic_or",
    "atomic_or": "atomic_xor",
    "atomic_xor": "atomic_and",
    "add_inplace": "sub_inplace",
    "sub_inplace": "add_inplace",
    "tile_sum": "tile_max",
    "tile_max": "tile_min",
    "tile_min": "tile_max",
}
"""A built-in that takes the same arguments, for built-ins whose results are defined to the bit."""

LIBRARY: Mapping[str, str] = {
    "sin": "cos",
    "cos": "sin",
    "tan": "sin",
    "asin": "acos",
    "acos": "asin",
    "atan": "tanh",
    "sinh": "cosh",
    "cosh": "sinh",
    "tanh": "atan",
    "exp": "sinh",
    "log": "log2",
    "log2": "log10",
    "log10": "log",
    "sqrt": "cbrt",
    "cbrt": "sqrt",
    "erf": "tanh",
    "erfc": "erf",
    "pow": "atan2",
    "atan2": "pow",
}

ADJOINTS: Mapping[str, str] = {
    "adj_add": "adj_sub",
    "adj_sub": "adj_add",
    "adj_min": "adj_max",
    "adj_max": "adj_min",
    "adj_mul": "adj_cw_mul",
    "adj_abs": "adj_neg",
    "adj_neg": "adj_abs",
    "adj_sin": "adj_cos",
    "adj_cos": "adj_sin",
    "adj_sinh": "adj_cosh",
    "adj_cosh": "adj_sinh",
    "adj_log": "adj_log2",
    "adj_acos": "adj_asin",
    "adj_asin": "adj_acos",
    "adj_degrees": "adj_radians",
    "adj_radians": "adj_degrees",
    "adj_length_sq": "adj_normalize",
    "adj_atomic_add": "adj_atomic_sub",
    "adj_atomic_sub": "adj_atomic_add",
    "adj_quat_rotate": "adj_quat_rotate_inv",
    "adj_quat_rotate_inv": "adj_quat_rotate",
}

ORDERED = ("sub", "div", "mod", "floordiv", "lshift", "rshift", "pow", "atan2", "cross", "cw_div", "step", "copysign")
"""The built-ins of two arguments whose order matters."""

COMPARISONS: Mapping[str, str] = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}

_CALL = r"\bwp::(?P<name>{})(?P<size><\d+>)?\((?P<arguments>[\w, ]+)\)"
_STATEMENT = r"^(?P<indent> +)(?P<text>{})$"
_ASSIGNED = re.compile(r"^ +(var_\w+) = ", re.MULTILINE)
_DECLARED = re.compile(r"^ +(?P<const>const )?(?P<type>\S.*?) (?P<name>(?:var|adj)_\w+)(?: = [^;\n]*)?;$", re.MULTILINE)
_CONSTANT = r"const wp::{} var_\d+ = (?P<value>-?[\d.]+(?:e[-+]?\d+)?);"
_FIELD = re.compile(r"\((?P<of>var_\w+)\)\.(?P<field>\w+)\b")
_STRUCT = re.compile(r"^struct (\w+)\n\{\n(.*?)\n\n", re.MULTILINE | re.DOTALL)
_LAST_BIT: Mapping[str, type] = {"float16": np.float16, "float32": np.float32, "float64": np.float64}


def _matches(pattern: str, text: str) -> Iterator[re.Match[str]]:
    """Yield the matches in what follows Warp's own includes and macros, comments left out."""
    start = len(split_preamble(text)[0])
    for match in re.compile(pattern, re.MULTILINE).finditer(text, start):
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        if "//" not in line:
            yield match


def _renamed(table: Mapping[str, str], text: str) -> Iterator[Edit]:
    for match in _matches(rf"\bwp::(?P<name>{'|'.join(table)})(?=[(<])", text):
        yield Edit(*match.span("name"), table[match["name"]])


def _replaced(pattern: str, new: Callable[[re.Match[str]], str | None], group: str, text: str) -> Iterator[Edit]:
    """Yield an edit of the `group` of every match, to what `new` makes of the match unless that is None."""
    for match in _matches(pattern, text):
        result = new(match)
        if result is not None and result != match[group]:
            yield Edit(*match.span(group), result)


def _swapped(first: int, second: int) -> Callable[[re.Match[str]], str | None]:
    """Return a function that swaps two of a call's arguments."""

    def swap(match: re.Match[str]) -> str | None:
        arguments = match["arguments"].split(", ")
        if len(arguments) <= second:
            return None
        arguments[first], arguments[second] = arguments[second], arguments[first]
        return ", ".join(arguments)

    return swap


def _negated(match: re.Match[str]) -> str:
    condition = match["condition"]
    return condition[1:] if condition.startswith("!") else f"!({condition})"


def _off_by_one(match: re.Match[str]) -> str:
    return str(int(match["value"]) + 1)


def _other_component(match: re.Match[str]) -> str:
    *first, last = match["arguments"].split(", ")
    return ", ".join([*first, f"({last} == 0 ? 1 : 0)"])


def _shorter(match: re.Match[str]) -> str:
    arguments = match["arguments"].split(", ")
    end = min(1, len(arguments) - 1)
    arguments[end] += " - 1"
    return ", ".join(arguments)


def _last_bits(text: str) -> Iterator[Edit]:
    """Move floating-point constants to the next value of their type."""
    for name, dtype in _LAST_BIT.items():
        for match in _matches(_CONSTANT.format(name), text):
            value = dtype(match["value"])
            moved = np.nextafter(value, dtype(np.inf))
            yield Edit(*match.span("value"), repr(float(moved)))


def _scopes(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each function begins and ends."""
    start = len(split_preamble(text)[0])
    for match in re.compile(r"^\}", re.MULTILINE).finditer(text, start):
        yield start, match.end()
        start = match.end()


@lru_cache(maxsize=4)
def _variables(scope: str) -> dict[str, tuple[str, int]]:
    """Map the variables of a function to their type and where they have a value; parameters are left out."""
    assigned: dict[str, int] = {}
    for match in _ASSIGNED.finditer(scope):
        assigned.setdefault(match[1], match.end())
    variables = {}
    for match in _DECLARED.finditer(scope):
        has_value = match["const"] or match["name"].startswith("adj_") or "_wp_args->" in match[0]
        place = match.end() if has_value else assigned.get(match["name"], len(scope))
        variables[match["name"]] = match["type"], place
    return variables


def _other_variables(pattern: str, prefix: str, text: str) -> Iterator[Edit]:
    """Replace one argument of a call by the nearest earlier variable of its type."""
    for start, end in _scopes(text):
        scope = text[start:end]
        variables = _variables(scope)
        for call in re.compile(pattern, re.MULTILINE).finditer(scope):
            for argument in re.finditer(rf"\b{prefix}\w+", call["arguments"]):
                kind, _ = variables.get(argument[0], ("", 0))
                others = [
                    name
                    for name, (type_, place) in variables.items()
                    if type_ == kind and place < call.start() and name != argument[0] and name.startswith(prefix)
                ]
                if others and "//" not in scope[scope.rfind("\n", 0, call.start()) + 1 : call.start()]:
                    place = start + call.start("arguments")
                    yield Edit(place + argument.start(), place + argument.end(), others[-1])


def _dropped_outputs(text: str) -> Iterator[Edit]:
    """Let a call of an adjoint add to a copy of one of its outputs, which nobody reads."""
    for match in _matches(
        r"(?P<call>\bwp::adj_(?!address|array_store|atomic|load)\w+\((?P<arguments>[\w, ]+)\);)", text
    ):
        outputs = [name for name in match["arguments"].split(", ") if re.fullmatch(r"adj_\d+", name)][:-1]
        for name in dict.fromkeys(outputs):
            call = re.sub(rf"\b{name}\b", "unread", match["call"], count=1)
            yield Edit(*match.span("call"), f"{{ auto unread = {name}; {call} }}")


def _other_fields(text: str) -> Iterator[Edit]:
    """Take another field of the same type of a struct."""
    siblings: dict[str, set[str]] = {}
    for struct in _STRUCT.finditer(text):
        by_type: dict[str, list[str]] = {}
        for field in re.finditer(r"^ +(\S.*?) (\w+);$", struct[2], re.MULTILINE):
            by_type.setdefault(field[1], []).append(field[2])
        for names in by_type.values():
            for name, other in zip(names, names[1:] + names[:1], strict=True):
                if other != name:
                    siblings.setdefault(name, set()).add(other)
    for match in _matches(_FIELD.pattern, text):
        for other in sorted(siblings.get(match["field"], ())):
            yield Edit(*match.span("field"), other)


def _calls(names: str, new: Callable[[re.Match[str]], str | None]) -> Callable[[str], Iterator[Edit]]:
    return partial(_replaced, _CALL.format(names), new, "arguments")


def _dropped(statement: str) -> Callable[[str], Iterator[Edit]]:
    return partial(_replaced, _STATEMENT.format(statement), lambda match: "", "text")


FORWARD = r"(?!adj_)\w+"
KINDS: tuple[Kind, ...] = (
    Kind("another operation", partial(_renamed, OPERATIONS)),
    Kind("another library function", partial(_renamed, LIBRARY)),
    Kind("operands swapped", _calls("|".join(ORDERED), _swapped(0, 1))),
    Kind("choices swapped", _calls("where", _swapped(1, 2))),
    Kind("another argument", partial(_other_variables, _CALL.format("(?!address|array_store)" + FORWARD), "var_")),
    Kind("another index", partial(_other_variables, _CALL.format("address|array_store|atomic_\\w+"), "var_")),
    Kind("another component", _calls("extract", _other_component)),
    Kind("another field", _other_fields),
    Kind(
        "comparison off by one",
        partial(
            _replaced, r"\(var_\w+ (?P<operator>[<>=!]=?) var_\w+\)", lambda m: COMPARISONS[m["operator"]], "operator"
        ),
    ),
    Kind("condition negated", partial(_replaced, r"^ +if \((?P<condition>!?var_\w+)\)", _negated, "condition")),
    Kind("integer constant off by one", partial(_replaced, _CONSTANT.format(r"u?int\d+"), _off_by_one, "value")),
    Kind("float constant's last bit", _last_bits),
    Kind("loop one short", _calls("range", _shorter)),
    Kind("store dropped", _dropped(r"wp::(?:array_)?(?:store|assign)\w*(?:<\d+>)?\(.*\);")),
    Kind("atomic dropped", _dropped(r"(?:var_\w+ = )?wp::atomic_\w+\(.*\);")),
    Kind("assignment dropped", _dropped(r"var_\w+ = .*;")),
    Kind("accumulation lost", partial(_replaced, r"^ +adj_[\w.]+ (?P<operator>\+=) ", lambda match: "=", "operator")),
    Kind("another adjoint", partial(_renamed, ADJOINTS)),
    Kind("adjoint dropped", _dropped(r"(?:wp::)?adj_\w+(?:<\d+>)?\(.*\);")),
    Kind("adjoint's output dropped", _dropped_outputs),
    Kind("adjoint's operand", partial(_other_variables, _CALL.format(r"adj_\w+"), "var_")),
    Kind("another adjoint variable", partial(_other_variables, _CALL.format(r"adj_\w+"), "adj_")),
)
"""The kinds, each with what it looks for in the text of one module."""
