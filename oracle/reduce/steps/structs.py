"""Structs are taken apart: a field that nothing reads goes, and a parameter becomes one for each field that is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

from oracle.peers.rewrites.program import Program, Replacement, name_of
from oracle.reduce.cleaning import clean, unneeded
from oracle.reduce.steps.step import (
    Step,
    Subject,
    element_type,
    moved,
    of_program,
    parameters,
    parents_of,
    root_of,
    under,
    values_of,
    with_arguments,
)
from oracle.rerun import Case


def steps(subject: Subject) -> Iterator[Step]:
    """Yield a step for each field of a struct, and for each parameter that is a struct or an array of some."""
    program = Program(subject.case.source)
    for struct, node in program.structs.items():
        for name in _fields(node):
            yield of_program(f"drop {struct}.{name}", partial(_without_field, struct=struct, name=name))
    if program.is_generic:
        return
    for one in parameters(program):
        if _struct_of(program, one.annotation) is not None:
            yield Step(f"flatten {one.arg}", partial(_flat, name=one.arg))


def _fields(struct: ast.ClassDef) -> Mapping[str, ast.expr]:
    return {
        one.target.id: one.annotation
        for one in struct.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }


def _struct_of(program: Program, annotation: ast.expr | None) -> ast.ClassDef | None:
    """Return the struct that a parameter is, or of which it is an array."""
    type_ = element_type(annotation) or annotation
    return program.structs.get(name_of(type_)) if type_ is not None else None


def _without_field(program: Program, struct: str, name: str) -> bool:
    """Drop a field that no expression names, if there is another."""
    node = program.structs.get(struct)
    named = {one.attr for one in ast.walk(program.tree) if isinstance(one, ast.Attribute)}
    if node is None or name in named or len(_fields(node)) < 2:
        return False
    node.body = [one for one in node.body if not (isinstance(one, ast.AnnAssign) and name_of(one.target) == name)]
    return True


def _flat(case: Case, name: str) -> Case | None:
    """Pass the fields of a struct, or arrays of them, each as a parameter of its own."""
    program = Program(case.source)
    useless = unneeded(program)
    parameter = next((one for one in parameters(program) if one.arg == name), None)
    struct = _struct_of(program, parameter.annotation) if parameter is not None else None
    if parameter is None or struct is None:
        return None
    used = _uses(program, name, is_array=element_type(parameter.annotation) is not None)
    if used is None:
        return None
    fields = _fields(struct)
    names = {field: program.fresh(f"{name}_{field}") for field in fields if field in used.values()}
    _put_fields(program, used, names)
    place = parameters(program).index(parameter)
    own = [ast.arg(new, _annotation(parameter.annotation, fields[field])) for field, new in names.items()]
    parameters(program)[place : place + 1] = own
    arguments = [
        part for one in case.arguments or () for part in _arguments(one, name, names, fields, parameter.annotation)
    ]
    values = values_of(case)
    kept = {leaf: part for leaf, part in values.items() if root_of(leaf) != name}
    for field, new in names.items():
        path = f"{name}.{field}"
        kept |= {moved(leaf, path, new): part for leaf, part in values.items() if under(path, leaf)}
    clean(program, useless - {id(struct)})
    return with_arguments(replace(case, source=program.text), arguments, kept)


def _uses(program: Program, name: str, is_array: bool) -> dict[ast.Attribute, str] | None:
    """Return where fields of a parameter are named, None if it is used in any other way."""
    parents = parents_of(program.kernel)
    used: dict[ast.Attribute, str] = {}
    for node in ast.walk(program.kernel):
        if not isinstance(node, ast.Name) or node.id != name:
            continue
        value: ast.AST = node
        if is_array:
            value = parents[node]
            if not isinstance(value, ast.Subscript) or value.value is not node:
                return None
        holder = parents[value]
        if not isinstance(holder, ast.Attribute):
            return None
        used[holder] = holder.attr
    return used


def _put_fields(program: Program, used: Mapping[ast.Attribute, str], names: Mapping[str, str]) -> None:
    others: dict[ast.AST, ast.AST] = {}
    for node, field in used.items():
        name = ast.Name(names[field], ast.Load())
        inner = node.value
        if isinstance(inner, ast.Subscript):
            others[node] = ast.Subscript(name, deepcopy(inner.slice), node.ctx)
        else:
            others[node] = ast.Name(names[field], node.ctx)
    Replacement(others).visit(program.kernel)


def _annotation(of_struct: ast.expr | None, field: ast.expr) -> ast.expr:
    """Return the annotation for a field: its type, or an array of it."""
    type_ = element_type(of_struct)
    if of_struct is None or type_ is None:
        return deepcopy(field)
    return ast.parse(ast.unparse(of_struct).replace(ast.unparse(type_), ast.unparse(field)), mode="eval").body


def _arguments(
    argument: Mapping[str, Any],
    name: str,
    names: Mapping[str, str],
    fields: Mapping[str, ast.expr],
    annotation: ast.expr | None,
) -> Iterator[Mapping[str, Any]]:
    """Yield what is passed for the fields in the place of an argument for the struct, others as they are."""
    path = str(argument["name"])
    if root_of(path) != name:
        yield argument
        return
    for field, new in names.items():
        if path == name:
            own = {
                moved(one, field, "").lstrip("."): bounds
                for one, bounds in argument["ranges"].items()
                if under(field, one)
            }
            is_value = element_type(annotation) is not None or element_type(fields[field]) is None
            if is_value:
                yield {**argument, "name": new, "ranges": own}
        elif under(f"{name}.{field}", path):
            yield {**argument, "name": moved(path, f"{name}.{field}", new)}
