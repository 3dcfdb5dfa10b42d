"""Where a component of a local vector, matrix or quaternion is assigned to that has a value already."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from grammar.limits.gradients import Gradients
from grammar.limits.reading import Function, blocks, called, integer

_FIELDS = {"x": 0, "y": 1, "z": 2, "w": 3}
_VECTORS = ("vec", "mat", "quat", "spatial_vector", "spatial_matrix", "vector", "matrix")
_TRANSFORMS = ("transform",)
_MAKE_TRANSFORMS = frozenset(
    {"transform", "transformf", "transformd", "transformh", "transformation", "transform_identity"}
    | {"transform_multiply", "transform_inverse", "transform_expand"}
)
_NOT_COMPOUND = ("tile", "untile", "zeros", "array", "tuple", "grad")

_ALL = frozenset({"all"})
"""The components that have a value, where all of them have."""

State = Mapping[str, frozenset[object]]
"""The components of each local name that have been assigned; a name is missing while it holds nothing compound."""


def assigned_again(function: Function) -> Iterator[int]:
    """Yield the lines that assign with `=` to a component that was assigned before, default initialisation aside."""
    yield from _Walk(function, _VECTORS).lines()


def transform_assigned_again(function: Function) -> Iterator[int]:
    """Yield the lines that do so to a component or part of a local transformation."""
    yield from _Walk(function, _TRANSFORMS).lines()


class _Walk:
    """Follows one function's statements; loops twice, so that a second trip is seen to assign again."""

    def __init__(self, function: Function, kinds: tuple[str, ...]) -> None:
        self._function = function
        self._kinds = kinds
        self._gradients = function.kept(Gradients)
        self._indices: list[str] = []
        self._lines: set[int] = set()

    def lines(self) -> list[int]:
        """Return the lines found, in order."""
        if any(isinstance(node, ast.Subscript | ast.Attribute) for node in _targets(self._function)):
            self._block(self._function.node.body, {})
        return sorted(self._lines)

    def _block(self, body: Sequence[ast.stmt], state: State) -> State:
        for node in body:
            state = self._statement(node, state)
        return state

    def _statement(self, node: ast.stmt, state: State) -> State:
        if isinstance(node, ast.For | ast.While):
            index = node.target.id if isinstance(node, ast.For) and isinstance(node.target, ast.Name) else ""
            self._indices.append(index)
            once = _merged(state, self._block(node.body, state))
            forgotten = {name: done - {("index", index)} for name, done in once.items()}
            again = _merged(state, self._block(node.body, forgotten))
            self._indices.pop()
            return again
        if isinstance(node, ast.If):
            left, right = (self._block(block, state) for block in blocks(node))
            return _merged(left, right)
        if isinstance(node, ast.Assign):
            for target in node.targets:
                state = self._assign(target, node.value, state)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            if "none" not in state.get(name, {"none"}):
                state = {**state, name: _ALL}
        return state

    def _assign(self, target: ast.expr, value: ast.expr, state: State) -> State:
        match target:
            case ast.Name(id=name):
                return {**state, name: self._initial(value, state)}
            case ast.Subscript(value=ast.Name(id=name), slice=index) if name in state:
                return self._mark(name, self._keys(index), target, state)
            case ast.Subscript(value=ast.Subscript(value=ast.Name(id=name), slice=row), slice=index) if name in state:
                return self._mark(name, self._keys(ast.Tuple([row, index])), target, state)
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in state and attr in (*_FIELDS, "p", "q"):
                return self._mark(name, frozenset({_FIELDS.get(attr, attr)}), target, state)
        return state

    def _mark(self, name: str, keys: frozenset[object], target: ast.expr, state: State) -> State:
        before = state[name]
        if "none" in before or name in self._gradients.without:
            return state
        if before & _ALL or any(_overlap(old, new) for old in before for new in keys):
            self._lines.add(target.lineno)
        return {**state, name: before | keys}

    def _initial(self, value: ast.expr, state: State) -> frozenset[object]:
        """Return the components that a value gives; `none` stands for what is no vector, matrix or quaternion."""
        name = called(value)
        if isinstance(value, ast.Name):
            return state.get(value.id, _ALL if self._is_compound(value) else frozenset({"none"}))
        if isinstance(value, ast.Call) and name.startswith(self._kinds) and not value.args and not value.keywords:
            return frozenset()
        return _ALL if self._is_compound(value) else frozenset({"none"})

    def _is_compound(self, value: ast.expr) -> bool:
        """Whether a value, whose type is not known in general, may be of the kinds at hand."""
        transforms = self._kinds is _TRANSFORMS
        kind = self._kind(value)
        return kind == "transform" if transforms else kind in ("vector", "unknown")

    def _kind(self, value: ast.expr) -> str:
        name = called(value)
        if name in self._function.module.structs or name.startswith(_NOT_COMPOUND):
            return "other"
        if name.startswith(_TRANSFORMS):
            return "transform" if name in _MAKE_TRANSFORMS else "vector"
        if name.startswith(_VECTORS):
            return "vector"
        if isinstance(value, ast.Subscript):
            array = self._function.array_at(value.value)
            if array is not None:
                return self._kind_of_type(array.dtype)
        if isinstance(value, ast.Name) and value.id in self._function.parameters:
            annotation = self._function.parameters[value.id]
            return self._kind_of_type(ast.unparse(annotation) if annotation is not None else "")
        return "unknown"

    def _kind_of_type(self, spelled: str) -> str:
        if spelled in self._function.module.structs:
            return "other"
        return "transform" if spelled.removeprefix("wp.").startswith(_TRANSFORMS) else "unknown"

    def _keys(self, index: ast.expr) -> frozenset[object]:
        known = self._function.module.integers
        if isinstance(index, ast.Slice):
            low = 0 if index.lower is None else integer(index.lower, known)
            high = None if index.upper is None else integer(index.upper, known)
            if low is None or high is None or index.step is not None or low < 0 or high < 0:
                return _ALL
            return frozenset(range(low, high))
        if isinstance(index, ast.Tuple):
            parts = [integer(one, known) for one in index.elts]
            return frozenset({"unknown"}) if None in parts else frozenset({tuple(parts)})
        value = integer(index, known)
        if value is not None:
            return frozenset({value})
        if isinstance(index, ast.Name) and index.id in self._indices:
            return frozenset({("index", index.id)})
        return frozenset({"unknown"})


def _targets(function: Function) -> Iterator[ast.expr]:
    for inner in function.statements:
        if isinstance(inner, ast.Assign):
            yield from inner.targets


def _merged(left: State, right: State) -> State:
    return {name: left.get(name, frozenset()) | right.get(name, frozenset()) for name in [*left, *right]}


def _overlap(old: object, new: object) -> bool:
    """Whether two keys may name the same component; a row holds the elements that begin with its number."""
    if "unknown" in (old, new) or old in _ALL or new in _ALL:
        return True
    if isinstance(old, tuple) and old[:1] == ("index",):
        return old == new or new != old
    if isinstance(new, tuple) and new[:1] == ("index",):
        return True
    if isinstance(old, tuple) != isinstance(new, tuple):
        row, element = (new, old) if isinstance(old, tuple) else (old, new)
        return isinstance(element, tuple) and element[0] == row
    return old == new
