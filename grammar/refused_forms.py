"""Forms of Python that no production writes, and why: Warp refuses them or gets them wrong.

Each is a body of a kernel `probe(n: int, x: wp.array(dtype=float), k: wp.array(dtype=int), out: wp.array(dtype=float))`
of a module in which `PREAMBLE` stands. A test compiles them with the installed Warp, so that a release which accepts or
mends one is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PREAMBLE = """\
import warp as wp


@wp.struct
class Body:
    v: wp.vec3
    t: wp.transform
    f: float


@wp.func
def bump(k: wp.array(dtype=int), by: int):
    k[0] = k[0] * 10 + by
    return by


@wp.func
def changed(v: wp.vec3, s: float):
    v[0] = 9.0 * s
    return v[0]


@wp.func
def counted(x: wp.array(dtype=float), j: int, out: wp.array(dtype=float)):
    wp.atomic_add(out, j, x[j] * 2.0)
    return x[j] > 1.2


@wp.kernel
def probe(n: int, x: wp.array(dtype=float), k: wp.array(dtype=int), out: wp.array(dtype=float)):
"""

_VECTOR = "v = wp.vec3(x[0], x[1], x[2])\n"

REFUSED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "several targets": ("a = b = x[0]\nout[0] = a + b", "same value to multiple variables"),
        "nested unpacking": ("(a, b), c = (x[0], x[1]), x[2]\nout[0] = a", "simple variables"),
        "starred unpacking": ("a, *b = x[0], x[1]\nout[0] = a", "simple variables"),
        "unpacking into elements": ("out[0], out[1] = x[1], x[0]", "simple variables"),
        "unpacking a vector": (_VECTOR + "a, b, c = v\nout[0] = a", "has no len"),
        "walrus": ("if (m := n * 2) > 2:\n    out[0] = 1.0", "NamedExpr"),
        "is": ("a = n > 0\nif a is True:\n    out[0] = 1.0", "ast.Is"),
        "in": ("if n in (1, 2):\n    out[0] = 1.0", "ast.In"),
        "annotated assignment": ("a: float = x[0]\nout[0] = a", "AnnAssign"),
        "del": ("a = x[0]\ndel a", "Delete"),
        "lambda": ("f = lambda a: a\nout[0] = f(x[0])", "Lambda"),
        "list": ("a = [1, 2]\nout[0] = float(a[0])", "List constructs"),
        "comprehension": ("a = [x[j] for j in range(3)]", "ListComp"),
        "None": ("a = None", "None type"),
        "try": ("try:\n    out[0] = 1.0\nfinally:\n    pass", "Try"),
        "with": ("with wp.vec3() as v:\n    pass", "With"),
        "match": ("match n:\n    case 1:\n        out[0] = 1.0", "Match"),
        "f-string": ("print(f'{n}')", "JoinedStr"),
        "raise": ("raise ValueError", "Raise"),
        "loop over a vector": (_VECTOR + "for c in v:\n    out[0] += c", "iter_next"),
        "loop over a tuple": ("for c in (1, 2, 3):\n    out[0] += float(c)", "iter_next"),
        "enumerate": ("for c, d in enumerate(range(3)):\n    out[0] += 1.0", "enumerate"),
        "slice of variable bounds": (_VECTOR + "a = v[n:3]\nout[0] = a[0]", "compile-time constant"),
        "one value for a slice": (_VECTOR + "v[1:3] = x[3]\nout[0] = v[1]", "expected to be a vector"),
        "one value added to a slice": (_VECTOR + "v[1:3] += x[3]\nout[0] = v[1]", "expected to be a vector"),
        "slice of a field": ("s = Body()\ns.v[0:2] = wp.vec2(x[0], x[1])\nout[0] = s.v[0]", "indexref"),
        "slice of a field, augmented": ("s = Body()\ns.v[0:2] += wp.vec2(x[0], x[1])\nout[0] = s.v[0]", "indexref"),
        "part of a field": ("s = Body()\ns.t.p = wp.vec3(x[0], x[1], x[2])\nout[0] = s.t[0]", "transform attribute"),
        "power of integers": ("a = k[0]\na **= 2\nout[0] = float(a)", "overload for 'pow'"),
        "exclusive or of bools": ("a = n > 1\nb = n > 2\nif a ^ b:\n    out[0] = 1.0", "bit_xor"),
        "chain that ends with an element": ("b = x[0]\nif 0.0 < b < x[1]:\n    out[0] = 1.0", "unequal types"),
        "inequality of vectors": (_VECTOR + "if v != wp.vec3():\n    out[0] = 1.0", "invalid operands"),
        "equality of structs": ("s = Body()\nif s == s:\n    out[0] = 1.0", "invalid operands"),
        "unpacked elements that change": (
            "a, b = x[0], x[1]\nfor j in range(n):\n    a += 1.0\nout[0] = a + b",
            "different type",
        ),
        "unpacked literals that change": (
            "a, b = 0.0, 1.0\nfor j in range(n):\n    a += x[j]\nout[0] = a + b",
            "mutating a constant",
        ),
    }
)
"""Forms that Warp 1.19 refuses, each with a part of what it or the compiler behind it says."""


@dataclass(frozen=True)
class Wrong:
    """A form that Warp 1.19 compiles and gets wrong: its body, what Python leaves in `out[0]`, and the reason.

    Each is run with n = 3, x = 0.5, 1.0, 1.5, …, and k = 5, 6, 7, ….
    """

    body: str
    python: float
    reason: str


WRONG: Mapping[str, Wrong] = MappingProxyType(
    {
        "swap in a loop": Wrong(
            "a = x[0] * 1.0\nb = x[1] * 1.0\nfor j in range(n):\n    a, b = b, a\nout[0] = a * 10.0 + b",
            10.5,
            "the values of a dynamic loop are carried over one after the other, so the first overwrites the second",
        ),
        "rotation in a loop": Wrong(
            "a = int(1)\nb = int(2)\nc = int(3)\nfor j in range(n + 1):\n    a, b, c = b, c, a\n"
            "out[0] = float(a * 100 + b * 10 + c)",
            231.0,
            "as for a swap",
        ),
        "recurrence against the order of declaration": Wrong(
            "b = int(2)\na = int(1)\nfor j in range(n):\n    a, b = b, a + b\nout[0] = float(a * 10 + b)",
            58.0,
            "as for a swap: `b` is carried over before `a` reads it",
        ),
        "unpacked variable that changes": Wrong(
            "s = float(1.0)\nt = x[1] * 2.0\na, b = s, t\nfor j in range(n):\n    s += 1.0\nout[0] = a + b",
            3.0,
            "unpacking names a variable again instead of copying it",
        ),
        "unpacked field that changes": Wrong(
            "s = Body()\ns.f = x[1]\na, b = s.f, s.v\ns.f = 9.0\nout[0] = a + b[0]",
            1.0,
            "unpacking keeps a reference to the field",
        ),
        "unpacked element that changes": Wrong(
            "a, b = x[0], x[1]\nx[0] = 5.0\nout[0] = a + b", 1.5, "unpacking keeps a reference to the element"
        ),
        "element before a call that changes it": Wrong(
            "s = k[0] + bump(k, 3)\nout[0] = float(s)", 8.0, "the element is loaded after the call to its right"
        ),
        "else of a for loop": Wrong(
            "s = int(0)\nfor j in range(n):\n    s += j\nelse:\n    s = int(100)\nout[0] = float(s)",
            100.0,
            "the else is dropped",
        ),
        "else of a while loop": Wrong(
            "j = int(0)\nwhile j < n:\n    j += 1\nelse:\n    j = int(100)\nout[0] = float(j)",
            100.0,
            "the else is dropped",
        ),
        "call at the end of a chain": Wrong(
            "if 9 < n < bump(k, 7):\n    out[1] = 1.0\nout[0] = float(k[0])",
            5.0,
            "every operand of a chain is evaluated, whatever the first comparison says",
        ),
        "value of and": Wrong("a = n and 5\nout[0] = float(int(a))", 5.0, "and gives a bool"),
    }
)
"""Forms whose values are wrong, the same on both targets."""


WRONG_GRADIENTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "call behind and": (
            "if counted(x, 2, out) and counted(x, 0, out):\n    out[3] = 1.0",
            "the adjoint of the second call runs only where its result was true",
        ),
        "parameter changed in place": (
            _VECTOR + "a = changed(v, x[3])\nout[0] = v[0] + a",
            "what the caller's own use adds to the gradient is counted again in the function",
        ),
    }
)
"""Forms whose values are right and whose gradients are not, on both targets alike, each with the reason.

Others are written all the same, in kernels without a backward pass: `grammar.limits.wrong` holds them. Warp's
documentation announces neither those nor any form of these tables; what it does announce is in `grammar.limits.table`.
What comes out of some other forms is not determined, so that no table can hold it: the index of a loop after it has
made no trip, the gradient where a dynamic loop's index is read after the loop, and a `return` in a while loop, whose
backward pass never ends.
"""
