"""How far the C library's float32 functions are from the truth over the whole float32 range, against the table.

    python tests/benchmarks/libm_range.py [--stride 4096] [--functions sinf,expf]

Every `--stride`th of the 2^32 floats is an argument, starting at a different one for each function. The truth is the
float64 function rounded to float32: its own error, a few of float64's ULPs, is 2^-27 of what is measured. Of functions
of two arguments the second is drawn from the same floats by multiplying with an odd number. Prints by function the
largest error in ULPs of float32, between the result and the unrounded truth, and as steps between the results, the
argument, and the table's bound for the cpu. Exit code 1 where the bound does not hold.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import tempfile
import time

from extractor.warp_setup import open_workspace
from oracle.cpu_object import LoadedObject, compile_cpp
from oracle.ulp import BOUNDS

TWO_ARGUMENTS = ("atan2f", "powf")

SOURCE = """
typedef unsigned int u32;
typedef long long i64;
{declarations}

struct Worst {{ double ulps; i64 steps; float x; float y; i64 compared; }};

static u32 bits_of(float x) {{ u32 bits; __builtin_memcpy(&bits, &x, 4); return bits; }}
static float float_of(u32 bits) {{ float x; __builtin_memcpy(&x, &bits, 4); return x; }}
static i64 ordered(float x) {{ i64 b = bits_of(x); return b & 0x80000000 ? 0x80000000 - b : b; }}

// The distance between the two floats that the truth lies between.
static double unit(double truth)
{{
    double size = __builtin_fabs(truth);
    u32 bits = bits_of((float)size);
    bits -= float_of(bits) > size;
    return bits < 0x7f7fffff ? (double)float_of(bits + 1) - float_of(bits) : 0x1p104;
}}

template <typename F> static void measure(F check, u32 first, u32 stride, Worst* worst)
{{
    for (unsigned long long bits = first; bits < 0x100000000ull; bits += stride)
        check((u32)bits, worst);
}}

static void compare(float found, double truth, float x, float y, Worst* worst)
{{
    float rounded = (float)truth;
    if (rounded != rounded || found != found) {{
        if ((rounded != rounded) != (found != found)) worst->ulps = 1.0 / 0.0;
        return;
    }}
    ++worst->compared;
    i64 steps = ordered(found) - ordered(rounded);
    if (steps < 0) steps = -steps;
    double ulps = rounded - rounded == 0 && found - found == 0
        ? __builtin_fabs((found - truth) / unit(truth)) : (double)steps;
    if (steps > worst->steps) worst->steps = steps;
    if (ulps > worst->ulps) {{ worst->ulps = ulps; worst->x = x; worst->y = y; }}
}}
{functions}
"""

ONE = """
extern "C" void check_{name}(u32 first, u32 stride, Worst* worst)
{{
    measure([](u32 bits, Worst* w) {{
        float x = float_of(bits);
        compare({name}(x), {wide}((double)x), x, 0, w);
    }}, first, stride, worst);
}}
"""

TWO = """
extern "C" void check_{name}(u32 first, u32 stride, Worst* worst)
{{
    measure([](u32 bits, Worst* w) {{
        float x = float_of(bits), y = float_of(bits * 2654435761u);
        compare({name}(x, y), {wide}((double)x, (double)y), x, y, w);
        y = float_of(0x3c000000u + (bits * 2654435761u >> 5));  // of a size that keeps powers finite
        compare({name}(x, y), {wide}((double)x, (double)y), x, y, w);
    }}, first, stride, worst);
}}
"""


class Worst(ctypes.Structure):
    """The largest error of one function, as `SOURCE` has it."""

    _fields_ = [
        ("ulps", ctypes.c_double),
        ("steps", ctypes.c_int64),
        ("x", ctypes.c_float),
        ("y", ctypes.c_float),
        ("compared", ctypes.c_int64),
    ]


def source_of(names: list[str]) -> str:
    """Return the C++ that measures the functions."""
    declarations, functions = [], []
    for name in names:
        two, wide = name in TWO_ARGUMENTS, name[:-1]
        for type_, each in (("float", name), ("double", wide)):
            declarations.append(f'extern "C" {type_} {each}({", ".join([type_] * (2 if two else 1))});')
        functions.append((TWO if two else ONE).format(name=name, wide=wide))
    return SOURCE.format(declarations="\n".join(declarations), functions="".join(functions))


def main() -> None:
    """Measure the functions and print a line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stride", type=int, default=4096)
    parser.add_argument("--functions", default="")
    options = parser.parse_args()
    single = [name for name in BOUNDS if name.endswith("f") and name != "erf" and "inv" not in name]
    names = [name for name in options.functions.split(",") if name] or single
    broken = False
    with tempfile.TemporaryDirectory() as scratch, open_workspace(scratch):
        loaded = LoadedObject(compile_cpp(source_of(names)))
        signature = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.POINTER(Worst))
        print(f"{'function':10}{'arguments':>12}{'ULP':>8}{'steps':>7}{'bound':>7}{'s':>7}  worst at")
        for number, name in enumerate(names):
            worst, start = Worst(), time.perf_counter()
            first = number * 2654435761 % options.stride
            signature(loaded.address(f"check_{name}"))(first, options.stride, ctypes.byref(worst))
            bound = BOUNDS[name].cpu
            holds = worst.steps <= bound
            broken |= not holds
            at = f"{worst.x!r}, {worst.y!r}" if name in TWO_ARGUMENTS else repr(worst.x)
            seconds = time.perf_counter() - start
            print(
                f"{name:10}{worst.compared:12}{worst.ulps:8.3f}{worst.steps:7}{bound:7}{seconds:7.1f}  {at}"
                f"{'' if holds else '  BEYOND THE BOUND'}",
                flush=True,
            )
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
