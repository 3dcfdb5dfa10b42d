"""Docstrings and comments: what a person writes beside the code now and then, and no compiler reads."""

from __future__ import annotations

import libcst as cst

from grammar import nodes
from grammar.choices import Choices, chance, pick
from grammar.scope import Frame

_DOCSTRINGS = 15
"""Percent of the kernels that have a docstring."""

_COMMENTS = 10
"""Percent of the kernels that have a comment before a statement."""

_ENDINGS = (".", ", one element per thread.", " for each thread.", " in parallel.")

_EMPTY = cst.Module([])


def annotate(frame: Frame, name: str, subject: str) -> None:
    """Give the kernel a docstring and comment some statement of its body, each now and then."""
    if chance(frame.choices, _COMMENTS):
        _comment(frame)
    if chance(frame.choices, _DOCSTRINGS):
        text = _docstring(frame, name, subject)
        docstring = nodes.expression_line(cst.SimpleString(f'"""{text}"""'))
        frame.blocks[0].statements.insert(0, docstring)


def _docstring(frame: Frame, name: str, subject: str) -> str:
    """Return the kernel's name as a sentence, or what each thread does."""
    inputs = [array.name for array in frame.arrays if array.use == "read" and array.name in frame.mentioned]
    if inputs and chance(frame.choices, 25):
        return f"Each thread {subject} {' and '.join(inputs[:2])}."
    return name.replace("_", " ").capitalize() + pick(frame.choices, _ENDINGS)


def _comment(frame: Frame) -> None:
    """Put a comment before one of the statements of which something can be said."""
    statements = frame.blocks[0].statements
    found = [(place, text) for place, one in enumerate(statements) if (text := remark(frame.choices, one))]
    if not found:
        return
    place, text = pick(frame.choices, found)
    comment = cst.EmptyLine(comment=cst.Comment(f"# {text}"))
    statements[place] = statements[place].with_changes(leading_lines=[comment])


def remark(choices: Choices, statement: nodes.Statement) -> str:
    """Return what a comment says of a statement, the empty text for one that speaks for itself."""
    match statement:
        case cst.For(iter=cst.Call(args=[cst.Arg(value=cst.Name(value=bound))])):
            return pick(choices, (f"accumulate over {bound}", f"loop over all {bound}", "visit each entry"))
        case cst.For():
            return pick(choices, ("go through the range", "visit each entry", "accumulate"))
        case cst.While():
            return pick(choices, ("iterate until done", "bounded number of iterations"))
        case cst.If(body=cst.IndentedBlock(body=[cst.SimpleStatementLine(body=[cst.Return()])])):
            return pick(choices, ("nothing to do", "out of range", "skip this thread"))
        case cst.If():
            return pick(choices, ("distinguish the cases", "special case", "limit the update"))
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.Call() as call)]):
            return pick(choices, ("shared between threads", "combine across threads")) if _is_atomic(call) else ""
        case cst.SimpleStatementLine(body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Subscript())])]):
            return pick(choices, ("write the result", "store", "output"))
        case cst.SimpleStatementLine(body=[cst.Assign(value=cst.Subscript())]):
            return pick(choices, ("read inputs", "load own element"))
        case _:
            return ""


def _is_atomic(call: cst.Call) -> bool:
    return "atomic_" in _EMPTY.code_for_node(call.func)
