"""Blocks of threads: every thread runs to its next collective operation, which is carried out once for all of them.

A translated kernel with tiles is a generator that yields each collective that it reaches: where that stands, what is to
be done, and this thread's arguments. What threads compute from tiles alone, without changing one, they need not wait
for: the first to come leaves the result to the others.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from grammar.parsing import parsed
from oracle.reference.definitions import tiles_threads
from oracle.reference.deviations import NEGATED_ZERO
from oracle.reference.run import Run
from oracle.reference.scalars import SCALARS, ScalarType, Undefined
from oracle.reference.tiles import Tile, combined
from oracle.reference.translate import BINARY, HIDDEN

Request = tuple[tuple[int, int], Callable[..., Any], tuple[Any, ...], dict[str, Any]]
"""A collective that a thread has reached: line and column, the built-in with the run bound to it, the arguments."""

Thread = Generator[Request, Any, Any]

_THREADS_VALUES = ("tile", "untile", "tile_from_thread")
_PER_THREAD = ("atomic_", "tile_stack", "tile_scatter")


class Block:
    """The block that runs: how many threads it has, and the results that its threads share until they next meet.

    `built_in` finds what a source calls by a built-in's name.
    """

    def __init__(self, size: int, built_in: Callable[[str], Any]) -> None:
        self.size = size
        self.built_in = built_in
        self._shared: list[tuple[str, tuple[Any, ...], Any]] = []
        self._next = 0
        self._read: dict[int, Any] = {}

    def start(self) -> None:
        """Let the next thread go through the shared results from the first one on."""
        self._next = 0

    def meet(self) -> None:
        """Forget the shared results: all threads are at the same place."""
        self._shared.clear()

    def note_read(self, operands: Iterable[Any]) -> None:
        """Note that an operation of the whole block read tiles."""
        self._read.update((id(one.memory), one.memory) for one in operands if type(one) is Tile)

    def has_read(self, tile: Tile) -> bool:
        """Whether an operation of the whole block read a tile, or what shares its memory."""
        return id(tile.memory) in self._read

    def shared(self, name: str, operands: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        """Return what the first thread computed here; raises Undefined if it computed something else."""
        place, self._next = self._next, self._next + 1
        if place == len(self._shared):
            self._shared.append((name, operands, compute()))
            self.note_read(operands)
        first, others, result = self._shared[place]
        if first != name or not _same(others, operands):
            raise Undefined("threads of a block apply operations to tiles that differ")
        return result


def run_blocks(
    run: Run,
    kernel: Callable[..., Any],
    arguments: Sequence[Any],
    size: int,
    source: str,
    built_in: Callable[[str], Any],
) -> None:
    """Run a kernel over the blocks of `size` threads at the points of `run.dims`, one block after the other.

    Where no thread can differ from another of its block, one stands for all. Raises Undefined where some thread does
    not reach a collective that others reach.
    """
    collective = inspect.isgeneratorfunction(kernel)
    alone = collective and not _threads_matter(source, len(run.dims))
    for place in np.ndindex(*run.dims):
        run.block = Block(size, built_in)
        if collective:
            _run_block(run, kernel, arguments, place, 1 if alone else size)
            continue
        for lane in range(size):
            run.thread = (*place, lane)
            kernel(*map(run.own, arguments))


def _run_block(
    run: Run,
    kernel: Callable[..., Thread],
    arguments: Sequence[Any],
    place: tuple[int, ...],
    count: int,
) -> None:
    threads = [kernel(*map(run.own, arguments)) for _ in range(count)]
    answers: Sequence[Any] = [None] * count
    while True:
        requests: list[Request | None] = []
        for lane, (thread, answer) in enumerate(zip(threads, answers, strict=True)):
            run.thread = (*place, lane)
            run.block.start()
            try:
                requests.append(thread.send(answer))
            except StopIteration:
                requests.append(None)
        if all(request is None for request in requests):
            return
        run.block.meet()
        run.thread = (*place, 0)
        run.step()
        answers = _carry_out(run, requests)


def _carry_out(run: Run, requests: Sequence[Request | None]) -> Sequence[Any]:
    """Carry out the collective at which the threads are, and return each thread's result."""
    first = next(request for request in requests if request is not None)
    if any(request is None or request[0] != first[0] for request in requests):
        raise Undefined(f"not every thread of a block reaches the tile operation at line {first[0][0]}")
    reached = [request for request in requests if request is not None]
    _, built_in, arguments, named = first
    definition = getattr(built_in, "func", built_in)
    if not getattr(definition, "changes_elements", False):
        run.block.note_read(arguments)
    if getattr(definition, "per_thread", False):
        return list(built_in([(request[2], request[3]) for request in reached]))
    for _, _, others, also in reached[1:]:
        if not _same(arguments, others) or not _same(tuple(named.values()), tuple(also.values())):
            raise Undefined(f"threads of a block disagree about the tile operation at line {first[0][0]}")
    return [built_in(*arguments, **named)] * len(reached)


def _same(a: Any, b: Any) -> bool:
    """Whether two threads' arguments are one, as far as it can be told: tiles, numbers, and tuples and slices."""
    if a is b:
        return True
    kind = type(a)
    if kind in SCALARS and type(b) in SCALARS:
        return bool(a == b or (a != a and b != b))
    if kind is tuple and type(b) is tuple:
        return len(a) == len(b) and all(map(_same, a, b))
    if kind is slice and type(b) is slice:
        return _same((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    return kind is not Tile and type(b) is not Tile


@functools.lru_cache(maxsize=256)
def _threads_matter(source: str, rank: int) -> bool:
    """Whether what a block does may depend on its threads: their indices, their values, stores of single elements."""
    return any(_of_a_thread(node, rank) for node in ast.walk(parsed(source)))


def _of_a_thread(node: ast.AST, rank: int) -> bool:
    if isinstance(node, ast.Assign):
        stores = any(isinstance(target, ast.Subscript | ast.Attribute) for target in node.targets)
        return stores or any(isinstance(target, ast.Tuple) and len(target.elts) > rank for target in node.targets)
    if isinstance(node, ast.AugAssign):
        return not isinstance(node.target, ast.Name)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name = node.func.attr
        return name in _THREADS_VALUES or name.startswith(_PER_THREAD)
    return False


def operators(run: Run, plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands for operators and statements in a source with tiles, given what does in one without."""
    found: dict[str, Any] = {}
    for name in BINARY.values():
        found[f"{HIDDEN}{name}"] = _binary(run, name, plain[f"{HIDDEN}{name}"])
    for name in ("neg", "pos"):
        found[f"{HIDDEN}{name}"] = _unary(run, name, plain[f"{HIDDEN}{name}"])
    found[f"{HIDDEN}meet_augment"] = _augment(run, found)
    found[f"{HIDDEN}meet_augment_item"] = _augment_item(run, plain[f"{HIDDEN}augment_item"])
    found[f"{HIDDEN}meet_set_item"] = _set_item(run)
    return found


def _binary(run: Run, name: str, plain: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(a: Any, b: Any) -> Any:
        if type(a) is not Tile and type(b) is not Tile:
            return plain(a, b)
        return run.block.shared(name, (a, b), lambda: combined(run, name, a, b, plain))

    return apply


def _unary(run: Run, name: str, plain: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def apply(value: Any) -> Any:
        if type(value) is not Tile:
            return plain(value)
        return run.block.shared(name, (value,), lambda: value.with_data(_signed(run, name, value)))

    return apply


def _signed(run: Run, name: str, tile: Tile) -> np.ndarray:
    if name == "pos":
        return tile.data.copy()
    return 0 - tile.data if NEGATED_ZERO in run.known and isinstance(tile.element, ScalarType) else -tile.data


def _augment(run: Run, operators_: Mapping[str, Any]) -> Callable[..., Iterator[Any]]:
    def steps(site: tuple[int, int], name: str, old: Any, value: Any) -> Generator[Request, Any, Any]:
        if type(old) is not Tile:
            return operators_[f"{HIDDEN}{name}"](old, value)

        def in_place(target: Tile, other: Any) -> Tile:
            target.data[...] = combined(run, name, target, other, operators_[f"{HIDDEN}{name}"]).data
            return target

        return (yield site, in_place, (old, value), {})

    return steps


def _augment_item(run: Run, plain: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    def steps(site: tuple[int, int], base: Any, key: Any, name: str, value: Any) -> Generator[Request, Any, None]:
        if type(base) is Tile:
            yield site, functools.partial(tiles_threads.change, run), (base, key, name, value), {}
        else:
            plain(base, key, name, value)

    return steps


def _set_item(run: Run) -> Callable[..., Iterator[Any]]:
    def steps(site: tuple[int, int], base: Any, key: Any, value: Any) -> Generator[Request, Any, None]:
        if type(base) is not Tile:
            base[key] = value
        elif type(value) is Tile:
            yield site, functools.partial(tiles_threads.assign_part, run), (base, key, value), {}
        else:
            yield site, functools.partial(tiles_threads.assign, run), (base, key, value), {}

    return steps
