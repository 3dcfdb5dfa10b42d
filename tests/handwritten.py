"""Kernels written by hand that together use what the grammar uses, with how to launch them."""

from __future__ import annotations

from dataclasses import dataclass

from grammar.kernel import Argument


@dataclass(frozen=True)
class Sample:
    """One source with its launch."""

    name: str
    source: str
    dims: tuple[int, ...]
    arguments: tuple[Argument, ...]


def out(name: str, *shape: int) -> Argument:
    """Describe an array that the kernel writes."""
    return Argument(name, shape, {}, True)


def into(name: str, *shape: int, **ranges: tuple[int, int]) -> Argument:
    """Describe an array that the kernel only reads, or a value; a range called `self` is the argument's own."""
    return Argument(name, shape, {"" if path == "self" else path: bounds for path, bounds in ranges.items()})


SCALE = Sample(
    "scale",
    """import warp as wp


@wp.kernel
def scale(source: wp.array(dtype=float), factor: float, out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = source[i] * factor + 1.5
""",
    (37,),
    (into("source", 37), into("factor"), out("out", 37)),
)

BODIES = Sample(
    "bodies",
    """import warp as wp

GRAVITY = wp.constant(9.81)


@wp.struct
class Inner:
    weight: wp.float64
    kind: wp.int8


@wp.struct
class Body:
    position: wp.vec3
    mass: float
    inner: Inner


@wp.func
def energy(mass: float, height: float):
    return mass * GRAVITY * height


@wp.func
def both(body: Body, turn: wp.quat):
    moved = wp.quat_rotate(turn, body.position)
    return energy(body.mass, moved[1]), moved


@wp.kernel
def simulate(
    bodies: wp.array(dtype=Body),
    start: Body,
    turn: wp.quat,
    steps: int,
    energies: wp.array2d(dtype=float),
    moved: wp.array(dtype=wp.vec3),
):
    i, j = wp.tid()
    total, place = both(bodies[i], turn)
    for k in range(steps):
        total = total - start.mass * float(k)
    if total > 3.0 and bodies[i].inner.kind < wp.int8(4):
        total = wp.sqrt(total)
    energies[i, j] = total + float(start.inner.weight)
    if j == 0:
        moved[i] = place * 2.0
""",
    (5, 3),
    (
        into("bodies", 5),
        into("start"),
        into("turn"),
        into("steps", self=(0, 4)),
        out("energies", 5, 3),
        out("moved", 5),
    ),
)

MATRICES = Sample(
    "matrices",
    """import warp as wp


@wp.kernel
def transform(
    matrices: wp.array(dtype=wp.mat33),
    wide: wp.array(dtype=wp.mat22d),
    vectors: wp.array(dtype=wp.vec3),
    offset: wp.vec3,
    out: wp.array(dtype=wp.vec3),
    traces: wp.array(dtype=wp.float64),
):
    i = wp.tid()
    m = matrices[i]
    v = m * vectors[i] + offset
    v[1] = v[1] - m[2, 0]
    out[i] = wp.cross(v, offset)
    traces[i] = wp.determinant(wide[i]) + wp.trace(wp.transpose(wide[i]))
""",
    (19,),
    (
        into("matrices", 19),
        into("wide", 19),
        into("vectors", 19),
        into("offset"),
        out("out", 19),
        out("traces", 19),
    ),
)

ATOMICS = Sample(
    "atomics",
    """import warp as wp


@wp.kernel
def gather(
    values: wp.array3d(dtype=float),
    counts: wp.array(dtype=wp.uint64),
    sums: wp.array(dtype=float),
    lowest: wp.array(dtype=float),
    tally: wp.array(dtype=int),
):
    i, j, k = wp.tid()
    x = values[i, j, k]
    wp.atomic_add(sums, j, x * 0.5)
    wp.atomic_min(lowest, k, x)
    wp.atomic_add(counts, i, wp.uint64(3))
    if x < 1.0:
        wp.atomic_max(tally, 0, i * 7 + k)
    else:
        wp.atomic_sub(tally, 1, j)
""",
    (4, 6, 5),
    (
        into("values", 4, 6, 5),
        out("counts", 4),
        out("sums", 6),
        out("lowest", 5),
        Argument("tally", (2,), {"": (-1000, 1000)}, True),
    ),
)

INTEGERS = Sample(
    "integers",
    """import warp as wp


@wp.kernel
def mix(
    a: wp.array(dtype=wp.int8),
    b: wp.array(dtype=wp.uint8),
    c: wp.array(dtype=wp.int16),
    d: wp.array(dtype=wp.uint16),
    e: wp.array(dtype=wp.uint32),
    f: wp.array(dtype=wp.int64),
    g: wp.array(dtype=wp.uint64),
    limit: wp.uint64,
    out: wp.array(dtype=wp.uint64),
    narrow: wp.array(dtype=wp.int8),
    small: wp.array(dtype=wp.uint8),
    flags: wp.array(dtype=wp.bool),
):
    i = wp.tid()
    total = g[i] * wp.uint64(2654435761) + wp.uint64(b[i]) * wp.uint64(d[i])
    n = int(0)
    while total > limit and n < 5:
        total = total >> wp.uint64(3)
        n += 1
        if n == 4:
            break
    out[i] = (total ^ wp.uint64(e[i])) | (g[i] & wp.uint64(255))
    narrow[i] = wp.int8(wp.int16(a[i]) / wp.int16(3)) + wp.int8(f[i] & wp.int64(7))
    small[i] = b[i] * b[i] - wp.uint8(d[i])
    flags[i] = c[i] < wp.int16(a[i]) or not (f[i] > wp.int64(0))
""",
    (43,),
    (
        *(into(name, 43) for name in "abcdefg"),
        into("limit"),
        out("out", 43),
        out("narrow", 43),
        out("small", 43),
        out("flags", 43),
    ),
)

HALVES = Sample(
    "halves",
    """import warp as wp


@wp.kernel
def blend(
    x: wp.array(dtype=wp.float16),
    y: wp.array(dtype=wp.float64),
    v: wp.array(dtype=wp.vec2h),
    bias: wp.float16,
    out: wp.array(dtype=wp.float16),
    wide: wp.array2d(dtype=wp.float64),
):
    i, j = wp.tid()
    wide[i, j] = y[i] * wp.float64(x[i]) - wp.sqrt(wp.abs(y[i])) / wp.float64(j + 3)
    if j == 0:
        out[i] = x[i] * bias + wp.dot(v[i], v[i])
""",
    (21, 2),
    (into("x", 21), into("y", 21), into("v", 21), into("bias"), out("out", 21), out("wide", 21, 2)),
)

LIBRARY = Sample(
    "library",
    """import warp as wp


@wp.func
def wave(x: float, phase: float):
    return wp.sin(x + phase) * wp.exp(-wp.abs(x))


@wp.kernel
def waves(x: wp.array(dtype=float), phase: float, out: wp.array(dtype=float)):
    i = wp.tid()
    total = float(0.0)
    for k in range(3):
        total += wave(x[i], phase * float(k))
    out[i] = total
""",
    (40,),
    (into("x", 40), into("phase"), out("out", 40)),
)

SAMPLES = (SCALE, BODIES, MATRICES, ATOMICS, INTEGERS, HALVES, LIBRARY)
EXACT = (SCALE, BODIES, MATRICES, INTEGERS, HALVES)
"""Those without a library function or a float atomic: both targets agree on them to the bit."""

ENDLESS = """import warp as wp


@wp.kernel
def endless(out: wp.array(dtype=float)):
    i = wp.tid()
    x = float(0.0)
    while x < 1.0:
        x = x * 0.5
    out[i] = x
"""
