"""Forms that a person might try and Warp refuses, or takes without doing what they say; so none is generated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """Why a form is not generated, with a kernel that Warp refuses because of it.

    `definitions` stand before the kernel, `body` in it, where `x` is the thread's float and `n` its int; `decorator`
    are the arguments of `@wp.kernel`.
    """

    reason: str
    body: str
    definitions: str = ""
    decorator: str = ""

    @property
    def source(self) -> str:
        """The kernel's module."""
        lines = "".join(f"    {line}\n" for line in self.body.splitlines())
        return (
            f"import warp as wp\n\n{self.definitions}\n\n@wp.kernel{self.decorator}\n"
            "def attempt(xs: wp.array(dtype=float), ns: wp.array(dtype=int), out: wp.array(dtype=float)):\n"
            f"    i = wp.tid()\n    x = xs[i]\n    n = ns[i]\n{lines}"
        )


_STRUCT = "@wp.struct\nclass Pair:\n    u: float\n    v: wp.vec3\n"
_TWO = "@wp.func\ndef both(a: float):\n    return a, 2.0 * a\n"
_SQUARE = "@wp.func\ndef square(a: float):\n    return a * a\n"

REFUSED: Mapping[str, Refusal] = {
    "recursion": Refusal(
        "a function's calls are resolved while its code is generated, without end",
        "out[i] = float(factorial(n))",
        "@wp.func\ndef factorial(a: int) -> int:\n    if a < 2:\n        return 1\n    return a * factorial(a - 1)\n",
    ),
    "mutual recursion": Refusal(
        "as for recursion",
        "out[i] = float(even(n))",
        "@wp.func\ndef even(a: int) -> int:\n    if a == 0:\n        return 1\n    return odd(a - 1)\n\n\n"
        "@wp.func\ndef odd(a: int) -> int:\n    if a == 0:\n        return 0\n    return even(a - 1)\n",
    ),
    "function in a kernel": Refusal(
        "a definition inside a kernel is generated as a part of it",
        "@wp.func\ndef twice(a: float):\n    return 2.0 * a\nout[i] = twice(x)",
    ),
    "wp.tid() in a function": Refusal(
        "only kernels may ask for the thread",
        "out[i] = f(x)",
        "@wp.func\ndef f(a: float):\n    return a * float(wp.tid())\n",
    ),
    "function annotated Callable": Refusal(
        "only wp.Function annotates a function argument",
        "out[i] = apply(square, x)",
        f"from typing import Callable\n\n\n{_SQUARE}\n\n@wp.func\ndef apply(f: Callable, a: float):\n    return f(a)\n",
    ),
    "function annotated Any": Refusal(
        "only wp.Function annotates a function argument",
        "out[i] = apply(square, x)",
        f"from typing import Any\n\n\n{_SQUARE}\n\n@wp.func\ndef apply(f: Any, a: float):\n    return f(a)\n",
    ),
    "results indexed in place": Refusal(
        "several results are a list until they have a name", "out[i] = both(x)[0]", _TWO
    ),
    "results indexed from the end": Refusal(
        "the generated index of a tuple is no constant", "pair = both(x)\nout[i] = pair[-1]", _TWO
    ),
    "results assigned to elements": Refusal("several results go to variables only", "out[i], xs[i] = both(x)", _TWO),
    "results as arguments": Refusal(
        "several results are no argument until they have a name",
        "out[i] = total(both(x))",
        f"{_TWO}\n\n@wp.func\ndef total(pair: tuple[float, float]):\n    return pair[0] + pair[1]\n",
    ),
    "tuple parameter unpacked": Refusal(
        "a parameter that is a tuple can be indexed, but has no length",
        "out[i] = total((x, 2.0))",
        "@wp.func\ndef total(pair: tuple[float, float]):\n    a, b = pair\n    return a + b\n",
    ),
    "starred argument": Refusal("arguments stand one by one", "out[i] = wp.min(*both(x))", _TWO),
    "operator @ of structs": Refusal(
        "@ calls mul among the built-ins only",
        "p = Pair()\nq = p @ p\nout[i] = q.u",
        f"{_STRUCT}\n\n@wp.func\ndef matmul(a: Pair, b: Pair):\n    return a\n",
    ),
    "unary operator of structs": Refusal(
        "unary operators call built-ins only",
        "p = Pair()\nq = -p\nout[i] = q.u",
        f"{_STRUCT}\n\n@wp.func\ndef neg(a: Pair):\n    return a\n",
    ),
    "comparison of structs": Refusal(
        "comparisons are written as C++ operators, which structs do not have",
        "p = Pair()\nq = Pair()\nif p < q:\n    out[i] = x",
        f"{_STRUCT}\n\n@wp.func\ndef lt(a: Pair, b: Pair):\n    return a.u < b.u\n",
    ),
    "overload of a built-in by wp.": Refusal(
        "wp.length means the built-in",
        "p = Pair()\nout[i] = wp.length(p)",
        f"{_STRUCT}\n\n@wp.func\ndef length(a: Pair):\n    return wp.length(a.v)\n",
    ),
    "struct made from some arguments": Refusal(
        "a struct's constructor takes all of its fields or none", "p = Pair(x)\nout[i] = p.u", _STRUCT
    ),
    "default of another type": Refusal(
        "a default is not converted to the parameter's type",
        "out[i] = float(f(wp.float64(x)))",
        "@wp.func\ndef f(a: wp.float64, b: wp.float64 = 0.1):\n    return a * b\n",
    ),
    "captured tuple": Refusal(
        "only numbers, vectors and the like are captured", "out[i] = x * FACTORS[0]", "FACTORS = (1.0, 2.0)"
    ),
    "captured list": Refusal(
        "only numbers, vectors and the like are captured", "out[i] = x * FACTORS[0]", "FACTORS = [1.0, 2.0]"
    ),
    "captured namespace": Refusal(
        "a class does, an instance does not",
        "out[i] = x * settings.scale",
        "from types import SimpleNamespace\n\nsettings = SimpleNamespace(scale=2.0)",
    ),
    "captured None": Refusal(
        "Warp takes None for a missing name", "if NOTHING is None:\n    out[i] = x", "NOTHING = None"
    ),
    "Enum": Refusal(
        "only IntEnum and IntFlag are numbers",
        "if n == Mode.FAST:\n    out[i] = x",
        "from enum import Enum\n\n\nclass Mode(Enum):\n    FAST = 1",
    ),
    "match statement": Refusal("not among the statements of kernels", "match n:\n    case 1:\n        out[i] = x"),
    "max_unroll of a kernel": Refusal("an option of modules", "out[i] = x", decorator="(max_unroll=4)"),
    "module options of a kernel": Refusal(
        "a kernel with options of its own needs a module of its own",
        "out[i] = x",
        decorator='(module_options={"max_unroll": 4})',
    ),
    "module of its own": Refusal(
        "kernels of a batch share one module, in which this one is not found",
        "out[i] = x",
        decorator='(module="unique")',
    ),
}
"""By the form's name."""

NOT_HONOURED: Mapping[str, str] = {
    "default value of a struct's field": "Warp drops it: the field of a new struct is zero",
    "wp.set_module_options": "the options that a batch is compiled with replace it",
}
"""Forms that Warp accepts and ignores, with what happens."""
