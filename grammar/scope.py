"""What a production can see while a function grows: variables, parameters, blocks, and the module around them.

A `Unit` is the module under construction, a `Frame` one of its functions, a `Block` a run of statements in it. They
are the only mutable things of the grammar; a `Kernel` is made from them when all is grown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from grammar import contexts, nodes
from grammar.choices import Choices
from grammar.intervals import Interval
from grammar.palette import Palette
from grammar.swarm import EVERYTHING, Swarm
from grammar.terms import Term
from grammar.types import Array, Struct, Type, ValueType

if TYPE_CHECKING:
    from grammar.tiles.values import Tile

_CASTS = {"float", "int", "bool", "abs", "min", "max"}
_NAMES = re.compile(r"(?<![\w.])(?:wp\.)?[A-Za-z_]\w*")


@dataclass(eq=False)
class Variable:
    """A local variable, a parameter passed by value, or a loop's or thread's index.

    `interval` holds every value that it ever takes (each component of a vector), `base` the values that a plain
    assignment may give it. What lies between is room for `+=` in loops, `spent` says how much of it is used up, and
    `declared_trips` is how often the block of its declaration may run. `inexact` allows values that came through a
    library function.
    """

    name: str
    type: ValueType
    interval: Interval | None = None
    base: Interval | None = None
    inexact: bool = False
    mutable: bool = False
    index: bool = False
    counter: bool = False
    unread: bool = True
    spent: int = 0
    declared_trips: int = 1
    from_zero: bool = False
    fill: str = ""
    resource: str = ""
    stored: bool = False
    written_components: set[object] = field(default_factory=set)


@dataclass(eq=False)
class ArrayParameter:
    """An array argument. `use` is `read`, `write` (own elements only) or the name of the atomic applied to it."""

    name: str
    type: Array
    shape: tuple[int, ...]
    element: str
    use: str = "read"
    interval: Interval | None = None
    reads: int = 0
    layout: str = ""
    fill: str = ""


@dataclass(eq=False)
class Helper:
    """A finished `@wp.func`: the types it takes, the interval each integer must keep, and what it gives.

    `more` are definitions that belong to it: its other signatures, its gradient. A helper without results is called
    only by the production that made it. `defaults` are the values of parameters that a call may leave out.
    """

    name: str
    parameters: tuple[Variable, ...]
    results: tuple[ValueType, ...]
    intervals: tuple[Interval | None, ...]
    inexact: bool
    mentioned: frozenset[str]
    node: nodes.Statement
    more: tuple[nodes.Statement, ...] = ()
    defaults: Mapping[str, Term] = field(default_factory=lambda: MappingProxyType({}))
    depth: int = 1


@dataclass(frozen=True)
class Named:
    """A class or assignment that names values: an enum, a class of constants, another name of a function."""

    name: str
    node: nodes.Statement
    after_functions: bool = False


@dataclass(frozen=True)
class Specialisation:
    """What makes a kernel generic: the overloads that the module registers, by the types of the generic parameters.

    The first overload has the types that the kernel was grown with; it is the one that is launched.
    """

    overloads: tuple[Mapping[str, Type], ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that are annotated with `Any`."""
        return tuple(self.overloads[0])


@dataclass(eq=False)
class Block:
    """Statements under construction, and the variables declared among them.

    `kind` is `for`, `while` or `branch` where the block is the body of one.
    """

    statements: list[nodes.Statement] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    kind: str = ""


@dataclass(eq=False)
class Unit:
    """The module under construction. `frame` is the function of it that is growing, the kernel's when no other is.

    `contexts` are the overloads among the `features`, each with the place of its use.
    """

    choices: Choices
    palette: Palette
    category: str
    dims: tuple[int, ...]
    dotted: bool
    features: set[str] = field(default_factory=set)
    contexts: set[tuple[str, str]] = field(default_factory=set)
    frame: Frame | None = None
    taken: set[str] = field(default_factory=set)
    inner_names: set[str] = field(default_factory=set)
    structs: list[Struct] = field(default_factory=list)
    field_intervals: dict[tuple[str, str], Interval] = field(default_factory=dict)
    constants: dict[str, Term] = field(default_factory=dict)
    helpers: list[Helper] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    claimed: set[str] = field(default_factory=set)
    lines: int = 0
    block_dim: int = 0
    allow_native: bool = False
    growing: int = 0
    imports: list[str] = field(default_factory=list)
    named: list[Named] = field(default_factory=list)
    constant_values: dict[str, nodes.Expression] = field(default_factory=dict)
    kernel_options: dict[str, nodes.Expression] = field(default_factory=dict)
    specialisation: Specialisation | None = None
    field_shapes: dict[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)
    grow_helper_call: Callable[[Frame, ValueType, bool], Term | None] | None = None
    grow_several: Callable[[Frame], bool] | None = None
    swarm: Swarm = EVERYTHING

    @property
    def module_names(self) -> set[str]:
        """The names of functions, structs and constants, which no local variable may hide."""
        return self.taken - self.inner_names

    def claim(self, right: str, unless: str) -> bool:
        """Take a right that excludes another, or for one word its second use; False where that is taken."""
        if unless in self.claimed:
            return False
        self.claimed.add(right)
        return True

    def close(self, names: Set[str]) -> None:
        """Keep the local names of a finished function from what the module is still to define."""
        self.inner_names |= names - self.taken
        self.taken |= names

    def note(self, feature: str) -> None:
        """Record that a construct or overload was used, an overload with where that is."""
        self.features.add(feature)
        if self.frame is not None and feature.startswith("builtin:"):
            self.contexts.add((feature, self.frame.context))

    def noted(self) -> tuple[set[str], set[tuple[str, str]], int, list[str]]:
        """Return what has been recorded so far, for `forget_since`."""
        return set(self.features), set(self.contexts), self.lines, list(self.events)

    def forget_since(self, noted: tuple[set[str], set[tuple[str, str]], int, list[str]]) -> None:
        """Drop what was recorded for something that came to nothing."""
        self.features, self.contexts, self.lines, self.events = noted

    @contextmanager
    def growing_in(self, frame: Frame) -> Iterator[None]:
        """Take what is recorded meanwhile for a part of this function."""
        outer, self.frame = self.frame, frame
        try:
            yield
        finally:
            self.frame = outer

    def annotation(self, type_: Type) -> nodes.Expression:
        """Build the annotation of a type."""
        if isinstance(type_, Array):
            dtype = self.annotation(type_.dtype)
            return nodes.call_with_keywords(type_.constructor, [("dtype", dtype)])
        return nodes.name(type_.spelling)


class Frame:
    """One function under construction: its parameters, its open blocks, and what is visible in them.

    `loops` are the kinds of the open loops: `for`, `unrolled for` where Warp has to unroll it, `while`, or `stepped
    while` for one that steps its counter first.
    `result_types` are what a helper returns, `early_values` what its early returns gave. `recent` are the kinds of the
    last statements.
    """

    def __init__(self, unit: Unit, is_kernel: bool):
        self.unit = unit
        self.choices = unit.choices
        self.is_kernel = is_kernel
        if is_kernel:
            unit.frame = self
        self.values: list[Variable] = []
        self.arrays: list[ArrayParameter] = []
        self.threads: list[Variable] = []
        self.lane: Variable | None = None
        self.tiles: list[Tile] = []
        self.parameter_order: list[Variable | ArrayParameter] = []
        self.blocks: list[Block] = [Block()]
        self.taken: set[str] = set()
        self.loop_names: set[str] = set()
        self.committed: set[str] = set()
        self.mentioned: set[str] = set()
        self.trips = 1
        self.loop_depth = 0
        self.may_hoist = True
        self.exact_only = False
        self.unrolled = 1
        self.result_intervals: tuple[Interval | None, ...] = ()
        self.result_inexact = False
        self.deepest_call = 0
        self.max_parameters = 6
        self.loops: list[str] = []
        self.returns = 0
        self.result_types: tuple[ValueType, ...] = ()
        self.early_values: list[list[Term]] = []
        self.recent: list[str] = []

    @property
    def context(self) -> str:
        """Where in the program the next statement stands; see `grammar.contexts`."""
        function = "function" if not self.is_kernel else "tile kernel" if self.unit.block_dim else "kernel"
        return contexts.context(function, [block.kind for block in self.blocks])

    @property
    def block(self) -> Block:
        """The innermost open block."""
        return self.blocks[-1]

    def emit(self, statement: nodes.Statement, *texts: str) -> None:
        """Append a statement to the innermost block; the texts are those of the expressions in it."""
        self.block.statements.append(statement)
        self.unit.lines += 1
        self.commit(*texts)

    def commit(self, *texts: str) -> None:
        """Count the names in expressions that have become part of the source as read.

        Growing an expression already takes what it reads for read, but the expression may be dropped again.
        """
        for text in texts:
            found = _NAMES.findall(text)
            self.committed.update(found)
            self.mentioned.update(found)

    @staticmethod
    def all_names_in(text: str) -> set[str]:
        """Return every name in a text, `wp.sin` as one; attributes are none."""
        return set(_NAMES.findall(text))

    @staticmethod
    def names_in(text: str) -> set[str]:
        """Return the names of variables in an expression's text."""
        return {name for name in _NAMES.findall(text) if name[0].islower() and not name.startswith("wp.")} - _CASTS

    def written(self, variable: Variable) -> None:
        """Note that a variable has a new value that nothing has read."""
        variable.unread = True
        self.committed.discard(variable.name)

    def declare(self, variable: Variable) -> Variable:
        """Make a variable visible in the innermost block."""
        variable.declared_trips = self.trips
        self.block.variables.append(variable)
        self.taken.add(variable.name)
        return variable

    def visible(self) -> Iterator[Variable]:
        """Yield every variable and value parameter in scope, the innermost first."""
        for block in reversed(self.blocks):
            yield from reversed(block.variables)
        yield from reversed(self.values)

    def indices(self) -> list[Variable]:
        """Return the loop and thread indices in scope, the innermost loop first."""
        return [variable for variable in self.visible() if variable.index]

    def unread(self, blocks: int = 0) -> list[Variable]:
        """Return the unread local variables of the innermost `blocks` blocks, or all of them and parameters for 0."""
        chosen = self.blocks[-blocks:] if blocks else self.blocks
        variables = [v for block in chosen for v in block.variables if not (v.index or v.counter)]
        if not blocks:
            variables = [*(v for v in self.values if isinstance(v.type, Struct)), *variables]
        for variable in variables:
            variable.unread = variable.name not in self.committed
        return [variable for variable in variables if variable.unread]

    def add_value_parameter(self, variable: Variable) -> Variable:
        """Give the function a parameter passed by value."""
        self.values.append(variable)
        self.parameter_order.append(variable)
        self.taken.add(variable.name)
        return variable

    def add_array_parameter(self, array: ArrayParameter) -> ArrayParameter:
        """Give the kernel an array parameter."""
        self.arrays.append(array)
        self.parameter_order.append(array)
        self.taken.add(array.name)
        return array
