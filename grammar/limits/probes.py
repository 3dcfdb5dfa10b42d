"""One small kernel for each limit and each wrong form, with a near miss that stays within.

Each is a body of `probe(n: int, x: wp.array(dtype=float), y: wp.array(dtype=float), k: wp.array(dtype=int), out:
wp.array(dtype=float))` of a module in which `PREAMBLE` stands, run by one thread with n = 3, the `X` below, y = 7, 2,
and zeros. Of a limit of gradients it shows if the gradient of out[0] + y[0] is not that of calculus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

N = 3
X = (1.25, 0.5, 2.0, 1.5, 0.75, 3.0, 1.125, 0.875)
Y = (7.0, 2.0)

PREAMBLE = """\
import warp as wp


@wp.struct
class Body:
    v: wp.vec3
    f: float


@wp.func
def square(v: float):
    return v * v


{functions}@wp.kernel
def probe(
    n: int, x: wp.array(dtype=float), y: wp.array(dtype=float), k: wp.array(dtype=int), out: wp.array(dtype=float)
):
"""

_CHANGED = """\
@wp.func
def changed(v: wp.vec3, s: float):
    v[0] = 9.0 * s
    return v[0]


"""

_KEPT = """\
@wp.func
def changed(v: wp.vec3, s: float):
    w = 9.0 * s + 0.0 * v[0]
    return w


"""


@dataclass(frozen=True)
class Probe:
    """A body beyond a limit and one that is not; `python` and `warp` are what out[0] is where values are concerned."""

    beyond: str
    within: str
    python: float | None = None
    warp: float | None = None
    functions: tuple[str, str] = ("", "")

    def source(self, beyond: bool) -> str:
        """Return the whole module of either body."""
        body = self.beyond if beyond else self.within
        preamble = PREAMBLE.format(functions=self.functions[0 if beyond else 1])
        return preamble + "".join(f"    {line}\n" for line in body.splitlines())


_SUM = "s = float(0.0)\nfor i in range(n):\n    s += x[i] * x[i]\n"

LIMITS: Mapping[str, Probe] = MappingProxyType(
    {
        "component-assigned-again": Probe(
            "v = wp.vec3()\nv[0] = x[0]\nv[0] = x[1]\nout[0] = v[0] * v[0]",
            "v = wp.vec3()\nv[0] = x[0]\nv[1] = x[1]\nv[0] += x[2]\nout[0] = v[0] * v[1]",
        ),
        "in-place-product": Probe("y[0] *= x[1]", "y[0] -= x[1]"),
        "dynamic-loop": Probe(
            "s = float(1.0)\nfor i in range(n):\n    s *= x[i]\nout[0] = s",
            _SUM + "out[0] = s * 2.0",
        ),
        "array-overwritten": Probe("out[0] = x[0] * x[0]\nx[0] = 1.0", "y[0] = x[0] * x[1]\nout[0] = y[0] * y[0]"),
        "atomic-result": Probe(
            "i = wp.atomic_add(k, 0, 1)\nout[0] = x[i] * x[i]",
            "wp.atomic_add(k, 0, 1)\nout[0] = x[0] * x[0]",
        ),
        "grad-in-kernel": Probe("out[0] = wp.grad(square)(x[0])", "out[0] = square(x[0])"),
        "not-differentiable": Probe("out[0] = wp.frac(x[0])", "out[0] = x[0] - wp.floor(x[0])"),
        "tile-stack": Probe(
            "stack = wp.tile_stack(capacity=4, dtype=float)\nwp.tile_stack_push(stack, x[0] * x[0], True)\n"
            "v, slot = wp.tile_stack_pop(stack)\nout[0] = v",
            "t = wp.tile_load(x, shape=2)\nwp.tile_store(out, t)",
        ),
        "matmul-factor": Probe(
            "a = wp.tile_zeros(shape=(2, 2), dtype=float)\nb = wp.tile_ones(shape=(2, 2), dtype=float)\n"
            "wp.tile_matmul(b, b, a, alpha=x[0])\nout[0] = a[0, 0]",
            "a = wp.tile_zeros(shape=(2, 2), dtype=float)\nb = wp.tile_ones(shape=(2, 2), dtype=float)\n"
            "wp.tile_matmul(b, b, a, alpha=2.0)\nout[0] = a[0, 0] * x[0]",
        ),
        "noise-shape": Probe(
            "v = wp.curlnoise(wp.rand_init(7), wp.vec2(0.25, 0.75), wp.uint32(3), x[2], x[4])\nout[0] = v[0]",
            "v = wp.curlnoise(wp.rand_init(7), wp.vec2(0.25, 0.75), wp.uint32(3), 2.0, 0.75)\nout[0] = v[0] * x[0]",
        ),
        "remainder-sign": Probe("out[0] = float((k[0] - 3) % 2)", "out[0] = float(k[0] // 2)", 1.0, -1.0),
        "rounding-of-halves": Probe("out[0] = wp.round(x[1])", "out[0] = wp.rint(x[1])", 0.0, 1.0),
        "arcsine-clamped": Probe("out[0] = wp.asin(x[5]) * 0.0", "out[0] = wp.atan(x[5])", float("nan"), 0.0),
    }
)
"""The limits that can be shown: what lies beyond the others is undefined, or depends on the order of threads."""

WRONG: Mapping[str, Probe] = MappingProxyType(
    {
        "break-in-loop-gradient": Probe(
            "s = float(0.0)\nfor i in range(n + 2):\n    if i == 3:\n        break\n    s += x[i] * x[i]\nout[0] = s",
            _SUM + "out[0] = s",
        ),
        "remainder-gradient": Probe("out[0] = x[0] % x[1]", "out[0] = x[0] % 0.5"),
        "tuple-gradient": Probe(
            "t = (x[0] * 2.0, n)\nout[0] = t[0] * 3.0", "a, b = x[0] * 2.0, n\nout[0] = a * 3.0 * float(b)"
        ),
        "field-component-gradient": Probe(
            "s = Body()\ns.v[1] = x[4]\nout[0] = s.v[1]",
            "s = Body()\ns.v = wp.vec3(x[0], x[4], 0.0)\nout[0] = s.v[1]",
        ),
        "parameter-component-gradient": Probe(
            "v = wp.vec3(x[0], x[1], x[2])\na = changed(v, x[3])\nout[0] = v[0] + a",
            "v = wp.vec3(x[0], x[1], x[2])\na = changed(v, x[3])\nout[0] = v[0] + a",
            functions=(_CHANGED, _KEPT),
        ),
        "component-update-gradient": Probe(
            "v = wp.vec3(x[0], x[1], x[2])\na = wp.dot(v, v)\nv[1] -= 5.0\nout[0] = a",
            "v = wp.vec3(x[0], x[1], x[2])\na = wp.dot(v, v)\nw = v\nw[1] -= 5.0\nout[0] = a",
        ),
        "atomic-tie-gradient": Probe(
            "wp.atomic_max(out, 0, x[2])\nwp.atomic_max(out, 0, x[2])", "out[0] = wp.max(x[2], x[2])"
        ),
        "loop-changes-earlier-gradient": Probe(
            "s = x[0] * 1.0\nout[0] = s * s\nfor i in range(n):\n    s += 10.0",
            "s = x[0] * 1.0\nout[0] = s * s\nr = s * 1.0\nfor i in range(n):\n    r += 10.0",
        ),
        "transform-component-gradient": Probe(
            "t = wp.transform(wp.vec3(x[0], x[1], x[2]), wp.quat_identity())\nt[0] = x[3]\nout[0] = t[0] * t[0]",
            "t = wp.transform(wp.vec3(x[3], x[1], x[2]), wp.quat_identity())\nout[0] = t[0] * t[0]",
        ),
    }
)
"""The forms whose gradients are wrong without being documented, by finding."""
