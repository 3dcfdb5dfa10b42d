"""The page that a program is written on: statements as text, in which each hole names the role of what fills it.

    page.array("positions", vector, page.dims)
    with page.loop("j", page.extent("positions")):
        page.let("offset", vector, "{positions}[{j}] - {position}")

A role (`positions`) is what the program's author calls a thing; its name in the kernel is one of those that
`ROLES` has for the role. Float literals take the program's dtype, and what a role holds (its type, its interval,
whether it is inexact) is known to the random statements that are mixed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import libcst as cst

from grammar import access, blocks, expressions, names, nodes, snippets, statements, variables
from grammar.choices import Choices, chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.palette import Composites
from grammar.programs.roles import ROLES
from grammar.scope import ArrayParameter, Block, Frame, Variable
from grammar.snippets import Hole
from grammar.terms import Term
from grammar.types import BFLOAT16, FLOAT32, INT32, Array, Quaternion, Scalar, ValueType, Vector

_HOLE = re.compile(r"\{(\w+)\}")
_FLOAT = re.compile(
    r"(?P<vector>\{vector\}\([-\d., ]+\))"  # a constructor converts its literals itself
    r"|(?<![\w.])(?<!float\d\d\()(?<!\{scalar\}\()(?P<sign>-?)(?P<number>\d+(?:\.\d*(?:e-?\d+)?|e-?\d+))"
)


class Page:
    """Writes one program into a frame; `lines` is about how many it may take.

    With `brief` its dtype may be bfloat16, which has neither atomics nor quaternions.
    `is_plain` says that nothing random has been mixed in yet: then it is more likely to be, so that programs differ.
    `loose` says whether library functions may enter the program's results: then no branch may depend on them.
    """

    def __init__(self, frame: Frame, lines: int, brief: bool = False):
        self.frame = frame
        self.choices: Choices = frame.choices
        self.dims = frame.unit.dims
        self.scalar: Scalar = frame.unit.palette.scalar
        if self.scalar == BFLOAT16 and not brief:
            self.scalar = FLOAT32
        self.loose = chance(frame.choices, 40)
        self.is_plain = True
        self.end = frame.unit.lines + lines
        self.roles: dict[str, Hole] = {
            "index": ", ".join(thread.name for thread in frame.threads),
            "scalar": self.scalar.spelling,
        }
        for role, thread in zip(("i", "j", "k"), frame.threads, strict=False):
            self.roles[role] = thread

    # choices

    def chance(self, percent: float) -> bool:
        """Return True in so many of 100 cases."""
        return chance(self.choices, percent)

    def pick(self, *items: str) -> str:
        """Return one of the texts, each as likely."""
        return pick(self.choices, items)

    def integer(self, low: int, high: int) -> int:
        """Return an integer of the range."""
        return self.choices.integer(low, high)

    # what fills the holes

    def use(self, scalar: Scalar) -> None:
        """Take another dtype for the program's own."""
        self.scalar = scalar
        self.roles["scalar"] = scalar.spelling

    def vector(self, length: int = 0, scalar: Scalar | None = None) -> Vector:
        """Return a vector of the program's dtype, and let `{vector}` stand for its name."""
        vector = Vector(length or pick_weighted(self.choices, ((3, 7), (2, 3))), scalar or self.scalar)
        self.roles["vector"] = vector.spelling
        return vector

    def array(
        self, role: str, dtype: ValueType, shape: Sequence[int], use: str = "read", interval: Interval | None = None
    ) -> ArrayParameter:
        """Add an array parameter; integers in it lie in the interval."""
        name = self.new_name(role)
        array = ArrayParameter(name, Array(dtype, len(shape)), tuple(shape), "", use, interval)
        self.frame.unit.note(f"array:{array.type}")
        self.roles[role] = self.frame.add_array_parameter(array)
        return array

    def indices(self, role: str, shape: Sequence[int], extent: int) -> ArrayParameter:
        """Add an array of indices below `extent`."""
        return self.array(role, INT32, shape, interval=Interval(0, extent - 1))

    def output(self, role: str, dtype: ValueType, shape: Sequence[int] | None = None, use: str = "write") -> None:
        """Add an array to store to, with an element per thread unless a shape is given."""
        self.array(role, dtype, self.dims if shape is None else shape, use)

    def value(self, role: str, type_: ValueType | None = None, interval: Interval | None = None) -> Variable:
        """Add a parameter passed by value, of the program's dtype unless a type is given."""
        type_ = type_ or self.scalar
        variable = Variable(self.new_name(role), type_, interval, unread=False)
        self.frame.unit.note(f"parameter:{type_}")
        self.roles[role] = self.frame.add_value_parameter(variable)
        return variable

    def constant(self, role: str, *texts: str) -> None:
        """Let a role be a parameter, or one of the float literals."""
        if self.chance(50):
            self.value(role)
        else:
            self.roles[role] = self.number(self.pick(*texts))

    def number(self, text: str, scalar: Scalar | None = None) -> str:
        """Return a literal of a dtype, the program's own without one."""
        scalar = scalar or self.scalar
        return text if scalar in (FLOAT32, INT32) else f"{scalar.spelling}({text})"

    def extent(self, extent: int, *places: tuple[str, int], low: int = 1) -> str:
        """Return a text for a number of elements: a literal, an array's shape, or a parameter of at least `low`.

        `places` are the roles of arrays with the axis that has so many.
        """
        kind = pick_weighted(self.choices, (("parameter", 5), ("literal", 2), ("shape", 3 if places else 0)))
        if kind == "literal":
            return str(extent)
        if kind == "shape":
            role, axis = pick(self.choices, places)
            return f"{self.name(role)}.shape[{axis}]"
        variable = self.value("count", INT32, Interval(min(low, extent), extent))
        return variable.name

    def name(self, role: str) -> str:
        """Return what a role is called in the kernel."""
        hole = self.roles[role]
        return hole.name if isinstance(hole, (Variable, ArrayParameter)) else str(hole)

    def variable(self, role: str) -> Variable:
        """Return the variable of a role."""
        variable = self.roles[role]
        assert isinstance(variable, Variable)
        return variable

    def trips(self, role: str) -> int:
        """Return how often a loop that starts at 0 runs at most, given its index."""
        interval = self.variable(role).interval
        assert interval is not None
        return interval.high + 1

    def new_name(self, role: str) -> str:
        """Return a name for a role that nothing in the function has."""
        name = names.free_name(self.choices, ROLES.get(role, (role,)), self.frame.taken)
        self.frame.taken.add(name)
        return name

    # statements

    def let(
        self,
        role: str,
        type_: ValueType,
        text: str,
        interval: Interval | None = None,
        inexact: bool = False,
        mutable: bool = False,
        index: bool = False,
        **holes: Hole,
    ) -> Variable:
        """Emit `role = text` and declare the variable; it is inexact when it is said, or when a hole is.

        A mutable float may be changed by random statements, too; an index may be used to read arrays.
        """
        self.emit(f"{{target}} = {_bare(text)}", target=self._named(role), **holes)
        inexact = inexact or self._is_inexact(text, holes)
        name = self.name(role)
        variable = Variable(name, type_, interval, interval, inexact, mutable, index, from_zero=mutable)
        self.roles[role] = self.frame.declare(variable)
        self.frame.written(variable)
        return variable

    def _named(self, role: str) -> str:
        name = self.new_name(role)
        self.roles[role] = name
        return name

    def set(self, role: str, text: str, operator: str = "", **holes: Hole) -> None:
        """Emit `role = text` or `role operator= text`; only a variable that was declared inexact may become so."""
        variable = self.variable(role)
        if self._is_inexact(text, holes) and not variable.inexact:
            raise ValueError(f"the grammar's fault: {role} is exact, but is assigned {text}")
        self.emit(f"{{{role}}} {operator}= {text}", **holes)
        self.frame.written(variable)

    def total(self, role: str, type_: ValueType | None = None, inexact: bool | None = None) -> Variable:
        """Declare a float or vector that starts at zero and is changed in loops."""
        type_ = type_ or self.scalar
        inexact = self.loose if inexact is None else inexact
        return self.let(role, type_, self.zero(type_), inexact=inexact, mutable=True)

    def zero(self, type_: ValueType) -> str:
        """Return the text of a zero that loops may change."""
        if isinstance(type_, Scalar):
            return f"{type_.spelling}(0.0)" if type_.is_float else f"{type_.spelling}(0)"
        return f"{type_.spelling}()"

    def emit(self, text: str, **holes: Hole) -> None:
        """Emit statements; roles fill the holes that are not given."""
        found = snippets.statements(self.frame, self._typed(text), **{**self._roles(text), **holes})
        for statement in found:
            self.frame.emit(statement)
        self.frame.unit.lines += text.strip().count("\n") + 1 - len(found)

    def expression(self, text: str, type_: ValueType, interval: Interval | None = None, **holes: Hole) -> Term:
        """Return an expression."""
        filled = snippets.filled_in(self._typed(text), **{**self._roles(text), **holes}).strip()
        return Term(cst.parse_expression(filled), type_, filled, interval, self._is_inexact(text, holes))

    def _roles(self, text: str) -> dict[str, Hole]:
        return {role: self.roles[role] for role in _HOLE.findall(text) if role in self.roles}

    def _typed(self, text: str) -> str:
        """Give the text's float literals the program's dtype, where they are not cast already."""
        if self.scalar == FLOAT32 or not self.scalar.is_float:
            return text
        return _FLOAT.sub(self._typed_literal, text)

    def _typed_literal(self, found: re.Match[str]) -> str:
        if found["vector"]:
            return found[0]
        is_sign = found.string[: found.start()].rstrip()[-1:] in ("(", ",", "=", "")
        if found["sign"] and is_sign:
            return self.number(found["sign"] + found["number"])
        return found["sign"] + self.number(found["number"])

    def _is_inexact(self, text: str, holes: dict[str, Hole]) -> bool:
        everything = {**self._roles(text), **holes}
        return any(isinstance(hole, (Term, Variable)) and hole.inexact for hole in everything.values())

    @contextmanager
    def suite(self, header: str, **holes: Hole) -> Iterator[None]:
        """Emit what is written meanwhile as the body of `if …`, `for …` or `while …`."""
        (compound,) = snippets.statements(
            self.frame, f"{self._typed(header)}:\n    pass", **{**self._roles(header), **holes}
        )
        word = header.partition(" ")[0]
        self.frame.unit.note(f"statement:{word}")
        self.frame.unit.lines += 1
        self.frame.blocks.append(Block(kind="branch" if word == "if" else word))
        yield
        inner = self.frame.blocks.pop()
        assert isinstance(compound, (cst.If, cst.For, cst.While)) and inner.statements
        self.frame.block.statements.append(compound.with_changes(body=nodes.block(inner.statements)))

    @contextmanager
    def loop(
        self, role: str, bounds: str, low: int = 0, high: int = 0, trips: int = 0, **holes: Hole
    ) -> Iterator[None]:
        """Emit a for loop over `range(bounds)`, whose index lies from `low` to `high`."""
        frame = self.frame
        index = Variable(self.new_name(role), INT32, Interval(low, max(low, high)), index=True)
        self.roles[role] = index
        frame.unit.events.append("nested loop" if frame.loop_depth else "loop")
        outer = frame.trips, frame.unrolled
        literal = re.fullmatch(r"[-\d, ]+", bounds)
        with self.suite(f"for {index.name} in range({bounds})", **holes):
            frame.trips *= trips or max(1, high - low + 1)
            frame.unrolled *= (high - low + 1) if literal else 1
            frame.loop_depth += 1
            frame.loop_names.add(index.name)
            frame.block.variables.append(index)
            yield
            frame.loop_depth -= 1
        frame.trips, frame.unrolled = outer

    # random parts

    def grown(self, type_: ValueType | None = None, depth: int = 1, exact: bool | None = None) -> Term:
        """Return a random expression that is no literal."""
        type_ = type_ or self.scalar
        self.is_plain = False
        exact = not self.loose if exact is None else exact
        for _ in range(3):
            term = expressions.grow(self.frame, type_, depth, exact)
            if not term.literal:
                return term
        return access.new_element(self.frame, type_)

    def mix(self, *sinks: str, percent: float = 35) -> None:
        """Emit a few random statements now and then, whose results end in one of the variables."""
        if not self._mixes(percent):
            return
        sink = self.variable(pick(self.choices, sinks))
        room = max(2, min(self.end - self.frame.unit.lines, 6))
        grown = blocks.body(self.frame, statements.fill, self.integer(1, room), [sink])
        self.frame.block.statements.extend(grown.statements)

    def update(self, *roles: str, percent: float = 40) -> None:
        """Change one of the variables in a random way, now and then."""
        if self._mixes(percent):
            variables.update(self.frame, self.variable(pick(self.choices, roles)))

    def fill(self, most: int = 4) -> None:
        """Emit some random statements at times, one where there is no room for more; not inside a loop."""
        if self._mixes(50):
            room = max(1, min(most, self.end - self.frame.unit.lines))
            statements.fill(self.frame, self.integer(1, room))

    def _mixes(self, percent: float) -> bool:
        """Decide whether to mix something random in."""
        mixes = self.chance(max(percent, 60) if self.is_plain else percent)
        self.is_plain = self.is_plain and not mixes
        return mixes


def _bare(text: str) -> str:
    """Return a text without parentheses around all of it."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return text[1:-1] if place == len(text) - 1 and text[0] == "(" else text
    return text


_COMPOSITES: Mapping[str, Callable[[Scalar], ValueType]] = {
    "vec2": lambda scalar: Vector(2, scalar),
    "vec3": lambda scalar: Vector(3, scalar),
    "quat": lambda scalar: Quaternion(scalar),
}


def floats(*kinds: str) -> Composites:
    """Return a chooser of the composites that a program works with, for its palette."""
    return lambda choices, scalar, real: [
        _COMPOSITES[kind](FLOAT32 if scalar == BFLOAT16 else scalar) for kind in kinds
    ]
