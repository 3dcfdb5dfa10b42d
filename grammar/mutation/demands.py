"""What a kernel relies on: which expressions may take any other value, and which must stay as they are.

The generator keeps integers within intervals that a source no longer shows. So the demand on every expression is
traced back from where its value ends up: an index, a loop's bound or a signed sum pins all that feeds it, a comparison
asks for exact floats, and what is only stored is free. Demands flow through variables, parameters, results, fields of
structs and arrays, without regard to order.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import libcst as cst

from grammar import domains
from grammar.mutation.inference import Expression, Types, callee_of, named_types, operator_name
from grammar.mutation.links import (
    COMPARED_FLOAT,
    COMPARED_INTEGER,
    DECISION,
    GUARDING,
    INHERITED,
    PINNED,
    Demand,
    Link,
    atomic,
    built_in,
    condition,
    converted,
    is_mask,
    operand,
    operands,
)
from grammar.mutation.tree import base_of, children, decorator_of, name_of, walk, warp_name
from grammar.types import BOOL, Array, Struct, ValueType, scalar_of

Cell = tuple[str, str]
"""What holds a value: a function's variable, its result, a struct's field; by function or struct, and name."""

_NOWHERE: Cell = ("", "")
_RESULT = "return"


@dataclass
class _Place:
    """Where a value ends up: in a cell, through a link."""

    cell: Cell = _NOWHERE
    link: Link = INHERITED

    def through(self, link: Link) -> _Place:
        return _Place(self.cell, tuple(link[demand] for demand in self.link))  # type: ignore[arg-type]


@dataclass
class Demands:
    """The demands on all expressions of a module, and which variables may hold inexact values.

    `whole` are the arrays whose summands are small whole floats: their sums are the same in any order.
    """

    types: Types
    whole: Set[str] = frozenset()
    _places: dict[int, _Place] = field(default_factory=dict)
    _levels: dict[Cell, Demand] = field(default_factory=dict)
    _edges: list[tuple[Cell, _Place]] = field(default_factory=list)
    _sources: list[tuple[Cell, Expression]] = field(default_factory=list)
    _inexact: set[Cell] = field(default_factory=set)
    _function: str = ""
    _inputs: Set[str] = frozenset()

    def __post_init__(self) -> None:
        for name, functions in self.types.functions.items():
            for function in functions:
                self._function = name
                parameters = {one.name.value for one in function.params.params}
                self._inputs = parameters if decorator_of(function) == "kernel" else set()
                self._read(function)
        self._settle()

    def of(self, node: cst.CSTNode) -> Demand:
        """Return the demand on an expression."""
        place = self._places.get(id(node))
        return Demand.PINNED if place is None else place.link[self._levels.get(place.cell, Demand.FREE)]

    def on_variable(self, function: str, name: str) -> Demand:
        """Return the demand on all values of a function's variable."""
        return self._levels.get((function, name), Demand.FREE)

    def is_inexact(self, function: str, node: cst.CSTNode) -> bool:
        """Whether an expression may come through a library function, or through something that is not known."""
        return any(self._is_inexact_part(function, part) for part in walk(node))

    def is_inexact_variable(self, function: str, name: str) -> bool:
        """Whether a function's variable may hold such values."""
        return (function, name) in self._inexact

    # demands

    def _settle(self) -> None:
        """Raise the cells' levels until each is as high as every place where its value ends up asks."""
        changed = True
        while changed:
            changed = False
            for cell, place in self._edges:
                level = place.link[self._levels.get(place.cell, Demand.FREE)]
                if level > self._levels.get(cell, Demand.FREE):
                    self._levels[cell] = level
                    changed = True
        changed = True
        while changed:
            changed = False
            for cell, source in self._sources:
                if cell not in self._inexact and self.is_inexact(cell[0] if cell[0] else "", source):
                    self._inexact.add(cell)
                    changed = True

    def _read(self, node: cst.CSTNode) -> None:
        """Read a statement and those inside it."""
        match node:
            case cst.Assign(targets=[target]):
                self._assign(target.target, node.value)
            case cst.AugAssign():
                self._augment(node)
            case cst.Return(value=cst.Tuple() as several):
                for element in several.elements:
                    self._flow((self._function, _RESULT), element.value)
            case cst.Return(value=value) if value is not None:
                self._flow((self._function, _RESULT), value)
            case cst.If():
                self._visit(node.test, _Place(link=DECISION))
            case cst.Expr(value=cst.Call() as call):
                self._statement_call(call)
            case cst.Assert() | cst.While():
                self._visit(node.test, _Place(link=PINNED))
            case cst.For():
                self._visit(node.iter, _Place(link=PINNED))
        for child in children(node):
            if not isinstance(child, Expression):
                self._read(child)

    def _flow(self, cell: Cell, value: Expression, link: Link = INHERITED) -> None:
        """Let a value end up in a cell."""
        self._sources.append((cell, value))
        self._visit(value, _Place(cell, link))

    def _assign(self, target: cst.CSTNode, value: Expression) -> None:
        if isinstance(target, cst.Tuple):
            names = [(self._function, name_of(element.value)) for element in target.elements]
            if isinstance(value, cst.Tuple) and len(value.elements) == len(names):
                for cell, element in zip(names, value.elements, strict=True):
                    self._flow(cell, element.value)
                return
            self._unpack(names, value)
            return
        self._flow(self._target(target), value)

    def _unpack(self, cells: Sequence[Cell], value: Expression) -> None:
        """Let the results of one call end up in several variables; results of a function share a cell."""
        self._sources += [(cell, value) for cell in cells]
        own = name_of(value.func) if isinstance(value, cst.Call) else ""
        if isinstance(value, cst.Call) and own in self.types.functions:
            self._edges += [((own, _RESULT), _Place(cell)) for cell in cells]
            self._pass_to_function(value, _Place(link=PINNED))
        else:
            self._visit(value, _Place(link=PINNED))

    def _target(self, target: cst.CSTNode) -> Cell:
        """Return the cell that an assignment changes, and pin the indices on the way."""
        base = base_of(target)
        for part in walk(target):
            if isinstance(part, cst.Subscript):
                for element in part.slice:
                    for index in children(element.slice):
                        self._visit(index, _Place(link=PINNED))
        if isinstance(target, cst.Attribute):
            held = self.types.of(target.value)
            if isinstance(held, Struct):
                return held.name, target.attr.value
        inner = target
        while isinstance(inner, cst.Subscript | cst.Attribute):
            if isinstance(inner, cst.Attribute) and isinstance(held := self.types.of(inner.value), Struct):
                return held.name, inner.attr.value
            inner = inner.value
        return self._function, name_of(base)

    def _augment(self, node: cst.AugAssign) -> None:
        cell = self._target(node.target)
        held = self._type_of_target(node.target)
        left, right = operands(operator_name(node.operator), held, node.value)
        self._edges.append((cell, _Place(cell, left)))
        self._flow(cell, node.value, right)

    def _type_of_target(self, target: cst.CSTNode) -> ValueType | None:
        if isinstance(target, cst.Name):
            held = self.types.variables.get(self._function, {}).get(target.value)
            return None if isinstance(held, Array | Struct) else held
        return self.types.value(target)

    def _statement_call(self, call: cst.Call) -> None:
        """Read a call for its effect: what an atomic adds may be any number whose sum depends on no order."""
        name, arguments = warp_name(call.func), [argument.value for argument in call.args]
        held = self.types.of(arguments[0]) if arguments else None
        array = name_of(arguments[0]) if arguments else ""
        link = PINNED
        if name.startswith("atomic_") and isinstance(held, Array):
            link = atomic(name, held, array in self.whole)
        is_atomic = link is not PINNED
        for argument in arguments[1:-1] if is_atomic else arguments:
            self._visit(argument, _Place(link=PINNED))
        if is_atomic:
            self._flow((self._function, array), arguments[-1], link)
        if not name:
            self._pass_to_function(call, _Place(link=PINNED))

    def _visit(self, node: cst.CSTNode, place: _Place) -> None:
        """Note where an expression's value ends up, and the same for its parts."""
        held = self.types.of(node)
        if isinstance(held, Struct | Array) and not isinstance(node, cst.Name):
            place = place.through(PINNED)
        if held == BOOL and self._may_guard(node):
            place = place.through(GUARDING)
        self._places[id(node)] = place
        match node:
            case cst.Name():
                self._edges.append(((self._function, node.value), place))
            case cst.BinaryOperation():
                left, right = operands(operator_name(node.operator), self.types.value(node), node.right)
                if operator_name(node.operator) == "bit_and" and is_mask(node.left):
                    left, right = right, left
                self._visit(node.left, place.through(left))
                self._visit(node.right, place.through(right))
            case cst.UnaryOperation():
                self._visit(node.expression, place.through(operand(node.operator, self.types.value(node))))
            case cst.BooleanOperation():
                self._visit(node.left, place)
                self._visit(node.right, place)
            case cst.Comparison():
                link = COMPARED_FLOAT if self._compares_floats(node) else COMPARED_INTEGER
                for compared in (node.left, *(one.comparator for one in node.comparisons)):
                    self._visit(compared, place.through(link))
            case cst.IfExp():
                self._visit(node.test, place.through(condition([node.body, node.orelse])))
                self._visit(node.body, place)
                self._visit(node.orelse, place)
            case cst.Call():
                self._call(node, place)
            case cst.Attribute():
                self._part(node, place)
            case cst.Subscript():
                self._element(node, place)
            case _:
                for child in children(node):
                    self._visit(child, place.through(PINNED))

    def _may_guard(self, node: cst.CSTNode) -> bool:
        """Whether a condition tells something about integers: what depends on it may be undefined without it."""
        match node:
            case cst.Comparison():
                return not self._compares_floats(node)
            case cst.BooleanOperation():
                return self._may_guard(node.left) or self._may_guard(node.right)
            case cst.UnaryOperation():
                return self._may_guard(node.expression)
            case cst.IfExp():
                return any(map(self._may_guard, (node.test, node.body, node.orelse)))
            case cst.Name():
                return node.value not in ("True", "False") and node.value not in self._inputs
            case cst.Call():
                return callee_of(node) not in domains.DOMAINS or any(self._may_guard(arg.value) for arg in node.args)
            case cst.Subscript() | cst.Attribute():
                return False
        return False

    def _compares_floats(self, node: cst.Comparison) -> bool:
        operands = [node.left, *(one.comparator for one in node.comparisons)]
        scalars = [scalar_of(type_) for operand in operands if (type_ := self.types.value(operand)) is not None]
        return len(scalars) == len(operands) and all(scalar is not None and scalar.is_float for scalar in scalars)

    def _part(self, node: cst.Attribute, place: _Place) -> None:
        held = self.types.of(node.value)
        if isinstance(held, Struct):
            self._edges.append(((held.name, node.attr.value), place))
            self._visit(node.value, place.through(PINNED))
        elif warp_name(node) == "":
            self._visit(node.value, place)

    def _element(self, node: cst.Subscript, place: _Place) -> None:
        held = self.types.of(node.value)
        if isinstance(held, Array) and isinstance(node.value, cst.Name):
            self._edges.append(((self._function, node.value.value), place))
        else:
            self._visit(node.value, place)
        for element in node.slice:
            for index in children(element.slice):
                self._visit(index, place.through(PINNED))

    def _call(self, node: cst.Call, place: _Place) -> None:
        plain = name_of(node.func)
        if plain in self.types.functions:
            self._edges.append(((plain, _RESULT), place))
            self._pass_to_function(node, place)
            return
        arguments = [argument.value for argument in node.args]
        held = self.types.value(node)
        if (
            plain in self.types.aliases
            or callee_of(node) in named_types()
            or callee_of(node) in ("int", "float", "bool")
        ):
            links = [converted(held, self.types.value(argument)) for argument in arguments]
        elif any(argument.keyword is not None for argument in node.args):
            links = [PINNED for _ in arguments]
        else:
            links = built_in(callee_of(node), held, [self.types.value(one) for one in arguments], arguments)
        for argument, link in zip(arguments, links, strict=True):
            self._visit(argument, place.through(link))

    def _pass_to_function(self, node: cst.Call, place: _Place) -> None:
        """Let the arguments of a call of the source's own function end up in its parameters."""
        functions = self.types.functions.get(name_of(node.func), ())
        names = [one.name.value for one in functions[0].params.params] if len(functions) == 1 else []
        for position, argument in enumerate(node.args):
            name = name_of(argument.keyword) or (names[position] if position < len(names) else "")
            held = self.types.of(argument.value)
            if name in names and held is not None and not isinstance(held, Array | Struct):
                self._flow((name_of(node.func), name), argument.value)
            else:
                self._visit(argument.value, place.through(PINNED))

    # inexactness

    def _is_inexact_part(self, function: str, node: cst.CSTNode) -> bool:
        match node:
            case cst.Name():
                return (function, node.value) in self._inexact
            case cst.Attribute():
                held = self.types.of(node.value)
                return isinstance(held, Struct) and (held.name, node.attr.value) in self._inexact
            case cst.BinaryOperation():
                return isinstance(node.operator, cst.Power)
            case cst.Call():
                return self._is_inexact_call(node)
        return False

    def _is_inexact_call(self, node: cst.Call) -> bool:
        plain, name = name_of(node.func), callee_of(node)
        if plain in self.types.functions:
            return (plain, _RESULT) in self._inexact
        if plain in self.types.aliases or plain in self.types.structs or name in (*named_types(), "where", "tid"):
            return False
        return name not in domains.DOMAINS or domains.is_library(name)
