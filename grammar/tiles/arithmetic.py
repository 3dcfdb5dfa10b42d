"""Operators between tiles, in place and not, and functions mapped over their elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from grammar import intervals, names, nodes, snippets
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.scope import Frame, Helper, Variable
from grammar.tiles import values
from grammar.tiles.sources import COMPOSITES, FLOATING, INTEGRAL, NUMBERS, Wanted, source
from grammar.tiles.values import Tile, changed, define, fits, new_contents
from grammar.types import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, INT32, Scalar

_SUMS = ("sum_", "combined", "mixed", "shifted", "merged", "u", "v", "w")
_PRODUCTS = ("scaled", "product", "weighted", "gated", "p", "q")
_RESULTS = ("result", "updated", "y", "z", "mapped", "response")

_WHOLE: Mapping[str, Callable[[Interval, Interval], Interval]] = {
    "add": intervals.add,
    "sub": intervals.sub,
    "mul": intervals.mul,
    "bit_and": intervals.bit_and,
    "bit_or": intervals.bitwise,
    "bit_xor": intervals.bitwise,
}
_SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "bit_and": "&", "bit_or": "|", "bit_xor": "^"}


def combine(frame: Frame, tile: Tile) -> Tile:
    """Add to a tile, or multiply it by, another of its shape and dtype."""
    other = source(frame, Wanted((tile.dtype,), (len(tile.shape),), tile.shape, whole=tile.is_whole), [tile])
    for name in ("mul", "add", "sub")[0 if chance(frame.choices, 30) else 1 :]:
        if not isinstance(tile.dtype, Scalar) and name == "mul":
            continue
        made = joined(frame, name, tile, other)
        if made is not None:
            return made
    return tile


def joined(frame: Frame, name: str, left: Tile, right: Tile) -> Tile | None:
    """Emit `left operator right` of two tiles that have all in common; None where whole numbers would not fit."""
    interval = None
    if left.interval is not None and right.interval is not None:
        interval = _WHOLE[name](left.interval, right.interval)
        if not fits(left.scalar, interval):
            return None
    elif left.scalar.is_integer or (
        (left.contents.summed or right.contents.summed) and (left.is_whole != right.is_whole or name == "mul")
    ):
        return None
    clean = left.scalar.is_integer or (name == "add" and left.contents.clean and right.contents.clean)
    bank = _PRODUCTS if name == "mul" else _SUMS
    contents = new_contents(interval, clean, left, right)
    text = f"{{left}} {_SYMBOLS[name]} {{right}}"
    return define(frame, bank, text, left.dtype, left.shape, contents, left=left, right=right)


def operator(frame: Frame, one: Registered) -> bool:
    """Emit a binary operator, the overload's, between two tiles or a tile and a value."""
    first, second = one.types
    if "Tile" in first and "Tile" in second:
        return _between_tiles(frame, one.name)
    return _with_value(frame, one.name, tile_first="Tile" in first)


def _between_tiles(frame: Frame, name: str) -> bool:
    if name == "div":
        return _quotient(frame)
    bits = name.startswith("bit_")
    composite = name in ("add", "sub") and chance(frame.choices, 15)
    dtypes = INTEGRAL if bits else tuple(d for d, _ in COMPOSITES) if composite else NUMBERS
    for fresh in (None, 100):
        left = source(frame, Wanted(dtypes, whole=not composite or bits), fresh=fresh)
        right = source(frame, Wanted((left.dtype,), (len(left.shape),), left.shape, whole=left.is_whole), [left], fresh)
        if joined(frame, name, left, right) is not None:
            return True
    return False


def _quotient(frame: Frame) -> bool:
    """Divide by a tile without zeros; of floats the quotient is no whole number any more."""
    left = source(frame, Wanted((*FLOATING, INT32), rough=True))
    right = source(frame, Wanted((left.dtype,), (len(left.shape),), left.shape, rough=True), [left])
    if left.scalar.is_float:
        return _rough(frame, "{left} / {right}", left, right)
    added = frame.choices.integer(9, 20)
    if right.interval is None or right.interval.low < -8:
        return False
    filled = f"wp.tile_full(shape={values.spelled_shape(right.shape)}, value={added}, dtype=int)"
    contents = new_contents(intervals.add(right.interval, intervals.point(added)), True)
    nonzero = define(frame, ("divisor", "denominators"), f"{{right}} + {filled}", INT32, right.shape, contents,
                     right=right)  # fmt: skip
    if left.interval is None or not fits(INT32, nonzero.interval):
        return False
    bound = max(abs(left.interval.low), abs(left.interval.high))
    contents = new_contents(Interval(-bound, bound), True)
    define(frame, ("quotient", "ratio"), "{left} / {right}", left.dtype, left.shape, contents, left=left, right=nonzero)
    return True


def _rough(frame: Frame, text: str, *sources: Tile) -> bool:
    """Emit an expression of floats whose results are any numbers."""
    holes = dict(zip(("left", "right", "third"), sources, strict=False))
    first = sources[0]
    define(frame, ("ratio", "scaled", "normalized", *_RESULTS), text, first.dtype, first.shape,
           new_contents(None, False, *sources), **holes)  # fmt: skip
    return True


def _with_value(frame: Frame, name: str, tile_first: bool) -> bool:
    """Multiply or divide by a value, a literal or a parameter."""
    if name == "div":
        tile = source(frame, Wanted(FLOATING, rough=True))
        value = _number(frame, tile.scalar)[0]
        return _rough(frame, f"{{left}} / {value}" if tile_first else f"{value} / {{left}}", tile)
    tile = source(frame, Wanted(tuple(d for d in NUMBERS if d != BFLOAT16), whole=chance(frame.choices, 70)))
    value, interval = _number(frame, tile.scalar)
    product = intervals.mul(tile.interval, interval) if tile.interval is not None else None
    if product is not None and not fits(tile.scalar, product):
        return False
    if product is None and (tile.contents.summed or not tile.scalar.is_float):
        return False
    contents = new_contents(product, tile.scalar.is_integer, tile)
    text = f"{{tile}} * {value}" if tile_first else f"{value} * {{tile}}"
    define(frame, _PRODUCTS, text, tile.dtype, tile.shape, contents, tile=tile)
    return True


def _number(frame: Frame, scalar: Scalar) -> tuple[str, Interval]:
    """Return a small whole number of a dtype, as a literal or a parameter, and where it lies."""
    if chance(frame.choices, 45):
        name = names.free_name(frame.choices, names.PARAMETERS[values.kind(scalar)], frame.taken)
        interval = values.inputs_interval(scalar)
        fill, bounds = ("whole", None) if scalar.is_float else ("", interval)
        frame.add_value_parameter(Variable(name, scalar, bounds, unread=False, fill=fill))
        return name, interval
    number = frame.choices.integer(2, 4)
    text = f"{number}.0" if scalar.is_float else str(number)
    return (text if scalar in (FLOAT32, INT32) else f"{scalar.spelling}({text})"), intervals.point(number)


def negated(frame: Frame, one: Registered) -> bool:
    """Emit `-tile`."""
    tile = source(frame, Wanted(tuple(d for d in NUMBERS if isinstance(d, Scalar) and (d.is_float or d.is_signed))))
    interval = None if tile.interval is None else intervals.neg(tile.interval)
    if interval is not None and not fits(tile.scalar, interval):
        return False
    contents = new_contents(interval, tile.scalar.is_integer, tile)
    define(frame, ("negated", "flipped", "opposite"), "-{tile}", tile.dtype, tile.shape, contents, tile=tile)
    return True


def in_place(frame: Frame, one: Registered) -> bool:
    """Emit `a += b` and its like between tiles."""
    name = one.name.removesuffix("_inplace")
    dtypes = INTEGRAL if name.startswith("bit_") else tuple(d for d in NUMBERS if d != BFLOAT16)
    target = source(frame, Wanted(dtypes, whole=True, owner=True))
    shape = target.shape
    other = source(frame, Wanted((target.dtype,), (len(shape),), shape, whole=True), [target])
    if target.interval is None or other.interval is None or other.contents is target.contents:
        return False
    interval = _WHOLE[name](target.interval, other.interval)
    if not fits(target.scalar, interval):
        return False
    clean = target.scalar.is_integer or (name == "add" and target.contents.clean and other.contents.clean)
    values.emit(frame, f"{{target}} {_SYMBOLS[name]}= {{other}}", target=target, other=other)
    changed(frame, target, interval, clean, other.contents.summed)
    return True


def axpy(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_axpy(alpha, src, dest)`."""
    dest = source(frame, Wanted((FLOAT32, FLOAT64, INT32, FLOAT16), whole=True, owner=True))
    src = source(frame, Wanted((dest.dtype,), (len(dest.shape),), dest.shape, whole=True), [dest])
    alpha, factor = _number(frame, dest.scalar)
    if dest.interval is None or src.interval is None or src.contents is dest.contents:
        return False
    interval = intervals.add(dest.interval, intervals.mul(src.interval, factor))
    if not fits(dest.scalar, interval):
        return False
    values.emit(frame, f"wp.tile_axpy({alpha}, {{src}}, {{dest}})", src=src, dest=dest)
    changed(frame, dest, interval, dest.scalar.is_integer, src.contents.summed)
    return True


# Maps

_LETTERS = ("x", "y", "z", "w")
_UNARY_ROUGH = ("wp.sin", "wp.cos", "wp.exp", "wp.tanh", "wp.sqrt", "wp.abs", "wp.floor", "wp.sign", "wp.atan")
_BINARY_WHOLE = ("wp.add", "wp.sub", "wp.mul")
_BINARY_ORDER = ("wp.min", "wp.max")


def mapped(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_map` with a built-in or a function of the module's own, of one, two or more arguments."""
    count = {0: 1, 1: 2}.get(one.place) or frame.choices.integer(3, 4)
    if count < 3 and chance(frame.choices, 50):
        return _map_builtin(frame, count)
    return _map_function(frame, count)


def _map_builtin(frame: Frame, count: int) -> bool:
    if count == 2:
        left = source(frame, Wanted((FLOAT32, INT32, FLOAT64), whole=True))
        right = source(frame, Wanted((left.dtype,), (len(left.shape),), left.shape, whole=True, clean=True), [left])
        if left.interval is None or right.interval is None:
            return False
        name = pick(frame.choices, (*_BINARY_WHOLE, *(_BINARY_ORDER if left.contents.clean else ())))
        hull = left.interval.hull(right.interval)
        interval = hull if name in _BINARY_ORDER else _WHOLE[name[3:]](left.interval, right.interval)
        if not fits(left.scalar, interval):
            return False
        clean = left.scalar.is_integer or name in (*_BINARY_ORDER, "wp.add")
        contents = new_contents(interval, clean and left.contents.clean, left, right)
        define(frame, _RESULTS, f"wp.tile_map({name}, {{left}}, {{right}})", left.dtype, left.shape, contents,
               left=left, right=right)  # fmt: skip
        return True
    tile = source(frame, Wanted((FLOAT32, FLOAT64), rough=True))
    return _rough(frame, f"wp.tile_map({pick(frame.choices, _UNARY_ROUGH)}, {{left}})", tile)


def _map_function(frame: Frame, count: int) -> bool:
    """Map a function that adds, subtracts and multiplies its arguments."""
    dtype = pick_weighted(frame.choices, ((FLOAT32, 6.0), (INT32, 3.0), (FLOAT64, 1.0)))
    first = source(frame, Wanted((dtype,), whole=True))
    wanted = Wanted((dtype,), (len(first.shape),), first.shape, whole=True)
    arguments: list[Tile | str] = [first]
    bounds = [first.interval]
    summed = [first]
    for _ in range(count - 1):
        if chance(frame.choices, 25):
            text, interval = _number(frame, first.scalar) if count == 2 else _local_number(frame, first.scalar)
            arguments.append(text)
            bounds.append(interval)
            continue
        tile = source(frame, wanted, [a for a in arguments if isinstance(a, Tile)])
        arguments.append(tile)
        bounds.append(tile.interval)
        summed.append(tile)
    made = pointwise(frame, first.scalar, [b for b in bounds if b is not None])
    if made is None:
        return False
    function, interval = made
    text = ", ".join(argument.name if isinstance(argument, Tile) else argument for argument in arguments)
    frame.commit(text)
    define(frame, _RESULTS, f"wp.tile_map({function}, {text})", dtype, first.shape,
           new_contents(interval, first.scalar.is_integer, *summed))  # fmt: skip
    return True


def _local_number(frame: Frame, scalar: Scalar) -> tuple[str, Interval]:
    """Return a variable with a whole number; no constant (`tile-map-three-arguments-constant` in the findings)."""
    text, interval = _number(frame, scalar)
    name = names.free_name(frame.choices, ("gain", "bias", "shift", "amount"), frame.taken)
    frame.taken.add(name)
    values.emit(frame, f"{name} = {text} + {text}")
    return name, intervals.scale(interval, 2)


def pointwise(frame: Frame, scalar: Scalar, bounds: list[Interval]) -> tuple[str, Interval] | None:
    """Add a function of whole numbers to the module; returns its name and where its result lies, None where it would
    not fit.
    """
    letters = _LETTERS[: len(bounds)]
    text, interval = letters[0], bounds[0]
    for letter, bound in zip(letters[1:], bounds[1:], strict=True):
        name = pick(frame.choices, ("add", "sub", "mul"))
        if not fits(scalar, _WHOLE[name](interval, bound)):
            name = "sub"
        interval = _WHOLE[name](interval, bound)
        text = (
            f"({text}) {_SYMBOLS[name]} {letter}"
            if " " in text and name == "mul"
            else f"{text} {_SYMBOLS[name]} {letter}"
        )
    number = frame.choices.integer(2, 5)
    literal = f"{number}.0" if scalar.is_float else str(number)
    if scalar not in (FLOAT32, INT32):
        literal = f"{scalar.spelling}({literal})"
    name = pick(frame.choices, ("mul", "add", "sub"))
    if not fits(scalar, _WHOLE[name](interval, intervals.point(number))):
        name = "sub"
    interval = _WHOLE[name](interval, intervals.point(number))
    text = f"{literal} * ({text})" if name == "mul" and " " in text else f"{text} {_SYMBOLS[name]} {literal}"
    if not fits(scalar, interval):
        return None
    return _function(frame, scalar, bounds, text, interval), interval


def _function(frame: Frame, scalar: Scalar, bounds: list[Interval], text: str, interval: Interval) -> str:
    """Add `def name(x, y): return text` to the module and return its name."""
    letters = _LETTERS[: len(bounds)]
    unit = frame.unit
    bank = ("affine", "blend", "mix", "scale_shift", "apply", "update_rule", "kernel_value", "pointwise", "fused")
    name = names.free_name(frame.choices, bank, frame.taken | unit.taken)
    unit.taken.add(name)
    frame.taken.add(name)
    parameters = [(letter, unit.annotation(scalar)) for letter in letters]
    body = snippets.statements(Frame(unit, is_kernel=False), f"return {text}")
    node = nodes.function("wp.func", name, parameters, body)
    variables = tuple(
        Variable(letter, scalar, bound if scalar.is_integer else None)
        for letter, bound in zip(letters, bounds, strict=True)
    )
    result = interval if scalar.is_integer else None
    unit.helpers.append(Helper(name, variables, (scalar,), (result,), False, frozenset(), node))
    unit.note("expression:helper")
    unit.events.append("helper")
    return name


RECIPES: Mapping[str, Recipe] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "bit_and", "bit_or", "bit_xor"), operator),
    "neg": negated,
    **dict.fromkeys(("add_inplace", "sub_inplace", "bit_and_inplace", "bit_or_inplace", "bit_xor_inplace"), in_place),
    "tile_axpy": axpy,
    "tile_map": mapped,
}
