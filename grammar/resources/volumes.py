"""Volumes: values sampled and looked up, stores to voxels of one's own, and the way between index and world space."""

from __future__ import annotations

from collections.abc import Mapping

from grammar import snippets
from grammar.arguments import INDEX_VOXELS, TILE_VOXELS
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.resources import inputs
from grammar.resources.inputs import VEC3
from grammar.scope import Frame, Variable
from grammar.types import FLOAT32, FLOAT64, INT32, INT64, UINT32, Matrix, Scalar, ValueType, Vector

_TYPES: Mapping[str, ValueType] = {
    "volume_f": FLOAT32,
    "volume_d": FLOAT64,
    "volume_i": INT32,
    "volume_l": INT64,
    "volume_ui": UINT32,
    "volume_v": VEC3,
    "volume_v3d": Vector(3, FLOAT64),
    "volume_v4": Vector(4, FLOAT32),
    "volume_v4d": Vector(4, FLOAT64),
}
_ANY = (
    ("volume_f", 5), ("volume_d", 2), ("volume_i", 2), ("volume_l", 1), ("volume_ui", 1), ("volume_v", 4),
    ("volume_v3d", 1), ("volume_v4", 1), ("volume_v4d", 1),
)  # fmt: skip
_FLOATS = (("volume_f", 5), ("volume_d", 2), ("volume_v", 4), ("volume_v3d", 1), ("volume_v4", 1), ("volume_v4d", 1))

VOXEL = Interval(-64, 128)
"""Where a volume's integers lie, their background included."""


def _word(frame: Frame, one: Registered, table: tuple[tuple[str, int], ...] = _ANY) -> str:
    """Return the volume that an overload reads: of the type that its name ends with, or any."""
    suffix = one.name.rpartition("_")[2]
    word = f"volume_{suffix}"
    return word if word in _TYPES or word == "volume_index" else pick_weighted(frame.choices, table)


def _interval(type_: ValueType) -> Interval | None:
    return VOXEL if isinstance(type_, Scalar) and type_.is_integer else None


def _place(frame: Frame, volume: Variable) -> str:
    """Emit where a thread samples, in index space, and return its name."""
    p = inputs.position(frame)
    name = inputs.fresh(frame, ("uvw", "coord", "q"))
    if chance(frame.choices, 70):
        snippets.emit(frame, f"{name} = wp.volume_world_to_index({volume.name}, {p.name})")
    else:
        snippets.emit(frame, f"{name} = {p.name} * {inputs.number(frame, '4.0', '2.0', '3.5')} + wp.vec3(4.0)")
    return name


def _mode(frame: Frame, linear: bool) -> str:
    return "wp.Volume.LINEAR" if linear and chance(frame.choices, 75) else "wp.Volume.CLOSEST"


def _typed(one: Registered, type_: ValueType) -> str:
    return f", dtype={type_.spelling}" if "dtype" in dict(one.parameters) else ""


_VALUES = ("value", "density", "sampled", "phi", "cell_value")


def _sample(frame: Frame, one: Registered) -> bool:
    word = _word(frame, one)
    type_ = _TYPES[word]
    volume = inputs.resource(frame, word)
    uvw = _place(frame, volume)
    # Warp interpolates floats only.
    mode = "" if "sampling_mode" not in dict(one.parameters) else f", {_mode(frame, _interval(type_) is None)}"
    name = inputs.fresh(frame, _VALUES)
    snippets.emit(frame, f"{name} = wp.{one.name}({volume.name}, {uvw}{mode}{_typed(one, type_)})")
    inputs.result(frame, name, type_, _interval(type_))
    inputs.note(frame, one)
    return True


def _gradient_type(type_: ValueType) -> ValueType:
    if isinstance(type_, Vector):
        return Matrix(type_.length, 3, type_.scalar)
    assert isinstance(type_, Scalar)
    return Vector(3, type_)


def _sample_grad(frame: Frame, one: Registered) -> bool:
    """Sample a value together with its gradient, which is written to an argument."""
    word = _word(frame, one, _FLOATS)
    type_ = FLOAT32 if word == "volume_index" else _TYPES[word]
    volume = inputs.resource(frame, word)
    uvw = _place(frame, volume)
    gradient, name = inputs.fresh(frame, ("grad", "gradient", "slope")), inputs.fresh(frame, _VALUES)
    grad_type = _gradient_type(type_)
    frame.commit(grad_type.spelling)
    snippets.emit(frame, f"{gradient} = {grad_type.spelling}()")
    if word == "volume_index":
        data = _data(frame)
        arguments = f"{_mode(frame, True)}, {data}, {inputs.number(frame, '0.0', '1.0', '-0.5')}, {gradient}"
        snippets.emit(frame, f"{name} = wp.{one.name}({volume.name}, {uvw}, {arguments})")
    else:
        call = f"wp.{one.name}({volume.name}, {uvw}, {_mode(frame, True)}, {gradient}{_typed(one, type_)})"
        snippets.emit(frame, f"{name} = {call}")
    inputs.result(frame, name, type_)
    inputs.result(frame, gradient, grad_type)
    inputs.note(frame, one)
    return True


def _data(frame: Frame) -> str:
    """Return an array with a value for each voxel of a volume of indices."""
    return inputs.items(frame, FLOAT32, ("voxel_data", "voxel_values", "field_data"), INDEX_VOXELS).name


def _sample_index(frame: Frame, one: Registered) -> bool:
    volume = inputs.resource(frame, "volume_index")
    uvw = _place(frame, volume)
    name = inputs.fresh(frame, _VALUES)
    background = inputs.number(frame, "0.0", "1.0", "-0.5")
    call = f"wp.{one.name}({volume.name}, {uvw}, {_mode(frame, True)}, {_data(frame)}, {background})"
    snippets.emit(frame, f"{name} = {call}")
    inputs.result(frame, name, FLOAT32)
    inputs.note(frame, one)
    return True


def _cell(frame: Frame) -> str:
    """Return three indices of a voxel, some of them outside of the volume."""
    thread = pick(frame.choices, frame.threads).name
    width = TILE_VOXELS
    return pick(
        frame.choices,
        (
            f"{thread} % {width}, {thread} // {width} % {width}, 0",
            f"{thread} % {width + 2}, {thread} // {width + 2}, {frame.choices.integer(0, width)}",
            f"{thread} - 2, {thread} % 4, {thread} // 4",
            f"{thread} % 4, {thread} // 4 % 4, {thread} // 16",
        ),
    )


def _lookup(frame: Frame, one: Registered) -> bool:
    word = _word(frame, one)
    type_: ValueType = INT32 if word == "volume_index" else _TYPES[word]
    interval = Interval(-1, INDEX_VOXELS - 1) if word == "volume_index" else _interval(type_)
    volume = inputs.resource(frame, word)
    bank = ("slot", "voxel_index") if word == "volume_index" else _VALUES
    name = inputs.fresh(frame, bank)
    snippets.emit(frame, f"{name} = wp.{one.name}({volume.name}, {_cell(frame)}{_typed(one, type_)})")
    inputs.result(frame, name, type_, interval)
    inputs.note(frame, one)
    return True


def _store(frame: Frame, one: Registered) -> bool:
    """Store to the voxel that the thread owns, of a volume that nothing else in the kernel reads."""
    word = _word(frame, one)
    if any(isinstance(p, Variable) and p.resource == word for p in frame.parameter_order):
        return False
    type_ = _TYPES[word]
    volume = inputs.resource(frame, word)
    volume.stored = True
    index = _flat_index(frame)
    width = TILE_VOXELS
    name = inputs.fresh(frame, ("voxel", "cell", "flat"))
    value = _value(frame, type_)
    snippets.emit(frame, f"{name} = {index}")
    cell = f"{name} % {width}, {name} // {width} % {width}, {name} // {width * width}"
    snippets.emit(frame, f"wp.{one.name}({volume.name}, {cell}, {value})")
    inputs.note(frame, one)
    return True


def _flat_index(frame: Frame) -> str:
    """Return the number of the thread among all of a launch; launches are smaller than a tile has voxels."""
    text = frame.threads[0].name
    for thread, extent in zip(frame.threads[1:], frame.unit.dims[1:], strict=True):
        text = f"({text}) * {extent} + {thread.name}" if "+" in text else f"{text} * {extent} + {thread.name}"
    return text


def _value(frame: Frame, type_: ValueType) -> str:
    """Emit what is stored, and return its name."""
    name = inputs.fresh(frame, ("new_value", "stamp", "level"))
    thread = frame.threads[0].name
    scalar = type_.scalar if isinstance(type_, Vector) else type_
    assert isinstance(scalar, Scalar)
    cast = scalar.spelling
    if not isinstance(type_, Vector):
        snippets.emit(frame, f"{name} = {cast}({thread} % 50) * {cast}({'0.5' if scalar.is_float else '2'})")
    else:
        p = inputs.position(frame, scalar)
        parts = [f"{p.name}[{axis}]" for axis in range(3)] + [f"{cast}({thread})"]
        snippets.emit(frame, f"{name} = {type_.spelling}({', '.join(parts[: type_.length])})")
    return name


def _count(frame: Frame, one: Registered) -> bool:
    """Keep a thread to the voxels that there are."""
    word = pick(frame.choices, ("volume_index", "volume_f"))
    volume = inputs.resource(frame, word)
    name = inputs.fresh(frame, ("num_voxels", "voxel_count"))
    snippets.emit(frame, f"{name} = wp.volume_voxel_count({volume.name})")
    inputs.result(frame, name, INT32, Interval(0, 4 * TILE_VOXELS**3))
    inputs.note(frame, one)
    return True


def _convert(frame: Frame, one: Registered) -> bool:
    """Bring a position or a direction from one space to the other."""
    scalar = FLOAT64 if one.types[1] == "vec3d" else FLOAT32
    volume = inputs.resource(frame, pick(frame.choices, ("volume_f", "volume_v", "volume_i")))
    p = inputs.position(frame, scalar)
    bank = ("world", "world_pos") if "to_world" in one.name else ("ijk", "index_pos")
    name = inputs.fresh(frame, ("world_dir", "step_dir") if one.name.endswith("_dir") else bank)
    snippets.emit(frame, f"{name} = wp.{one.name}({volume.name}, {p.name})")
    inputs.result(frame, name, Vector(3, scalar))
    inputs.note(frame, one)
    return True


RECIPES: Mapping[str, Recipe] = {
    **{f"volume_sample{suffix}": _sample for suffix in ("", "_f", "_v", "_i")},
    **{f"volume_sample_grad{suffix}": _sample_grad for suffix in ("", "_f", "_index")},
    "volume_sample_index": _sample_index,
    **{f"volume_lookup{suffix}": _lookup for suffix in ("", "_f", "_v", "_i", "_index")},
    **{f"volume_store{suffix}": _store for suffix in ("", "_f", "_v", "_i")},
    "volume_voxel_count": _count,
    **{f"volume_{way}": _convert for way in ("index_to_world", "world_to_index")},
    **{f"volume_{way}_dir": _convert for way in ("index_to_world", "world_to_index")},
}
