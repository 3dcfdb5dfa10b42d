"""A minimised source as a person would lay it out: lines between definitions, a parameter a line if there are many."""

from __future__ import annotations

import ast

WIDTH = 100
"""Longer heads of functions are broken."""


def printed(source: str) -> str:
    """Return a source in normal layout; its tree stays the same."""
    parts = [(node, _printed(node)) for node in ast.parse(source).body]
    text = ""
    for number, (node, own) in enumerate(parts):
        is_definition = isinstance(node, ast.FunctionDef | ast.ClassDef)
        after_definition = number > 0 and isinstance(parts[number - 1][0], ast.FunctionDef | ast.ClassDef)
        if number:
            after_import = isinstance(parts[number - 1][0], ast.Import | ast.ImportFrom)
            is_import = isinstance(node, ast.Import | ast.ImportFrom)
            text += "\n\n" if is_definition or after_definition else "\n" if after_import and not is_import else ""
        text += own + "\n"
    return text


def _printed(node: ast.stmt) -> str:
    lines = ast.unparse(node).splitlines()
    return "\n".join(_broken(line) if line.startswith("def ") and len(line) > WIDTH else line for line in lines)


def _broken(head: str) -> str:
    """Return the head of a function with a line for each parameter."""
    opening, closing = head.index("(") + 1, head.rindex(")")
    parts, depth = [""], 0
    for character in head[opening:closing]:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    inner = "".join(f"    {part.strip()},\n" for part in parts)
    return f"{head[:opening]}\n{inner}{head[closing:]}"
