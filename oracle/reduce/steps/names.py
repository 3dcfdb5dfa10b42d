"""The plainest names in a normal order, so that kernels with one cause come out as one text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial

from grammar.recogniser.scope import hides_builtin, warp_name
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
    plain = plain_names(program, _written(subject.case))
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
    return _irregularities(case.source, _written(case))


@lru_cache(maxsize=4096)
def _irregularities(source: str, written: frozenset[str]) -> int:
    program = Program(source)
    names = sum(old != new for old, new in plain_names(program, written).items())
    own = [one.arg for one in program.kernel.args.args]
    return names + (own != _order(program, written)) + out_of_order(program)


def _written(case: Case) -> frozenset[str]:
    """Return the parameters that the kernel stores to."""
    return frozenset(root_of(str(one["name"])) for one in case.arguments or () if one["written"])


def plain_names(program: Program, written: frozenset[str]) -> dict[str, str]:
    """Return the plainest name for each that the source defines, in the order in which the names come."""
    found: dict[str, str] = {}
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
    ambiguous = _ambiguous(program)
    return {old: new for old, new in found.items() if old not in ambiguous}


def _fields_of(program: Program) -> set[str]:
    """Return the names of the structs' fields."""
    parts = [part for struct in program.structs.values() for part in struct.body if isinstance(part, ast.AnnAssign)]
    return {part.target.id for part in parts if isinstance(part.target, ast.Name)}


def _ambiguous(program: Program) -> set[str]:
    """Return names of fields that are attributes of something else, too, as far as a tree without types tells."""
    of_warp = {name for node in ast.walk(program.tree) if (name := warp_name(node)) is not None}
    return _fields_of(program) & (of_warp | set("xyzwpq") | {"shape"})


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
    """Put other names in the place of those that the source defines."""
    program = Program(source)
    fields = _fields_of(program)
    for node in ast.walk(program.tree):
        match node:
            case ast.Name(id=old) if old in names:
                node.id = names[old]
            case ast.arg(arg=old) if old in names:
                node.arg = names[old]
            case ast.FunctionDef(name=old) | ast.ClassDef(name=old) if old in names:
                node.name = names[old]
            case ast.Attribute(attr=old) if old in names and old in fields and warp_name(node) is None:
                node.attr = names[old]
    return program.text


def _order(program: Program, written: frozenset[str]) -> list[str]:
    """Return the parameters in a normal order: what is read first comes first, what is written last."""
    own = [one.arg for one in program.kernel.args.args]
    nodes = [node for node in ast.walk(program.kernel) if isinstance(node, ast.Name) and node.id in own]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    first = list(dict.fromkeys(node.id for node in nodes))
    return sorted(own, key=lambda name: (name in written, first.index(name) if name in first else len(first)))


def _ordered(case: Case) -> Case | None:
    program = Program(case.source)
    by_name = {one.arg: one for one in program.kernel.args.args}
    order = _order(program, _written(case))
    if order == list(by_name) or program.kernel.args.defaults:
        return None
    program.kernel.args.args = [by_name[name] for name in order]
    return replace(case, source=program.text)
