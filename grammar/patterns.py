"""Which parallel patterns a kernel shows: how the places that it reads and writes follow from the thread's index.

The kernel's statements are walked in order, its own functions inlined, and for every value it is noted what it follows
from: the thread's index, a loop's variable, what arrays hold. The accesses to arrays then speak for themselves.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Flag, auto
from itertools import groupby

from grammar.parsing import parsed

PATTERNS = {
    "map": "a thread stores to the element at its own index",
    "reduce": "many elements are folded into one, by a loop, by atomics on one place, or by a tile's sum or minimum",
    "scan": "a running fold is stored at each step, or over the elements before or after the thread's own",
    "stencil": "an array is read at two or more places at fixed distances from the thread's index",
    "gather": "an array is read at a place that another array's content says",
    "scatter": "an array is written, perhaps atomically, at a place that another array's content says",
    "histogram": "atomics count, or add weights, in the bin that is computed from an array's content",
    "tile": "a block of threads works together on tiles",
}
"""What each label means; a kernel may have several, or none."""

TILES = {
    "reduce": ("tile_sum", "tile_min", "tile_max", "tile_reduce", "tile_argmin", "tile_argmax", "tile_atomic_add"),
    "scan": ("tile_scan_",),
    "map": ("tile_map",),
    "gather": ("tile_load_indexed",),
    "scatter": ("tile_store_indexed", "tile_atomic_add_indexed", "tile_scatter"),
    "tile": ("tile_",),
}
"""How the names of the built-ins for tiles begin that show a pattern by themselves."""

_FOLDS = ("atomic_add", "atomic_sub", "atomic_min", "atomic_max", "atomic_and", "atomic_or", "atomic_xor")
_BINS = ("int", "clamp", "min", "max", "floor", "where")


class From(Flag):
    """What a value follows from, and what was done to an index on its way."""

    NOTHING = 0
    THREAD = auto()
    LOOP = auto()
    DATA = auto()
    MOVED = auto()
    """A thread's index to which a constant or a loop's variable was added."""
    SCALED = auto()
    """A thread's index that was multiplied, so that what is added to it walks through a row."""
    FOLDED = auto()
    """A thread's index of which several are the same: a remainder, a quotient."""
    BINNED = auto()
    """What an array holds, made into a small integer."""
    STREAMED = auto()
    """What an array holds at a place that follows from a loop's variable."""


@dataclass(frozen=True)
class Value:
    """What is known of a value: what it follows from, and the array that it is, if it is one."""

    of: From = From.NOTHING
    array: str = ""


@dataclass(frozen=True)
class Access:
    """One access to an array: at the place written `text`, which follows from `of`; `plain` is the thread's own."""

    array: str
    text: str
    of: From
    plain: bool
    kind: str
    amount: From = From.NOTHING
    in_loop: bool = False


def patterns(source: str) -> tuple[str, ...]:
    """Return the labels of a kernel's source, in the order of the table; raises SyntaxError for what is not Python."""
    tree = parsed(source)
    walk = _Walk(tree)
    walk.kernels()
    found = set(_of_accesses(walk.accesses)) | walk.folds
    for label, starts in TILES.items():
        if any(name.startswith(starts) for name in walk.called):
            found.add(label)
    return tuple(label for label in PATTERNS if label in found)


def _of_accesses(accesses: Sequence[Access]) -> Iterator[str]:
    for access in accesses:
        if access.kind == "read":
            if access.of & From.DATA:
                yield "gather"
        elif access.of & From.DATA:
            yield "scatter"
            if access.kind in ("+=", "atomic_add") and (access.of & From.BINNED or not access.amount & From.DATA):
                yield "histogram"
        elif access.plain and not access.kind.startswith("atomic"):
            yield "map"
        elif access.kind in _FOLDS and not access.plain:
            yield "reduce"
    reads = sorted((one.array, one.text, one.of) for one in accesses if one.kind == "read" and _near(one.of))
    for _, group in groupby(reads, key=lambda read: read[0]):
        places = {text: of for _, text, of in group}
        moved = [of for of in places.values() if of & From.MOVED]
        if moved and (len(places) > 1 or any(of & From.LOOP for of in moved)):
            yield "stencil"


def _near(of: From) -> bool:
    return bool(of & From.THREAD) and not of & (From.DATA | From.SCALED)


@dataclass
class _Walk:
    """Walks through the kernels of a module and gathers what they do."""

    tree: ast.Module
    accesses: list[Access] = field(default_factory=list)
    folds: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)
    values: dict[str, Value] = field(default_factory=dict)
    results: list[From] = field(default_factory=list)
    control: From = From.NOTHING
    compared: frozenset[str] = frozenset()
    """The variables in the conditions around."""
    loops: list[frozenset[str]] = field(default_factory=list)
    """For each loop around, the variables that were there before it."""
    running: set[str] = field(default_factory=set)
    """Variables that a loop folds array elements into."""
    triangular: int = 0
    """How many of the loops around begin or end at the thread's index."""
    entered: list[str] = field(default_factory=list)

    def kernels(self) -> None:
        """Walk through every kernel; its functions are walked where they are called."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef) and any("kernel" in ast.unparse(one) for one in node.decorator_list):
                self.values = {
                    argument.arg: Value(array=argument.arg if _is_array(argument.annotation) else "")
                    for argument in node.args.args
                }
                self.block(node.body)

    @property
    def functions(self) -> dict[str, ast.FunctionDef]:
        return {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}

    @property
    def array_fields(self) -> set[str]:
        """The names of fields of structs that are arrays."""
        structs = [node for node in self.tree.body if isinstance(node, ast.ClassDef)]
        fields = [field for node in structs for field in node.body if isinstance(field, ast.AnnAssign)]
        return {ast.unparse(field.target) for field in fields if _is_array(field.annotation)}

    # statements

    def block(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            match statement:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self.assign(target, value)
                case ast.AugAssign():
                    self.augment(statement)
                case ast.For() | ast.While():
                    self.loop(statement)
                case ast.If():
                    self.branch(statement)
                case ast.Return(value=ast.expr() as value):
                    self.results.append(self.value(value).of)
                case ast.Expr(value=value) | ast.Assert(test=value):
                    self.value(value)

    def assign(self, target: ast.expr, node: ast.expr) -> None:
        value = self.value(node)
        if isinstance(target, ast.Tuple):
            for element in target.elts:
                if isinstance(element, ast.Name):
                    self.values[element.id] = Value(value.of)
        elif isinstance(target, ast.Name):
            self.fold(target.id, node, value.of)
            if isinstance(node, ast.Name) and node.id in self.running:
                self.running.add(target.id)
            self.values[target.id] = value
        else:
            self.store(target, "=", node, value.of)

    def augment(self, node: ast.AugAssign) -> None:
        value = self.value(node.value).of
        if isinstance(node.target, ast.Name):
            name = node.target.id
            before = self.values.get(name, Value()).of
            self.fold(name, node, value)
            counts = self.loops and not value & From.DATA and name in self.loops[-1]
            moved = _moved(before, value) if isinstance(node.op, ast.Add | ast.Sub) else From.NOTHING
            self.values[name] = Value(before | value | moved | (From.LOOP if counts else From.NOTHING))
        else:
            self.store(node.target, "+=" if isinstance(node.op, ast.Add | ast.Sub) else "=", node.value, value)

    def fold(self, name: str, node: ast.AST, of: From) -> None:
        """Note that a loop folds what it reads into a variable that was there before the loop."""
        of |= self.control
        itself = isinstance(node, ast.AugAssign) or name in _names(node) | self.compared
        if itself and self.loops and name in self.loops[-1] and From.STREAMED in of:
            self.running.add(name)
            self.folds.add("scan" if self.triangular else "reduce")

    def store(self, target: ast.expr, kind: str, node: ast.expr, of: From) -> None:
        while isinstance(target, ast.Attribute):
            target = target.value
        if isinstance(target, ast.Subscript):
            self.access(target, kind, of)
            if self.loops and self.running & _names(node) and self.accesses and self.accesses[-1].of & From.LOOP:
                self.folds.add("scan")

    def loop(self, node: ast.For | ast.While) -> None:
        over = self.value(node.iter if isinstance(node, ast.For) else node.test).of
        bounded = isinstance(node, ast.For) and isinstance(node.iter, ast.Call) and _callee(node.iter) == "range"
        triangular = isinstance(node, ast.For) and bounded and self.is_triangular(node.iter)
        self.triangular += triangular
        self.loops.append(frozenset(self.values))
        for _ in range(2):  # at the second time it is known what the first left in the variables
            if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
                found = From.LOOP if bounded else From.LOOP | From.DATA
                self.values[node.target.id] = Value(found | (over & From.DATA))
            self.block(node.body)
        self.loops.pop()
        self.triangular -= triangular

    def is_triangular(self, node: ast.expr) -> bool:
        """Whether a range goes up to the thread's index, or from there on, one by one."""
        assert isinstance(node, ast.Call)
        ends = [self.value(end).of for end in node.args]
        of_thread = [end for end in ends if From.THREAD in end and not end & (From.SCALED | From.DATA | From.FOLDED)]
        return len(ends) <= 2 and len(of_thread) == 1

    def branch(self, node: ast.If) -> None:
        outside = self.control, self.compared
        self.control |= self.value(node.test).of
        self.compared |= _names(node.test)
        for body in (node.body, node.orelse):
            self.block(body)
        self.control, self.compared = outside

    # expressions

    def value(self, node: ast.expr) -> Value:
        """Return what is known of an expression, and note the accesses in it."""
        match node:
            case ast.Name(id=name):
                return self.values.get(name, Value())
            case ast.Subscript():
                return self.subscript(node)
            case ast.Attribute(value=base, attr=name):
                inner = self.value(base)
                is_array = name in self.array_fields
                return Value(inner.of, ast.unparse(node)) if is_array else Value(inner.of)
            case ast.Call():
                return self.call(node)
            case ast.BinOp():
                return Value(self.binary(node))
            case ast.IfExp(test=test, body=body, orelse=other):
                return Value(self.value(test).of | self.value(body).of | self.value(other).of)
        of = From.NOTHING
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                of |= self.value(child).of
        return Value(of)

    def binary(self, node: ast.BinOp) -> From:
        left, right = self.value(node.left).of, self.value(node.right).of
        of = left | right
        if isinstance(node.op, ast.Add | ast.Sub):
            return of | _moved(left, right) | _moved(right, left)
        if isinstance(node.op, ast.Mult) and of & From.THREAD:
            return of | From.SCALED
        if isinstance(node.op, ast.Mod | ast.FloorDiv | ast.Div):
            return of | (From.FOLDED if of & From.THREAD else From.NOTHING) | _binned(of)
        return of

    def subscript(self, node: ast.Subscript) -> Value:
        if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
            return Value()
        access = self.access(node, "read")
        if access is not None:
            streamed = From.LOOP | From.STREAMED if access.of & From.LOOP else From.NOTHING
            return Value(From.DATA | streamed)
        return Value(self.value(node.value).of | self.value(node.slice).of)

    def access(self, node: ast.Subscript, kind: str, amount: From = From.NOTHING) -> Access | None:
        """Note an access to an array's element, or a component of one; None where it is something else."""
        indices: list[ast.expr] = []
        base: ast.expr = node
        while isinstance(base, ast.Subscript):
            parts = base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice]
            indices[:0] = parts
            base = base.value
            if isinstance(base, ast.Attribute) and isinstance(base.value, ast.Subscript):
                base = base.value  # a component of a field of a struct in an array
        array = self.value(base).array
        return self.note(array, indices, kind, amount) if array else None

    def note(self, array: str, indices: Sequence[ast.expr], kind: str, amount: From) -> Access:
        found = [self.value(index).of for index in indices]
        of = From.NOTHING
        for one in found:
            of |= one
        altered = From.LOOP | From.DATA | From.MOVED | From.FOLDED
        plain = bool(of & From.THREAD) and not of & altered
        text = ", ".join(map(ast.unparse, indices))
        access = Access(array, text, of, plain, kind, amount, bool(self.loops))
        self.accesses.append(access)
        return access

    def call(self, node: ast.Call) -> Value:
        name = _callee(node)
        arguments = [self.value(argument) for argument in node.args]
        arguments += [self.value(keyword.value) for keyword in node.keywords]
        if isinstance(node.func, ast.Name) and name in self.functions and name not in self.entered:
            return Value(self.inlined(self.functions[name], arguments))
        self.called.add(name)
        if name == "tid":
            return Value(From.THREAD)
        of = From.NOTHING
        for argument in arguments:
            of |= argument.of
        if name.startswith("atomic_") and arguments and arguments[0].array:
            added = arguments[-1].of
            self.note(arguments[0].array, node.args[1:-1], name, added)
            return Value(From.DATA)
        if name == "view" or name.startswith("array"):
            return Value(of, arguments[0].array if arguments else "")
        return Value(of | (_binned(of) if name in _BINS or name.startswith(("int", "uint")) else From.NOTHING))

    def inlined(self, function: ast.FunctionDef, arguments: Sequence[Value]) -> From:
        """Walk through a function of the source with these arguments; returns what its result follows from."""
        kept = self.values, self.results, self.loops
        names = [argument.arg for argument in function.args.args]
        self.values, self.results = dict(zip(names, arguments, strict=False)), []
        self.loops = []
        self.entered.append(function.name)
        self.block(function.body)
        self.entered.pop()
        of = From.NOTHING
        for one in self.results:
            of |= one
        self.values, self.results, self.loops = kept
        return of


def _moved(index: From, by: From) -> From:
    """Return what becomes of a thread's index when something is added that is no thread's index."""
    moves = index & From.THREAD and not index & From.SCALED and not by & (From.THREAD | From.DATA)
    return From.MOVED if moves else From.NOTHING


def _binned(of: From) -> From:
    return From.BINNED if of & From.DATA else From.NOTHING


def _is_array(annotation: ast.expr | None) -> bool:
    return annotation is not None and "array" in ast.unparse(annotation)


def _callee(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
