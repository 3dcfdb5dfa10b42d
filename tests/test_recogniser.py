"""The recogniser lets kernels through, and nothing else that a file could hold."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grammar.recogniser import Rejection, accept
from grammar.recogniser.raw_text import MAX_BYTES
from grammar.recogniser.vocabulary import EXCLUDED, vocabulary

KERNEL = '''"""A field of bodies."""
import warp as wp

STEP = wp.constant(0.01)
COUNT = 4 * 2 - 1
HALF_TURN = wp.pi / 1.0
UP = wp.vec3(0.0, 1.0, -0.5 * 2.0)
mat23 = wp.types.matrix(shape=(2, 3), dtype=wp.float32)
vec5 = wp.types.vector(length=5, dtype=float)

# forces are in newton, über alles
@wp.struct
class Body:
    """One body."""

    pos: wp.vec3
    mass: wp.float32
    links: wp.array(dtype=wp.int32)

@wp.func
def pushed(body: Body, force: wp.vec3) -> tuple[Body, wp.float32]:
    """Push: a body; (nothing more)."""
    body.pos = body.pos + force * (STEP / body.mass)
    return body, wp.length(force)

@wp.kernel(enable_backward=False)
def advance(
    bodies: wp.array(dtype=Body),
    forces: wp.array2d(dtype=wp.vec3),
    out: wp.array(dtype=wp.float32, ndim=2),
    mats: wp.array[mat23],
    limit: int,
):
    i, j = wp.tid()
    _, _unused = wp.tid()
    body = bodies[i]
    total = wp.vec3()
    for k in range(COUNT):
        total += forces[i, k] - UP * float(k)
        if total.x > 1.0 and not wp.isnan(total[1]):
            break
        elif 0.0 <= total.y < 2.0:
            continue
        else:
            total.z = 0x10 * 1e-3 if limit > 3 else wp.pi
    body, size = pushed(body, total)
    while limit < 10:
        limit += 1
    bodies[i] = Body(body.pos, body.mass, body.links)
    wp.atomic_add(out, i, j, wp.length(body.pos) + size)
    q = wp.quat_from_axis_angle(UP, HALF_TURN)
    out[i, j] = -min(body.mass, 2.0) ** 2.0 + q.w + wp.float32(wp.int64(3)) + mats[i][0, 1] + vec5(1.0)[2]
    v = wp.vector(1.0, 2.0, dtype=wp.float64)
    if out.shape[0] > ~limit >> 1:
        pass
    return
'''

BODY_START = KERNEL.index("    i, j = wp.tid()")
BODY_LINE = KERNEL.count("\n", 0, BODY_START) + 1
HEAD = "import warp as wp\n"
TAIL = "@wp.kernel\ndef k(a: wp.array(dtype=float)):\n    a[0] = 1.0\n"


def in_body(statement: str) -> str:
    """The kernel above with a statement before its first."""
    indented = "".join(f"    {line}\n" for line in statement.split("\n"))
    return KERNEL[:BODY_START] + indented + KERNEL[BODY_START:]


STATEMENTS = {
    # what runs Python while Warp generates code
    "x = wp.static(limit + 1)": (15, "limit is no constant"),
    "x = wp.static(__import__('os').system('true'))": (39, "a literal of type str"),
    "x = eval('1')": (5, "eval is no function"),
    "x = exec": (5, "exec is not defined"),
    "open('/tmp/x')": (1, "open is no function"),
    "getattr(wp, 'config')": (1, "getattr is no function"),
    "x = __builtins__": (5, "__builtins__ is not defined"),
    "x = limit(1)(1)": (5, "only functions called by their name"),
    "__import__('os')": (1, "__import__"),
    "breakpoint()": (1, "breakpoint is no function"),
    "x = limit.__class__": (5, ".__class__ is neither"),
    "x = bodies.__init__.__globals__": (5, ".__globals__ is neither"),
    "x = bodies.ptr": (5, ".ptr is neither"),
    "x = bodies.grad": (5, ".grad is neither"),
    "x = limit.real": (5, ".real is neither"),
    # what hangs off the package
    "x = wp.config": (5, "wp.config is no value"),
    "wp.config.verbose = True": (1, ".verbose is neither"),
    "x = wp.context.sys.modules": (5, ".modules is neither"),
    "x = wp._src.context.os": (5, ".os is neither"),
    "wp.launch(pushed, 1)": (1, "wp.launch is no built-in"),
    "wp.array(ptr=wp.uint64(64), shape=(1,), dtype=float)": (14, "an address is the .ptr of an array"),
    "x = wp.address_of(limit)": (5, "wp.address_of is no built-in"),
    "x = wp.mesh_get_point(wp.uint64(1), 0)": (23, "is a parameter of type wp.uint64"),
    'wp.printf("%n")': (1, "wp.printf is no built-in"),
    "x = y = wp.sin": (1, "one variable of its own"),
    "x = wp": (5, "wp is no value"),
    "w = wp.utils.warn": (5, ".warn is neither"),
    "x = STEP.real": (5, ".real is neither"),
    # names
    "x = missing": (5, "missing is not defined above"),
    "x = x + 1": (5, "x is not defined above"),
    "missing += 1": (1, "missing is not defined above"),
    "advance(bodies)": (1, "advance is no function"),
    "x = advance": (5, "advance is not defined above"),
    "x = Body": (5, "Body is no value"),
    "wp = 1": (1, "wp is reserved"),
    "range = 3": (1, "range is reserved"),
    "STEP = 3.0": (1, "STEP hides a module-level name"),
    "pushed = 3.0": (1, "pushed hides a module-level name"),
    "__x = 1": (1, "starts with two underscores"),
    "for wp in range(3):\n    pass": (5, "wp is reserved"),
    "dot(UP, UP)": (1, "dot is no function"),
    "f = 1\nf(2)": (1, "f is no function"),
    # statements
    "import os": (1, "statement Import"),
    "from os import system": (1, "statement ImportFrom"),
    "global limit": (1, "statement Global"),
    "del limit": (1, "statement Delete"),
    'assert limit, "text"': (15, "no message"),
    "assert (\n    limit)": (1, "in one line"),
    "raise limit": (1, "statement Raise"),
    "try:\n    pass\nexcept: pass": (1, "statement Try"),
    "with limit: pass": (1, "statement With"),
    "def f(): pass": (1, "statement FunctionDef"),
    "class C: pass": (1, "statement ClassDef"),
    "x: int = 1": (1, "statement AnnAssign"),
    "match limit:\n    case 1: pass": (1, "statement Match"),
    "limit": (1, "does nothing"),
    'pass\n"text"': (1, "does nothing"),
    "for x in bodies: pass": (10, "runs over range(...) or a query"),
    "for x in wp.tid(): pass": (10, "runs over range"),
    "for x in range(*limit): pass": (16, "expression Starred"),
    "for x in range(3): pass\nelse: import os": (7, "statement Import"),
    "*x, y = wp.tid()": (1, "Starred cannot be assigned"),
    "[x, y] = wp.tid()": (1, "List cannot be assigned"),
    "yield 1": (1, "does nothing"),
    "await limit": (1, "does nothing"),
    # expressions
    "x = (y := 1)": (6, "expression NamedExpr"),
    "x = lambda: 1": (5, "expression Lambda"),
    "x = [1, 2]": (5, "expression List"),
    "x = {1: 2}": (5, "expression Dict"),
    "x = [i for i in range(3)]": (5, "expression ListComp"),
    "x = sum(i for i in range(3))": (5, "sum is no function"),
    "x = min(*limit)": (9, "starred argument"),
    "x = min(**limit)": (11, "starred argument"),
    "x = min(_x=limit)": (12, "keyword _x"),
    "x = limit in limit": (5, "comparison In"),
    "x = limit is limit": (5, "comparison Is"),
    "x = None": (5, "a literal of type NoneType"),
    "x = ...": (5, "a literal of type ellipsis"),
    "x = 1j": (5, "a literal of type complex"),
    "x = 'text'": (5, "a literal of type str"),
    "x = b'text'": (5, "string with a prefix"),
    "x = f'{limit}'": (5, "string with a prefix"),
    "x = 99999999999999999999": (5, "beyond 64 bits"),
    "x = 0x1ffffffffffffffff": (5, "beyond 64 bits"),
    # text
    "x = 1; y = 2": (6, "semicolon"),
    "x = 1;": (6, "semicolon"),
    "x = \\\n1": (5, "backslash"),
    "x = 1  # type: int": (8, "type comment"),
    "ｘ = 1": (1, "outside a comment"),
    "х = 1": (1, "outside a comment"),
    "x = 1 \x0c": (7, "control or invisible character U+000C"),
    "x = 1\x00": (6, "control or invisible character U+0000"),
    "x = 1 # \u202e": (9, "control or invisible character U+202E"),
    "x = 1 # \u2028": (9, "control or invisible character U+2028"),
    "x = 1 # \ud800": (9, "control or invisible character U+D800"),
    "x = 1\ry = 2": (6, "control or invisible character U+000D"),
    "x = (1": (5, "bracket never closed"),
}

MODULES = {
    "": (1, 1, "starts with `import warp as wp`"),
    "import os\n" + TAIL: (1, 1, "starts with `import warp as wp`"),
    "import warp\n" + TAIL: (1, 1, "starts with `import warp as wp`"),
    "import warp as wp, os\n" + TAIL: (1, 1, "starts with `import warp as wp`"),
    "import warp as os\n" + TAIL: (1, 1, "starts with `import warp as wp`"),
    "from warp import *\n" + TAIL: (1, 1, "starts with `import warp as wp`"),
    "from __future__ import annotations\n" + HEAD + TAIL: (1, 1, "starts with"),
    HEAD + "import os\n" + TAIL: (2, 1, "Import is not allowed at module level"),
    HEAD + "from os import system\n" + TAIL: (2, 1, "imports no more than words for annotations"),
    HEAD + HEAD + TAIL: (2, 1, "Import is not allowed"),
    HEAD + "w = wp\n" + TAIL: (2, 5, "wp is no constant"),
    HEAD + "wp = 1\n" + TAIL: (2, 1, "wp is reserved"),
    HEAD + "f = wp.sin\n" + TAIL: (2, 5, "not one of Warp's constants"),
    HEAD + "x = wp.config.verbose\n" + TAIL: (2, 5, "not one of Warp's constants"),
    HEAD + "wp.config.verbose = 1\n" + TAIL: (2, 1, "names one constant or type"),
    HEAD + "a = b = 1\n" + TAIL: (2, 1, "names one constant or type"),
    HEAD + "a, b = 1, 2\n" + TAIL: (2, 1, "names one constant or type"),
    HEAD + "a = 1\na = 2\n" + TAIL: (3, 1, "a is defined twice"),
    HEAD + "k = 1\n" + TAIL: (4, 1, "k is defined twice"),
    HEAD + "a = eval('1')\n" + TAIL: (2, 10, "a literal of type str"),
    HEAD + "a = eval(1)\n" + TAIL: (2, 5, "calls only wp.constant"),
    HEAD + "a = wp.init()\n" + TAIL: (2, 5, "calls only wp.constant"),
    HEAD + "a = wp.zeros(10)\n" + TAIL: (2, 5, "calls only wp.constant"),
    HEAD + "a = wp.array(1, 2)\n" + TAIL: (2, 5, "calls only wp.constant"),
    HEAD + "a = wp.vec3(x=1)\n" + TAIL: (2, 5, "keyword arguments"),
    HEAD + "a = wp.vec3(*b)\n" + TAIL: (2, 13, "starred argument"),
    HEAD + "a = 9 ** 9 ** 9\n" + TAIL: (2, 5, "exponent out of range"),
    HEAD + "a = 1 << 99999999\n" + TAIL: (2, 5, "shift out of range"),
    HEAD + "a = 1 // 0\n" + TAIL: (2, 5, "cannot be computed"),
    HEAD + "a = 18446744073709551615 * 2\n" + TAIL: (2, 5, "beyond 64 bits"),
    HEAD + "a = [1]\n" + TAIL: (2, 5, "List in a module-level constant"),
    HEAD + "a = 'x'\n" + TAIL: (2, 5, "a literal of type str"),
    HEAD + "a = 1 if 1 else 2\n" + TAIL: (2, 5, "IfExp in a module-level constant"),
    HEAD + "a = wp.types.os(1)\n" + TAIL: (2, 5, "not a maker of types"),
    HEAD + "a = wp.context.matrix(shape=(2, 2), dtype=float)\n" + TAIL: (2, 5, "not a maker of types"),
    HEAD + "a = wp.types.matrix(shape=(2, 999999), dtype=float)\n" + TAIL: (2, 31, "literal from 1 to 16"),
    HEAD + "a = wp.types.vector(length=3, dtype=wp.config)\n" + TAIL: (2, 37, "not a scalar type"),
    HEAD + "print(1)\n" + TAIL: (2, 1, "Expr is not allowed at module level"),
    HEAD + "if 1:\n    pass\n" + TAIL: (2, 1, "If is not allowed"),
    HEAD + "while 1: pass\n" + TAIL: (2, 1, "While is not allowed"),
    HEAD + "a: eval('1') = 1\n" + TAIL: (2, 1, "AnnAssign is not allowed"),
    HEAD + "async def f(): pass\n" + TAIL: (2, 1, "AsyncFunctionDef is not allowed"),
    HEAD + "class C: pass\n" + TAIL: (2, 10, "constants"),
    HEAD + "@wp.struct\nclass C(object):\n    a: int\n" + TAIL: (3, 1, "no base classes"),
    HEAD + "@wp.struct\nclass C(metaclass=int):\n    a: int\n" + TAIL: (3, 1, "no base classes"),
    HEAD + "@wp.struct\nclass C:\n    a: int = 1\n" + TAIL: (4, 5, "only annotated fields"),
    HEAD + "@wp.struct\nclass C:\n    print(1)\n" + TAIL: (4, 5, "only annotated fields"),
    HEAD + "@wp.struct\nclass C:\n    def f(self): pass\n" + TAIL: (4, 5, "only annotated fields"),
    HEAD + "@wp.struct\nclass C:\n    a: C\n" + TAIL: (4, 8, "not a type"),
    HEAD + "@wp.struct\nclass C:\n    __slots__: int\n" + TAIL: (4, 5, "two underscores"),
    HEAD + "@wp.struct\nclass C:\n    _a: int\n" + TAIL: (4, 5, "starts with an underscore"),
    HEAD + "@wp.struct\nclass C:\n    a: int\n    a: int\n" + TAIL: (5, 5, "two fields are named a"),
    HEAD + "@print\ndef f(): pass\n" + TAIL: (2, 2, "expected @wp.func or @wp.kernel"),
    HEAD + "@wp.kernel\n" + TAIL: (3, 2, "no other decorator"),
    HEAD + "@wp.launch\ndef f(): pass\n" + TAIL: (2, 2, "expected @wp.func or @wp.kernel"),
    HEAD + "@wp.func_native('')\ndef f(): ...\n" + TAIL: (2, 2, "expected @wp.func or @wp.kernel"),
    HEAD + "@wp.func_grad(f)\ndef f(): pass\n" + TAIL: (2, 2, "takes a function of the source"),
    HEAD + "@eval('1')\ndef f(): pass\n" + TAIL: (2, 2, "expected @wp.func or @wp.kernel"),
    HEAD + "@wp.struct\ndef f(): pass\n" + TAIL: (2, 2, "expected @wp.func or @wp.kernel"),
    HEAD + "@wp.func()\ndef f(): pass\n" + TAIL: (2, 2, "expected @wp.func or @wp.kernel"),
    HEAD + "@(lambda f: f)\ndef f(): pass\n" + TAIL: (2, 3, "expected @wp.func or @wp.kernel"),
    HEAD + "@wp.kernel(module=1)\ndef f(): pass\n": (2, 19, "kernel option module is"),
    HEAD + "@wp.kernel(1)\ndef f(): pass\n": (2, 12, "kernel options are keywords"),
    HEAD + "@wp.kernel(**1)\ndef f(): pass\n": (2, 14, "starred argument"),
    HEAD + "@wp.kernel(enable_backward=1)\ndef f(): pass\n": (2, 28, "a literal bool"),
    HEAD + "@wp.kernel\ndef f(a=eval('1')): pass\n": (3, 9, "a parameter of a kernel has no default"),
    HEAD + "@wp.kernel\ndef f(a: int = 1): pass\n": (3, 16, "a parameter of a kernel has no default"),
    HEAD + "@wp.kernel\ndef f(*a: int): pass\n": (3, 1, "plain and positional"),
    HEAD + "@wp.kernel\ndef f(*, a: int): pass\n": (3, 1, "plain and positional"),
    HEAD + "@wp.kernel\ndef f(a: int, /): pass\n": (3, 1, "plain and positional"),
    HEAD + "@wp.kernel\ndef f(**a: int): pass\n": (3, 1, "plain and positional"),
    HEAD + "@wp.kernel\ndef f(a): pass\n": (3, 7, "a has no annotation"),
    HEAD + "@wp.kernel\ndef f(wp: int): pass\n": (3, 7, "wp is reserved"),
    HEAD + "@wp.kernel\ndef f(a: 'int'): pass\n": (3, 10, "not a type of the grammar"),
    HEAD + "@wp.kernel\ndef f(a: eval(1)): pass\n": (3, 10, "calls nothing but an array type"),
    HEAD + "@wp.kernel\ndef f(a: wp.array(1)): pass\n": (3, 10, "by keyword"),
    HEAD + "@wp.kernel\ndef f(a: wp.array(dtype=int, ptr=1)): pass\n": (3, 10, "by keyword"),
    HEAD + "@wp.kernel\ndef f(a: wp.array(dtype=eval(1))): pass\n": (3, 25, "calls nothing but an array type"),
    HEAD + "@wp.kernel\ndef f(a: wp.array(dtype=int, ndim=9)): pass\n": (3, 35, "literal from 1 to 4"),
    HEAD + "@wp.kernel\ndef f(a: wp.config[int]): pass\n": (3, 10, "not an array type"),
    HEAD + "@wp.kernel\ndef f(a: wp.vec3.__class__): pass\n": (3, 10, "not a type"),
    HEAD + "@wp.kernel\ndef f(a: (x := int)): pass\n": (3, 11, "not a type"),
    HEAD + "@wp.kernel\ndef f() -> eval(1): pass\n": (3, 12, "a kernel returns nothing"),
    HEAD + "@wp.func\ndef f() -> eval(1): pass\n": (3, 12, "calls nothing but"),
    HEAD + "@wp.func\ndef f(a: int):\n    return f(a)\n" + TAIL: (4, 12, "f is no function"),
    HEAD + "@wp.func\ndef sin(a: float):\n    return a\n" + TAIL: (3, 1, "sin would hide a built-in"),
    HEAD + "@wp.func\ndef eval(a: float):\n    return a\n" + TAIL: (3, 1, "eval would hide a built-in"),
    HEAD + "a = 1\n": (1, 1, "no @wp.kernel function"),
    HEAD + TAIL + TAIL.replace("def k", "def l"): (6, 1, "one @wp.kernel function"),
    "# -*- coding: latin-1 -*-\n" + HEAD + TAIL: (1, 1, "encoding latin-1"),
    "\n#vim: fileencoding=utf-7\n" + HEAD + TAIL: (2, 1, "encoding utf-7"),
    "\ufeff" + HEAD + TAIL: (1, 1, "byte order mark"),
    HEAD + TAIL + "    a[0] = " + "-" * 900 + "1.0\n": (5, 75, "nested more than 64 deep"),
    HEAD + TAIL + "    a[0] = " + "-" * 2000 + "1.0\n": (5, 1, "line longer than 1000"),
    HEAD + TAIL + "    a[0] = (" + "-\n" * 2000 + "1.0)\n": (5, 12, "more than 2000 characters"),
    HEAD + TAIL + "    a[0] = (" + "-1.0\n" * 2000 + "\n": (5, 12, "bracket never closed"),
    HEAD + TAIL + "    a[0] = " + "(" * 200 + "1.0" + ")" * 200 + "\n": (5, 44, "more than 32 brackets"),
    HEAD + TAIL + "    a[0] = " + "1.0" + " + 1.0" * 100 + "\n": (5, 12, "nested more than 64 deep"),
    HEAD + TAIL + "    a[0] = a" + ".x" * 100 + "\n": (5, 12, "nested more than 64 deep"),
    HEAD + TAIL + "".join("    " + " " * n + "if 1:\n" for n in range(99)): (102, 1, "indented by more than 100"),
    HEAD + TAIL + "    if a[0]:\n        pass\n" + "    elif 1.0:\n        pass\n" * 200: (131, 10, "nested more"),
    HEAD + TAIL + "#" * MAX_BYTES: (1, 1, "longer than"),
}


FILLERS = [
    *("(", "[1,", "{", "a(", "-", "not ", "1**-", "a.", "a if a else ", "lambda:", "'''", "\"'", "𝐱"),
    *("#\n", "\n", "@x\n", "x\n", "if 1:\n ", "elif 1: pass\n "),
]


def place(rejection: Rejection | None) -> tuple[int, int]:
    assert rejection is not None
    return rejection.line, rejection.column


def test_a_kernel_of_the_subset_is_accepted() -> None:
    assert accept(KERNEL) is None
    assert accept(KERNEL.encode()) is None
    assert accept(KERNEL.replace("\n", "\r\n")) is None
    assert accept("# -*- coding: utf-8 -*-\n" + KERNEL) is None


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_kernel_with_a_foreign_statement_is_refused(statement: str) -> None:
    column, reason = STATEMENTS[statement]
    rejection = accept(in_body(statement))
    assert rejection is not None
    assert reason in rejection.reason
    assert rejection.line in range(BODY_LINE, BODY_LINE + statement.count("\n") + 1)
    assert rejection.column == column + 4


@pytest.mark.parametrize("source", MODULES, ids=range(len(MODULES)))
def test_a_source_with_foreign_module_level_code_is_refused(source: str) -> None:
    line, column, reason = MODULES[source]
    rejection = accept(source)
    assert rejection is not None
    assert reason in rejection.reason
    assert place(rejection) == (line, column)


def test_a_rejection_reads_like_a_compilers_message() -> None:
    assert str(accept("import os\n")) == "1:1: a kernel's source starts with `import warp as wp`"


def test_bytes_that_are_no_utf8_are_refused_where_they_stand() -> None:
    assert str(accept(b"import warp as wp\n# caf\xe9\n")) == "2:6: not UTF-8"
    assert str(accept(HEAD.encode("utf-16"))).endswith("not UTF-8")
    assert "byte order mark" in str(accept(HEAD.encode("utf-8-sig")))


def test_every_excluded_builtin_is_refused() -> None:
    for name in EXCLUDED:
        assert f"wp.{name} is no built-in" in str(accept(in_body(f"wp.{name}(1)")))


def test_the_vocabulary_holds_what_kernels_are_made_of() -> None:
    words = vocabulary()
    assert {"tid", "sin", "dot", "atomic_add", "where", "quat_rotate", "randf"} <= words.functions
    assert {"float32", "bool", "vec3", "mat44d", "quat", "transformf"} <= words.types
    assert {"pi", "inf", "E"} <= words.constants
    assert not (words.functions | words.types | words.constants) & {"config", "launch", "types", "constant", "static"}


def test_nothing_is_executed_or_opened() -> None:
    """Python's own audit events say what happens inside `accept`."""
    accept(KERNEL)
    seen: set[str] = set()
    watching = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if watching:
            seen.add(f"{event} {arguments[0]}" if event == "open" else event)

    sys.addaudithook(hook)
    for statement in STATEMENTS:
        accept(in_body(statement))
    for source in [KERNEL, *MODULES, "x = = 1"]:
        accept(source)
    watching = False
    # Python looks for the line of a syntax error in a file of that name, which does not exist.
    assert seen <= {"compile", "open <unknown>", "builtins.id"}


@given(st.text(max_size=300))
@settings(deadline=None, max_examples=200)
def test_any_text_gets_an_answer(text: str) -> None:
    for source in (text, HEAD + text, in_body(text), HEAD + TAIL + text):
        rejection = accept(source)
        assert rejection is None or (rejection.line >= 1 and rejection.column >= 1 and rejection.reason)


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=100)
def test_any_bytes_get_an_answer(data: bytes) -> None:
    assert accept(data) is not None


@pytest.mark.parametrize("filler", FILLERS)
def test_hostile_text_is_refused_in_bounded_time(filler: str) -> None:
    for start in (HEAD, HEAD + TAIL + "    a[0] = ", HEAD + TAIL + "    if 1: pass\n    "):
        source = start + filler * ((MAX_BYTES - 600) // len(filler.encode()))
        begin = time.perf_counter()
        assert accept(source) is not None or filler.isspace() or filler == "#\n"
        assert time.perf_counter() - begin < 20.0


def test_accepting_a_kernel_takes_no_time_to_speak_of() -> None:
    accept(KERNEL)
    times = []
    for _ in range(20):
        begin = time.perf_counter()
        accept(KERNEL)
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.1
