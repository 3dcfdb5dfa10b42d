"""What a kernel's decorator and annotations say besides: options of its own, and parameters of any type.

Kernels of a batch share a Warp module, so options of modules (`max_unroll`, `wp.set_module_options`) are left to how a
batch is compiled, and `module="unique"`, which takes a kernel out of the batch's module, is not written.
"""

from __future__ import annotations

from grammar import access, names, nodes, releases, snippets
from grammar.choices import chance, pick
from grammar.forms import closed
from grammar.scope import ArrayParameter, Frame, Specialisation, Variable
from grammar.types import (
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INT8,
    INT32,
    UINT8,
    UINT16,
    UINT32,
    Array,
    Scalar,
    Type,
)

_BOUNDS = (256, 512, 1024)
"""Launch bounds: none below the size of the blocks that kernels are launched in."""

_CONVERTIBLE = (FLOAT32, FLOAT64, FLOAT16, INT32, UINT8, INT8, UINT16, UINT32)
"""Dtypes that every other of them converts to and from."""


def decorate(frame: Frame) -> None:
    """Give the kernel options of its own, now and then."""
    options = frame.unit.kernel_options
    for name, value, percent in (
        ("enable_backward", nodes.boolean(False), 3.0),
        ("enable_backward", nodes.boolean(True), 1.5),
        ("launch_bounds", nodes.integer(pick(frame.choices, _BOUNDS)), 2.0),
        ("grid_stride", nodes.boolean(chance(frame.choices, 30)), 2.0),
    ):
        if name not in options and releases.has_kernel_option(name) and chance(frame.choices, percent):
            options[name] = value
            frame.unit.note(f"option:{name}")


def has_backward(frame: Frame) -> bool:
    """Whether the kernel has a backward pass."""
    value = frame.unit.kernel_options.get("enable_backward")
    return value is None or value.value == "True"  # type: ignore[attr-defined]


def leave_out_backward(frame: Frame) -> None:
    """Let the kernel do without a backward pass."""
    frame.unit.kernel_options["enable_backward"] = nodes.boolean(False)
    frame.unit.note("option:enable_backward")


def generic_element(frame: Frame) -> bool:
    """Emit the reading of an array of any dtype as a number of the kernel's: several overloads compile."""
    scalar = closed.scalar_of_kernel(frame, lambda one: one.is_float)
    if frame.unit.specialisation is not None or scalar.name == "bfloat16":
        return False
    dtypes: list[Scalar] = list(_CONVERTIBLE)
    first = pick(frame.choices, dtypes)
    others = [pick(frame.choices, [d for d in dtypes if d != first]) for _ in range(frame.choices.integer(1, 2))]
    name = names.free_name(frame.choices, ("samples_in", "raw", "field", "image", "source"), frame.taken)
    shape = (frame.unit.dims[0],)
    array = ArrayParameter(name, Array(first, 1), shape, "", interval=access.input_interval(frame, first))
    frame.add_array_parameter(array)
    frame.arrays.remove(array)  # nothing else may read it: what it holds is of another type in each overload
    result = closed.local(frame, scalar)
    snippets.emit(frame, f"{result} = {scalar.spelling}({name}[{frame.threads[0].name}])")
    closed.declare(frame, result, scalar)
    overloads: list[dict[str, Type]] = [{name: Array(dtype, 1)} for dtype in dict.fromkeys([first, *others])]
    _specialise(frame, overloads)
    frame.unit.note(f"form:generic kernel({len(overloads)} overloads)")
    return True


def generalise(frame: Frame, live: list[Variable | ArrayParameter]) -> None:
    """Annotate some parameters with `Any` and register the one overload of their own types, now and then."""
    found = [p for p in live if _may_be_any(p)]
    if frame.unit.specialisation is not None or not found or not chance(frame.choices, 3):
        return
    count = frame.choices.integer(1, min(3, len(found)))
    _specialise(frame, [{parameter.name: parameter.type for parameter in found[:count]}])
    frame.unit.note("form:generic kernel(1 overload)")


def _may_be_any(parameter: Variable | ArrayParameter) -> bool:
    if isinstance(parameter, Variable):
        return isinstance(parameter.type, Scalar) and not parameter.resource
    return isinstance(parameter.type.dtype, Scalar) and not (parameter.type.indexed or parameter.layout)


def _specialise(frame: Frame, overloads: list[dict[str, Type]]) -> None:
    frame.unit.specialisation = Specialisation(tuple(overloads))
    if "from typing import Any" not in frame.unit.imports:
        frame.unit.imports.append("from typing import Any")


FORMS = ((generic_element, 2.0),)
