"""What a kernel's source says of its parameters, as text: a script repeats it and need not import the kernel."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from oracle.peers.rewrites.program import Program


@dataclass(frozen=True)
class ArrayText:
    """An array's annotation: the text of its element's type, and whether it is a `wp.indexedarray`."""

    dtype: str
    indexed: bool


@dataclass(frozen=True)
class StructText:
    """A struct's name, and its fields in their order."""

    name: str
    fields: tuple[tuple[str, TypeText], ...]


@dataclass(frozen=True)
class ValueText:
    """The text of any other type: `float`, `wp.vec3`."""

    name: str


TypeText: TypeAlias = ArrayText | StructText | ValueText


@dataclass(frozen=True)
class Signature:
    """The kernel's name and its parameters in their order.

    With overloads, of which a launch picks one, it is `generic`: numbers must then be passed with their types.
    """

    kernel: str
    parameters: tuple[tuple[str, TypeText], ...]
    generic: bool = False


def signature_of(source: str) -> Signature:
    """Read the signature of a source that is inside the grammar."""
    program = Program(source)
    structs = program.structs

    def described(annotation: ast.expr | None) -> TypeText:
        array = _array(annotation)
        if array is not None:
            return array
        text = ast.unparse(annotation) if annotation is not None else ""
        if text in structs:
            body = [one for one in structs[text].body if isinstance(one, ast.AnnAssign)]
            return StructText(text, tuple((ast.unparse(one.target), described(one.annotation)) for one in body))
        return ValueText(text)

    arguments = program.kernel.args.args
    chosen = _overload(program, [one.arg for one in arguments])
    parameters = tuple((one.arg, described(chosen.get(one.arg, one.annotation))) for one in arguments)
    return Signature(program.kernel.name, parameters, program.is_generic)


def _overload(program: Program, names: Sequence[str]) -> dict[str, ast.expr]:
    """Return the types that the first overload gives to parameters, by their names; none for other kernels."""
    for node in ast.walk(program.tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="overload"), args=[_, ast.Dict(keys=keys, values=values)]):
                return {str(ast.literal_eval(key)): value for key, value in zip(keys, values, strict=True) if key}
            case ast.Call(func=ast.Attribute(attr="overload"), args=[_, ast.List(elts=values)]):
                return dict(zip(names, values, strict=False))
    return {}


def _array(annotation: ast.expr | None) -> ArrayText | None:
    """Return what an annotation such as `wp.array2d(dtype=float)` or `wp.array[float]` says, None if it is no array."""
    match annotation:
        case ast.Call(func=called):
            given = [word.value for word in annotation.keywords if word.arg == "dtype"] or annotation.args
        case ast.Subscript(value=called, slice=part):
            given = [part]
        case _:
            return None
    name = ast.unparse(called).rpartition(".")[2]
    if "array" not in name or not given:
        return None
    return ArrayText(ast.unparse(given[0]), name.startswith("indexed"))
