"""What is named goes where it is used: helpers, constants and aliases of the module, variables; overloads get types."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import partial

from grammar.recogniser.scope import warp_name
from oracle.peers.rewrites.program import Program, Substitution, blocks, decorator_of, name_of, stored_names
from oracle.reduce.cleaning import clean, own_expressions, unneeded
from oracle.reduce.steps.step import Step, Subject, of_program

SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr, ast.If, ast.For)
"""Statements before which others may be put that compute a part of them."""


def steps(subject: Subject) -> Iterator[Step]:
    """Yield a step for each helper, constant, and variable that can be put where it is used."""
    program = Program(subject.case.source)
    for function in program.functions:
        if decorator_of(function) == "func" and _inlinable(function):
            yield of_program(f"inline {function.name}", partial(_inline, name=function.name))
        for name in dict.fromkeys(stored_names(function)):
            yield of_program(f"join {function.name}.{name}", partial(_join, function=function.name, name=name))
            yield of_program(f"spread {function.name}.{name}", partial(_spread, function=function.name, name=name))
            yield of_program(f"{function.name}.{name} is 0", partial(_zero, function=function.name, name=name))
    for statement in program.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield of_program(f"constant {name}", partial(_constant, name=name))
            case ast.Expr(value=ast.Call(func=called)) if warp_name(called) == "overload":
                yield of_program("overload", _concrete)


def _function(program: Program, name: str) -> ast.FunctionDef | None:
    return next((one for one in program.functions if one.name == name), None)


def _inlinable(function: ast.FunctionDef) -> bool:
    """Whether a function returns at its end alone, if at all."""
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    return not returns or returns == [function.body[-1]]


def _inline(program: Program, name: str) -> bool:
    """Put a function's body wherever it is called; its parameters become variables, or what is passed."""
    function = _function(program, name)
    useless = unneeded(program)
    if function is None or not _inlinable(function):
        return False
    for caller in program.functions:
        if caller is not function:
            for block in list(blocks(caller)):
                _inline_in(block, function, caller)
    calls = [node for node in ast.walk(program.tree) if isinstance(node, ast.Call) and name_of(node.func) == name]
    if calls:
        return False
    clean(program, useless - {id(function)})
    return True


def _inline_in(block: list[ast.stmt], function: ast.FunctionDef, caller: ast.FunctionDef) -> None:
    """Put a function's body before those statements of a block that call it."""
    for statement in list(block):
        if not isinstance(statement, SIMPLE):
            continue
        for node in list(own_expressions(statement)):
            if isinstance(node, ast.Call) and name_of(node.func) == function.name and not node.keywords:
                found = _body_for(node, function, caller)
                if found is None:
                    return
                before, value = found
                place = next(number for number, one in enumerate(block) if one is statement)
                block[place:place] = before
                if value is not None:
                    _put(statement, node, value)
                elif isinstance(statement, ast.Expr) and statement.value is node:
                    block.remove(statement)
                    break


def _body_for(
    call: ast.Call, function: ast.FunctionDef, caller: ast.FunctionDef
) -> tuple[list[ast.stmt], ast.expr | None] | None:
    """Return a function's body as one call of it runs it, and the value that it returns; None if it cannot be had."""
    names = [one.arg for one in function.args.args]
    defaults = function.args.defaults
    passed = [*call.args, *defaults[len(defaults) - (len(names) - len(call.args)) :]]
    if len(passed) != len(names):
        return None
    body: Sequence[ast.stmt] = [deepcopy(one) for one in function.body if not _is_text(one)]
    taken = {node.id for node in ast.walk(caller) if isinstance(node, ast.Name)} | {one.arg for one in caller.args.args}
    stored = {name for one in function.body for name in stored_names(one)}
    for name in sorted(stored & taken | set(names)):
        fresh = next(text for number in range(2, 10_000) if (text := f"{name}_{number}") not in taken | stored)
        for node in (part for one in body for part in ast.walk(one)):
            if isinstance(node, ast.Name) and node.id == name:
                node.id = fresh
        if name in names:
            names[names.index(name)] = fresh
    before: list[ast.stmt] = []
    holder = ast.Module(list(body), [])
    for name, value in zip(names, passed, strict=True):
        uses = [node for node in ast.walk(holder) if isinstance(node, ast.Name) and node.id == name]
        changes = any(not isinstance(node.ctx, ast.Load) for node in uses)
        if changes or (len(uses) > 1 and not isinstance(value, ast.Name | ast.Constant)):
            before.append(ast.Assign([ast.Name(name, ast.Store())], deepcopy(value), lineno=0))
        else:
            Substitution(name, value).visit(holder)
    last = holder.body[-1] if holder.body else None
    if isinstance(last, ast.Return):
        return [*before, *holder.body[:-1]], last.value
    return [*before, *holder.body], None


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _put(statement: ast.stmt, node: ast.expr, value: ast.expr) -> None:
    """Put a value in the place of a node of a statement."""
    for holder in [statement, *own_expressions(statement)]:
        for field, old in ast.iter_fields(holder):
            if old is node:
                setattr(holder, field, value)
            elif isinstance(old, list) and any(one is node for one in old):
                old[:] = [value if one is node else one for one in old]


def _constant(program: Program, name: str) -> bool:
    """Put the value of a constant of the module, or the type of an alias, where it is read."""
    for statement in program.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                called = warp_name(value.func) if isinstance(value, ast.Call) else None
                plain = value.args[0] if isinstance(value, ast.Call) and called == "constant" else value
                program.tree.body.remove(statement)
                Substitution(name, plain).visit(program.tree)
                return True
    return False


def _join(program: Program, function: str, name: str) -> bool:
    """Put a variable's value where it is read next, for a value that is read once before another follows it."""
    holder = _function(program, function)
    for block in blocks(holder) if holder is not None else ():
        for place, statement in enumerate(block):
            match statement:
                case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                    if not _calls_tid(value) and _joined(block, place, name, value):
                        return True
    return False


def _joined(block: list[ast.stmt], place: int, name: str, value: ast.expr) -> bool:
    for number in range(place + 1, len(block)):
        statement = block[number]
        if not any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(statement)):
            continue
        match statement:
            case ast.AugAssign(target=ast.Name(id=found), op=op, value=other) if found == name:
                if name in {node.id for node in ast.walk(other) if isinstance(node, ast.Name)}:
                    if not isinstance(value, ast.Name | ast.Constant):
                        return False
                    other = Substitution(name, value).visit(other)
                block[number] = ast.Assign([statement.target], ast.BinOp(value, op, other), lineno=0)
            case ast.Assign(targets=[ast.Name(id=found)], value=other) if found == name:
                reads = sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(other))
                if reads != 1:
                    return False
                statement.value = Substitution(name, value).visit(other)
            case _:
                return False
        del block[place]
        return True
    return False


def _spread(program: Program, function: str, name: str) -> bool:
    """Put a variable's value wherever it is read, for one that is set once."""
    holder = _function(program, function)
    if holder is None or stored_names(holder).count(name) != 1:
        return False
    for block in blocks(holder):
        for statement in block:
            match statement:
                case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name and not _calls_tid(value):
                    block.remove(statement)
                    if not block:
                        block.append(ast.Pass())
                    Substitution(name, value).visit(holder)
                    return True
    return False


def _zero(program: Program, function: str, name: str) -> bool:
    """Put 0 wherever the number of a thread is read, of one that is alone along its axis."""
    holder = _function(program, function)
    if holder is None:
        return False
    for node in ast.walk(holder):
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name and _calls_tid(value):
                for block in blocks(holder):
                    block[:] = [one for one in block if one is not node]
                Substitution(name, ast.Constant(0)).visit(holder)
                return bool(holder.body)
    return False


def _calls_tid(node: ast.expr) -> bool:
    return any(isinstance(one, ast.Call) and warp_name(one.func) == "tid" for one in ast.walk(node))


def _concrete(program: Program) -> bool:
    """Give a generic kernel's parameters the types of its one overload."""
    overloads = [
        one
        for one in program.tree.body
        if isinstance(one, ast.Expr) and isinstance(one.value, ast.Call) and warp_name(one.value.func) == "overload"
    ]
    match [one.value for one in overloads]:
        case [ast.Call(args=[_, ast.Dict(keys=keys, values=types)])]:
            pairs = zip(keys, types, strict=True)
            by_name = {key.value: type_ for key, type_ in pairs if isinstance(key, ast.Constant)}
        case _:
            return False
    for one in program.kernel.args.args:
        one.annotation = by_name.get(one.arg, one.annotation)
    program.tree.body.remove(overloads[0])
    mentions = Counter(node.id for node in ast.walk(program.tree) if isinstance(node, ast.Name))
    if not mentions["Any"]:
        program.tree.body = [one for one in program.tree.body if not _imports_any(one)]
    return True


def _imports_any(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and [alias.name for alias in statement.names] == ["Any"]
