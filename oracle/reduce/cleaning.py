"""Dropping what serves nobody: variables that nothing reads, empty branches, helpers, structs and parameters.

What served nobody in the source to begin with stays, since it may be what matters; edits of its own try to drop it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from grammar.recogniser.scope import warp_name
from grammar.recogniser.vocabulary import OPERATORS
from oracle.peers.rewrites.program import Program, blocks, decorator_of, name_of


def clean(program: Program, useless: frozenset[int] = frozenset()) -> None:
    """Drop what serves nobody from a program, but for the nodes whose `id` is among the `useless`."""
    while True:
        dropped = [node for node in _unneeded(program) if id(node) not in useless]
        if not dropped:
            return
        gone = {id(node) for node in dropped}
        _drop_arguments(program, gone)
        for holder in ast.walk(program.tree):
            for _, block in ast.iter_fields(holder):
                if isinstance(block, list) and any(id(node) in gone for node in block):
                    block[:] = [node for node in block if id(node) not in gone]
            if isinstance(holder, ast.If | ast.For | ast.While | ast.FunctionDef) and not holder.body:
                holder.body = [ast.Pass()]


def unneeded(program: Program) -> frozenset[int]:
    """Return by their `id` the statements, parameters and definitions that serve nobody, and what only they need."""
    return frozenset(id(node) for node in _unneeded(program))


def parameters_without_use(program: Program) -> Iterator[tuple[ast.FunctionDef, ast.arg]]:
    """Yield the parameters that their functions do not read, where calls would go on without them."""
    kernel = program.kernel
    if not program.is_generic:
        used = _names_read(kernel.body)
        yield from ((kernel, one) for one in kernel.args.args if one.arg not in used)
    for function in _plain_functions(program):
        used = _names_read(function.body)
        yield from ((function, one) for one in function.args.args if one.arg not in used)


def arguments_for(program: Program, function: ast.FunctionDef, parameter: ast.arg) -> list[ast.expr]:
    """Return what the calls of a function pass for one of its parameters; nothing for the kernel's."""
    place = function.args.args.index(parameter)
    calls = (node for node in ast.walk(program.tree) if isinstance(node, ast.Call))
    return [call.args[place] for call in calls if name_of(call.func) == function.name]


def _plain_functions(program: Program) -> Iterator[ast.FunctionDef]:
    """Yield the functions that are called by position wherever they are named, and that nothing overloads."""
    names = Counter(node.name for node in program.tree.body if isinstance(node, ast.FunctionDef))
    mentioned = Counter(node.id for node in ast.walk(program.tree) if isinstance(node, ast.Name))
    calls = [node for node in ast.walk(program.tree) if isinstance(node, ast.Call) and name_of(node.func) in names]
    for function in program.functions:
        count = len(function.args.args)
        own = [call for call in calls if name_of(call.func) == function.name]
        by_position = all(len(call.args) == count and not call.keywords for call in own)
        single = names[function.name] == 1 and mentioned[function.name] == len(own)
        if decorator_of(function) == "func" and single and by_position and not function.args.defaults:
            yield function


def _drop_arguments(program: Program, gone: set[int]) -> None:
    """Drop what is passed for the parameters that go."""
    for function, parameter in list(parameters_without_use(program)):
        if id(parameter) in gone:
            place = function.args.args.index(parameter)
            # an edit may have put one node in two places
            own = {id(node): node for node in ast.walk(program.tree) if isinstance(node, ast.Call)}
            for call in own.values():
                if name_of(call.func) == function.name:
                    del call.args[place]
            function.args.args.remove(parameter)


def _unneeded(program: Program) -> Iterator[ast.AST]:
    for function in program.functions:
        yield from _unread(function)
        yield from _empty(function)
    yield from (parameter for _, parameter in parameters_without_use(program))
    yield from _unmentioned(program)


def _unread(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    """Yield the statements that only set variables, or parts of variables, which nothing that matters reads.

    A branch or a loop matters for what matters inside it, and what leaves a loop as much as the loop.
    """
    parameters = {one.arg for one in function.args.args}
    around = _around(function)
    waiting = [one for one in around if _does_something(one, parameters)]
    matters: set[ast.stmt] = set()
    read: set[str] = set()
    while waiting:
        for one in waiting:
            matters |= {one, *around[one]}
        read = {name for one in matters for name in _read_by(one)}
        left = [one for one in around if one not in matters]
        waiting = [one for one in left if set_by(one) & read or _loop_left_by(one, around[one]) in matters]
    for statement in around:
        if statement not in matters and not isinstance(statement, ast.Pass | ast.Break | ast.Continue):
            yield statement


def _loop_left_by(statement: ast.stmt, around: Sequence[ast.stmt]) -> ast.stmt | None:
    """Return the loop that a `break` or `continue` leaves or goes on with, None for other statements."""
    if not isinstance(statement, ast.Break | ast.Continue):
        return None
    return next((one for one in reversed(around) if isinstance(one, ast.For | ast.While)), None)


def _around(function: ast.FunctionDef) -> dict[ast.stmt, tuple[ast.stmt, ...]]:
    """Return every statement of a function with those that it stands in."""
    found: dict[ast.stmt, tuple[ast.stmt, ...]] = {}

    def enter(block: Iterable[ast.stmt], outer: tuple[ast.stmt, ...]) -> None:
        for statement in block:
            found[statement] = outer
            enter([*getattr(statement, "body", ()), *getattr(statement, "orelse", ())], (*outer, statement))

    enter(function.body, ())
    return found


def _does_something(statement: ast.stmt, parameters: set[str]) -> bool:
    """Whether a statement does more than to set variables of the function's own."""
    if isinstance(statement, ast.Return | ast.Expr | ast.Assert):
        return True
    return bool(set_by(statement) & parameters)


def set_by(statement: ast.stmt) -> set[str]:
    """Return the variables that an assignment sets, or sets a part of; none for any other statement."""
    if isinstance(statement, ast.Assign):
        targets = [part for target in statement.targets for part in _parts(target)]
    elif isinstance(statement, ast.AugAssign | ast.AnnAssign):
        targets = [statement.target]
    else:
        return set()
    return {root(target) for target in targets}


def root(node: ast.expr) -> str:
    """Return the variable that an expression is a part of, the empty text if it is of none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return name_of(node)


def _parts(target: ast.expr) -> list[ast.expr]:
    return [one for part in target.elts for one in _parts(part)] if isinstance(target, ast.Tuple) else [target]


def own_expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement but for those of the statements inside it."""
    for name, value in ast.iter_fields(statement):
        if name not in ("body", "orelse"):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    yield from ast.walk(part)


def _read_by(statement: ast.stmt) -> Iterator[str]:
    """Yield the variables that a statement itself reads; the one of which it sets a part does not count."""
    bases = {id(node) for node in _bases(statement)}
    for node in own_expressions(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in bases:
            yield node.id


def _bases(statement: ast.stmt) -> Iterator[ast.expr]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    for target in targets:
        for node in _parts(target) if target is not None else ():
            while isinstance(node, ast.Attribute | ast.Subscript):
                node = node.value
            yield node


def _names_read(body: Iterable[ast.stmt]) -> set[str]:
    return {node.id for one in body for node in ast.walk(one) if isinstance(node, ast.Name)}


def _empty(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    """Yield branches and loops without anything in them, and a `pass` that stands beside other statements."""
    for block in blocks(function):
        for statement in block:
            if (isinstance(statement, ast.Pass) and len(block) > 1) or (
                isinstance(statement, ast.If | ast.For) and _is_empty([*statement.body, *statement.orelse])
            ):
                yield statement


def _is_empty(block: Iterable[ast.stmt]) -> bool:
    return all(isinstance(inner, ast.Pass) for inner in block)


def _unmentioned(program: Program) -> Iterator[ast.stmt]:
    """Yield what the module defines and nothing else mentions: functions, structs, constants, imports."""
    mentions: Counter[str] = Counter()
    for statement in program.tree.body:
        mentions.update(_mentions(statement))
    for statement in program.tree.body:
        names = _defined(statement)
        own = Counter(_mentions(statement))
        if names and all(mentions[name] == own[name] for name in names):
            yield statement


def _mentions(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a module's statement uses; what sets a field of an instance is of no use to it."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    skipped = id(target) if isinstance(target, ast.Attribute) else 0
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if id(node) == skipped:
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        waiting.extend(ast.iter_child_nodes(node))


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef):
        decorator = decorator_of(statement)
        return _of_function(statement) if decorator != "kernel" else []
    if isinstance(statement, ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [root(statement.targets[0])]
    if isinstance(statement, ast.ImportFrom):
        return [alias.name for alias in statement.names]
    return []


def _of_function(function: ast.FunctionDef) -> list[str]:
    """Return the names without which a function is of no use: its own, or that of the function whose gradient it is.

    One that may be an operator is used where nothing names it.
    """
    decorator = function.decorator_list[0]
    if function.name in OPERATORS:
        return []
    if isinstance(decorator, ast.Call) and warp_name(decorator.func) in ("func_grad", "func_replay"):
        return [name_of(decorator.args[0])]
    return [function.name]
