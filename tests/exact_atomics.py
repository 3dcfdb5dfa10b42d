"""Every atomic operation with its exact meaning, and PTX in which threads apply it to cells of memory.

From PTX ISA section 9.7.13, `atom` and `red`; additions of float32 in global memory flush subnormal operands and
results, those in shared memory do not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product as combinations
from typing import Any

import numpy as np
from exact_forms import (
    FLOATS,
    PACKED,
    Execute,
    Form,
    agrees,
    from_u64,
    names,
    operands,
    targeted,
    to_u64,
    value,
    width,
)
from exact_forms_float import flushed, packed
from exact_rounding import fused
from ptx_snippets import source

Array = np.ndarray[Any, Any]

SPACES = ("global", "shared", "generic", "generic shared")
THREADS = 64


@dataclass(frozen=True)
class Atomic:
    """`name` is operation and type as an opcode spells them. `update` maps a cell's value and a thread's operands to
    the new value; `flushing` is another one for float32 in global memory. `ordered`: the order of threads matters."""

    name: str
    type: str
    count: int
    update: Callable[..., Any] = field(compare=False)
    flushing: Callable[..., Any] | None = field(default=None, compare=False)
    ordered: bool = False
    minimum: int = 75

    def opcode(self, base: str, space: str) -> str:
        """`base` is `atom` or `red`."""
        return f"{base}{'' if space.startswith('generic') else '.' + space}.{self.name}"

    def meaning(self, space: str) -> Callable[..., Any]:
        """The update in a state space."""
        return self.flushing if self.flushing and "shared" not in space else self.update


def _added(type_: str, a: float, b: float) -> float:
    return fused(a, 1.0, b, FLOATS[type_], "rn")


def _added_flushing(a: float, b: float) -> float:
    form = FLOATS["f32"]
    total: float = flushed(_added("f32", flushed(a, form), flushed(b, form)), form)
    return total


def _wrapped(type_: str, number: int) -> int:
    return int(value(type_, number % (1 << width(type_))))


def _atomics() -> Iterator[Atomic]:
    for t in ("u32", "s32", "u64"):
        yield Atomic(f"add.{t}", t, 1, lambda old, x, t=t: _wrapped(t, old + x))
    for (name, choose), t in combinations((("min", min), ("max", max)), ("u32", "s32", "u64", "s64")):
        yield Atomic(f"{name}.{t}", t, 1, choose)
    for t in ("b32", "b64"):
        yield Atomic(f"and.{t}", t, 1, lambda old, x: old & x)
        yield Atomic(f"or.{t}", t, 1, lambda old, x: old | x)
        yield Atomic(f"xor.{t}", t, 1, lambda old, x: old ^ x)
        yield Atomic(f"exch.{t}", t, 1, lambda old, x: x, ordered=True)
    for t in ("b16", "b32", "b64"):
        yield Atomic(f"cas.{t}", t, 2, lambda old, x, y: y if old == x else old, ordered=True)
    yield Atomic("inc.u32", "u32", 1, lambda old, x: 0 if old >= x else old + 1, ordered=True)
    yield Atomic("dec.u32", "u32", 1, lambda old, x: x if old == 0 or old > x else old - 1, ordered=True)
    yield Atomic("add.f32", "f32", 1, partial(_added, "f32"), _added_flushing, ordered=True)
    yield Atomic("add.f64", "f64", 1, partial(_added, "f64"), ordered=True)
    for t in ("f16", "bf16", "f16x2", "bf16x2"):
        add: Callable[..., Any] = partial(_added, PACKED.get(t, t))
        minimum = 90 if t.startswith("bf16") else 75
        yield Atomic(f"add.noftz.{t}", t, 1, packed(add) if t in PACKED else add, ordered=True, minimum=minimum)


ATOMICS = tuple(_atomics())


def has(base: str, atomic: Atomic) -> bool:
    """`red` has no operation of which only the old value is of use."""
    return base == "atom" or not atomic.name.startswith(("exch", "cas"))


def module(atomic: Atomic, base: str, space: str, cells: int) -> str:
    """Thread i applies its operands to cell i mod `cells`, then writes what it found behind the cells."""
    inputs = names((atomic.type,) * atomic.count, 4)
    (found,) = names((atomic.type,), 9)
    lines = [f"rem.u32 %r30, %r1, {cells};", "mul.wide.u32 %rd32, %r30, 8;", f"setp.lt.u32 %p3, %r1, {cells};"]
    lines += ["add.s64 %rd33, %rd1, %rd32;", f"mul.wide.u32 %rd30, %r1, {8 * atomic.count};"]
    lines.append("add.s64 %rd30, %rd3, %rd30;")
    for i, name in enumerate(inputs):
        lines += [f"ld.global.u64 %rd31, [%rd30+{8 * i}];", from_u64(name, width(atomic.type))]
    lines.append("mov.u64 %rd34, %rd33;")
    shared = "shared" in space
    if shared:
        lines += ["mov.u64 %rd34, tile;", "add.s64 %rd34, %rd34, %rd32;"]
        lines += ["ld.global.u64 %rd35, [%rd33];", "@%p3 st.shared.u64 [%rd34], %rd35;", "bar.sync 0;"]
    address = "%rd34"
    if space == "generic shared":
        lines.append("cvta.shared.u64 %rd36, %rd34;")
        address = "%rd36"
    target = f"{found}, " if base == "atom" else ""
    lines.append(f"{atomic.opcode(base, space)} {target}[{address}], {', '.join(inputs)};")
    if shared:
        lines += ["bar.sync 0;", "ld.shared.u64 %rd35, [%rd34];", "@%p3 st.global.u64 [%rd33], %rd35;"]
    if base == "atom":
        lines += [to_u64(found, width(atomic.type)), f"st.global.u64 [%rd2+{8 * cells}], %rd31;"]
    outside = f".shared .align 8 .b8 tile[{8 * cells}];" if shared else ""
    return targeted(source("\n".join([*lines, "ret;"]), outside, size=8), atomic.minimum)


def start(atomic: Atomic, cells: int, seed: int) -> tuple[Array, Array]:
    """Contents of the cells, and operands of the threads; of few values, so that they meet."""
    form = Form(atomic.name, (atomic.type,), (atomic.type,) * atomic.count, lambda *_: None)
    columns = operands(form, seed, THREADS)
    rng = random.Random(seed)
    memory = operands(Form("", (), (atomic.type,), lambda *_: None), seed + 1, cells)[:, 0]
    for row in columns:
        if rng.random() < 0.4:
            row[0] = rng.choice([*memory.tolist(), *columns[:4, -1].tolist(), 1, 2])
    return memory, columns


def execute(
    atomic: Atomic, base: str, space: str, memory: Array, columns: Array, run: Execute
) -> tuple[list[int], list[int]]:
    """The cells afterwards, and what each thread found (zeros for `red`)."""
    cells = len(memory)
    data = np.zeros(cells + THREADS, np.uint64)
    data[:cells] = memory
    text = module(atomic, base, space, cells)
    left = run(text, data.reshape(-1, 1), columns, THREADS).ravel().tolist()
    return left[:cells], left[cells:]


def check(atomic: Atomic, base: str, space: str, memory: Array, columns: Array, run: Execute) -> None:
    """Compare with the threads applying the operation one after another; other bits of a cell stay."""
    left, found = execute(atomic, base, space, memory, columns, run)
    update, t = atomic.meaning(space), atomic.type
    before = [[value(t, cell)] for cell in memory.tolist()]
    for i, row in enumerate(columns.tolist()):
        history = before[i % len(memory)]
        old = history[-1]
        if base == "atom":
            assert agrees(t, found[i], old), f"{atomic.opcode(base, space)}: thread {i} found {found[i]:#x}, not {old}"
        history.append(update(old, *(value(t, pattern) for pattern in row)))
    for i, history in enumerate(before):
        bits = width(t)
        assert left[i] >> bits == memory.tolist()[i] >> bits
        got = left[i] & (1 << bits) - 1
        assert agrees(t, got, history[-1]), f"{atomic.opcode(base, space)}: {got:#x} left, not {history[-1]}"
