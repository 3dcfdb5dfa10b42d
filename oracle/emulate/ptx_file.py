"""A PTX file as a subject: its parameters are what the user says, and otherwise what its code lets one guess."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grammar.errors import UserError
from oracle import ptx
from oracle.emulate.options import MAX_BLOCK, SHARED_BYTES, Options, default_block
from oracle.emulate.pointer_use import Uses, uses_of
from oracle.emulate.ptx_parameters import ParameterMaker, Placed
from oracle.emulate.running import Launch, Subject
from oracle.emulate.specs import Spec
from oracle.emulate.warp_layout import ENTRY, bounds_ranks, launch_bounds
from oracle.ptx.parse import Function, Variable

Array = np.ndarray[Any, Any]

_TILES = re.compile(r"_ZZ?N2wp(?!21tile_shared_storage_t)\w*(?:tile|dynamic_smem_base)")
_THREADS_TABLE = re.compile(r"_ZZN2wp21tile_shared_storage_t\w*smem_base")

MOST_NAMED = 12
DEFAULT_DIMS = {1: (64,), 2: (8, 8), 3: (4, 4, 4), 4: (4, 4, 2, 2)}


def ptx_subject(path: Path, options: Options, specs: Sequence[Spec]) -> Subject:
    """Read a PTX file and prepare its launch; raises UserError, and Malformed for what is no PTX."""
    module = ptx.Module(_read(path))
    entry = choose_entry(module, options.entry)
    match = ENTRY.match(entry)
    if match is not None and (options.backward or match["direction"] == "backward"):
        forward, backward = (entry.removesuffix(match["direction"]) + way for way in ("forward", "backward"))
        for name in (forward, backward):
            if name not in module.entries:
                raise UserError(f"{path} has no entry {name}")
        return _Preparation(module, forward, options, specs).subject(backward)
    if options.backward:
        raise UserError(f"{entry} is no entry that Warp made: it has no backward one")
    return _Preparation(module, entry, options, specs).subject(None)


def choose_entry(module: ptx.Module, wanted: str | None) -> str:
    """The entry that `wanted` names, in full or by its kernel; without it, the only kernel's forward entry."""
    matches = {entry: ENTRY.match(entry) for entry in module.entries}
    forward = [entry for entry, match in matches.items() if match is None or match["direction"] == "forward"]
    names = {entry: match["kernel"] if match is not None else entry for entry, match in matches.items()}
    found = [entry for entry in forward if wanted in (None, names[entry], entry)]
    if wanted in matches:
        found = [wanted]
    if len(found) == 1:
        return found[0]
    problem = f"no entry {wanted}" if wanted else "several kernels"
    unique = Counter(names[entry] for entry in forward)
    choices = [names[entry] if unique[names[entry]] == 1 else entry for entry in found or forward]
    more = f" and {len(choices) - MOST_NAMED} others" if len(choices) > MOST_NAMED else ""
    raise UserError(f"{problem}: choose with --entry one of {', '.join(choices[:MOST_NAMED])}{more}")


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error.strerror if isinstance(error, OSError) else 'not UTF-8'}") from None


class _Preparation:
    """Works out the launch of one entry."""

    def __init__(self, module: ptx.Module, entry: str, options: Options, specs: Sequence[Spec]) -> None:
        self.module = module
        self.function: Function = module.index.functions[entry]
        self.options = options
        self.memory = ptx.GlobalMemory()
        self.guesses: list[str] = []
        self.uses: Uses = uses_of(self.function)
        self.bounds = _bounds_of(self.function)
        self.dims = options.dims or self._default_dims()
        parameters = self.function.parameters[1 if self.bounds else 0 :]
        if len(specs) > len(parameters):
            raise UserError(f"{entry} has {len(parameters)} parameters to give, not {len(specs)}")
        padded = (*specs, *[None] * (len(parameters) - len(specs)))
        self.maker = ParameterMaker(self.uses, self.dims, options.seed, self.memory, self.guesses.append)
        self.given = [self.maker.parameter(*pair) for pair in zip(parameters, padded, strict=True)]

    def subject(self, backward: str | None) -> Subject:
        """The subject that launches the entry, and the `backward` one after it."""
        threads = math.prod(self.dims)
        tiled = self._has_tiles()
        largest = self._largest_block()
        block = self.options.block_dim or (largest if tiled else min(largest, default_block(threads)))
        grid = threads if tiled else -(-threads // block)
        if tiled:
            self.guesses.append(f"a kernel with tiles: a block of {block} threads for each of {threads} (--block-dim)")
        first = [] if self.bounds is None else [self._launch_bounds(block if tiled else 1)]
        adjoints = [self.maker.adjoint(given) for given in self.given] if backward else []
        forward_params = (*first, *(bytes(given.contents) for given in self.given))
        params = {self.function.name: forward_params}
        if backward:
            params[backward] = (*forward_params, *(bytes(adjoint.contents) for adjoint in adjoints))
        arrays = [array for given in (*self.given, *adjoints) for array in given.arrays]
        return Subject(
            module=self.module,
            memory=self.memory,
            launches=tuple(Launch(entry, (grid, 1, 1), (block, 1, 1), each) for entry, each in params.items()),
            contents=lambda: {array.name: self._contents(array) for array in arrays},
            dims=self.dims,
            shared_bytes=self._shared_bytes(),
            guesses=tuple(self.guesses),
        )

    def _contents(self, array: Placed) -> Array:
        raw = self.memory.read(array.address, array.values.nbytes)
        values = np.frombuffer(raw, array.values.dtype).reshape(array.values.shape)
        return values[..., 0] if values.shape[-1] == 1 else values

    # The launch.

    def _default_dims(self) -> tuple[int, ...]:
        rank = 1
        if self.bounds is not None:
            ranks = bounds_ranks(self.bounds.size)
            read = [offset // 4 + 1 for name, offset in self.uses.reads if name == self.bounds.name]
            rank = max([*ranks[:1], *(seen for seen in read if seen in ranks)])
        self.guesses.append(f"launched over {DEFAULT_DIMS[rank]} (--dims)")
        return DEFAULT_DIMS[rank]

    def _launch_bounds(self, threads_each: int) -> bytes:
        assert self.bounds is not None
        ranks = bounds_ranks(self.bounds.size)
        dims = (*self.dims, *[1] * (ranks[0] - len(self.dims)))
        if len(dims) not in ranks:
            raise UserError(f"{self.function.name} has {' or '.join(map(str, ranks))} dimensions, not {len(dims)}")
        return launch_bounds(dims, threads_each)

    def _shared_bytes(self) -> int:
        """Bytes of dynamic shared memory."""
        if self.options.shared_bytes is not None or not self._names_shared(lambda variable: variable.size == 0):
            return self.options.shared_bytes or 0
        self.guesses.append(f"{SHARED_BYTES} bytes of dynamic shared memory (--shared-bytes)")
        return SHARED_BYTES

    def _has_tiles(self) -> bool:
        """Whether the kernel seems to have tiles: Warp then launches a block, not a thread, at each place."""
        return self.bounds is not None and self._names_shared(lambda variable: bool(_TILES.match(variable.name)))

    def _names_shared(self, such: Callable[[Variable], bool]) -> bool:
        shared = [v for v in self.module.index.variables.values() if v.space == "shared" and such(v)]
        return bool(shared) and (self.function.calls or any(v.name in self.function.body for v in shared))

    def _largest_block(self) -> int:
        """Threads in the largest block that Warp compiled the kernel for: it has a 4-byte table entry for each."""
        sizes = [v.size // 4 for v in self.module.index.variables.values() if _THREADS_TABLE.match(v.name)]
        return min(sizes, default=MAX_BLOCK)


def _bounds_of(function: Function) -> Variable | None:
    """The launch bounds among a kernel's parameters: the first one of a kernel that Warp made."""
    first = function.parameters[0] if function.parameters else None
    if first is None or ENTRY.match(function.name) is None:
        return None
    if not bounds_ranks(first.size):
        raise UserError(f"{function.name}: launch bounds of {first.size} bytes are not those of Warp 1.19")
    return first
