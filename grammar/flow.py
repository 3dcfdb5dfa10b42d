"""What a kernel's indices and totals depend on, as far as the shapes of programs are told apart by it.

Dependence is by name and regardless of order: a variable depends on all that any assignment to it mentions. `<thread>`
and `<loop>` stand for what `wp.tid()` and a for loop give.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Set
from dataclasses import dataclass

import libcst as cst

from grammar import visiting

THREAD, LOOP = "<thread>", "<loop>"

_EMPTY = cst.Module([])


@dataclass(frozen=True)
class Read:
    """An element of an array, read or stored to: the index as text, and what it depends on."""

    array: str
    index: str
    depends: frozenset[str]


@dataclass(frozen=True)
class _Sum:
    """`total += value` in a loop."""

    names: frozenset[str]
    is_product: bool


class Flow(cst.CSTVisitor):
    """Reads one kernel's function; `tree` is its module."""

    def __init__(self, tree: cst.Module) -> None:
        self.arrays: set[str] = set()
        self.early_ends = 0
        self.stores_in_loops = 0
        self.carried = 0
        self._sources: dict[str, set[str]] = defaultdict(set)
        self._elements: list[tuple[str, cst.Subscript]] = []
        self._atomics: list[cst.Call] = []
        self._bounds: list[set[str]] = []
        self._sums: list[_Sum] = []
        self._outside: list[set[str]] = []
        self._assigned: set[str] = set()
        visiting.visit(tree, self)

    # what the definitions ask

    @property
    def reads(self) -> list[Read]:
        """The elements of arrays that the kernel names."""
        return [
            Read(array, _index_text(node), frozenset(self._closure(_index_names(node))))
            for array, node in self._elements
        ]

    @property
    def gathers(self) -> int:
        """How many elements are at an index that itself comes from an array."""
        return sum(bool(read.depends & self.arrays) for read in self.reads)

    @property
    def scatters(self) -> int:
        """How many atomics are at an index that comes from an array."""
        places = [
            self._closure({name for argument in call.args[1:-1] for name in _names(argument)}) for call in self._atomics
        ]
        return sum(bool(place & self.arrays) for place in places)

    @property
    def has_neighbours(self) -> bool:
        """Whether an array is read at two elements or more around the thread's own, or in a window of loops."""
        places: dict[str, set[str]] = defaultdict(set)
        for read in self.reads:
            if THREAD in read.depends:
                places[read.array].add(read.index)
                if LOOP in read.depends and any(sign in read.index for sign in "+-"):
                    return True
        return any(len(indices) > 1 for indices in places.values())

    @property
    def has_pairs(self) -> bool:
        """Whether elements at different indices meet: the thread's own with another's."""
        return len({frozenset(read.depends & {THREAD, LOOP}) for read in self.reads}) > 1 or (
            len({read.index for read in self.reads}) > 1
        )

    @property
    def bounds_depend(self) -> bool:
        """Whether a loop's range depends on the thread."""
        return any(THREAD in self._closure(names) for names in self._bounds)

    @property
    def weighted_sums(self) -> int:
        """How many totals add products in which two arrays meet."""
        return sum(one.is_product and len(self._closure(one.names) & self.arrays) > 1 for one in self._sums)

    # reading

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Read kernels alone, and learn from each statement before its parts."""
        match node:
            case cst.FunctionDef():
                return self._enter(node)
            case cst.Assign():
                self._assign(node)
            case cst.AugAssign(target=cst.Name()):
                self._augment(node)
            case cst.For():
                self._enter_for(node)
            case cst.While():
                self.early_ends += 1
                self._outside.append(set(self._assigned))
            case cst.Break():
                self.early_ends += 1
            case cst.Subscript(value=cst.Name(value=name)) if name in self.arrays:
                self._elements.append((name, node))
            case cst.Call(func=cst.Attribute(attr=cst.Name(value=name))) if name.startswith("atomic_"):
                self._atomics.append(node)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        """Leave a loop."""
        if isinstance(original_node, (cst.For, cst.While)):
            self._outside.pop()

    def _enter(self, node: cst.FunctionDef) -> bool:
        """Learn a kernel's arrays; what a function does with its parameters is its own affair."""
        if not any(_EMPTY.code_for_node(one.decorator).startswith("wp.kernel") for one in node.decorators):
            return False
        for parameter in node.params.params:
            annotation = parameter.annotation.annotation if parameter.annotation else None
            if isinstance(annotation, (cst.Call, cst.Subscript)):
                self.arrays.add(parameter.name.value)
        return True

    def _assign(self, node: cst.Assign) -> None:
        """Learn what the target depends on, and whether a loop carries it."""
        is_thread = "wp.tid()" in _EMPTY.code_for_node(node.value)
        for target in node.targets:
            found = set(_names(target.target))
            if isinstance(target.target, cst.Subscript):
                self.stores_in_loops += bool(self._outside)
                continue
            for name in found:
                self._sources[name] |= {THREAD} if is_thread else set(_names(node.value))
            self._carry(found)

    def _augment(self, node: cst.AugAssign) -> None:
        """Learn what a total depends on."""
        assert isinstance(node.target, cst.Name)
        names = frozenset(_names(node.value))
        self._sources[node.target.value] |= names
        self._carry({node.target.value})
        if self._outside and isinstance(node.operator, (cst.AddAssign, cst.SubtractAssign)):
            self._sums.append(_Sum(names, any(_products(node.value))))

    def _enter_for(self, node: cst.For) -> None:
        """Enter a loop, whose variable depends on its range."""
        names = set(_names(node.iter)) - {"range", "reversed"}
        self._bounds.append(names)
        for name in _names(node.target):
            self._sources[name] |= {LOOP, *names}
        self._outside.append(set(self._assigned))

    def _carry(self, targets: Set[str]) -> None:
        """Count an assignment in a loop to what was assigned before the loop."""
        self.carried += any(targets & before for before in self._outside)
        self._assigned |= targets

    def _closure(self, names: Set[str]) -> set[str]:
        """Return all that the names depend on, themselves included."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self._sources.get(name, ()))
        return found


def _names(node: cst.CSTNode) -> Iterator[str]:
    """Yield the names in an expression: no attributes, no keywords."""
    match node:
        case cst.Name():
            yield node.value
        case cst.Attribute():
            yield from _names(node.value)
        case cst.Arg():
            yield from _names(node.value)
        case _:
            for child in node.children:
                yield from _names(child)


def _index_names(node: cst.Subscript) -> set[str]:
    return {name for element in node.slice for name in _names(element)}


def _index_text(node: cst.Subscript) -> str:
    return ", ".join(_EMPTY.code_for_node(element.slice) for element in node.slice)


def _products(node: cst.CSTNode) -> Iterator[bool]:
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, (cst.Multiply, cst.MatrixMultiply)):
        yield True
    for child in node.children:
        yield from _products(child)
