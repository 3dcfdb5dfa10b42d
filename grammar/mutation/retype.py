"""Operators that change a type throughout a module: a float's width, a vector's length.

The new module is read again, and stands only if every expression in it has the changed type of the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import libcst as cst

from grammar.choices import Choices, pick
from grammar.mutation.inference import Types, callee_of, named_types
from grammar.mutation.links import is_literal, scalar_kind
from grammar.mutation.subject import Edit, Subject
from grammar.mutation.tree import code, name_of, walk, warp_name
from grammar.nodes import name as name_node
from grammar.types import (
    FLOAT16,
    FLOAT32,
    FLOAT64,
    Array,
    Quaternion,
    Scalar,
    Struct,
    Transform,
    Type,
    ValueType,
    Vector,
    scalar_of,
)

_FLOATS: Mapping[Scalar, tuple[Scalar, ...]] = {
    FLOAT32: (FLOAT64, FLOAT64, FLOAT16),
    FLOAT64: (FLOAT32,),
    FLOAT16: (FLOAT32, FLOAT64),
}
"""What each float may become, by weight."""

Change = Callable[[ValueType], ValueType]


def change_float(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Make all floats of one width another width."""
    found = [scalar for scalar in _FLOATS if any(scalar_of(one.type) == scalar for one in subject.sites)]
    if not found or not _converts_safely(subject):
        return None
    old = pick(choices, found)
    new = pick(choices, _FLOATS[old])
    if new == FLOAT16 and "wp.atomic" in subject.parent.source:
        return None

    def change(type_: ValueType) -> ValueType:
        if type_ == old:
            return new
        return type_ if isinstance(type_, Scalar | Struct) or type_.scalar != old else replace(type_, scalar=new)

    return _changed(subject, change, old, new)


def change_length(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Give all vectors of one type a component more."""
    types = {one.type for one in subject.sites if isinstance(one.type, Vector) and one.type.length in (2, 3)}
    found = sorted((one for one in types if scalar_kind(one) != "signed"), key=str)
    if not found:
        return None
    old = pick(choices, found)
    assert isinstance(old, Vector)
    new = replace(old, length=old.length + 1)
    return _changed(subject, lambda type_: new if type_ == old else type_, old, new)


def _changed(subject: Subject, change: Change, old: ValueType, new: ValueType) -> Edit | None:
    """Return the module with the change made, None where it does not work out."""
    module = subject.tree.module
    if subject.types.aliases or subject.is_generic or subject.is_tiled or not _is_known(subject.types, module):
        return None
    changed = module.visit(_Retyping(change, old, new))
    assert isinstance(changed, cst.Module)
    types = Types(changed)
    if not _is_known(types, changed) or not _agree(subject.types, types, change):
        return None
    return Edit(changed)


class _Retyping(cst.CSTTransformer):
    """Names other types, and puts casts around literals of the old one."""

    def __init__(self, change: Change, old: ValueType, new: ValueType) -> None:
        super().__init__()
        self._change = change
        self._literals = old == FLOAT32
        self._new = new
        self._grows = isinstance(new, Vector) and isinstance(old, Vector) and new.length > old.length
        self._old = old

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:  # noqa: N802
        """Name another of Warp's types."""
        type_ = named_types().get(warp_name(original_node))
        return (
            updated_node if type_ is None or self._change(type_) == type_ else name_node(self._change(type_).spelling)
        )

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:  # noqa: N802
        """Name another type for `float`."""
        changed = original_node.value == "float" and self._change(FLOAT32) != FLOAT32
        return name_node(self._change(FLOAT32).spelling) if changed else updated_node

    def leave_Float(self, original_node: cst.Float, updated_node: cst.Float) -> cst.BaseExpression:  # noqa: N802
        """Convert a literal."""
        if not self._literals:
            return updated_node
        return cst.Call(name_node(self._new.spelling), [cst.Arg(updated_node)])

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:  # noqa: N802
        """Leave the literals of constructors as they were, and give a vector's another component."""
        made = named_types().get(warp_name(original_node.func)) or (
            FLOAT32 if name_of(original_node.func) == "float" else None
        )
        if made is None:
            return updated_node
        arguments = [
            changed.with_changes(value=original.value) if _is_bare(original.value) else changed
            for original, changed in zip(original_node.args, updated_node.args, strict=True)
        ]
        if self._grows and made == self._old and len(arguments) == made.length:  # type: ignore[union-attr]
            comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
            arguments = [*arguments[:-1], arguments[-1].with_changes(comma=comma), arguments[-1].deep_clone()]
        return updated_node.with_changes(args=arguments)


def _is_known(types: Types, module: cst.Module) -> bool:
    """Whether the type of every expression in the module's functions is known, that of what is stored with it."""
    for function in (one for one in module.body if isinstance(one, cst.FunctionDef)):
        for node in walk(function):
            if isinstance(node, cst.BaseExpression) and types.of(node) is None and not _has_no_type(node):
                return False
            if isinstance(node, cst.Assign) and not _fits(types, node):
                return False
            if isinstance(node, cst.Call) and not _fits_constructor(types, node):
                return False
            if isinstance(node, cst.Expr) and not _is_known_call(types, node.value):
                return False
    return all(None not in known.values() for known in types.variables.values())


def _is_bare(node: cst.BaseExpression) -> bool:
    """Whether an expression is a number as it is written, which a constructor takes for one of its components' type."""
    bare = node.expression if isinstance(node, cst.UnaryOperation) else node
    return isinstance(bare, cst.Float | cst.Integer)


def _fits_constructor(types: Types, node: cst.Call) -> bool:
    """Whether what a vector or matrix is made of has its components' type, and vectors in rotations three of them."""
    made = named_types().get(warp_name(node.func))
    if made is None or isinstance(made, Scalar):
        return True
    held = [types.value(argument.value) for argument in node.args if not _is_bare(argument.value)]
    if isinstance(made, Quaternion | Transform) and any(isinstance(one, Vector) and one.length != 3 for one in held):
        return False
    return all(type_ is not None and scalar_of(type_) == scalar_of(made) for type_ in held)


def _has_no_type(node: cst.BaseExpression) -> bool:
    called = name_of(node.func) or warp_name(node.func) if isinstance(node, cst.Call) else ""
    plain = called in ("range", "reversed", "tid") or called.startswith("atomic_")
    return plain or isinstance(node, cst.Tuple | cst.SimpleString | cst.Name)


def _fits(types: Types, node: cst.Assign) -> bool:
    """Whether what is stored to an element has the element's type."""
    target = node.targets[0].target
    return not isinstance(target, cst.Subscript | cst.Attribute) or types.of(target) == types.of(node.value)


def _is_known_call(types: Types, node: cst.BaseExpression) -> bool:
    """Whether a call for its effect is an atomic whose operand has the type of the array's elements."""
    if isinstance(node, cst.SimpleString):
        return True
    if not isinstance(node, cst.Call) or not warp_name(node.func).startswith("atomic_"):
        return False
    held = types.of(node.args[0].value)
    return isinstance(held, Array) and types.of(node.args[-1].value) == held.dtype


def _agree(old: Types, new: Types, change: Change) -> bool:
    """Whether every variable and result has the changed type of what it was."""

    def changed(type_: Type | None) -> Type | None:
        if isinstance(type_, Array):
            return replace(type_, dtype=changed(type_.dtype))  # type: ignore[arg-type]
        if isinstance(type_, Struct):
            return replace(type_, fields=tuple((name, changed(field)) for name, field in type_.fields))  # type: ignore[misc]
        return None if type_ is None else change(type_)

    variables = {
        function: {name: changed(type_) for name, type_ in known.items()} for function, known in old.variables.items()
    }
    results = {function: tuple(map(changed, found)) for function, found in old.results.items()}
    return variables == new.variables and results == new.results and set(old.constants) == set(new.constants)


def _converts_safely(subject: Subject) -> bool:
    """Whether floats become integers only between literal bounds, which every width holds."""
    for function in subject.tree.functions:
        for node in walk(function):
            if not isinstance(node, cst.Call) or len(node.args) != 1:
                continue
            argument = node.args[0].value
            into, out_of = subject.types.value(node), subject.types.value(argument)
            is_cast = callee_of(node) in ("int", *named_types()) and isinstance(into, Scalar) and into.is_integer
            if is_cast and out_of is not None and scalar_kind(out_of) == "float":
                clamped = isinstance(argument, cst.Call) and callee_of(argument) == "clamp"
                if not clamped or not all(is_literal(arg.value) for arg in argument.args[1:]):  # type: ignore[attr-defined]
                    return False
    return "wp.static" not in code(subject.tree.module)
