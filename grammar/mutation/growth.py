"""Growing new code in an old kernel: the generator's own productions, given what is in scope at a statement.

Guards and intervals are the generator's, with every signed variable of the source taken for any value of its type; so
what grows is as well-defined as a kernel that was grown whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from grammar import functions, kernels, modules, nodes
from grammar.choices import Choices, pick
from grammar.intervals import Interval, type_range
from grammar.kernel import Argument
from grammar.mutation.subject import Edit, Subject
from grammar.mutation.tree import Statement, name_of
from grammar.palette import Palette
from grammar.registry import builtin_names
from grammar.scope import ArrayParameter, Frame, Unit, Variable
from grammar.types import (
    BOOL,
    FLOAT32,
    INT32,
    Array,
    Matrix,
    Struct,
    ValueType,
    Vector,
    from_alias,
    is_integer_type,
    scalar_of,
)

_ENUM = "from enum import IntEnum"
MOST_PARAMETERS = 60
"""How many parameters a kernel may have at most: those of CUDA take 4 KB, an array's 56 bytes."""


class Growth:
    """New code for a place before a statement. `frame` grows it; `placed` puts it into the module.

    `new_parameters` says whether it may have parameters of its own; functions, which others call, may not.
    """

    def __init__(
        self,
        subject: Subject,
        choices: Choices,
        line: Statement,
        function: cst.FunctionDef,
        types: Sequence[ValueType],
        hoistable: bool = True,
    ) -> None:
        self.subject = subject
        self.line = line
        self.function = function
        self.definitions: list[nodes.Statement] = []
        is_kernel = function is subject.kernel
        unit = Unit(choices, _palette(choices, types), subject.parent.category, subject.parent.dims, dotted=False)
        unit.taken |= subject.names | {"wp", "int", "float", "bool"}
        unit.grow_helper_call = functions.grow_helper_call
        unit.grow_several = functions.grow_several
        self.frame = Frame(unit, is_kernel)
        self.frame.taken |= subject.names
        self.frame.may_hoist = hoistable
        self.frame.max_parameters = 0
        self.frame.returns = 100  # no early returns: what follows belongs to somebody else
        visible = subject.visible(line, function)
        self.frame.committed |= {variable.name for variable in visible}
        self.frame.block.variables.extend(one for one in visible if not is_kernel or not self._is_parameter(one.name))
        self.frame.values.extend(one for one in visible if is_kernel and self._is_parameter(one.name))
        if is_kernel:
            self._add_arrays()
        self._old = list(self.frame.parameter_order)

    def _is_parameter(self, name: str) -> bool:
        return any(one.name.value == name for one in self.function.params.params)

    def _add_arrays(self) -> None:
        """Let the kernel read its inputs anywhere, and have new ones, where its thread indices are known."""
        threads = self.subject.threads(self.line)
        frame = self.frame
        if threads is None:
            frame.is_kernel = False
            frame.block.variables.extend(frame.values)
            frame.values.clear()
            return
        frame.threads = [one for one in self.frame.block.variables if one.name in {t.name for t in threads}]
        frame.parameter_order.extend(frame.values)
        for one in self.function.params.params:
            name = one.name.value
            held = self.subject.types.variables[self.function.name.value].get(name)
            argument = self.subject.arguments.get(name)
            if isinstance(held, Array) and argument is not None and not self.subject.is_written(name):
                frame.arrays.append(_array(name, held, argument))
        frame.parameter_order.extend(frame.arrays)
        if not self.subject.is_generic and len(self.function.params.params) < MOST_PARAMETERS:
            frame.max_parameters = len(frame.parameter_order) + 2

    @property
    def parameters(self) -> list[Variable | ArrayParameter]:
        """The parameters that came in and that something mentions."""
        return [one for one in self.frame.parameter_order[len(self._old) :] if one.name in self.frame.mentioned]

    def placed(self, line: Statement | None, behind: bool = False) -> Edit | None:
        """Put what has grown before the statement, which is replaced by `line` if that is given; or behind it.

        None where that needs parameters and the place has none to give.
        """
        subject, frame = self.subject, self.frame
        parameters = self.parameters
        room = subject.kernel is self.function and frame.is_kernel and not subject.is_generic
        if parameters and not (room and len(self.function.params.params) + len(parameters) < MOST_PARAMETERS):
            return None
        kept = self.line if line is None else line
        grown = frame.block.statements
        module = subject.tree.replaced([(self.line, [kept, *grown] if behind else [*grown, kept])])
        module = with_parameters(
            module, self.function.name.value, [(one.name, frame.unit.annotation(one.type)) for one in parameters]
        )
        module = self._with_definitions(module)
        arguments = (one for parameter in parameters for one in kernels.arguments_of(frame.unit, parameter))
        return Edit(module, tuple(arguments), frozenset(frame.unit.features))

    def _with_definitions(self, module: cst.Module) -> cst.Module:
        """Put the functions, constants and types that new code mentions before the function that it is in."""
        unit = self.frame.unit
        helpers, mentioned = modules.live_helpers(self.frame)
        constants = [
            nodes.constant(name, value, True) for name, value in unit.constant_values.items() if name in mentioned
        ]
        named = [one for one in unit.named if one.name in mentioned]
        definitions: list[nodes.Statement] = [
            *self.definitions,
            *constants,
            *(one.node for one in named if not one.after_functions),
            *(node for helper in helpers for node in (helper.node, *helper.more)),
            *(one.node for one in named if one.after_functions),
        ]
        words = {
            name for one in definitions for name in ("IntEnum", "Any", "Callable") if name in cst.Module([one]).code
        }
        imports = [line for line in unit.imports if line.rpartition(" ")[2] in words]
        if "IntEnum" in words:
            imports.append("from enum import IntEnum")
        module = with_imports(with_definitions(module, self.function.name.value, definitions), imports)
        types = [one.type.dtype if isinstance(one.type, Array) else one.type for one in self.parameters]
        types += [variable.type for helper in helpers for variable in helper.parameters]
        return with_aliases(module, {*mentioned, *words, *(_alias_of(type_) for type_ in types)})


def _alias_of(type_: object) -> str:
    return type_.alias if isinstance(type_, Vector | Matrix) and not type_.is_named else ""


def _palette(choices: Choices, types: Sequence[ValueType]) -> Palette:
    """Return the types that new code is made of: those asked for, what they consist of, and what every kernel has."""
    scalars = [one for type_ in types if (one := scalar_of(type_)) is not None and one != BOOL]
    scalar = scalars[0] if scalars else FLOAT32
    values: list[ValueType] = [type_ for type_ in types if not isinstance(type_, Struct)]
    main = tuple((type_, 4.0) for type_ in dict.fromkeys([scalar, *values]))
    return Palette(scalar, main, frozenset({BOOL, INT32, scalar, *values}))


def _array(name: str, held: Array, argument: Argument) -> ArrayParameter:
    interval = None
    scalar = scalar_of(held.dtype)
    if scalar is not None and is_integer_type(held.dtype):
        interval = Interval(*argument.ranges[""]) if "" in argument.ranges else type_range(scalar)
    return ArrayParameter(name, held, argument.shape, "", "read", interval, layout=argument.layout, fill=argument.fill)


def with_parameters(module: cst.Module, name: str, parameters: Sequence[tuple[str, nodes.Expression]]) -> cst.Module:
    """Return the module with more parameters behind those of one of its functions."""
    if not parameters:
        return module
    body = []
    for node in module.body:
        if isinstance(node, cst.FunctionDef) and node.name.value == name:
            old = list(node.params.params)
            comma = old[0].comma if len(old) > 1 else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
            last = old[-1].comma if old else cst.MaybeSentinel.DEFAULT
            new = [cst.Param(cst.Name(one), cst.Annotation(annotation), comma=comma) for one, annotation in parameters]
            new[-1] = new[-1].with_changes(comma=last)
            if old:
                old[-1] = old[-1].with_changes(comma=comma)
            node = node.with_changes(params=node.params.with_changes(params=[*old, *new]))
        body.append(node)
    return module.with_changes(body=body)


def with_definitions(module: cst.Module, before: str, definitions: Sequence[cst.CSTNode]) -> cst.Module:
    """Return the module with definitions before that of a function."""
    place = next(
        place
        for place, node in enumerate(module.body)
        if isinstance(node, cst.FunctionDef) and node.name.value == before
    )
    return module.with_changes(body=[*module.body[:place], *definitions, *module.body[place:]])


def with_imports(module: cst.Module, lines: Sequence[str]) -> cst.Module:
    """Return the module with imports before that of Warp, those that it has left out."""
    present = {cst.Module([node]).code.strip() for node in module.body if isinstance(node, cst.SimpleStatementLine)}
    new = [cst.parse_statement(line) for line in sorted(set(lines)) if line not in present]
    return module.with_changes(body=[*new, *module.body]) if new else module


def with_aliases(module: cst.Module, names: set[str]) -> cst.Module:
    """Return the module with the names of types, such as `mat23d`, that something mentions and nothing defines."""
    defined = {
        name_of(line.body[0].targets[0].target)
        for line in module.body
        if isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Assign)
    }
    found = [
        type_ for name in sorted(names - defined) if (type_ := from_alias(name)) is not None and not type_.is_named
    ]
    if not found:
        return module
    place = 1 + next(place for place, node in enumerate(module.body) if "import warp" in cst.Module([node]).code)
    lines = [modules.alias(type_, first=True) for type_ in found]
    return module.with_changes(body=[*module.body[:place], *lines, *module.body[place:]])


def fresh_name(subject: Subject, choices: Choices, stems: Sequence[str], taken: frozenset[str] = frozenset()) -> str:
    """Return a name that nothing in the module has, nor any built-in."""
    stem = pick(choices, stems)
    names = (f"{stem}{number}" if number else stem for number in range(10_000))
    return next(name for name in names if name not in subject.names | taken and name not in builtin_names())
