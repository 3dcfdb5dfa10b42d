"""What kind of work a PTX instruction does: its class, its floating-point operations, the bytes that it moves."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

CLASSES = {
    "float": "floating-point arithmetic, minimum, maximum, sign",
    "special": "division, roots, and what the special function unit approximates",
    "integer": "integer arithmetic, shifts, bits, logic of predicates",
    "convert": "conversions between types",
    "compare": "comparisons and selections",
    "move": "moves and address conversions",
    "parameter": "reads of the kernel's parameters, and of constants; passing of arguments",
    "global": "loads and stores, those without a state space included",
    "local": "loads and stores of a thread's own memory",
    "shared": "loads and stores of a block's shared memory",
    "atomic": "atomic operations",
    "texture": "texture reads",
    "control": "branches, calls, returns",
    "together": "barriers, shuffles, votes",
}
"""The classes of instructions."""

_SPECIAL = {"sqrt", "rsqrt", "rcp", "ex2", "lg2", "sin", "cos", "tanh"}
_ROOTS = {
    **dict.fromkeys(("cvt",), "convert"),
    **dict.fromkeys(("setp", "set", "selp", "slct", "testp"), "compare"),
    **dict.fromkeys(("mov", "cvta", "prmt"), "move"),
    **dict.fromkeys(("atom", "red"), "atomic"),
    **dict.fromkeys(("tex", "tld4", "txq", "suld", "sust"), "texture"),
    **dict.fromkeys(("bra", "brx", "call", "ret", "exit", "trap", "brkpt"), "control"),
    **dict.fromkeys(("bar", "barrier", "shfl", "vote", "activemask", "match", "membar", "fence", "redux"), "together"),
}
_SPACES = {"param": "parameter", "const": "parameter", "local": "local", "shared": "shared"}
_FLOAT = re.compile(r"\.(?:b?f16|f32|f64|b?f16x2|tf32)\b")
_TYPE = re.compile(r"\.[usbf](8|16|32|64|128)\b")
_VECTOR = re.compile(r"\.v([248])\b")
_INSTRUCTION = re.compile(r"^\t(?:@!?%\w+ )?([a-z][\w.:]*)[ \t;]", re.MULTILINE)
_COUNTED = {"add", "sub", "mul", "div", *_SPECIAL}


@lru_cache(maxsize=4096)
def instruction_class(opcode: str) -> str:
    """Return the class of an opcode with its modifiers and types, as `ld.global.f32`."""
    root, *modifiers = opcode.split(".")
    if root in _ROOTS:
        return _ROOTS[root]
    if root in ("ld", "st", "ldu"):
        return next((_SPACES[one.partition(":")[0]] for one in modifiers if one.partition(":")[0] in _SPACES), "global")
    if root in _SPECIAL or (root == "div" and _FLOAT.search(opcode)):
        return "special"
    return "float" if _FLOAT.search(opcode) else "integer"


@lru_cache(maxsize=4096)
def operations(opcode: str) -> int:
    """Return the floating-point operations of an opcode: 2 for a fused multiply and add, 0 for what only compares."""
    root = opcode.partition(".")[0]
    if not _FLOAT.search(opcode) or instruction_class(opcode) not in ("float", "special"):
        return 0
    each = 2 if root in ("fma", "mad") else int(root in _COUNTED)
    return each * (2 if "16x2" in opcode else 1)


@lru_cache(maxsize=4096)
def bytes_moved(opcode: str) -> tuple[int, int]:
    """Return the bytes that an opcode reads from and writes to global memory; an atomic does both."""
    kind = instruction_class(opcode)
    size = _TYPE.search(opcode)
    if kind not in ("global", "atomic") or size is None or ".shared" in opcode:
        return 0, 0
    vector = _VECTOR.search(opcode)
    moved = int(size[1]) // 8 * (int(vector[1]) if vector else 1)
    return (0 if opcode.startswith("st") else moved), (0 if opcode.startswith("ld") else moved)


def count_instructions(text: str) -> Counter[str]:
    """Count the instructions of a PTX text by class."""
    return Counter(map(instruction_class, _INSTRUCTION.findall(text)))
