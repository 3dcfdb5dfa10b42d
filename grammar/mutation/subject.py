"""A parent as the operators see it: its tree with types and demands, and what is in scope at a statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import libcst as cst

from grammar import domains, terms, visiting
from grammar.intervals import Interval, type_range
from grammar.kernel import Argument
from grammar.mutation.demands import Demands
from grammar.mutation.inference import Expression, Types, callee_of, named_types
from grammar.mutation.links import Demand
from grammar.mutation.parent import Parent
from grammar.mutation.tree import (
    Statement,
    Tree,
    base_of,
    block_of,
    decorator_of,
    name_of,
    names_in,
    small,
    walk,
    warp_name,
)
from grammar.scope import Variable
from grammar.types import INT32, Array, ValueType, scalar_of

_PURE = frozenset({"where", "tid"})
_LONGEST_LOOP = 16
"""From how many trips on a loop's index is no axis of new arrays."""

_OPAQUE = ("static", "adjoint", "zeros", "array", "identity", "len", "matrix_from_rows", "matrix_from_cols")
"""Built-ins whose arguments Warp may ask to be constants, or reads in a way of its own."""


@dataclass(frozen=True)
class Edit:
    """A changed module, with the arguments of its new parameters and the features that came in."""

    module: cst.Module
    arguments: tuple[Argument, ...] = ()
    features: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Site:
    """An expression that may be edited: in which statement and function, of which type, and what is asked of it."""

    node: Expression
    line: Statement
    function: cst.FunctionDef
    type: ValueType
    demand: Demand
    hoistable: bool

    @property
    def exact(self) -> bool:
        """Whether no value that came through a library function may stand there."""
        return self.demand > Demand.FREE or not _is_float(self.type)


def _is_float(type_: ValueType) -> bool:
    scalar = scalar_of(type_)
    return scalar is not None and scalar.is_float


@dataclass(eq=False)
class Subject:
    """A parent's tree, read."""

    parent: Parent
    tree: Tree
    types: Types = field(init=False)
    demands: Demands = field(init=False)
    total_functions: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.types = Types(self.tree.module)
        whole = {one.name for one in self.parent.arguments if one.fill == "whole"}
        self.demands = Demands(self.types, whole)

    @cached_property
    def kernel(self) -> cst.FunctionDef:
        """The kernel; raises ValueError for a module without one."""
        for function in self.tree.functions:
            if decorator_of(function) == "kernel":
                return function
        raise ValueError("a module without a kernel")

    @cached_property
    def functions(self) -> list[cst.FunctionDef]:
        """The functions that may be edited: those that are not overloaded, and have no gradient of their own."""
        own = {name_of(arg.value) for one in self.tree.functions for call in _decorators(one) for arg in call.args}
        return [
            one
            for one in self.tree.functions
            if decorator_of(one) in ("kernel", "func")
            and one.name.value not in own
            and not self.types.is_overloaded(one.name.value)
        ]

    @cached_property
    def is_tiled(self) -> bool:
        """Whether blocks of threads run the kernel together."""
        return self.parent.block_dim > 0 or "wp.tile" in self.parent.source or "wp.untile" in self.parent.source

    @cached_property
    def is_generic(self) -> bool:
        """Whether overloads of the kernel are registered, which name its parameters."""
        return "wp.overload(" in self.parent.source or "@wp.overload" in self.parent.source

    @cached_property
    def has_backward(self) -> bool:
        """Whether the kernel has a backward pass as far as its decorator tells."""
        return not any(
            name_of(arg.keyword) == "enable_backward" and name_of(arg.value) == "False"
            for call in _decorators(self.kernel)
            for arg in call.args
        )

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name in the module, fields of structs among them."""
        return frozenset(visiting.names_in(self.tree.module))

    @cached_property
    def called(self) -> frozenset[str]:
        """The source's own functions that it calls by their names."""
        names = (name_of(node.func) for node in walk(self.tree.module) if isinstance(node, cst.Call))
        return frozenset(names) & frozenset(self.types.functions)

    @cached_property
    def arguments(self) -> Mapping[str, Argument]:
        """The arguments by name."""
        return MappingProxyType({argument.name: argument for argument in self.parent.arguments})

    @cached_property
    def stores(self) -> Mapping[str, Mapping[str, int]]:
        """How often each function assigns to each of its variables, as a whole or in part."""
        return {function.name.value: stores_in(function) for function in self.tree.functions}

    def is_written(self, array: str) -> bool:
        """Whether the kernel may store to one of its arrays."""
        argument = self.arguments.get(array)
        return argument is None or argument.written or bool(argument.resource)

    # expressions

    @cached_property
    def sites(self) -> list[Site]:
        """The expressions of known types that something else may stand in place of, in the order of the source."""
        found: list[Site] = []
        for function in self.functions:
            for line in statements(function):
                for root, hoistable in _roots(line):
                    found += self._sites(root, line, function, hoistable)
        return found

    def _sites(self, node: Expression, line: Statement, function: cst.FunctionDef, hoistable: bool) -> Iterator[Site]:
        type_ = self.types.value(node)
        if type_ is not None:
            yield Site(node, line, function, type_, self.demands.of(node), hoistable)
        for part, always in _parts(node):
            yield from self._sites(part, line, function, hoistable and always)

    def is_pure(self, node: cst.CSTNode) -> bool:
        """Whether an expression only computes a value, whatever else runs between its parts."""
        return all(self._is_pure_call(part) for part in walk(node) if isinstance(part, cst.Call))

    def _is_pure_call(self, call: cst.Call) -> bool:
        plain, name = name_of(call.func), callee_of(call)
        if plain in self.types.functions:
            return plain in self.pure_functions
        return (
            plain in self.types.aliases
            or plain in self.types.structs
            or name in _PURE
            or name in named_types()
            or name in domains.DOMAINS
        )

    @cached_property
    def pure_functions(self) -> frozenset[str]:
        """The source's functions that only compute a value of their parameters."""
        found: set[str] = set()
        self.__dict__["pure_functions"] = found  # a function calls only those before it
        for function in self.functions:
            stores = [node for node in walk(function) if isinstance(node, cst.AssignTarget | cst.AugAssign)]
            plain = all(isinstance(store.target, cst.Name | cst.Tuple) for store in stores)
            parameters = {one.name.value for one in function.params.params}
            changes = any(isinstance(one, cst.AugAssign) and name_of(one.target) in parameters for one in stores)
            if plain and not changes and decorator_of(function) == "func" and self.is_pure(function):
                found.add(function.name.value)
        return frozenset(found)

    # scopes

    def visible(self, line: Statement, function: cst.FunctionDef) -> list[Variable]:
        """Return the values that certainly have been assigned before a statement, parameters first.

        Signed integers may take any value of their type, but for parameters, threads and loops whose range is known.
        """
        found = {one.name: one for one in self._parameters(function)}
        inner: cst.CSTNode = line
        blocks = []
        for above in self.tree.above(line):
            if isinstance(above, cst.IndentedBlock):
                blocks.append((above.body, inner))
            inner = above
        for statements_, last in reversed(blocks):
            for statement in statements_:
                if statement is last:
                    break
                for variable in self._assigned(statement, function):
                    found.setdefault(variable.name, variable)
            if isinstance(last, cst.For) and last is not line:
                for variable in self._counter(last, function):
                    found[variable.name] = variable
        return list(found.values())

    def _parameters(self, function: cst.FunctionDef) -> Iterator[Variable]:
        name, is_kernel = function.name.value, function is self.kernel
        for one in function.params.params:
            type_ = self.types.variables[name].get(one.name.value)
            argument = self.arguments.get(one.name.value) if is_kernel else None
            if type_ is None or isinstance(type_, Array) or (argument is not None and argument.resource):
                continue
            interval = terms.full_range(type_)
            known = argument.ranges.get("") if argument is not None else None
            if known is not None and not self.stores[name].get(one.name.value):
                interval = Interval(*known)
            yield self._variable(one.name.value, type_, function, interval)

    def _variable(
        self, name: str, type_: ValueType, function: cst.FunctionDef, interval: Interval | None, index: bool = False
    ) -> Variable:
        inexact = self.demands.is_inexact_variable(function.name.value, name)
        return Variable(name, type_, interval, interval, inexact, index=index, unread=False)

    def _assigned(self, statement: cst.CSTNode, function: cst.FunctionDef) -> Iterator[Variable]:
        one = small(statement)
        if not isinstance(one, cst.Assign) or len(one.targets) != 1:
            return
        target = one.targets[0].target
        threads = warp_name(one.value.func) == "tid" if isinstance(one.value, cst.Call) else False
        names = [name_of(element.value) for element in target.elements] if isinstance(target, cst.Tuple) else []
        for place, name in enumerate(names or [name_of(target)]):
            type_ = self.types.variables[function.name.value].get(name)
            if not name or type_ is None or isinstance(type_, Array):
                continue
            if threads and place < len(self.parent.dims) and self.stores[function.name.value][name] == 1:
                yield self._variable(name, INT32, function, Interval(0, self.parent.dims[place] - 1), index=True)
            elif not isinstance(one.value, cst.Tuple):
                yield self._variable(name, type_, function, terms.full_range(type_))

    def _counter(self, loop: cst.For, function: cst.FunctionDef) -> Iterator[Variable]:
        """Yield a loop's index, if it has one that nothing else assigns to."""
        name, name_in = name_of(loop.target), function.name.value
        if self.types.variables[name_in].get(name) != INT32:
            return
        inside = sum(stores_in(statement).get(name, 0) for statement in block_of(loop))
        interval = None if inside else self._counted(loop, function)
        yield self._variable(name, INT32, function, interval or type_range(INT32), index=interval is not None)

    def _counted(self, loop: cst.For, function: cst.FunctionDef) -> Interval | None:
        """Return what a loop from 0 counts through, None for a long one or one of unknown length."""
        if not isinstance(loop.iter, cst.Call) or name_of(loop.iter.func) != "range" or len(loop.iter.args) != 1:
            return None
        bound = loop.iter.args[0].value
        most = int(bound.value, 0) if isinstance(bound, cst.Integer) else 0
        argument = self.arguments.get(name_of(bound)) if function is self.kernel else None
        if argument is not None and "" in argument.ranges and not self.stores[function.name.value].get(name_of(bound)):
            most = argument.ranges[""][1]
        return Interval(0, most - 1) if 0 < most <= _LONGEST_LOOP else None

    def threads(self, line: Statement) -> list[Variable] | None:
        """Return the kernel's thread indices, one for each launch dimension; None where they are not all in scope."""
        if self.is_tiled:
            return None
        found = [one for one in self.visible(line, self.kernel) if one.index]
        own = [one for one in found if one.name in self._thread_names]
        return own if len(own) == len(self.parent.dims) else None

    @cached_property
    def _thread_names(self) -> frozenset[str]:
        for node in block_of(self.kernel):
            one = small(node)
            if isinstance(one, cst.Assign) and isinstance(one.value, cst.Call) and warp_name(one.value.func) == "tid":
                return frozenset(names_in(one.targets[0].target))
        return frozenset()


def _decorators(function: cst.FunctionDef) -> list[cst.Call]:
    return [one.decorator for one in function.decorators if isinstance(one.decorator, cst.Call)]


def statements(node: cst.CSTNode) -> Iterator[Statement]:
    """Yield the statements of a function and of the blocks inside, `elif`s left out, in the order of the source."""
    for statement in block_of(node):
        yield statement
        yield from statements(statement)
    orelse = getattr(node, "orelse", None)
    while isinstance(orelse, cst.If):
        yield from (inner for one in block_of(orelse) for inner in (one, *statements(one)))
        orelse = orelse.orelse
    if isinstance(orelse, cst.Else):
        yield from statements(orelse)


def _roots(line: Statement) -> Iterator[tuple[Expression, bool]]:
    """Yield a statement's own expressions that may be edited, and whether they run whenever the statement does."""
    one = small(line)
    match one if one is not None else line:
        case cst.Assign(targets=[_], value=value) | cst.AugAssign(value=value):
            yield value, True
        case cst.Return(value=value) if value is not None:
            yield value, True
        case cst.Expr(value=cst.Call() as call) if not warp_name(call.func).startswith("tile"):
            yield from ((argument.value, True) for argument in call.args if argument.keyword is None)
        case cst.If():
            yield line.test, True  # type: ignore[union-attr]
            orelse = line.orelse  # type: ignore[union-attr]
            while isinstance(orelse, cst.If):
                yield orelse.test, False
                orelse = orelse.orelse


def _parts(node: Expression) -> list[tuple[Expression, bool]]:
    """Return the parts of an expression that may be edited, and whether they are evaluated whenever it is."""
    match node:
        case cst.BinaryOperation():
            return [(node.left, True), (node.right, True)]
        case cst.UnaryOperation():
            return [(node.expression, True)]
        case cst.Comparison() if len(node.comparisons) == 1:
            return [(node.left, True), (node.comparisons[0].comparator, True)]
        case cst.BooleanOperation():
            return [(node.left, True), (node.right, False)]
        case cst.IfExp():
            return [(node.test, True), (node.body, False), (node.orelse, False)]
        case cst.Tuple():
            return [(element.value, True) for element in node.elements]
        case cst.Call():
            name = callee_of(node) or name_of(node.func)
            opaque = name in _OPAQUE or name.startswith("tile") or any(one.keyword is not None for one in node.args)
            return [] if opaque else [(argument.value, True) for argument in node.args]
        case cst.Subscript() | cst.Attribute() if not isinstance(node.value, cst.Name):
            return [(node.value, True)]
    return []


def stores_in(node: cst.CSTNode) -> Mapping[str, int]:
    """Return how often each variable or array is assigned to inside a node, as a whole or in part."""
    found: dict[str, int] = {}
    for part in walk(node):
        targets: Sequence[cst.CSTNode] = ()
        if isinstance(part, cst.AssignTarget):
            several = part.target
            targets = [one.value for one in several.elements] if isinstance(several, cst.Tuple) else [several]
        elif isinstance(part, cst.AugAssign | cst.For):
            targets = [part.target]
        for target in targets:
            name = name_of(base_of(target))
            found[name] = found.get(name, 0) + 1
    return found
