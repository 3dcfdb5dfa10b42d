"""How far may rounding in library functions travel? Rerun the cpu code with their results moved, and see.

The functions that a kernel's object file calls (`sinf`, `pow`, ...) are pointed at others that call the real one and
then move its result by at most the ULPs that two maths libraries may lie apart (`oracle.ulp.BOUNDS`). By how many steps
depends on the arguments and a seed alone, so that a function remains a function: equal calls give equal results. Warp's
headers and the adjoints of its built-ins are covered, because their calls are in the object file as well. In the same
way the functions behind `wp.min` and `wp.max` return one zero or the other where both arguments are zeros, and those
for which cuda has approximate instructions (`oracle.ulp.INSTRUCTIONS`) move as the library's do.

Only an object file compiled without optimisation holds every call: at higher levels clang evaluates calls with constant
arguments, turns `pow(x, 2)` into `x * x` and inlines `erfinv`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import warp as wp

from oracle.cpu_object import LoadedObject, Substitute, compile_cpp
from oracle.elf import redirect
from oracle.observation import Observation
from oracle.ulp import BOUNDS, INSTRUCTIONS

UNCHANGED, ALL_UP, ALL_DOWN = 0, 1, 2
"""Seeds with a meaning: no result moves, all move up by their full bound, all move down. Others move at random."""

_TWO_ARGUMENTS = ("atan2", "pow", "approx_div")
_OVERFLOW = ("cosh", "exp", "exp2", "pow", "sinh", "approx_div", "approx_rcp")
_UNDERFLOW = ("erfc", "exp", "exp2", "pow", "approx_div", "approx_rcp")
_WITHIN_ONE = ("cos", "erf", "sin", "tanh")

ZERO_CHOOSERS: Mapping[str, str] = MappingProxyType(
    {
        "fminf": "_ZN2wp15_wp_native_fminEff",
        "fmin": "_ZN2wp15_wp_native_fminEdd",
        "fmaxf": "_ZN2wp15_wp_native_fmaxEff",
        "fmax": "_ZN2wp15_wp_native_fmaxEdd",
    }
)
"""The functions of Warp's headers, by the names of C's, whose semantics the headers claim for them, with their symbols.

Of a zero of either sign C leaves open which one they return (C17 7.12.12.2, footnote 242), and so does IEEE 754-2008
(5.3.1, minNum and maxNum). Warp's cpu code returns the first argument, PTX orders -0 before +0.
"""

_INSTRUCTION_SYMBOLS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "rsqrtf": ("_ZN2wp9recipSqrtIfEET_S1_", "1 / __builtin_sqrtf(x)"),
        "rsqrt": ("_ZN2wp9recipSqrtIdEET_S1_", "1 / __builtin_sqrt(x)"),
        "approx_divf": ("_ZN2wp10approx_divEff", "x / y"),
        "approx_div": ("_ZN2wp10approx_divEdd", "x / y"),
        "approx_rcpf": ("_ZN2wp10approx_rcpEf", "1 / x"),
        "approx_rcp": ("_ZN2wp10approx_rcpEd", "1 / x"),
    }
)
"""The symbols of `INSTRUCTIONS` in Warp's headers, and what they compute on the cpu."""

_PRELUDE = """
typedef unsigned long long u64;
typedef long long i64;

enum { OVERFLOWS = 1, UNDERFLOWS = 2, WITHIN_ONE = 4 };

extern "C" u64 nudge_seed = 0;
extern "C" u64 nudge_calls[NUDGE_FUNCTIONS] = {};

// SplitMix64's output function (Steele, Lea, Flood 2014)
static u64 mix(u64 x)
{
    x += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

static i64 steps(int function, i64 bound, u64 arguments)
{
    ++nudge_calls[function];
    if (nudge_seed <= 2)
        return nudge_seed == 0 ? 0 : nudge_seed == 1 ? bound : -bound;
    return (i64)(mix(arguments ^ mix(nudge_seed * 256 + function)) % (u64)(2 * bound + 1)) - bound;
}

template <typename F> struct Bits;
template <> struct Bits<float> { typedef int type; };
template <> struct Bits<double> { typedef i64 type; };

template <typename F> static typename Bits<F>::type bits_of(F x)
{
    typename Bits<F>::type bits;
    __builtin_memcpy(&bits, &x, sizeof x);
    return bits;
}

// Neither zero nor infinite: outside of that the results of the functions concerned are exact.
template <typename F> static bool ordinary(F x) { return x != 0 && x - x == 0; }

// Move y by k representable values. Signs stay, and so do NaNs, the zeros and infinities that are exact,
// and the range of functions that never leave [-1, 1].
template <typename F> static F moved(F y, i64 k, int traits, bool ordinary_arguments)
{
    typedef typename Bits<F>::type B;
    const F one = 1, infinity = __builtin_inff();
    if (y != y)
        return y;
    if (y == 0 && !((traits & UNDERFLOWS) && ordinary_arguments))
        return y;
    if (y - y != 0 && !((traits & OVERFLOWS) && ordinary_arguments))
        return y;
    const i64 limit = bits_of((traits & WITHIN_ONE) ? one : infinity);
    const bool negative = bits_of(y) < 0;
    i64 magnitude = bits_of(negative ? -y : y);
    magnitude += negative ? -k : k;
    magnitude = magnitude < 0 ? 0 : magnitude > limit ? limit : magnitude;
    B bits = (B)magnitude;
    F result;
    __builtin_memcpy(&result, &bits, sizeof bits);
    return negative ? -result : result;
}
"""

_ONE_ARGUMENT_FUNCTION = """
{declaration}
extern "C" {type} nudged_{name}({type} x)
{{
    return moved({result}, steps({number}, {bound}, (u64)bits_of(x)), {traits}, ordinary(x));
}}
"""

_TWO_ARGUMENT_FUNCTION = """
{declaration}
extern "C" {type} nudged_{name}({type} x, {type} y)
{{
    const u64 arguments = mix((u64)bits_of(x)) ^ (u64)bits_of(y);
    return moved({result}, steps({number}, {bound}, arguments), {traits}, ordinary(x) && ordinary(y));
}}
"""

_ZERO_CHOOSER = """
extern "C" {type} nudged_{name}({type} a, {type} b)
{{
    if (a == 0 && b == 0 && bits_of(a) != bits_of(b)) {{
        ++nudge_calls[{number}];
        const bool first_is_up = bits_of(a) == 0;
        const u64 choice = mix(nudge_seed * 256 + {number}) >> (first_is_up ? 1 : 0);
        const bool first = nudge_seed == 0 || (nudge_seed <= 2 ? (nudge_seed == 1) == first_is_up : choice & 1);
        return first ? a : b;
    }}
    return a {order} b ? a : b == b ? b : a;
}}
"""

_SINE_AND_COSINE = """
extern "C" void nudged_sincos(double x, double* s, double* c) { *s = nudged_sin(x); *c = nudged_cos(x); }
extern "C" void nudged_sincosf(float x, float* s, float* c) { *s = nudged_sinf(x); *c = nudged_cosf(x); }
"""


_COUNTED = (*BOUNDS, *INSTRUCTIONS, *ZERO_CHOOSERS)
"""The functions whose calls are counted, in the order of their counters."""


@dataclass(frozen=True)
class _Nudges:
    """The functions that take the library's place, in this process's memory; `loaded` keeps them there."""

    loaded: LoadedObject
    addresses: Mapping[str, int]
    seed: ctypes.c_uint64
    calls: ctypes.Array[ctypes.c_uint64]


class NudgedModule:
    """A loaded Warp module's cpu code, which Warp left in `object_file`, with the library functions redirected."""

    def __init__(self, kernel: wp.Kernel, object_file: bytes) -> None:
        self._nudges = _load_nudges()
        self._substitute = Substitute(kernel, redirect(object_file, self._nudges.addresses))

    def run(self, launch: Callable[[], Observation], seed: int) -> tuple[Observation, tuple[str, ...]]:
        """Return what `launch`, which launches a kernel of the module on the cpu, observes under `seed`.

        Returned with it are the names of the library functions that were called, sorted; those of `ZERO_CHOOSERS` only
        if they had two zeros to choose from.
        """
        ctypes.memset(self._nudges.calls, 0, ctypes.sizeof(self._nudges.calls))
        self._nudges.seed.value = seed
        with self._substitute.active():
            observation = launch()
        called = (name for name, calls in zip(_COUNTED, self._nudges.calls, strict=True) if calls)
        return observation, tuple(sorted(called))

    @property
    def calls(self) -> dict[str, int]:
        """How often the last run called each library function, sorted by name; those that it did not are missing."""
        return {name: calls for name, calls in sorted(zip(_COUNTED, self._nudges.calls, strict=True)) if calls}


@cache
def _load_nudges() -> _Nudges:
    loaded = LoadedObject(compile_cpp(nudges_source()))
    names = [*_COUNTED, "sincos", "sincosf"]
    return _Nudges(
        loaded=loaded,
        addresses={_symbol(name): loaded.address(f"nudged_{name}") for name in names},
        seed=ctypes.c_uint64.from_address(loaded.address("nudge_seed")),
        calls=(ctypes.c_uint64 * len(_COUNTED)).from_address(loaded.address("nudge_calls")),
    )


def _symbol(name: str) -> str:
    """Return the name that an object file has for a function."""
    return _INSTRUCTION_SYMBOLS[name][0] if name in INSTRUCTIONS else ZERO_CHOOSERS.get(name, name)


def nudges_source() -> str:
    """Return the C++ of the functions that take the library's place, one `nudged_<name>` for each of `BOUNDS`, of
    `INSTRUCTIONS` and of `ZERO_CHOOSERS`.
    """
    functions = [_function_source(number, name) for number, name in enumerate(_COUNTED)]
    return "\n".join([f"#define NUDGE_FUNCTIONS {len(_COUNTED)}", _PRELUDE, *functions, _SINE_AND_COSINE])


def _function_source(number: int, name: str) -> str:
    single = name.endswith("f") and name[:-1] in _COUNTED  # `erf` is not the float32 function of `er`
    if name in ZERO_CHOOSERS:
        order = "<=" if name.startswith("fmin") else ">="
        return _ZERO_CHOOSER.format(type="float" if single else "double", name=name, number=number, order=order)
    plain = name[:-1] if single else name
    traits = {"OVERFLOWS": _OVERFLOW, "UNDERFLOWS": _UNDERFLOW, "WITHIN_ONE": _WITHIN_ONE}
    arguments = 2 if plain in _TWO_ARGUMENTS else 1
    template = _TWO_ARGUMENT_FUNCTION if arguments == 2 else _ONE_ARGUMENT_FUNCTION
    type_ = "float" if single else "double"
    if name in INSTRUCTIONS:
        declaration, result = "", _INSTRUCTION_SYMBOLS[name][1]
    else:
        declaration = f'extern "C" {type_} {name}({", ".join([type_] * arguments)});'
        result = f"{name}({', '.join('xy'[:arguments])})"
    return template.format(
        type=type_,
        name=name,
        number=number,
        declaration=declaration,
        result=result,
        bound=(BOUNDS.get(name) or INSTRUCTIONS[name]).apart,
        traits=" | ".join(trait for trait, functions in traits.items() if plain in functions) or "0",
    )
