"""Stacks that the threads of a block share: pushed and popped together.

Which thread pops which element is open, so what is popped is only added up, in integers, and nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping

from grammar import names
from grammar.choices import chance, pick
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.tiles import arrays, elements, launch, values
from grammar.types import INT32

_NAMES = ("stack", "pending", "queue", "work", "candidates")


def stack(frame: Frame, one: Registered) -> bool:
    """Emit a stack, a push, and a loop or a single pop that adds up; with a count and a clear at times."""
    lane = launch.lane(frame).name
    block = arrays.block_indices(frame)
    capacity = frame.unit.block_dim * frame.choices.integer(1, 2)
    name = names.free_name(frame.choices, _NAMES, frame.taken)
    frame.taken.add(name)
    values.emit(frame, f"{name} = wp.tile_stack(capacity={capacity}, dtype=int)")
    value = elements.held(frame, INT32)
    offers = pick(frame.choices, (f"{value.text} > 0", f"{lane} % 3 != 0", "True"))
    if one.name == "tile_stack_clear":
        values.emit(frame, f"wp.tile_stack_push({name}, {lane}, True)\nwp.tile_stack_clear({name})")
    values.emit(frame, f"wp.tile_stack_push({name}, {value.text}, {offers})")
    if one.name == "tile_stack_count" or chance(frame.choices, 50):
        counts = arrays.output_array(frame, INT32, launch.grid(frame))
        text = f"if {lane} == 0:\n    {{counts}}[{', '.join(block)}] = wp.tile_stack_count({name})"
        values.emit(frame, text, counts=counts)
    _pop(frame, name, block)
    return True


def _pop(frame: Frame, name: str, block: list[str]) -> None:
    item, slot = (names.free_name(frame.choices, bank, frame.taken) for bank in (("item", "popped"), ("slot", "place")))
    frame.taken.update((item, slot))
    total = arrays.output_array(frame, INT32, launch.grid(frame), "atomic_add")
    pop = f"{item}, {slot} = wp.tile_stack_pop({name})"
    add = f"if {slot} >= 0:\n    wp.atomic_add({{total}}, {', '.join(block)}, {item})"
    if chance(frame.choices, 50):
        inner = (pop + "\n" + add).replace("\n", "\n    ")
        values.emit(frame, f"while wp.tile_stack_count({name}) > 0:\n    {inner}", total=total)
    else:
        values.emit(frame, f"{pop}\n{add}", total=total)
    frame.unit.events.append("atomic_add")


RECIPES: Mapping[str, Recipe] = dict.fromkeys(
    ("tile_stack", "tile_stack_push", "tile_stack_pop", "tile_stack_clear", "tile_stack_count"), stack
)
