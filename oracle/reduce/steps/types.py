"""Types become plainer wherever they stand: float64 a float, vec4 a vec3, a matrix a smaller one, a vector a number.

A type is replaced throughout a source and its inputs, so that what fitted together still does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from extractor.expression_types import Span, span_of
from grammar.recogniser.scope import warp_name
from oracle.peers.rewrites.program import Program, name_of
from oracle.reduce.cost import SCALAR_WEIGHTS
from oracle.reduce.steps.step import Step, Subject, element_type, parameters, values_of, with_arguments
from oracle.rerun import Case

_ENDINGS = (
    "=float32 f=float32 d=float64 h=float16 i=int32 l=int64 ui=uint32 ul=uint64 s=int16 us=uint16 b=int8 ub=uint8"
)
SCALARS_BY_SUFFIX = dict(pair.split("=") for pair in _ENDINGS.split())
"""The scalar of a compound type by the last letters of its name."""

_SUFFIXES = {scalar: suffix for suffix, scalar in SCALARS_BY_SUFFIX.items() if suffix != "f"} | {"float32": ""}
_SHORT = {"float32": "float", "int32": "int", "bool": "bool"}
_COMPOUND = re.compile(r"(vec|mat)(\d)(\d?)([a-z]*)|(quat)([a-z]*)")
_COMPONENTS = "xyzw"


@dataclass(frozen=True)
class Kind:
    """A type with a name: a scalar (no `shape`), a vector, a matrix, or a quaternion."""

    scalar: str
    shape: tuple[int, ...] = ()
    family: str = ""

    @classmethod
    def named(cls, name: str) -> Kind | None:
        """Return the type that `wp.name` is, None for other names."""
        if name in SCALAR_WEIGHTS and name not in ("float", "int"):
            return cls(name)
        match = _COMPOUND.fullmatch(name)
        scalar = SCALARS_BY_SUFFIX.get((match[4] or match[6] or "") if match else "?")
        if match is None or scalar is None:
            return None
        shape = tuple(int(one) for one in (match[2], match[3]) if one) if match[1] else (4,)
        return cls(scalar, shape, match[1] or match[5])

    @property
    def source(self) -> str:
        """How a source names it."""
        if not self.shape:
            return _SHORT.get(self.scalar, f"wp.{self.scalar}")
        sizes = "" if self.family == "quat" else "".join(map(str, self.shape))
        return f"wp.{self.family}{sizes}{_SUFFIXES[self.scalar]}"

    @property
    def warp(self) -> str:
        """How `expression_types` names it."""
        sizes = "" if self.family == "quat" else "".join(map(str, self.shape))
        return f"{self.family}{sizes}[{self.scalar}]" if self.shape else self.scalar

    @property
    def is_plain(self) -> bool:
        """Whether its scalar is the plainest of its kind."""
        return self.scalar in _SHORT

    def plainer(self) -> Kind:
        """Return the type with the plainest scalar that holds numbers of the same kind."""
        return replace(self, scalar="float32" if "float" in self.scalar else "int32")

    def smaller(self, size: int) -> Kind:
        """Return the type with one component less along each axis of a size."""
        shape = tuple(extent - (extent == size) for extent in self.shape)
        return self if self.family == "quat" else replace(self, shape=shape)


Swaps = Mapping[str, Kind]
"""What comes in the place of types, by their names after `wp.`."""


def steps(subject: Subject) -> Iterator[Step]:
    """Yield a step for each type that can be plainer, and for all that have a scalar or a size in common."""
    nodes = ast.walk(ast.parse(subject.case.source))
    names = sorted({name for node in nodes if (name := warp_name(node)) is not None})
    found = {name: kind for name in names if (kind := Kind.named(name)) is not None}
    for scalar in dict.fromkeys(kind.scalar for kind in found.values() if not kind.is_plain):
        yield from _together(
            subject, f"{scalar} plain", {name: kind.plainer() for name, kind in found.items() if kind.scalar == scalar}
        )
    long = {name: kind for name, kind in found.items() if not kind.shape and kind.is_plain}
    if long:
        yield Step("short names of types", partial(_swapped, swaps=long))
    for size in (4, 3):
        fewer = {name: kind.smaller(size) for name, kind in found.items()}
        yield from _together(
            subject, f"{size} smaller", {name: one for name, one in fewer.items() if one != found[name]}
        )
    yield from _together(
        subject, "one component", {name: Kind(kind.scalar) for name, kind in found.items() if kind.shape}
    )


def _together(subject: Subject, what: str, swaps: dict[str, Kind]) -> Iterator[Step]:
    """Yield the step that makes all these swaps, and one for each of several."""
    for some in [swaps, *({name: kind} for name, kind in swaps.items())] if len(swaps) > 1 else [swaps]:
        if some:
            where = (subject.case.source, subject.types)
            yield Step(f"{what}: {' '.join(some)}", partial(_swapped, swaps=some, where=where))


def _swapped(case: Case, swaps: Swaps, where: tuple[str, Mapping[Span, str]] | None = None) -> Case | None:
    """Return a case with other types; `where` are the types of expressions, which hold for one source alone."""
    if where is not None and where[0] != case.source:
        return None
    program = Program(case.source)
    old = {name: kind for name in swaps if (kind := Kind.named(name)) is not None}
    names = _names_of_leaves(program)
    values = {
        leaf: _values(part, old[name], swaps[name]) if (name := names.get(leaf, "")) in old else part
        for leaf, part in values_of(case).items()
    }
    by_type = {kind.warp: (kind, swaps[name]) for name, kind in old.items()}
    _Swapping(swaps, by_type, where[1] if where is not None else {}).visit(program.tree)
    return with_arguments(replace(case, source=program.text), case.arguments or (), values)


class _Swapping(ast.NodeTransformer):
    """Puts other types in the place of some, and takes from constructors and components what the others lack."""

    def __init__(self, swaps: Swaps, olds: Mapping[str, tuple[Kind, Kind]], types: Mapping[Span, str]) -> None:
        self._swaps = swaps
        self._olds = olds
        self._types = types

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Return a constructor of the other type."""
        name = warp_name(node.func)
        old, new = Kind.named(name or ""), self._swaps.get(name or "")
        self.generic_visit(node)
        if old is None or new is None or node.keywords:
            return node
        if old.shape and not new.shape:
            return node.args[0] if node.args else ast.Constant(0.0 if "float" in new.scalar else 0)
        if not old.shape and len(node.args) == 1 and _literal_of(node.args[0], new):
            return node.args[0]
        node.args = _fewer(node.args, old, new)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """Return a component of the other type."""
        old, new = self._of(node.value)
        self.generic_visit(node)
        if old is None or new is None:
            return node
        indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if not new.shape and len(indices) == len(old.shape):
            return node.value
        for one, extent in zip(indices, new.shape, strict=False):
            if isinstance(one, ast.Constant) and isinstance(one.value, int) and one.value >= extent:
                one.value = extent - 1
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """Return the other type, or a component of it."""
        name = warp_name(node)
        if name is not None and name in self._swaps:
            return ast.parse(self._swaps[name].source, mode="eval").body
        old, new = self._of(node.value)
        self.generic_visit(node)
        if old is None or new is None or node.attr not in _COMPONENTS:
            return node
        if not new.shape:
            return node.value
        if _COMPONENTS.index(node.attr) >= new.shape[0]:
            node.attr = _COMPONENTS[new.shape[0] - 1]
        return node

    def _of(self, node: ast.expr) -> tuple[Kind | None, Kind | None]:
        return (
            self._olds.get(self._types.get(span_of(node), ""), (None, None))
            if hasattr(node, "lineno")
            else (None, None)
        )


def _literal_of(node: ast.expr, kind: Kind) -> bool:
    """Whether a literal has a scalar type without being told."""
    value = node.operand if isinstance(node, ast.UnaryOp) else node
    wanted = {"float32": float, "int32": int, "bool": bool}.get(kind.scalar)
    return isinstance(value, ast.Constant) and type(value.value) is wanted


def _fewer(arguments: list[ast.expr], old: Kind, new: Kind) -> list[ast.expr]:
    """Return what a constructor of a smaller type is given: the first components along each axis."""
    if len(arguments) != np.prod(old.shape, dtype=int) or len(old.shape) != len(new.shape):
        return arguments
    places = np.arange(len(arguments)).reshape(old.shape)[tuple(slice(extent) for extent in new.shape)]
    return [arguments[place] for place in places.ravel().tolist()]


def _values(part: np.ndarray, old: Kind, new: Kind) -> np.ndarray:
    """Return numbers for a type with fewer components: the first along each axis."""
    axes = len(old.shape)
    if old.shape == new.shape or part.ndim < axes:
        return part
    kept = tuple(slice(extent) for extent in new.shape) if new.shape else (0,) * axes
    return np.ascontiguousarray(part[(..., *kept)])


def _names_of_leaves(program: Program) -> dict[str, str]:
    """Return the names of the types of all leaves of the kernel's parameters."""
    found: dict[str, str] = {}

    def enter(path: str, annotation: ast.expr | None) -> None:
        type_ = element_type(annotation) or annotation
        struct = program.structs.get(name_of(type_)) if type_ is not None else None
        if struct is not None:
            for one in struct.body:
                if isinstance(one, ast.AnnAssign):
                    enter(f"{path}.{name_of(one.target)}", one.annotation)
        elif type_ is not None:
            found[path] = found[path + ".grad"] = warp_name(type_) or ""

    for one in parameters(program):
        enter(one.arg, one.annotation)
    return found
