"""Kernels: a category, its types, thread indices, statements, what the category must contain, and the stores."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from grammar import (
    categories,
    describe,
    domains,
    focus,
    forms,
    functions,
    limits,
    modules,
    names,
    nodes,
    outputs,
    remarks,
    requirements,
    statements,
    structures,
)
from grammar.choices import Choices, chance, pick, pick_weighted
from grammar.forms import options
from grammar.intervals import Interval, type_range
from grammar.kernel import Argument, Kernel, Range
from grammar.palette import choose_palette
from grammar.scope import ArrayParameter, Frame, Unit, Variable
from grammar.swarm import EVERYTHING, Swarm
from grammar.tiles import launch
from grammar.types import (
    INT32,
    Array,
    Struct,
    Type,
    ValueType,
    is_integer_type,
    scalar_of,
)

_SIZES_1D = (
    (16, 4), (32, 5), (64, 4), (8, 2), (100, 2), (128, 2), (33, 2), (7, 1), (1, 1), (2, 1), (3, 1), (5, 1), (13, 1),
    (17, 1), (31, 1), (65, 1), (20, 1), (50, 1), (10, 1), (127, 1),
)  # fmt: skip
_SIZES_2D = (
    (4, 4),
    (8, 8),
    (3, 5),
    (16, 4),
    (4, 16),
    (5, 7),
    (2, 32),
    (10, 10),
    (1, 9),
    (11, 11),
    (6, 3),
    (8, 16),
    (7, 1),
)
_SIZES_3D = ((2, 3, 4), (4, 4, 4), (2, 2, 2), (3, 3, 3), (5, 2, 3), (1, 4, 6), (8, 2, 4), (3, 7, 5), (4, 4, 8))

SIZES = (
    (1, 6), (2, 8), (3, 9), (4, 9), (6, 10), (8, 10), (11, 10), (16, 10), (22, 8), (30, 6), (42, 4), (60, 2.5),
)  # fmt: skip
"""Sizes by weight: evenly over the logarithm, less at the end, where a kernel costs the compilers as much as five."""

LARGEST = 60
"""The largest size."""

ATTEMPTS = 3
"""How many kernels are tried for one whose backward pass is as documented; about half of all are not."""


def generate(
    choices: Choices,
    category: str,
    size: int | None = None,
    wanted: Sequence[focus.Focus] | None = None,
    allow_native: bool = False,
    beyond_limits: bool = False,
    swarm: Swarm = EVERYTHING,
) -> Kernel:
    """Grow a kernel of a category; raises KeyError for a category that is none.

    `size`, from 1 to 60, is about how many lines stand between the thread index and the stores; without one it is
    drawn. `wanted` are overloads for it to use; without them it chooses some itself, or none.
    It goes without what is off in the `swarm`, as far as the category and what is wanted allow.
    With `allow_native` it calls a function in C++, which the recogniser refuses unless it is told to allow such.

    Where Warp's backward pass is known to be wrong, by its documentation or by our findings, another kernel of the same
    size is tried; the last one does without a backward pass. With `beyond_limits` neither is done.
    """
    if size is None:
        size = pick_weighted(choices, swarm.thinned("size", SIZES))
    if wanted is None:
        wanted = [one for one in focus.choose(choices, category) if swarm.has(one.overload)]
    for _ in range(ATTEMPTS):
        frame = _grown(choices, category, size, wanted, allow_native, swarm)
        kernel = finished(frame)
        if beyond_limits or not options.has_backward(frame) or limits.keeps_backward(kernel.source):
            return kernel
    options.leave_out_backward(frame)
    return replace(kernel, tree=modules.module(frame, kernel.name), features=_features(frame))


def _grown(
    choices: Choices, category: str, size: int, wanted: Sequence[focus.Focus], allow_native: bool, swarm: Swarm
) -> Frame:
    """Return the frame of a kernel with all its statements."""
    row = categories.ROWS[category]
    unit = new_unit(choices, category, [type_ for one in wanted for type_ in one.types], swarm)
    unit.allow_native = allow_native
    frame = Frame(unit, is_kernel=True)
    frame.max_parameters += size // 12
    grow = _grow_tiles if row.tiled else _grow_statements
    grow(frame, row.production, size, wanted)
    options.decorate(frame)
    options.generalise(frame, modules.live_parameters(frame))
    return frame


def finished(frame: Frame) -> Kernel:
    """Name and describe a kernel whose statements are grown, and put its module around it."""
    unit = frame.unit
    row = categories.ROWS[unit.category]
    features = _features(frame)
    name = describe.kernel_name(frame, row.verbs, row.nouns)
    remarks.annotate(frame, name, row.subject)
    return Kernel(
        name=name,
        tree=modules.module(frame, name),
        category=unit.category,
        description=describe.description(frame, row.subject),
        dims=launch.grid(frame),
        arguments=tuple(one for parameter in modules.live_parameters(frame) for one in arguments_of(unit, parameter)),
        features=features,
        contexts=_contexts(frame, set(features)),
        block_dim=unit.block_dim,
        lanes=frame.lane is not None,
    )


def _features(frame: Frame) -> tuple[str, ...]:
    """Return what was used, without the calls of expressions that were dropped again."""
    _, mentioned = modules.live_helpers(frame)
    kept = {f"launch:{len(frame.unit.dims)}d"}
    for feature in frame.unit.features:
        name = feature.removeprefix("builtin:").partition("(")[0]
        called = f"wp.{name}" in mentioned or name in mentioned
        if not feature.startswith("builtin:") or called or domains.is_written_otherwise(name):
            kept.add(feature)
    return tuple(sorted(kept))


def _contexts(frame: Frame, features: Collection[str]) -> tuple[str, ...]:
    """Return the places of the overloads that are among the features."""
    return tuple(sorted(f"{feature} @ {place}" for feature, place in frame.unit.contexts if feature in features))


def new_unit(choices: Choices, category: str, wanted: Sequence[ValueType], swarm: Swarm = EVERYTHING) -> Unit:
    """Start the module of a kernel of a category, with a launch and a palette in which there are the types wanted."""
    row = categories.ROWS[category]
    dimensions = pick_weighted(choices, row.dimensions)
    if dimensions == 1:
        dims: tuple[int, ...] = (pick_weighted(choices, _SIZES_1D),)
    else:
        dims = pick(choices, _SIZES_2D if dimensions == 2 else _SIZES_3D)
    palette = choose_palette(choices, row.taste, wanted, swarm)
    unit = Unit(choices, palette, category, dims, dotted=chance(choices, 30), swarm=swarm)
    unit.grow_helper_call = functions.grow_helper_call
    unit.grow_several = functions.grow_several
    return unit


def thread_indices(frame: Frame) -> None:
    """Emit `i = wp.tid()`, or with as many indices as the launch has dimensions."""
    dims = frame.unit.dims
    bank = pick(frame.choices, names.THREAD_INDICES[len(dims) - 1])
    for name, extent in zip(bank, dims, strict=True):
        index = frame.declare(Variable(name, INT32, Interval(0, extent - 1), index=True, unread=False))
        frame.threads.append(index)
    targets = [nodes.name(name) for name in bank]
    frame.emit(nodes.assign(targets[0] if len(targets) == 1 else nodes.tuple_(targets), nodes.call("wp.tid", [])))
    frame.unit.note(f"builtin:tid() {len(dims)}d")


def _grow_statements(
    frame: Frame, requirement: requirements.Requirement, size: int, wanted: Sequence[focus.Focus]
) -> None:
    """Emit a kernel's statements; the requirement at a place of its own among those that are drawn."""
    thread_indices(frame)
    if size > 3:
        _bounds_check(frame)
        _structs(frame)
    for _ in range(frame.choices.weighted((30, 50, 20)) if size > 2 else 0):
        statements.load(frame, pick_weighted(frame.choices, frame.unit.palette.main))
    least = categories.ROWS[frame.unit.category].lines
    before = frame.choices.integer(0, size - least) if size > least + 1 else 0
    end = frame.unit.lines + size
    statements.fill(frame, before)
    requirement(frame, max(3, end - frame.unit.lines))
    focus.emit_all(frame, wanted)
    if size > 3 or frame.unit.allow_native:
        forms.emit_some(frame)
    statements.fill(frame, end - frame.unit.lines)
    if frame.unit.structs and chance(frame.choices, 60):
        _struct_result(frame)
    outputs.finish(frame)


def _grow_tiles(frame: Frame, requirement: requirements.Requirement, size: int, wanted: Sequence[focus.Focus]) -> None:
    """Emit the statements of a kernel that each block of threads runs together."""
    launch.shape_launch(frame)
    aimed = [focus.emit(frame, one) for one in wanted]
    if not any(aimed) or size > 3:
        requirement(frame, size - 2 * len(aimed))
    launch.finish(frame)


def _bounds_check(frame: Frame) -> None:
    """Emit `if i >= n: return` for some one-dimensional launches."""
    if len(frame.threads) != 1 or not chance(frame.choices, 10):
        return
    name = names.free_name(frame.choices, ("n", "count", "num_items", "size", "limit"), frame.taken)
    extent = frame.unit.dims[0]
    low = frame.choices.integer(0, extent)
    limit = frame.add_value_parameter(Variable(name, INT32, Interval(low, extent), unread=False))
    test = nodes.comparison(">=", nodes.name(frame.threads[0].name), nodes.name(limit.name))
    frame.emit(nodes.if_chain([(test, [nodes.return_()])]), limit.name)
    frame.unit.lines += 1
    frame.unit.note("statement:return")


def _structs(frame: Frame) -> None:
    """Bring a struct in, as a parameter or as the element of an array."""
    category = frame.unit.category
    if chance(frame.choices, {"combined": 45, "vector": 12, "control_flow": 8}.get(category, 5)):
        structures.struct_element(frame)
    elif chance(frame.choices, {"scalar_param": 25, "combined": 15}.get(category, 3)):
        structures.struct_parameter(frame)


def _struct_result(frame: Frame) -> None:
    """Change the thread's struct, or make one, so that it is stored."""
    local = [v for block in frame.blocks for v in block.variables if isinstance(v.type, Struct)]
    if local and chance(frame.choices, 60):
        for _ in range(frame.choices.integer(1, 2)):
            structures.change(frame, local[0])
    else:
        built = [struct for struct in frame.unit.structs if not structures.holds_arrays(struct)]
        if built:
            structures.build(frame, pick(frame.choices, built))


# The arguments


def arguments_of(unit: Unit, parameter: Variable | ArrayParameter) -> list[Argument]:
    """Return the argument for a parameter, and one for each array inside a struct, by its path."""
    inside = [] if isinstance(parameter.type, Array) else _inner_arrays(unit, parameter.name, parameter.type)
    return [_argument(unit, parameter), *inside]


def _inner_arrays(unit: Unit, path: str, type_: ValueType) -> list[Argument]:
    found: list[Argument] = []
    for field, field_type in type_.fields if isinstance(type_, Struct) else ():
        if isinstance(field_type, Array):
            shape = unit.field_shapes[type_.spelling, field]
            found.append(Argument(f"{path}.{field}", shape, _ranges(unit, field_type.dtype, None)))
        else:
            found.extend(_inner_arrays(unit, f"{path}.{field}", field_type))
    return found


def _argument(unit: Unit, parameter: Variable | ArrayParameter) -> Argument:
    if isinstance(parameter, Variable):
        ranges = _ranges(unit, parameter.type, parameter.interval)
        return Argument(parameter.name, (), ranges, parameter.stored, "", parameter.fill, parameter.resource)
    ranges = _ranges(unit, parameter.type.dtype, parameter.interval)
    written = parameter.use != "read"
    return Argument(parameter.name, parameter.shape, ranges, written, parameter.layout, parameter.fill)


def _ranges(unit: Unit, type_: Type, interval: Interval | None) -> Mapping[str, Range]:
    """Return the ranges of a parameter's integers, those that its dtype does not give anyway."""
    found: dict[str, Range] = {}
    if isinstance(type_, Struct):
        for field, field_type in type_.fields:
            for path, bounds in _ranges(unit, field_type, unit.field_intervals.get((type_.name, field))).items():
                found[f"{field}.{path}" if path else field] = bounds
    elif interval is not None and not isinstance(type_, Array) and is_integer_type(type_):
        scalar = scalar_of(type_)
        assert scalar is not None
        if interval != type_range(scalar):
            found[""] = (interval.low, interval.high)
    return MappingProxyType(found)
