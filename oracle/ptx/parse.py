"""PTX text to functions, variables and basic blocks, as little at a time as possible.

A module may hold fifty kernels of which a launch runs one. So `ModuleIndex` only finds where functions and variables
stand, `Function.code` cuts one body into basic blocks when it is first asked for, and operands stay text until a
block is executed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from .errors import Malformed
from .lines import LineTable
from .types import TYPES

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
_FUNCTION = re.compile(
    r"\.(entry|func)\s+(?:\(([^)]*)\)\s*)?([\w$]+)\s*(?:\(([^)]*)\))?[^{;]*([{;])",
)
_DECLARATION = r"(?:\.align\s+(\d+)\s+)?(?:\.v([24])\s+)?(?:\.ptr[^,;)]*?\s)?\.([a-z]\w*)\s+([\w$%]+)((?:\[\d*\])*)"
_VARIABLE = re.compile(rf"\.(global|const|shared|local)\s+{_DECLARATION}\s*(?:=\s*([^;]*))?;")
_PARAMETER = re.compile(
    r"\.(param|reg)\s+(?:\.align\s+(\d+)\s+)?\.([a-z]\w*)\s+(?:\.ptr[^,]*?\s)?([\w$%]+)((?:\[\d*\])*)\s*$"
)
_TOKEN = re.compile(
    r"\s*(?:([{}])"
    r"|([$%\w]+)\s*:(?!:)"
    r"|\.(loc|file|section)\b([^\n]*)"
    r"|(?:@(!?)\s*([%$\w]+)\s+)?([a-z.][\w.:]*)\s*([^;]*);)"
)
_FILE = re.compile(r'\.file\s+(\d+)\s+"([^"]*)"')
_BRACE = re.compile(r"[{}]")
_CALL = re.compile(r"\bcall\b")
_NAME = re.compile(r"[%$\w.]+")
_OPERAND = re.compile(r"\{[^}]*\}|\([^)]*\)|\[[^\]]*\]|[^,]+")
_COUNTED = re.compile(r"([%$\w.]+?)<(\d+)>$")

ENDS_BLOCK = {
    "bra": "branch",
    "brx": "table",
    "ret": "return",
    "exit": "exit",
    "call": "call",
    "bar": "gate",
    "barrier": "gate",
    "shfl": "gate",
    "vote": "gate",
    "match": "gate",
    "redux": "gate",
    "elect": "gate",
    "mma": "gate",
    "ldmatrix": "gate",
}
"""Base opcode to the way it ends a basic block. Gates are where threads wait for each other."""


Statement = tuple[str, str, str, str]
"""One instruction as text: `!` if its guard is negated, the guard or nothing, the opcode, the operands."""


@dataclass(frozen=True)
class Variable:
    """A variable in a state space; `size` in bytes, `initial` the text of its initialiser."""

    name: str
    space: str
    type: str
    align: int
    size: int
    initial: str = ""


@dataclass(slots=True)
class Block:
    """Straight-line `body`, then at most one control instruction; without one, control falls to the next block."""

    body: list[Statement] = field(default_factory=list)
    end: Statement | None = None
    kind: str = "fall"
    first: int = 0
    lines: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Code:
    """A function body: its blocks in layout order, labels to block numbers, and what it declares."""

    blocks: list[Block]
    labels: dict[str, int]
    registers: dict[str, str]
    variables: dict[str, Variable]
    tables: dict[str, list[str]]


@dataclass
class Function:
    """An entry or a device function; `body` is where its text stands in the module, empty for a mere declaration."""

    name: str
    is_entry: bool
    parameters: tuple[Variable, ...]
    results: tuple[Variable, ...]
    text: str
    start: int

    @property
    def is_defined(self) -> bool:
        """Whether the module holds its body."""
        return self.start >= 0

    @cached_property
    def body(self) -> str:
        """The text between the outermost braces."""
        depth = 1
        for brace in _BRACE.finditer(self.text, self.start):
            depth += 1 if brace.group() == "{" else -1
            if depth == 0:
                return self.text[self.start : brace.start()]
        raise Malformed(f"the body of {self.name} does not end")

    @cached_property
    def code(self) -> Code:
        """The body as basic blocks."""
        return _BodyReader().read(self.body)

    @cached_property
    def swapped_addresses(self) -> frozenset[str]:
        """The address operands of compare-and-swaps, as text."""
        return frozenset(re.findall(r"atom[\w.]*\.cas\.\w+\s+[^,]+,\s*(\[[^\]]+\])", self.body))

    @cached_property
    def line_table(self) -> LineTable:
        """Where its instructions come from."""
        return LineTable(self.code.blocks)

    @cached_property
    def local_bytes(self) -> int:
        """Bytes of local memory that a call needs, at most: its depot, parameters and those of its calls."""
        declared = re.finditer(rf"\.(?:local|param)\s+{_DECLARATION}", self.body)
        total = sum(_bytes(m[3], m[2], m[5]) + 32 for m in declared)
        return total + sum(p.size + 32 for p in (*self.parameters, *self.results)) + 64

    @cached_property
    def calls(self) -> bool:
        """Whether the body seems to call a function."""
        return _CALL.search(self.body) is not None

    def line_of(self, ordinal: int) -> int:
        """The line in the module's text of the body's `ordinal`-th instruction, 0 if it has not as many."""
        return self._lines[ordinal] if ordinal < len(self._lines) else 0

    @cached_property
    def _lines(self) -> list[int]:
        """The line in the module's text of each instruction of the body."""
        lines, line, counted = [], self.text.count("\n", 0, self.start) + 1, 0
        for token in _TOKEN.finditer(self.body):
            if token[7] and not token[7].startswith("."):
                at = token.start(6) if token[6] else token.start(7)
                line += self.body.count("\n", counted, at)
                counted = at
                lines.append(line)
        return lines


class ModuleIndex:
    """Where a module's functions and variables stand."""

    def __init__(self, text: str) -> None:
        text = _COMMENT.sub("", text.rstrip("\0"))
        self.functions: dict[str, Function] = {}
        for match in _FUNCTION.finditer(text):
            kind, results, name, parameters, opener = match.groups()
            start = match.end() if opener == "{" else -1
            if start < 0 and name in self.functions:
                continue
            self.functions[name] = Function(
                name, kind == "entry", _parameters(parameters), _parameters(results), text, start
            )
        if not any(f.is_entry for f in self.functions.values()):
            raise Malformed("no .entry in the text: is it a PTX module?")
        self.files = dict(_FILE.findall(text))
        self.variables = {v.name: v for v in map(_variable, _VARIABLE.finditer(text)) if v.space != "local"}


def split_operands(text: str) -> list[str]:
    """Operands of one instruction, without white space; vectors, addresses and lists stay whole."""
    compact = "".join(text.split())
    if "{" in compact or "(" in compact:
        return _OPERAND.findall(compact)
    return compact.split(",") if compact else []


def _bytes(type_name: str, vector: str | None, dimensions: str) -> int:
    if type_name not in TYPES:
        return 8
    count = int(vector or 1)
    for extent in re.findall(r"\d+", dimensions):
        count *= int(extent)
    return TYPES[type_name].size * (0 if dimensions == "[]" else count)


def _variable(match: re.Match[str]) -> Variable:
    space, align, vector, type_name, name, dimensions, initial = match.groups()
    size = _bytes(type_name, vector, dimensions)
    natural = TYPES[type_name].size if type_name in TYPES else 8
    return Variable(name, space, type_name, int(align or natural * int(vector or 1)), size, initial or "")


def _parameters(text: str | None) -> tuple[Variable, ...]:
    found = []
    for part in (text or "").split(","):
        if not part.strip():
            continue
        match = _PARAMETER.search(part.strip())
        if match is None:
            raise Malformed(f"cannot read the parameter {part.strip()!r}")
        space, align, type_name, name, dimensions = match.groups()
        size = _bytes(type_name, None, dimensions)
        found.append(Variable(name, space, type_name, int(align or TYPES[type_name].size), size))
    return tuple(found)


class _BodyReader:
    """Cuts one body into blocks. Names declared in a nested scope become unique, so that scopes can be forgotten."""

    def __init__(self) -> None:
        self.blocks = [Block()]
        self.code = Code(self.blocks, {}, {}, {}, {})
        self.scopes: list[dict[str, str]] = []
        self.scope_count = 0
        self.ordinal = 0
        self.pending_label = ""
        self.kinds: dict[str, str | None] = {}

    def read(self, body: str) -> Code:
        for brace, label, directive, rest, bang, guard, opcode, operands in _tokens(body):
            if opcode:
                if opcode[0] == ".":
                    self._declare(opcode, operands)
                else:
                    self._instruction(bang, guard, opcode, operands)
            elif brace == "{":
                self.scopes.append({})
                self.scope_count += 1
            elif brace:
                self.scopes.pop()
            elif label:
                self._label(label)
            elif directive == "loc":
                self.blocks[-1].lines.append((len(self.blocks[-1].body), rest.strip()))
        if self.blocks[-1].body or self.blocks[-1].kind == "fall":
            self._close(("", "", "ret", ""), "return")
            self.blocks.pop()
        return self.code

    def _label(self, label: str) -> None:
        if self.blocks[-1].body or len(self.blocks) == 1:
            self.blocks.append(Block(first=self.ordinal))
        self.code.labels[label] = len(self.blocks) - 1
        self.pending_label = label

    def _instruction(self, bang: str, guard: str, opcode: str, operands: str) -> None:
        if self.scopes:
            operands = self._rename(operands)
            guard = self._rename(guard)
        statement = (bang, guard, opcode, operands)
        try:
            kind = self.kinds[opcode]
        except KeyError:
            kind = self.kinds[opcode] = ENDS_BLOCK.get(opcode.partition(".")[0])
        if kind is None:
            self.blocks[-1].body.append(statement)
        elif kind in ("branch", "return", "exit"):
            self._close(statement, kind)
        else:
            self._close_guarded(statement, kind)
        self.ordinal += 1

    def _close(self, statement: Statement, kind: str) -> None:
        block = self.blocks[-1]
        block.end, block.kind = statement, kind
        self.blocks.append(Block(first=self.ordinal + 1))

    def _close_guarded(self, statement: Statement, kind: str) -> None:
        """A call or gate stands in a block of its own, which a branch skips where its guard says so."""
        bang, skip, opcode, operands = statement
        if skip or self.blocks[-1].body:
            after = f" skip {self.ordinal}"
            if skip:
                self._close(("" if bang else "!", skip, "bra", after), "branch")
                self.blocks[-1].first = self.ordinal
                self.code.labels[after] = len(self.blocks)
            else:
                self.blocks.append(Block(first=self.ordinal))
        self._close(("", "", opcode, operands), kind)

    def _declare(self, directive: str, rest: str) -> None:
        if directive == ".reg":
            type_name, _, names = rest.strip().partition(" ") if " " in rest else rest.strip().partition("\t")
            for name in names.split(","):
                self._register(type_name.strip()[1:], name.strip())
        elif directive in (".local", ".shared", ".param"):
            match = re.match(rf"\s*{_DECLARATION}", rest)
            if match is None:
                raise Malformed(f"cannot read {directive} {rest}")
            align, vector, type_name, name, dimensions = match.groups()
            size = _bytes(type_name, vector, dimensions)
            unique = self._unique(name) if directive != ".shared" else name
            natural = TYPES[type_name].size
            self.code.variables[unique] = Variable(unique, directive[1:], type_name, int(align or natural), size)
        elif directive == ".branchtargets":
            self.code.tables[self.pending_label] = split_operands(rest)

    def _register(self, type_name: str, name: str) -> None:
        counted = _COUNTED.match(name)
        if counted and not self.scopes:
            self.code.registers[counted[1]] = type_name
            return
        names = [f"{counted[1]}{i}" for i in range(int(counted[2]))] if counted else [name]
        for each in names:
            self.code.registers[self._unique(each)] = type_name

    def _unique(self, name: str) -> str:
        if not self.scopes:
            return name
        self.scopes[-1][name] = unique = f"{name}.{self.scope_count}"
        return unique

    def _rename(self, text: str) -> str:
        for scope in reversed(self.scopes):
            if scope:
                text = _NAME.sub(lambda m, names=scope: names.get(m[0], m[0]), text)  # type: ignore[misc]
        return text


def _tokens(body: str) -> Iterator[tuple[str, ...]]:
    return iter(_TOKEN.findall(body))
