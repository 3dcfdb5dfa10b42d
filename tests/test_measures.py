"""Complexity measures on a kernel small enough to count by hand."""

from __future__ import annotations

from grammar.measures import measure, names_from_warp

SOURCE = """import warp as wp


@wp.func
def scale(x: wp.float32):
    return 2.0 * x


@wp.kernel
def apply(values: wp.array(dtype=wp.float32)):
    i = wp.tid()
    # only the positive ones
    if values[i] > 0.0:
        for k in range(3):
            values[i] += scale(values[i])
    elif values[i] < -1.0:
        values[i] = wp.sin(values[i])
"""


def test_every_count_is_what_one_counts_by_hand():
    counts = measure(SOURCE)
    assert (counts.lines, counts.statements) == (11, 7)
    assert (counts.nesting, counts.loops, counts.branches) == (2, 1, 2)
    assert (counts.functions, counts.structs) == (1, 0)
    assert counts.operators == 4  # 2.0 * x, two comparisons, and the minus of -1.0
    assert counts.depth == 3  # scale(values[i])


def test_an_elif_is_no_deeper_than_its_if():
    assert measure(SOURCE.replace("        for k in range(3):\n    ", "")).nesting == 1


def test_names_from_warp_are_those_after_wp_dot():
    assert names_from_warp(SOURCE) == {"func", "kernel", "float32", "array", "tid", "sin"}


def test_docstrings_imports_enums_and_overloads_do_not_count():
    other = SOURCE.replace("import warp as wp\n", "from enum import IntEnum\n\nimport warp as wp\n")
    other = other.replace("    i = wp.tid()", '    """Apply it.\n\n    To all.\n    """\n    i = wp.tid()')
    other += "\n\n@wp.overload\ndef apply(values: wp.array(dtype=wp.float64)): ...\n"
    counts, before = measure(other), measure(SOURCE)
    assert (counts.functions, counts.statements, counts.depth) == (before.functions, before.statements, before.depth)
    assert counts.lines == before.lines + 2
    assert measure("from enum import IntEnum\nclass Mode(IntEnum):\n    A = 1\n" + SOURCE).structs == 0
