"""Kernels by hand for the reference evaluator: one idea each, launched over four threads on `out` alone."""

from __future__ import annotations

import re
import textwrap

HEAD = """from enum import IntEnum
from typing import Any

import warp as wp


class Shape(IntEnum):
    BALL = 3
    BOX = 5


class Limits:
    LOW = -1.5
    COUNT = 2


@wp.struct
class Inner:
    v: wp.vec3
    t: wp.transform
    m: wp.mat22
    n: int


@wp.struct
class Outer:
    inner: Inner
    weight: wp.float64


@wp.func
def twice(f: wp.Function, x: float):
    return f(f(x))


@wp.func
def halved(x: float) -> float:
    return x / 2.0


@wp.func
def scaled(x: Any, factor: Any):
    return x * factor


@wp.func
def pick(a: float, b: float = Limits.LOW) -> float:
    return wp.min(a, b)


@wp.func
def pick(a: int, b: int) -> int:
    return wp.max(a, b)


@wp.func
def renamed(v: wp.vec3, x: float):
    v[0] = 100.0
    x = x + v[0]
    return x


@wp.func
def moved(s: Inner, by: int) -> Inner:
    s.n = s.n + by
    s.v[1] = float(s.n)
    return s


@wp.func
def add(a: Inner, b: Inner) -> Inner:
    c = Inner()
    c.v = a.v + b.v
    c.n = a.n + b.n
    return c


@wp.func
def both(a: int, b: float) -> tuple[int, float]:
    return a + 1, b * 2.0


@wp.func
def drawn(rng: wp.uint32) -> float:
    first = wp.randf(rng)
    return first + wp.randf(rng)


@wp.func
def squared(x: float):
    return x * x


@wp.func_grad(squared)
def adj_squared(x: float, adj_ret: float):
    wp.adjoint[x] += 2.0 * x * adj_ret


"""

BODIES: dict[str, tuple[str, list[float]]] = {
    "integer division": (
        """
        out[i] = float((-7 - i) / 2 * 100 + (-7 - i) // 2 * 10 + (-7 - i) % 2)
        """,
        [-341, -440, -451, -550],
    ),
    "literals take the other operand's type": (
        """
        out[i] = float(wp.uint8(i + 250) + wp.uint8(4))
        """,
        [254, 255, 0, 1],
    ),
    "enumerations": (
        """
        out[i] = float(Shape.BOX - i * int(Shape.BALL))
        """,
        [5, 2, -1, -4],
    ),
    "classes of constants": (
        """
        out[i] = Limits.LOW * float(i * Limits.COUNT)
        """,
        [0, -3, -6, -9],
    ),
    "callbacks": (
        """
        f = halved
        out[i] = twice(f, float(i)) + twice(halved, 4.0)
        """,
        [1, 1.25, 1.5, 1.75],
    ),
    "generic functions": (
        """
        d = scaled(wp.float64(i), wp.float64(0.5))
        out[i] = float(d) + scaled(wp.vec3(1.0, 2.0, 3.0), 2.0)[2]
        """,
        [6, 6.5, 7, 7.5],
    ),
    "overloads and defaults": (
        """
        out[i] = pick(float(i)) + float(pick(i, 2))
        """,
        [0.5, 0.5, 0.5, 1.5],
    ),
    "types of values": (
        """
        x = wp.float64(i)
        out[i] = float(type(x)(3) / type(x)(2)) + out.dtype(i)
        """,
        [1.5, 2.5, 3.5, 4.5],
    ),
    "functions change their own copies": (
        """
        v = wp.vec3(1.0, 2.0, 3.0)
        x = float(i)
        y = renamed(v, x)
        out[i] = v[0] + x + y
        """,
        [101, 103, 105, 107],
    ),
    "structs are values": (
        """
        s = Inner()
        s.n = i
        t = s
        t.n += 5
        u = moved(s, 2)
        out[i] = float(s.n + 10 * t.n + 100 * u.n) + u.v[1] + s.v[1]
        """,
        [252, 364, 476, 588],
    ),
    "chains of fields and components": (
        """
        s = Outer()
        s.inner.v[1] = 2.0
        s.inner.v.x += 3.0
        s.inner.m[1, 0] = 4.0
        s.inner.m[1][0] += 1.0
        t = wp.transform()
        t.p = wp.vec3(1.0, float(i), 0.0)
        s.inner.t = t
        s.inner.n -= 1
        out[i] = s.inner.v[0] + s.inner.v[1] + s.inner.m[1, 0] + s.inner.t.p[1] + float(s.inner.n)
        """,
        [9, 10, 11, 12],
    ),
    "operators of structs": (
        """
        a = Inner()
        a.n = i
        a.v = wp.vec3(1.0, 1.0, 1.0)
        b = a + a
        b += a
        out[i] = float(b.n) + b.v[2]
        """,
        [3, 6, 9, 12],
    ),
    "tuples": (
        """
        n, x = both(i, 1.5)
        pair = (x, n)
        y, m = pair
        out[i] = y * 10.0 + float(m + n) + pair[0]
        """,
        [35, 37, 39, 41],
    ),
    "swaps": (
        """
        a = float(i)
        b = float(10)
        a, b = b, a
        out[i] = a - b
        """,
        [10, 9, 8, 7],
    ),
    "loops": (
        """
        total = int(0)
        for k in range(10, i, -3):
            if k == 4:
                continue
            total += k
        for k in reversed(range(0, 9, 4)):
            if k < i:
                break
            total = total * 2 + k
        n = int(0)
        while n < i:
            n += 1
            total += wp.static(Limits.COUNT)
        out[i] = float(total)
        """,
        [184, 90, 92, 94],
    ),
    "chained comparisons": (
        """
        out[i] = wp.where(0 < i <= 2 and not i == 1, 1.0, 0.5)
        """,
        [0.5, 0.5, 1.0, 0.5],
    ),
    "conditional expressions": (
        """
        out[i] = 1.0 if i > 1 else (2.0 if i == 1 else 3.0)
        """,
        [3, 2, 1, 1],
    ),
    "local arrays": (
        """
        a = wp.zeros(shape=(2, 3), dtype=int)
        a[1, 2] = i
        a[1][0] = 7
        a[-1, -1] += 1
        row = a[1]
        out[i] = float(row[2] + row[0] + len(row) + a.shape[0])
        """,
        [13, 14, 15, 16],
    ),
    "slices": (
        """
        v = wp.vec4(1.0, 2.0, 3.0, 4.0)
        v[1:3] = v[0:2]
        w = v[::-1]
        v[0:2] += wp.vec2(1.0, float(i))
        out[i] = v[0] + v[1] * 10.0 + v[2] * 100.0 + w[0] * 1000.0
        """,
        [4212, 4222, 4232, 4242],
    ),
    "slices of itself": (
        """
        v = wp.vec3(1.0, 2.0, 4.0)
        w = v
        v[::-1] = v[0:3]
        w[::-1] += w[:]
        out[i] = v[0] * 100.0 + v[2] * 10.0 + w[0]
        """,
        [415] * 4,
    ),
    "arrays from pointers": (
        """
        out[i] = float(i)
        b = wp.array(ptr=out.ptr, shape=(2, 2), dtype=float)
        out[i] = b[i // 2, i % 2] + 1.0
        """,
        [1, 2, 3, 4],
    ),
    "atomics return what was there": (
        """
        out[i] = 0.0
        old = wp.atomic_add(out, i, 2.5)
        older = wp.atomic_max(out, i, 4.0)
        out[i] += 10.0 * old + older
        """,
        [6.5, 6.5, 6.5, 6.5],
    ),
    "bits": (
        """
        out[i] = wp.cast(wp.int32(0x40000000) + (i << 23), float)
        """,
        [2, 4, 8, 16],
    ),
    "generators are values in functions": (
        """
        rng = wp.rand_init(42, i)
        a = drawn(rng)
        b = drawn(rng)
        first = wp.randf(rng)
        out[i] = wp.where(a == b, 1.0, 0.0) + wp.where(wp.randf(rng) == first, 1.0, 0.0)
        """,
        [1, 1, 1, 1],
    ),
    "custom gradients": (
        """
        out[i] = squared(float(i))
        """,
        [0, 1, 4, 9],
    ),
    "assertions and prints leave no trace": (
        """
        assert i >= 0
        print("here")
        wp.printf("%d", i)
        out[i] = 1.0
        """,
        [1, 1, 1, 1],
    ),
}
"""The statements of a kernel of `i` and `out`, and what each of the four threads leaves in `out`."""


def source(name: str) -> str:
    """Return the source of one kernel."""
    statements = textwrap.indent(textwrap.dedent(BODIES[name][0]).strip(), "    ")
    kernel = re.sub(r"\W", "_", name)
    return f"{HEAD}@wp.kernel\ndef {kernel}(out: wp.array(dtype=float)):\n    i = wp.tid()\n{statements}\n"
