"""Attacks on the recogniser, each with what its refusal says.

Most would create the file CANARY if any part of them ran, while Python loads the source or while Warp compiles it.
"""

from __future__ import annotations

from pathlib import Path

CANARY = Path("/tmp/warpsmith-canary")
RUN = f"open('{CANARY}', 'w')"

MODULE = """from enum import IntEnum
from typing import Any

import warp as wp

SIZE = 4


@wp.struct
class Body:
    place: wp.vec3
    mesh: wp.uint64


{module}
@wp.func
def moved(place: wp.vec3, by: float) -> wp.vec3:
    return place * by


@wp.kernel
def kernel(bodies: wp.array(dtype=Body), a: wp.array2d(dtype=float), mesh: wp.uint64, n: int):
    i = wp.tid()
    x = float(i)
{body}
    a[i, 0] = x
"""

BODY_ATTACKS = {
    # code that Warp evaluates
    f"x = wp.static({RUN})": "literal of type str",
    "x = wp.static(SIZE.__class__)": "not one of Warp's constants",
    "x = wp.static(wp.config.verbose)": "not one of Warp's constants",
    "x = wp.static(moved(wp.vec3(), 1.0))": "calls only",
    "x = wp.static(wp.init())": "calls only",
    "x = wp.static([SIZE for SIZE in range(9)][0])": "Subscript in",
    "x = wp.static(sum(k for k in range(3)))": "GeneratorExp in",
    f"x = wp.static((lambda: {RUN})())": "calls only",
    "x = wp.static(f'{SIZE}')": "string with a prefix",
    "x = wp.static('a' * 10**9)": "literal of type str",
    "x = wp.static(2**10**10)": "exponent out of range",
    "x = wp.static(1 << 1 << 60 << 60)": "beyond 64 bits",
    "x = wp.static(9**64**64)": "beyond 64 bits",
    "x = wp.static((-8)**0.5)": "a complex number",
    "x = wp.static(n)": "no constant",
    "x = wp.static(x)": "no constant",
    "x = wp.static(1, 2)": "takes one argument",
    "x = wp.static(expr=1)": "takes one argument",
    "x = wp.static(*[1])": "starred argument",
    "x = wp.static(1 if SIZE else 2)": "IfExp in",
    "x = wp.static(\n    SIZE)": "in one line",
    "x = wp.static(len(SIZE))": "calls only",
    "x = wp.static(wp.static(1))": "calls only",
    "x = wp.static(moved)(wp.static(eval))": "eval is no constant",
    "for k in range(n):\n    x = wp.static(k)": "k is no constant",
    "for k in range(2**70):\n    x = wp.static(k)": "k is no constant",
    # attributes
    "x = n.__class__": "neither a component",
    "x = wp.vec3.__init__.__globals__": "neither a component",
    "x = moved.func.__globals__": "neither a component",
    "x = bodies.__dict__": "neither a component",
    "x = wp.context.sys.modules": "neither a component",
    "x = wp._src.context.os.system(1)": "called by their name",
    "x = wp.types.ctypes.cdll": "neither a component",
    "x = wp.config.verbose": "neither a component",
    "wp.config.kernel_cache_dir = 1": "neither a component",
    "wp.sin = 1": "no value of the grammar",
    "x = wp.types.np": "neither a component",
    "x = wp.utils": "no value",
    "x = a.ptr": "neither a component",
    "x = a.grad": "neither a component",
    "x = a.dtype.__name__": "neither a component",
    "x = IntEnum.mro": "neither a component",
    "x = wp.Volume.load_from_nvdb": "neither a component",
    # calls
    RUN: "open is no function",
    "eval(1)": "eval is no function",
    "exec(1)": "exec is no function",
    "compile(1, 2, 3)": "compile is no function",
    "__import__(1)": "__import__ is no function",
    "getattr(wp, 1)": "getattr is no function",
    "globals()": "globals is no function",
    "vars(x)": "vars is no function",
    "input()": "input is no function",
    "wp.init()": "no built-in of the grammar",
    "wp.launch(kernel, 1)": "no built-in of the grammar",
    "wp.func(moved)": "no built-in of the grammar",
    "wp.load_aot_module(1)": "no built-in of the grammar",
    "wp.address_of(x)": "no built-in of the grammar",
    "wp.printf(1)": "no built-in of the grammar",
    "wp.dense_gemm(1, 2, 3, 4, 5, a, a, a)": "no built-in of the grammar",
    "x = wp.array(ptr=wp.uint64(4096), shape=(1,), dtype=float)[0]": "an address is the .ptr",
    "x = wp.array(ptr=wp.ptr, shape=(1,), dtype=float)[0]": "an address is the .ptr",
    "x = wp.array(ptr=bodies.shape[0], shape=(1,), dtype=float)[0]": "an address is the .ptr",
    "x = wp.array(4096, (1,), float)[0]": "by keyword",
    "x = wp.array(data=a)[0]": "by keyword",
    "x = wp.zeros(shape=(1000000,), dtype=float)[0]": "from 1 to 4096",
    "x = wp.zeros(shape=(64, 65), dtype=float)[0, 0]": "more than 4096 elements",
    "x = wp.zeros(shape=n, dtype=float)[0]": "n is no constant",
    "x = wp.zeros(shape=4, dtype=eval(1))[0]": "not a type",
    "x = wp.zeros(shape=4, dtype=float, device=1)[0]": "a shape and a dtype",
    "x = wp.tile_zeros(shape=4, dtype=float, storage='global')": "no word for storage",
    "x = wp.tile_zeros(shape=4, dtype=float, storage='{0.__class__}')": "no word for storage",
    "x = wp.tile_zeros(shape=4, dtype='float')": "no word for dtype",
    "x = wp.tile_zeros('shared')": "literal of type str",
    "x = wp.cast(n, dtype=wp.config)": "not a type of the grammar",
    "x = wp.tile_map(lambda v: v, a)": "expression Lambda",
    "x = wp.tile_map(eval, a)": "eval is not defined",
    "x = wp.tile_map(wp.launch, a)": "no value of the grammar",
    "x = wp.tile_map(wp.array, a)": "no value of the grammar",
    "x = wp.grad(eval)(x)": "name of one function",
    "x = wp.grad(wp.launch)(x)": "name of one function",
    "x = wp.grad(moved, moved)(x)": "name of one function",
    "x = type(x)(x)(x)": "called by their name",
    "x = (moved or moved)(x, x)": "called by their name",
    "x = bodies[0].place(x)": "called by their name",
    "x = moved(*a)": "starred argument",
    "x = moved(**a)": "starred argument",
    "x = moved(place=eval, by=1.0)": "eval is not defined",
    "x = moved(__class__=1)": "keyword __class__",
    "f = eval": "eval is not defined",
    "f = wp.sin\nf = moved": "one variable of its own",
    "open = moved": "one variable of its own",
    "f, g = moved, moved": "moved is no value",
    "f = moved\nx = f": "one variable of its own",
    # handles of resources, which native code follows as pointers
    "x = wp.mesh_eval_position(wp.uint64(64), 0, 0.5, 0.5)[0]": "wp.uint64",
    "x = wp.mesh_eval_position(mesh + wp.uint64(64), 0, 0.5, 0.5)[0]": "wp.uint64",
    "x = wp.mesh_eval_position(bodies[0].mesh, 0, 0.5, 0.5)[0]": "wp.uint64",
    "x = wp.mesh_eval_position(id=wp.uint64(64), face=0, bary_u=0.5, bary_v=0.5)[0]": "wp.uint64",
    "mesh = wp.uint64(64)\nx = wp.mesh_eval_position(mesh, 0, 0.5, 0.5)[0]": "handle",
    "other = mesh\nx = wp.mesh_eval_position(other, 0, 0.5, 0.5)[0]": "wp.uint64",
    "f = wp.mesh_eval_position\nx = f(wp.uint64(64), 0, 0.5, 0.5)[0]": "can only be called",
    "x = wp.grad(wp.mesh_eval_position)(wp.uint64(64), 0, 0.5, 0.5)[0]": "can only be called",
    "x = wp.tile_map(wp.mesh_eval_position, a)[0]": "can only be called",
    "x = wp.volume_sample_f(wp.uint64(64), wp.vec3(), 0)": "wp.uint64",
    "x = float(wp.bvh_query_aabb(wp.uint64(64), wp.vec3(), wp.vec3()))": "wp.uint64",
    # names
    "eval = 1\nx = float(eval(x))": "no function",
    "wp = 1": "reserved",
    "warp = 1": "reserved",
    "type = 1": "reserved",
    "SIZE = 2": "hides a module-level name",
    "Body = 2": "hides a module-level name",
    "IntEnum = 2": "hides a module-level name",
    "__x = 1": "two underscores",
    "for __k in range(3): pass": "two underscores",
    "x = __name__": "not defined",
    "x = __builtins__": "not defined",
    "x = IntEnum": "no value",
    "x = Any": "no value",
    "x = Body": "no value",
    "х = 1.0": "outside a comment",
    "ℯval(1)": "outside a comment",
    "x = 1＋1": "outside a comment",
    # statements and expressions
    f"x = [{RUN} for k in range(1)]": "expression ListComp",
    "x = {1: 2}": "expression Dict",
    "x = {1, 2}": "expression Set",
    f"x = (y := {RUN})": "expression NamedExpr",
    f"x = f'{{{RUN}}}'": "string with a prefix",
    "x = rb'1'": "string with a prefix",
    "x = '%s' % x": "literal of type str",
    "x = '{}'.format(x)": "called by their name",
    "x = 'a' 'b'": "literal of type str",
    "'docstring'": "does nothing",
    "...": "does nothing",
    "x = ...": "literal of type ellipsis",
    "x = None": "literal of type NoneType",
    "x = 1j": "literal of type complex",
    "x = 18446744073709551616": "beyond 64 bits",
    "x = " + "9" * 900: "beyond 64 bits",
    "x = 0x" + "f" * 900: "beyond 64 bits",
    "x = n in a": "comparison In",
    "x = n is not n": "comparison IsNot",
    "lambda: 1": "does nothing",
    "del x": "statement Delete",
    "global x": "statement Global",
    "nonlocal x": "statement Nonlocal",
    "import os": "statement Import",
    "from os import system": "statement ImportFrom",
    f"with {RUN}: pass": "statement With",
    "try: pass\nfinally: pass": "statement Try",
    "raise x": "statement Raise",
    f"def inner(v={RUN}): pass": "statement FunctionDef",
    f"@{RUN}\ndef inner(): pass": "statement FunctionDef",
    "async def inner(): pass": "statement AsyncFunctionDef",
    f"class Inner({RUN}): pass": "statement ClassDef",
    f"match {RUN}:\n    case 1: pass": "statement Match",
    f"y: {RUN} = 1": "statement AnnAssign",
    "yield x": "does nothing",
    "x = yield": "expression Yield",
    "await x": "does nothing",
    "return x; x": "semicolon",
    f"assert x, {RUN}": "no message",
    'assert x, "\\" #include"': "backslash",
    "assert (x and\n    x)": "in one line",
    "for k in range(3), range(3): pass": "runs over range",
    f"for k in {RUN}: pass": "runs over range",
    "for k in reversed(a): pass": "runs over range",
    "for k in a: pass": "runs over range",
    "for k.x in range(3): pass": "one variable",
    f"for k in range(3): pass\nelse: {RUN}": "open is no function",
    f"while n < 3: n += 1\nelse: {RUN}": "open is no function",
    "*x, y = a": "cannot be assigned",
    "[x, y] = a": "cannot be assigned",
    "moved(x) = 1": "not Python",
    f"x = y = {RUN}": "open is no function",
    "x = 1  # type: ignore": "type comment",
    "x = \\\n1": "backslash",
    "x = 1\x00": "control or invisible",
    "x = 1 # \u2028x = 2": "control or invisible",
    "x = 1 # \u202e": "control or invisible",
    "x = 1\x0cx = 2": "control or invisible",
    "\tx = 1": "not Python",
    # too much of it
    "x = " + "(" * 60 + "1" + ")" * 60: "brackets inside each other",
    "x = " + "-" * 900 + "1": "nested more than",
    "x = " + "not " * 200 + "x": "nested more than",
    "x = a" + "[0]" * 300: "nested more than",
    "x = x" + ".x" * 300: "nested more than",
    "x = x" + " + x" * 240: "nested more than",
    "x = x" + " if x else x" * 80: "nested more than",
    "x = " + "1" * 1200: "line longer than",
    "if x:\n" + "".join("    " * (k + 1) + "if x:\n" for k in range(30)): "indented by more than",
}

MODULE_ATTACKS = {
    # imports
    "import os": "Import is not allowed",
    "import warp": "Import is not allowed",
    "import warp as wp": "Import is not allowed",
    "from os import system": "imports no more",
    "from enum import IntEnum as Any": "imports no more",
    "from enum import Enum": "imports no more",
    "from enum import *": "imports no more",
    "from . import IntEnum": "imports no more",
    "from enum import IntEnum": "defined twice",
    "from warp import sin": "imports no more",
    "from typing import Callable, get_type_hints": "imports no more",
    "from __future__ import annotations": "imports no more",
    # what runs when the module is loaded
    RUN: "Expr is not allowed",
    f"X = {RUN}": "literal of type str",
    f"X = [{RUN}]": "List in a module-level constant",
    f"X = [{RUN} for k in range(1)]": "ListComp in",
    f"X = (Y := {RUN})": "NamedExpr in",
    f"X = lambda: {RUN}": "Lambda in",
    f"X = wp.constant({RUN})": "literal of type str",
    f"X = wp.vec3(*{RUN})": "starred argument",
    f"X = wp.vec3({RUN})": "literal of type str",
    "X = wp.launch(1)": "calls only",
    "X = wp.config": "not one of Warp's constants",
    "X = wp.config.verbose": "not one of Warp's constants",
    "X = wp.types.ctypes.CDLL(1)": "not a maker of types",
    "X = wp.types.vector(length=SIZE, dtype=float)": "literal from 1 to 64",
    "X = wp.types.vector(length=10**9, dtype=float)": "literal from 1 to 64",
    "X = wp.types.vector(length=Any, dtype=float)": "literal from 1 to 64",
    "X = wp.types.matrix(shape=(99, 99), dtype=float)": "literal from 1 to 16",
    f"X = wp.types.vector(length=3, dtype={RUN})": "not a scalar type",
    "X = SIZE.__class__": "not one of Warp's constants",
    "X = int('1')": "literal of type str",
    "X = 2 ** 10 ** 10": "exponent out of range",
    "X = 9 ** 64 ** 64": "beyond 64 bits",
    "X = 1 << 10 ** 9": "shift out of range",
    "X = 'a' * 10 ** 9": "literal of type str",
    "X = (1,) * 10 ** 9": "Tuple in",
    "X = 2.0 ** 64 ** 64": "beyond 64 bits",
    "X = int(1e308 * 10.0)": "cannot be computed",
    "X = 1 % 0": "cannot be computed",
    "X = Body(wp.vec3())": "without arguments",
    f"X = Body()\nX.place = {RUN}": "literal of type str",
    "X = Body()\nX.__class__ = 1": "names one constant",
    "X = Body()\nX._ctype = 1": "names one constant",
    "X = Body()\nX.place.x = 1": "names one constant",
    "SIZE.real = 1": "names one constant",
    "Body.place = 1": "names one constant",
    "wp.config.verbose = 1": "names one constant",
    "wp.sin = 1": "names one constant",
    "X[0] = 1": "names one constant",
    "X = Y = 1": "names one constant",
    "X += 1": "AugAssign is not allowed",
    f"X: {RUN} = 1": "AnnAssign is not allowed",
    "del SIZE": "Delete is not allowed",
    "global SIZE": "Global is not allowed",
    f"with {RUN}: pass": "With is not allowed",
    f"try: pass\nexcept {RUN}: pass": "Try is not allowed",
    f"if {RUN}: pass": "If is not allowed",
    f"for k in {RUN}: pass": "For is not allowed",
    f"match {RUN}:\n    case 1: pass": "Match is not allowed",
    f"assert {RUN}": "Assert is not allowed",
    f"async def f(): {RUN}": "AsyncFunctionDef is not allowed",
    "'text'": "Expr is not allowed",
    # hidden names
    "SIZE = 5": "defined twice",
    "wp = 5": "reserved",
    "warp = 5": "reserved",
    "range = 5": "reserved",
    "Any = 5": "defined twice",
    "__name__ = 5": "two underscores",
    "__builtins__ = 5": "two underscores",
    "__class_getitem__ = 5": "two underscores",
    "X" * 100 + " = 5": "name longer than",
    # decorators, parameters, results
    f"@{RUN}\ndef f(): pass": "expected @wp.func",
    f"@wp.func({RUN})\ndef f(): pass": "expected @wp.func",
    f"@wp.func(inline={RUN})\ndef f(): pass": "function option inline",
    "@wp.func(name='f(); evil')\ndef f(): pass": "function option name",
    "@wp.func(module=wp)\ndef f(): pass": "function option module",
    "@wp.func\n@wp.func\ndef f(): pass": "no other decorator",
    f"@wp.kernel(launch_bounds={RUN})\ndef f(): pass": "kernel option launch_bounds",
    "@wp.kernel(launch_bounds=(256, SIZE))\ndef f(): pass": "kernel option launch_bounds",
    "@wp.kernel(launch_bounds=10**9)\ndef f(): pass": "kernel option launch_bounds",
    "@wp.kernel(name='f(); evil')\ndef f(): pass": "kernel option name",
    "@wp.kernel(module='os')\ndef f(): pass": "kernel option module",
    "@wp.kernel(module=wp)\ndef f(): pass": "kernel option module",
    "@wp.kernel(module_options={'cpu_compiler_flags': '-fplugin=x'})\ndef f(): pass": "module option",
    f"@wp.kernel(module_options={{{RUN}: 1}})\ndef f(): pass": "literal word",
    "@wp.kernel(module_options={**SIZE})\ndef f(): pass": "literal word",
    "@wp.kernel(module_options=dict(a=1))\ndef f(): pass": "dictionary of literals",
    "@wp.func_native('system(0);')\ndef f(): ...": "expected @wp.func",
    "@wp.func_native(snippet='system(0);')\ndef f(): ...": "expected @wp.func",
    "@wp.func_grad(wp.sin)\ndef f(): pass": "function of the source",
    f"@wp.func_grad({RUN})\ndef f(): pass": "function of the source",
    "@wp.func_replay(kernel)\ndef f(): pass": "function of the source",
    "@wp.overload\ndef kernel(a: int): ...": "names the kernel above",
    "@wp.context.func\ndef f(): pass": "expected @wp.func",
    "@staticmethod\ndef f(): pass": "expected @wp.func",
    f"@wp.func\ndef f(a: int = {RUN}): pass": "literal of type str",
    "@wp.func\ndef f(a: int = []): pass": "List in",
    "@wp.func\ndef f(a: int = None): pass": "literal of type NoneType",
    "@wp.func\ndef f(a: int = (lambda: 1)()): pass": "calls only",
    "@wp.func\ndef f(*a: int): pass": "plain and positional",
    "@wp.func\ndef f(**a: int): pass": "plain and positional",
    "@wp.func\ndef f(*, a: int = 1): pass": "plain and positional",
    "@wp.func\ndef f(a: int, /): pass": "plain and positional",
    "@wp.func\ndef f(a): pass": "no annotation",
    f"@wp.func\ndef f(a: {RUN}): pass": "calls nothing but",
    "@wp.func\ndef f(a: 'int'): pass": "not a type",
    "@wp.func\ndef f(a: wp.array(dtype=float, ptr=64)): pass": "by keyword",
    "@wp.func\ndef f(a: wp.array(float)): pass": "by keyword",
    f"@wp.func\ndef f(a: wp.array(dtype={RUN})): pass": "calls nothing but",
    f"@wp.func\ndef f(a: wp.array2d[{RUN}]): pass": "calls nothing but",
    "@wp.func\ndef f(a: wp.array(dtype=float, ndim=10**9)): pass": "literal from 1 to 4",
    "@wp.func\ndef f(a: wp.tile(dtype=float, shape=(10**9,))): pass": "literal from 1 to",
    "@wp.func\ndef f(a: wp.tile(dtype=float, shape=(64, 64, 64))): pass": "elements",
    "@wp.func\ndef f(a: wp.tile[float, 10**9]): pass": "literal from 1 to",
    "@wp.func\ndef f(a: wp.config[float]): pass": "not an array type",
    "@wp.func\ndef f(a: wp.types.vector(length=Any, dtype=eval)): pass": "not a scalar type",
    "@wp.func\ndef f(a: wp.fabricarray(dtype=float)): pass": "calls nothing but",
    "@wp.func\ndef f(a: Callable): pass": "not a type",
    "@wp.func\ndef f(a: int | float): pass": "not a type",
    "@wp.func\ndef f(a: (int, float)): pass": "not a type",
    "@wp.func\ndef f(a: int if 1 else float): pass": "not a type",
    f"@wp.func\ndef f() -> {RUN}: pass": "calls nothing but",
    f"@wp.func\ndef f() -> tuple[int, {RUN}]: pass": "calls nothing but",
    "@wp.func\ndef f(wp: int): pass": "reserved",
    "@wp.func\ndef f(SIZE: int): pass": "hides a module-level name",
    "@wp.func\ndef f(__a: int): pass": "two underscores",
    "@wp.func\ndef f(a: int):\n    return f(a)": "f is no function",
    "@wp.func\ndef f(a: int): pass\n@wp.func\ndef f(b: int): pass": "defined twice",
    "@wp.func\ndef sin(a: float): pass": "hide a built-in",
    "@wp.func\ndef add(a: float, b: float): pass": "hide a built-in",
    "@wp.func\ndef printf(a: Body): pass": "hide a built-in",
    "@wp.func\ndef array(a: Body): pass": "hide a built-in",
    "@wp.func\ndef static(a: Body): pass": "hide a built-in",
    "@wp.func\ndef eval(a: Body): pass": "hide a built-in",
    "@wp.func\ndef Body(a: Body): pass": "defined twice",
    "@wp.func\ndef f(id: wp.uint64):\n    return wp.mesh_get(id).points[0]\n"
    "@wp.func\ndef g(id: wp.uint64):\n    return f(id + wp.uint64(1))": "wp.uint64",
    "@wp.func\ndef f(id: wp.uint64 = 64):\n    return wp.mesh_get(id).points[0]": "no defaults",
    "@wp.func\ndef f(id: int):\n    return wp.mesh_get(id).points[0]": "wp.uint64",
    # classes
    f"class C({RUN}): X = 1": "expected @wp.struct",
    "class C(object): X = 1": "expected @wp.struct",
    "class C(metaclass=Body): X = 1": "",
    "class C(IntEnum, metaclass=Body): X = 1": "",
    "class C(Body): X = 1": "expected @wp.struct",
    f"class C: {RUN}": "constants",
    f"class C(IntEnum): {RUN}": "constants",
    f"class C(IntEnum):\n    A = 1\n    def f(self): {RUN}": "constants",
    "class C(IntEnum):\n    A = auto()": "calls only",
    f"class C(IntEnum):\n    A = {RUN}": "literal of type str",
    "class C(IntEnum):\n    A = 1.5": "literal int",
    "class C(IntEnum):\n    A = 1, 2": "Tuple in",
    "class C(IntEnum):\n    _ignore_ = 1": "cannot be a member",
    "class C(IntEnum):\n    _generate_next_value_ = 1": "cannot be a member",
    "class C(IntEnum):\n    __init_subclass__ = 1": "two underscores",
    "class C(IntEnum):\n    mro = 1": "cannot be a member",
    "class C(IntEnum):\n    A = B = 1": "constants",
    "class C:\n    A = lambda self: 1": "Lambda in",
    "class C:\n    __class_getitem__ = 1": "two underscores",
    "class C:\n    __slots__ = 1": "two underscores",
    "class C:\n    def f(self): pass": "constants",
    f"@{RUN}\nclass C:\n    a: int": "expected @wp.struct",
    "@wp.struct\nclass C(Body):\n    a: int": "no base classes",
    f"@wp.struct\nclass C:\n    a: int = {RUN}": "without values",
    f"@wp.struct\nclass C:\n    a: {RUN}": "calls nothing but",
    f"@wp.struct\nclass C:\n    {RUN}": "annotated fields",
    "@wp.struct\nclass C:\n    def __init_subclass__(cls): pass": "annotated fields",
    "@wp.struct\nclass C:\n    __class__: int": "two underscores",
    "@wp.struct\nclass C:\n    _ctype: int": "underscore",
    "@wp.struct\nclass C:\n    ptr: wp.uint64": "underscore, or is ptr",
    "@wp.struct\nclass C:\n    a: C": "not a type",
    # calls of the module
    "wp.init()": "Expr is not allowed",
    "wp.overload(kernel, {})": "these arguments",
    "wp.overload(moved, {'a': int})": "these arguments",
    "wp.set_module_options({'cpu_compiler_flags': 1})": "module option",
    "wp.set_module_options({'max_unroll': 10**9})": "literal int",
    f"wp.set_module_options({RUN})": "dictionary of literals",
    f"wp.set_module_options({{'max_unroll': {RUN}}})": "literal int",
    "wp.set_module_options({'max_unroll': 1}, module=wp)": "no keyword arguments",
    "wp.set_module_options({'max_unroll': 1}, wp)": "these arguments",
}

FORGERIES = [
    "b = wp.cast(n, dtype=P)",
    "b = wp.cast(n, P)",
    "b = wp.cast(a=n, dtype=P)",
    "b = wp.cast(n, dtype=type(p))",
    "b = wp.cast(p, dtype=N)",
    "b = wp.array(ptr=words.ptr, shape=(1,), dtype=P)[0]",
    "b = wp.array(ptr=words.ptr, shape=(1,), dtype=type(p))[0]",
    "b = wp.array(ptr=places.ptr, shape=(1,), dtype=wp.uint64)",
    "f = wp.cast\n    b = f(n, P)",
    "b = wp.grad(wp.cast)(n, P)",
    "b = forged(n)",
    "b = wp.cast(n)",
]
"""Ways to read numbers as a struct `P` that holds an array, and so as an address."""

FORGERY = """from typing import Any

import warp as wp


@wp.func
def forged(x: Any):
    return {helper}


@wp.struct
class N:
    a: wp.uint64
    b: wp.uint64


@wp.struct
class P:
    a: wp.array(dtype=float)


@wp.kernel
def forge(n: N, p: P, words: wp.array(dtype=wp.uint64), places: wp.array(dtype=P), out: wp.array(dtype=float)):
    {body}
    out[0] = 1.0
"""

AFTER_THE_KERNEL = {
    f"wp.overload(kernel, {{'a': {RUN}}})": "calls nothing but",
    f"wp.overload(kernel, {{{RUN}: float}})": "literal word",
    f"wp.overload(kernel, [{RUN}])": "calls nothing but",
    "wp.overload(kernel, [float for k in range(3)])": "dictionary of literals",
    f"wp.overload({RUN}, [float])": "these arguments",
    "wp.overload(kernel, **SIZE)": "starred argument",
    f"@wp.overload\ndef kernel(a: int): {RUN}": "has the body",
    f"@wp.overload\ndef kernel(a: {RUN}): ...": "calls nothing but",
    "@wp.overload\ndef moved(a: int): ...": "names the kernel above",
    "kernel.func = 1": "names one constant",
    "kernel = 1": "defined twice",
}


def placed(module: str = "", body: str = "x = 1.0") -> str:
    """The kernel with these lines at module level and in its body."""
    return MODULE.format(module=module, body="\n".join(f"    {line}" for line in body.split("\n")))
