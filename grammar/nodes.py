"""Builders of libcst nodes with the layout a formatter would give and no superfluous parentheses.

Operators, commas and blanks are shared between trees: they carry no identity that an edit could mean. Names,
numbers and everything above them are always new nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import libcst as cst

_BLANK = cst.SimpleWhitespace(" ")
_COMMA = cst.Comma(whitespace_after=_BLANK)
_EQUAL_TIGHT = cst.AssignEqual(whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace(""))
_LINE = cst.TrailingWhitespace(whitespace=cst.SimpleWhitespace(""), newline=cst.Newline())
_INDENTED_LINE = cst.ParenthesizedWhitespace(first_line=_LINE, last_line=cst.SimpleWhitespace("    "))
_COMMA_LINE = cst.Comma(whitespace_after=_INDENTED_LINE)
_COMMA_LAST = cst.Comma(whitespace_after=cst.ParenthesizedWhitespace(first_line=_LINE))
EMPTY_LINES = (cst.EmptyLine(indent=False), cst.EmptyLine(indent=False))

_BINARY: dict[str, tuple[cst.BaseBinaryOp, int]] = {
    "|": (cst.BitOr(), 7),
    "^": (cst.BitXor(), 8),
    "&": (cst.BitAnd(), 9),
    "<<": (cst.LeftShift(), 10),
    ">>": (cst.RightShift(), 10),
    "+": (cst.Add(), 11),
    "-": (cst.Subtract(), 11),
    "*": (cst.Multiply(), 12),
    "/": (cst.Divide(), 12),
    "//": (cst.FloorDivide(), 12),
    "%": (cst.Modulo(), 12),
    "@": (cst.MatrixMultiply(), 12),
    "**": (cst.Power(), 14),
}
"""Each binary operator's node and how tightly it binds, as the Python reference's table of precedence orders them."""

_BINARY_PRECEDENCE = {type(node): precedence for node, precedence in _BINARY.values()}
_TERNARY, _OR, _AND, _NOT, _COMPARISON, _UNARY = 2, 3, 4, 5, 6, 13
ARITHMETIC, ATOM = 7, 16

_AUGMENTED: dict[str, cst.BaseAugOp] = {
    "+": cst.AddAssign(),
    "-": cst.SubtractAssign(),
    "*": cst.MultiplyAssign(),
    "/": cst.DivideAssign(),
    "//": cst.FloorDivideAssign(),
    "%": cst.ModuloAssign(),
    "&": cst.BitAndAssign(),
    "|": cst.BitOrAssign(),
    "^": cst.BitXorAssign(),
    "<<": cst.LeftShiftAssign(),
    ">>": cst.RightShiftAssign(),
    "**": cst.PowerAssign(),
    "@": cst.MatrixMultiplyAssign(),
}

_COMPARISONS: dict[str, cst.BaseCompOp] = {
    "<": cst.LessThan(),
    "<=": cst.LessThanEqual(),
    ">": cst.GreaterThan(),
    ">=": cst.GreaterThanEqual(),
    "==": cst.Equal(),
    "!=": cst.NotEqual(),
}

_UNARY_OPERATORS: dict[str, cst.BaseUnaryOp] = {"-": cst.Minus(), "+": cst.Plus(), "~": cst.BitInvert()}

Expression = cst.BaseExpression
Target = cst.BaseAssignTargetExpression
Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


def precedence(node: Expression) -> int:
    """Return how tightly a node binds its parts; what binds less tightly than its place needs parentheses."""
    match node:
        case cst.BinaryOperation():
            return _BINARY_PRECEDENCE[type(node.operator)]
        case cst.UnaryOperation():
            return _NOT if isinstance(node.operator, cst.Not) else _UNARY
        case cst.Comparison():
            return _COMPARISON
        case cst.BooleanOperation():
            return _AND if isinstance(node.operator, cst.And) else _OR
        case cst.IfExp():
            return _TERNARY
        case cst.Tuple():
            return 0
        case _:
            return ATOM


def _within(node: Expression, least: int) -> Expression:
    """Return the node, in parentheses where it binds less tightly than `least`."""
    if precedence(node) >= least or node.lpar:
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def name(identifier: str) -> cst.Name | cst.Attribute:
    """Build a name, or an attribute of `wp` or of anything else when it has dots."""
    head, *rest = identifier.split(".")
    node: cst.Name | cst.Attribute = cst.Name(head)
    for part in rest:
        node = cst.Attribute(node, cst.Name(part))
    return node


def attribute(value: Expression, field: str) -> cst.Attribute:
    """Build `value.field`."""
    return cst.Attribute(_within(value, ATOM), cst.Name(field))


def integer(value: int, hexadecimal: bool = False) -> Expression:
    """Build an integer literal, negated when it is below zero."""
    node = cst.Integer(hex(abs(value)) if hexadecimal else str(abs(value)))
    return cst.UnaryOperation(cst.Minus(), node) if value < 0 else node


def floating(text: str) -> Expression:
    """Build a float literal from its text, negated when it starts with a minus."""
    if text.startswith("-"):
        return cst.UnaryOperation(cst.Minus(), cst.Float(text[1:]))
    return cst.Float(text)


def boolean(value: bool) -> cst.Name:
    """Build `True` or `False`."""
    return cst.Name("True" if value else "False")


def binary(operator: str, left: Expression, right: Expression) -> cst.BinaryOperation:
    """Build `left operator right`; all but `**` associate to the left."""
    node, own = _BINARY[operator]
    if operator == "**":
        return cst.BinaryOperation(_within(left, own + 1), node, _within(right, _UNARY))
    return cst.BinaryOperation(_within(left, own), node, _within(right, own + 1))


def unary(operator: str, operand: Expression) -> cst.UnaryOperation:
    """Build `-x`, `+x` or `~x`; a sign before a sign is set in parentheses, as a reader would."""
    doubled = isinstance(operand, cst.UnaryOperation)
    return cst.UnaryOperation(_UNARY_OPERATORS[operator], _within(operand, ATOM if doubled else _UNARY))


def negation(operand: Expression) -> cst.UnaryOperation:
    """Build `not x`."""
    return cst.UnaryOperation(cst.Not(), _within(operand, _NOT))


def conjunction(left: Expression, right: Expression) -> cst.BooleanOperation:
    """Build `left and right`."""
    return cst.BooleanOperation(_within(left, _AND), cst.And(), _within(right, _AND + 1))


def disjunction(left: Expression, right: Expression) -> cst.BooleanOperation:
    """Build `left or right`."""
    return cst.BooleanOperation(_within(left, _OR), cst.Or(), _within(right, _OR + 1))


def comparison(operator: str, left: Expression, right: Expression) -> cst.Comparison:
    """Build `left operator right`, which yields a bool."""
    target = cst.ComparisonTarget(_COMPARISONS[operator], _within(right, _COMPARISON + 1))
    return cst.Comparison(_within(left, _COMPARISON + 1), [target])


def between(low: Expression, operator: str, value: Expression, high: Expression) -> cst.Comparison:
    """Build the chain `low < value < high`."""
    symbol = _COMPARISONS[operator]
    inner = cst.ComparisonTarget(symbol, _within(value, _COMPARISON + 1))
    outer = cst.ComparisonTarget(symbol, _within(high, _COMPARISON + 1))
    return cst.Comparison(_within(low, _COMPARISON + 1), [inner, outer])


def chain(first: Expression, rest: Sequence[tuple[str, Expression]]) -> cst.Comparison:
    """Build `first < second <= third …` from the operators and what follows them."""
    targets = [cst.ComparisonTarget(_COMPARISONS[symbol], _within(value, _COMPARISON + 1)) for symbol, value in rest]
    return cst.Comparison(_within(first, _COMPARISON + 1), targets)


def ternary(condition: Expression, when_true: Expression, when_false: Expression) -> cst.IfExp:
    """Build `when_true if condition else when_false`."""
    return cst.IfExp(test=_within(condition, _OR), body=_within(when_true, _OR), orelse=_within(when_false, _TERNARY))


def call(function: str | Expression, arguments: Iterable[Expression]) -> cst.Call:
    """Build a call with positional arguments."""
    callee = name(function) if isinstance(function, str) else function
    return cst.Call(callee, _separated(arguments))


def call_with_keywords(function: str, keywords: Sequence[tuple[str, Expression]]) -> cst.Call:
    """Build a call with keyword arguments only."""
    arguments = [
        cst.Arg(value, keyword=cst.Name(key), equal=_EQUAL_TIGHT, comma=comma)
        for (key, value), comma in zip(keywords, _commas(len(keywords)), strict=True)
    ]
    return cst.Call(name(function), arguments)


def call_mixed(function: str, arguments: Sequence[Expression], keywords: Sequence[tuple[str, Expression]]) -> cst.Call:
    """Build a call with positional arguments and keyword arguments behind them."""
    positional = [cst.Arg(value, comma=_COMMA) for value in arguments]
    return cst.Call(name(function), [*positional, *call_with_keywords(function, keywords).args])


def _commas(count: int) -> list[cst.Comma | cst.MaybeSentinel]:
    """Return what stands behind each of so many items: a comma and a blank, nothing behind the last."""
    return [*[_COMMA] * (count - 1), cst.MaybeSentinel.DEFAULT]


def _separated(arguments: Iterable[Expression]) -> list[cst.Arg]:
    values = list(arguments)
    arguments_ = [cst.Arg(value, comma=_COMMA) for value in values[:-1]]
    arguments_.extend(cst.Arg(value) for value in values[-1:])
    return arguments_


def subscript(value: Expression, indices: Sequence[Expression]) -> cst.Subscript:
    """Build `value[i]` or `value[i, j]`."""
    elements = [
        cst.SubscriptElement(cst.Index(index), comma=comma)
        for index, comma in zip(indices, _commas(len(indices)), strict=True)
    ]
    return cst.Subscript(_within(value, ATOM), elements)


Slice = tuple[int | None, int | None, int | None]
"""The start, stop and step of a slice, None where they are left out."""


def part(value: Expression, places: Sequence[int | Slice]) -> cst.Subscript:
    """Build `value[1:3]`, `value[:, -1]` or the like from literal indices and slices."""
    elements = [
        cst.SubscriptElement(cst.Index(integer(place)) if isinstance(place, int) else _slice(place), comma=comma)
        for place, comma in zip(places, _commas(len(places)), strict=True)
    ]
    return cst.Subscript(_within(value, ATOM), elements)


def _slice(place: Slice) -> cst.Slice:
    start, stop, step = (None if bound is None else integer(bound) for bound in place)
    colon = cst.Colon() if step is not None else cst.MaybeSentinel.DEFAULT
    return cst.Slice(lower=start, upper=stop, step=step, second_colon=colon)


def target(expression: Expression) -> Target:
    """Return the expression as the target of an assignment; raises TypeError for what cannot be assigned to."""
    if not isinstance(expression, cst.BaseAssignTargetExpression):
        raise TypeError(f"{type(expression).__name__} is no target of an assignment")
    return expression


def tuple_(values: Sequence[Expression], parentheses: bool = False) -> cst.Tuple:
    """Build `a, b`, with parentheses where they are asked for."""
    elements = [cst.Element(value, comma=comma) for value, comma in zip(values, _commas(len(values)), strict=True)]
    if parentheses:
        return cst.Tuple(elements)
    return cst.Tuple(elements, lpar=[], rpar=[])


def line(statement: cst.BaseSmallStatement) -> cst.SimpleStatementLine:
    """Set a small statement on a line of its own."""
    return cst.SimpleStatementLine([statement])


def assign(target: Target, value: Expression) -> cst.SimpleStatementLine:
    """Build `target = value`."""
    return line(cst.Assign([cst.AssignTarget(target)], value))


def augment(operator: str, target: Target, value: Expression) -> cst.SimpleStatementLine:
    """Build `target operator= value`."""
    return line(cst.AugAssign(target, _AUGMENTED[operator], value))


def expression_line(value: Expression) -> cst.SimpleStatementLine:
    """Build a line that evaluates an expression for its effect."""
    return line(cst.Expr(value))


def return_(value: Expression | None = None) -> cst.SimpleStatementLine:
    """Build `return` or `return value`."""
    if value is None:
        return line(cst.Return())
    return line(cst.Return(value, whitespace_after_return=_BLANK))


def break_() -> cst.SimpleStatementLine:
    """Build `break`."""
    return line(cst.Break())


def continue_() -> cst.SimpleStatementLine:
    """Build `continue`."""
    return line(cst.Continue())


def assert_(test: Expression) -> cst.SimpleStatementLine:
    """Build `assert test`."""
    return line(cst.Assert(test))


def block(statements: Sequence[Statement]) -> cst.IndentedBlock:
    """Build an indented block; it must not be empty."""
    return cst.IndentedBlock(list(statements))


def if_chain(branches: Sequence[tuple[Expression, Sequence[Statement]]], otherwise: Sequence[Statement] = ()) -> cst.If:
    """Build if/elif/…, with an else when `otherwise` has statements."""
    rest: cst.If | cst.Else | None = cst.Else(block(otherwise)) if otherwise else None
    for condition, statements in reversed(branches):
        rest = cst.If(condition, block(statements), orelse=rest)
    assert isinstance(rest, cst.If)
    return rest


def for_range(variable: str, bounds: Sequence[Expression], statements: Sequence[Statement]) -> cst.For:
    """Build `for variable in range(bounds…):`."""
    return cst.For(cst.Name(variable), call("range", bounds), block(statements))


def for_over(variable: str, iterable: Expression, statements: Sequence[Statement]) -> cst.For:
    """Build `for variable in iterable:`."""
    return cst.For(cst.Name(variable), iterable, block(statements))


def while_(condition: Expression, statements: Sequence[Statement]) -> cst.While:
    """Build `while condition:`."""
    return cst.While(condition, block(statements))


def function(
    decorator: str,
    identifier: str,
    parameters: Sequence[tuple[str, Expression]],
    statements: Sequence[Statement],
    wrapped: bool = False,
) -> cst.FunctionDef:
    """Build a decorated function with annotated parameters, each on its own line where they are `wrapped`."""
    before: cst.BaseParenthesizableWhitespace = _INDENTED_LINE if wrapped else cst.SimpleWhitespace("")
    last = _COMMA_LAST if wrapped else cst.MaybeSentinel.DEFAULT
    commas = [_COMMA_LINE if wrapped else _COMMA] * (len(parameters) - 1) + [last]
    parameter_nodes = [
        cst.Param(cst.Name(parameter), annotation=cst.Annotation(annotation), comma=comma)
        for (parameter, annotation), comma in zip(parameters, commas, strict=True)
    ]
    return cst.FunctionDef(
        cst.Name(identifier),
        cst.Parameters(parameter_nodes),
        block(statements),
        decorators=[cst.Decorator(name(decorator))],
        leading_lines=EMPTY_LINES,
        whitespace_before_params=before,
    )


def with_defaults(node: cst.FunctionDef, defaults: Mapping[str, Expression]) -> cst.FunctionDef:
    """Return the function with default values for the parameters named."""
    blank = cst.AssignEqual(whitespace_before=_BLANK, whitespace_after=_BLANK)
    parameters = [
        parameter.with_changes(default=defaults[parameter.name.value], equal=blank)
        if parameter.name.value in defaults
        else parameter
        for parameter in node.params.params
    ]
    return node.with_changes(params=node.params.with_changes(params=parameters))


def returning(node: cst.FunctionDef, types: Sequence[Expression]) -> cst.FunctionDef:
    """Return the function with its results annotated: `-> float`, `-> tuple[float, int]`."""
    annotation = types[0] if len(types) == 1 else subscript(name("tuple"), types)
    return node.with_changes(returns=cst.Annotation(annotation))


def struct(identifier: str, fields: Sequence[tuple[str, Expression]]) -> cst.ClassDef:
    """Build a `@wp.struct` class with annotated fields, two blank lines before it."""
    lines = [line(cst.AnnAssign(cst.Name(field), cst.Annotation(annotation))) for field, annotation in fields]
    return cst.ClassDef(
        cst.Name(identifier),
        block(lines),
        decorators=[cst.Decorator(name("wp.struct"))],
        leading_lines=EMPTY_LINES,
        lpar=cst.MaybeSentinel.DEFAULT,
        rpar=cst.MaybeSentinel.DEFAULT,
    )


def import_warp() -> cst.SimpleStatementLine:
    """Build `import warp as wp`."""
    return line(cst.Import([cst.ImportAlias(cst.Name("warp"), asname=cst.AsName(cst.Name("wp")))]))


def constant(identifier: str, value: Expression, first: bool) -> cst.SimpleStatementLine:
    """Build a module-level `identifier = value`, with a blank line before the first of its kind."""
    leading = [cst.EmptyLine(indent=False)] if first else []
    return assign(cst.Name(identifier), value).with_changes(leading_lines=leading)


def module(statements: Sequence[Statement]) -> cst.Module:
    """Build the module."""
    return cst.Module(list(statements))
