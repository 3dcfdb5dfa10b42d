"""Asynchronous copies from global to shared memory, done at once: the earliest moment that a GPU may do them.

A thread that reads before it has waited therefore sees the copy; that it might not, on a GPU, is not reported.
"""

from __future__ import annotations

from .decode import Form, Modifiers, emitter
from .errors import Unsupported
from .program import Emitter, Program

_SCRATCH = "%cp.async."
"""Registers that no program can name; their type is that of the name without its number."""


def _cp(m: Modifiers) -> Emitter:
    """`cp.async` of 4, 8 or 16 bytes; `commit_group`, `wait_group` and `wait_all` have nothing to wait for."""
    if not m.flag("async") or m.flag("bulk"):
        raise m.unsupported()
    if m.one_of("commit_group", "wait_group", "wait_all"):
        return lambda program, operands: None
    m.drop("ca", "cg", "shared", "global", "L2")

    def emit(program: Program, operands: list[str]) -> None:
        target, source, size, *rest = operands
        words = int(size, 0) // 4
        try:
            wanted = int(rest[0], 0) // 4 if rest else words
        except ValueError:
            raise Unsupported(f"{m.opcode} of {rest[0]} bytes") from None
        program.code.registers[_SCRATCH] = "b32"
        names = [f"{_SCRATCH}{i}" for i in range(words)]
        base, displacement = program.memory_operand(source)
        for i, name in enumerate(names):
            if i < wanted:
                emitter("ld.global.u32")(program, [name, f"[{base}+{displacement + 4 * i}]"])
            else:
                emitter("mov.u32")(program, [name, "0"])
        vector = f".v{words}" if words > 1 else ""
        emitter(f"st.shared{vector}.u32")(program, [target, "{" + ",".join(names) + "}"])

    return emit


FORMS: dict[str, Form] = {"cp": _cp}
"""Base opcode to the function that decodes its modifiers."""
