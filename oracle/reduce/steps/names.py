"""The plainest names in a normal order, so that kernels with one cause come out as one text."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from grammar.recogniser.scope import hides_builtin
from oracle.peers.rewrites.program import Program, decorator_of, stored_names
from oracle.reduce.steps.order import out_of_order
from oracle.reduce.steps.step import Step, Subject, element_type, is_array, root_of, values_of, with_arguments
from oracle.rerun import Case

ARRAYS, WRITTEN, VALUES = "xyzuvw", "out", "abcd"
"""First letters for arrays that are read, for those that are written, and for values."""

THREAD, LOOP, LOCAL, FUNCTION, STRUCT, FIELD = "ijk", "nm", "pqrst", "f", "S", "e"


def steps(subject: Subject) -> Iterator[Step]:
    """Yield the step that renames everything at once, and one for each name."""
    program = Program(subject.case.source)
    plain = plain_names(program, subject.case)
    renamed = {old: new for old, new in plain.items() if old != new}
    if not program.is_generic:
        yield Step("order of parameters", _ordered)
    if renamed:
        yield Step("all names", partial(_renamed, names=plain))
        for old, new in renamed.items():
            if new not in plain:
                yield Step(f"{old} is {new}", partial(_renamed, names={old: new}))


def irregularities(case: Case) -> int:
    """Count what has another than its plainest name, and the parameters and operands out of order."""
    program = Program(case.source)
    names = sum(old != new for old, new in plain_names(program, case).items())
    own = [one.arg for one in program.kernel.args.args]
    return names + (own != _order(program, case)) + out_of_order(program)


def plain_names(program: Program, case: Case) -> dict[str, str]:
    """Return the plainest name for each that the source defines, in the order in which the names come."""
    found: dict[str, str] = {}
    written = {root_of(str(one["name"])) for one in case.arguments or () if one["written"]}
    taken: set[str] = set()

    def give(old: str, letters: str | tuple[str, ...]) -> None:
        if old in found:
            return
        names = (f"{letter}{number or ''}" for number in (0, *range(2, 10_000)) for letter in letters)
        found[old] = next(name for name in names if name not in taken and not hides_builtin(name))
        taken.add(found[old])

    give(program.kernel.name, ("kernel",))
    for one in program.kernel.args.args:
        arrays = (WRITTEN,) if one.arg in written else tuple(ARRAYS)
        give(one.arg, arrays if is_array(one.annotation) or element_type(one.annotation) else tuple(VALUES))
    for name, struct in program.structs.items():
        give(name, (STRUCT,))
        for part in struct.body:
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                give(part.target.id, (FIELD,))
    for function in program.functions:
        if decorator_of(function) == "func":
            give(function.name, (FUNCTION,))
            for one in function.args.args:
                give(one.arg, tuple(VALUES))
    for function in program.functions:
        for name, letters in _locals(function):
            give(name, letters)
    return {old: new for old, new in found.items() if old not in _attributes_of_warp(program)}


def _attributes_of_warp(program: Program) -> set[str]:
    """Return names that also stand behind `wp.`: a text that renames tokens must leave them."""
    nodes = [node for node in ast.walk(program.tree) if isinstance(node, ast.Attribute)]
    fields = {
        part.target.id
        for struct in program.structs.values()
        for part in struct.body
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    }
    return {node.attr for node in nodes if node.attr not in fields} | {
        word.arg for node in ast.walk(program.tree) if isinstance(node, ast.Call) for word in node.keywords if word.arg
    }


def _locals(function: ast.FunctionDef) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield a function's variables, in the order of its text, with the letters for them."""
    loops = {name for node in ast.walk(function) if isinstance(node, ast.For) for name in stored_names(node.target)}
    threads = {
        name
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == "wp.tid()"
        for target in node.targets
        for name in stored_names(target)
    }
    stores = [node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    for node in sorted(stores, key=lambda node: (node.lineno, node.col_offset)):
        letters = THREAD if node.id in threads else LOOP if node.id in loops else LOCAL
        yield node.id, tuple(letters)


def _renamed(case: Case, names: Mapping[str, str]) -> Case | None:
    """Return a case with other names, all at once."""
    source = _with_names(case.source, names)
    values = {_moved(leaf, names): part for leaf, part in values_of(case).items()}
    arguments = []
    for one in case.arguments or ():
        ranges = {_fields(path, names): bounds for path, bounds in one["ranges"].items()}
        arguments.append({**one, "name": _moved(str(one["name"]), names), "ranges": ranges})
    return with_arguments(replace(case, source=source), arguments, values)


def _moved(path: str, names: Mapping[str, str]) -> str:
    head, dot, rest = path.partition(".")
    return names.get(head, head) + dot + _fields(rest, names)


def _fields(path: str, names: Mapping[str, str]) -> str:
    return ".".join(names.get(part, part) if part != "grad" else part for part in path.split("."))


def _with_names(source: str, names: Mapping[str, str]) -> str:
    """Put other names in the place of tokens; strings stay as they are."""
    lines = source.splitlines(keepends=True)
    tokens = [one for one in tokenize.generate_tokens(io.StringIO(source).readline) if one.type == tokenize.NAME]
    for one in reversed(tokens):
        row, column = one.start
        if one.string in names:
            line = lines[row - 1]
            lines[row - 1] = line[:column] + names[one.string] + line[one.end[1] :]
    return Program("".join(lines)).text


def _order(program: Program, case: Case) -> list[str]:
    """Return the parameters in a normal order: what is read first comes first, what is written last."""
    written = {root_of(str(one["name"])) for one in case.arguments or () if one["written"]}
    own = [one.arg for one in program.kernel.args.args]
    nodes = [node for node in ast.walk(program.kernel) if isinstance(node, ast.Name) and node.id in own]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    first = list(dict.fromkeys(node.id for node in nodes))
    return sorted(own, key=lambda name: (name in written, first.index(name) if name in first else len(first)))


def _ordered(case: Case) -> Case | None:
    program = Program(case.source)
    by_name = {one.arg: one for one in program.kernel.args.args}
    order = _order(program, case)
    if order == list(by_name) or program.kernel.args.defaults:
        return None
    program.kernel.args.args = [by_name[name] for name in order]
    return replace(case, source=program.text)
