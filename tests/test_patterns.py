"""Pattern labels, on kernels small enough to see them, and on the categories that are named after them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grammar import SeededChoices, generate
from grammar.patterns import PATTERNS, patterns

HEAD = """import warp as wp


@wp.struct
class Grid:
    cells: wp.array(dtype=float)


@wp.func
def left_of(values: wp.array(dtype=float), i: int):
    return values[wp.max(i - 1, 0)]


@wp.kernel
def kernel(x: wp.array(dtype=float), m: wp.array2d(dtype=float), picks: wp.array(dtype=int), n: int, grid: Grid,
           total: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
"""

BODIES = {
    "out[i] = 2.0 * x[i]": "map",
    "out[i * 4 + 1] = x[i]": "map",
    "out[i % 4] = x[i]": "",
    "out[i] = x[wp.max(i - 1, 0)] + x[i]": "map stencil",
    "out[i] = left_of(x, i) + x[i]": "map stencil",
    "out[i] = grid.cells[i] + grid.cells[(i + 1) % n]": "map stencil",
    "s = float(0.0)\nfor k in range(-1, 2):\n    s += x[wp.clamp(i + k, 0, 9)]\nout[i] = s": "map stencil reduce",
    "s = float(0.0)\nfor k in range(n):\n    s += m[i, k]\nout[i] = s": "map reduce",
    "s = float(0.0)\nfor k in range(n):\n    s += x[i * 8 + k]\nout[i] = s": "map reduce",
    "s = float(0.0)\nk = int(0)\nwhile k < n:\n    s = wp.max(s, x[k])\n    k += 1\nout[i] = s": "map reduce",
    "c = int(0)\nfor k in range(n):\n    if x[k] > 0.0:\n        c += 1\nout[i] = float(c)": "map reduce",
    "s = float(1.0)\nfor k in range(n):\n    s *= 0.5\nout[i] = s": "map",
    "wp.atomic_add(total, 0, x[i])": "reduce",
    "s = float(0.0)\nfor k in range(i):\n    s += x[k]\nout[i] = s": "map scan",
    "s = float(0.0)\nfor k in range(i, n, 32):\n    s += x[k]\nout[i] = s": "map reduce",
    "s = float(0.0)\nfor k in range(n):\n    s += x[k]\n    out[k] = s": "reduce scan",
    "out[i] = x[picks[i]]": "map gather",
    "j = picks[i]\nout[i] = x[j]": "map gather",
    "out[picks[i]] = x[i]": "scatter",
    "wp.atomic_add(total, picks[i], x[i])": "scatter",
    "b = wp.clamp(int(x[i] * 8.0), 0, 7)\nwp.atomic_add(total, b, 1.0)": "scatter histogram",
    "t = wp.tile_load(x, shape=16)\nwp.tile_store(out, wp.tile_scan_inclusive(t))": "tile scan",
    "t = wp.tile_load(x, shape=16)\nwp.tile_store(out, wp.tile_sum(t))": "tile reduce",
}


@pytest.mark.parametrize(("body", "labels"), BODIES.items())
def test_a_kernel_has_the_labels_that_its_accesses_show(body, labels):
    source = HEAD + "".join(f"    {line}\n" for line in body.splitlines())
    assert set(patterns(source)) == set(labels.split())


@pytest.mark.parametrize(
    ("category", "label", "share"),
    [
        ("reduction", "reduce", 0.9),
        ("scan", "scan", 0.6),
        ("stencil", "stencil", 0.95),
        ("pde", "stencil", 0.95),
        ("graph", "gather", 0.95),
        ("fem", "scatter", 0.95),
        ("histogram", "histogram", 0.6),
        ("neural", "reduce", 0.9),
        ("tile", "tile", 1.0),
    ],
)
def test_kernels_of_a_category_show_its_pattern(category, label, share):
    sources = [generate(SeededChoices(f"patterns/{index}"), category).source for index in range(20)]
    assert sum(label in patterns(source) for source in sources) >= share * len(sources)


@given(st.integers(0, 10**6), st.sampled_from(["combined", "atomic", "geometry", "transform"]))
@settings(deadline=None, max_examples=30)
def test_labels_are_those_of_the_table_in_its_order(seed, category):
    found = patterns(generate(SeededChoices(seed), category).source)
    assert list(found) == [label for label in PATTERNS if label in found]
