"""The reference runs kernels with tiles as their documentation says, and sees where a block or a target goes wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from textwrap import dedent
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from grammar import SeededChoices, generate
from grammar.kernel import Argument
from oracle.backends import cpu
from oracle.inputs import make_inputs
from oracle.opinions import Opinion, Stance
from oracle.parameters import parameters_of
from oracle.reference import Program
from oracle.reference.blocks import Block, operators, run_blocks
from oracle.reference.definitions import DEFINITIONS, tiles_reductions, tiles_threads
from oracle.reference.definitions.tiles_algebra import matmul
from oracle.reference.deviations import TILE_ELEMENT_RACE
from oracle.reference.language import Language
from oracle.reference.launch import evaluate
from oracle.reference.namespace import namespace
from oracle.reference.opinion import consult
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import Undefined
from oracle.reference.tiles import Tile, tile_of

FINITE = st.floats(-1000.0, 1000.0, width=32)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


def _tile(run: Run, values: Sequence[Any], shape: tuple[int, ...] | None = None, scalar: str = "float32") -> Tile:
    return tile_of(run, run.scalars[scalar], values, shape or (len(values),))


def _run(
    source: str,
    arguments: Sequence[Any] = (),
    dims: tuple[int, ...] = (1,),
    size: int = 4,
    known: frozenset[str] = frozenset(),
) -> Run:
    """Run a source's only kernel in blocks, on arguments that are the reference's own values."""
    program = Program.of(source, ())
    run = Run(dims=dims, known=known, definitions=DEFINITIONS)
    language = Language(run)
    names = namespace(run, language)
    exec(program.code, names)
    names.update(operators(run, names))
    (kernel,) = language.kernels.values()
    run_blocks(run, kernel, arguments, size, source, lambda name: getattr(language, name))
    return run


def _results(lines: str, size: int = 4, dims: tuple[int, ...] = (1,), known: frozenset[str] = frozenset()) -> list[Any]:
    """Return what each thread of a kernel of those lines appends to `out`."""
    source = "import warp as wp\n\n@wp.kernel\ndef kernel(out: int):\n    i, lane = wp.tid()\n"
    source += "\n".join(f"    {line}" for line in dedent(lines).strip().splitlines())
    out = _Out()
    _run(source, [out], dims, size, known)
    return out.found


class _Out:
    """Stands for an array: `out[lane] = value` notes the value."""

    def __init__(self) -> None:
        self.found: list[Any] = []

    def __setitem__(self, key: Any, value: Any) -> None:
        self.found.append(value)


@given(st.lists(FINITE, min_size=1, max_size=64), st.integers(1, 40))
@settings(deadline=None, max_examples=60)
def test_a_sum_is_exact_but_for_its_last_rounding_and_noise_stays_within_the_bound_of_any_order(
    values: list[float], seed: int
) -> None:
    run, noisy = Run(definitions=DEFINITIONS), Run(noise=seed, definitions=DEFINITIONS)
    own = float(tiles_reductions.sum_(run, _tile(run, values)).at((0,)))
    exact = sum(map(Fraction, values), Fraction(0))
    assert abs(Fraction(own) - exact) <= abs(exact) * Fraction(2) ** -24
    moved = float(tiles_reductions.sum_(noisy, _tile(noisy, values)).at((0,)))
    size = sum(map(abs, values))
    assert abs(moved - float(exact)) <= (len(values) + 2) * size * 2.0**-24 + 2.0**-149
    backwards = np.float32(0.0)
    for value in reversed(values):
        backwards += np.float32(value)
    assert abs(float(backwards) - float(exact)) <= len(values) * size * 2.0**-24


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=50), st.integers(1, 40))
@settings(deadline=None, max_examples=30)
def test_sums_and_scans_of_whole_numbers_are_the_same_in_any_order_so_noise_moves_none(
    values: list[int], seed: int
) -> None:
    run = Run(noise=seed, definitions=DEFINITIONS)
    assert float(tiles_reductions.sum_(run, _tile(run, values)).at((0,))) == sum(values)
    scanned = DEFINITIONS["tile_scan_exclusive"](run, _tile(run, values))
    assert [float(value) for value in scanned.values()] == [sum(values[:place]) for place in range(len(values))]


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=40), st.sampled_from([None, 1, 2, 3]))
@settings(deadline=None, max_examples=40)
def test_sorted_keys_are_a_permutation_in_order_and_each_key_keeps_a_value_of_its_own(
    keys: list[int], noise: int | None
) -> None:
    run = Run(noise=noise, definitions=DEFINITIONS)
    tile, payload = _tile(run, keys, scalar="int32"), _tile(run, range(len(keys)), scalar="int32")
    tiles_reductions.sort(run, tile, payload)
    assert [int(key) for key in tile.values()] == sorted(keys)
    assert sorted(int(value) for value in payload.values()) == list(range(len(keys)))
    assert all(keys[int(value)] == key for key, value in zip(tile.values(), payload.values(), strict=True))


def test_noise_tells_that_the_order_of_equal_keys_and_the_place_of_equal_minima_are_open() -> None:
    orders, places = set(), set()
    for noise in range(8):
        run = Run(noise=noise, definitions=DEFINITIONS)
        payload = _tile(run, range(6), scalar="int32")
        tiles_reductions.sort(run, _tile(run, [1] * 6, scalar="int32"), payload)
        orders.add(tuple(map(int, payload.values())))
        places.add(int(DEFINITIONS["tile_argmin"](run, _tile(run, [3, 1, 1, 2])).at((0,))))
    assert len(orders) > 1
    assert places == {1, 2}


@given(st.data(), st.integers(1, 4), st.integers(1, 5), st.integers(1, 4), st.sampled_from([None, 1, 2]))
@settings(deadline=None, max_examples=30)
def test_a_matrix_product_is_within_its_bound_of_the_rational_one(
    data: Any, rows: int, inner: int, columns: int, noise: int | None
) -> None:
    run = Run(noise=noise, definitions=DEFINITIONS)
    a, b = (data.draw(st.lists(FINITE, min_size=count, max_size=count)) for count in (rows * inner, inner * columns))
    product = matmul(run, _tile(run, a, (rows, inner)), _tile(run, b, (inner, columns)))
    assert product is not None
    for row, column in np.ndindex(rows, columns):
        terms = [Fraction(a[row * inner + k]) * Fraction(b[k * columns + column]) for k in range(inner)]
        bound = (inner + 7) * (sum(map(abs, terms)) * Fraction(2) ** -24 + Fraction(2) ** -148)
        assert abs(Fraction(float(product.at((row, column)))) - sum(terms)) <= bound


def test_solutions_and_factors_satisfy_their_equations_and_transforms_go_back() -> None:
    run = Run(definitions=DEFINITIONS)
    matrix = _tile(run, [4.0, 99.0, 2.0, 5.0], (2, 2), "float64")
    factor = DEFINITIONS["tile_cholesky"](run, matrix)
    assert np.allclose(factor.data @ factor.data.T, [[4.0, 2.0], [2.0, 5.0]], rtol=1e-15)
    assert factor.data[0, 1] == 0.0
    solution = DEFINITIONS["tile_cholesky_solve"](run, factor, _tile(run, [8.0, 3.0], scalar="float64"))
    assert np.allclose(np.array([[4.0, 2.0], [2.0, 5.0]]) @ solution.data, [8.0, 3.0], rtol=1e-14)
    signal = Tile(run, run.vector(2, run.scalars["float64"]), np.random.default_rng(1).normal(size=(1, 8, 2)))
    before = signal.data.copy()
    DEFINITIONS["tile_fft"](run, signal)
    assert math.isclose(signal.data[0, 0, 0], before[0, :, 0].sum(), rel_tol=1e-12)
    DEFINITIONS["tile_ifft"](run, signal)
    assert np.allclose(signal.data, 8.0 * before)


def test_threads_share_what_they_compute_from_their_own_values() -> None:
    found = _results(
        """
        t = wp.tile(lane * lane)
        total = wp.tile_sum(t)
        out[lane] = total[0] + wp.untile(t)
        """
    )
    assert [int(value) for value in found] == [14, 15, 18, 23]


def test_no_thread_changes_a_tile_before_the_others_have_read_it() -> None:
    found = _results(
        """
        t = wp.tile(lane)
        before = t[(lane + 1) % 4]
        t[lane] = before + 10
        t += wp.tile_ones(shape=4, dtype=int)
        t[0] += lane
        out[lane] = t[lane]
        """
    )
    assert [int(value) for value in found] == [12 + 6, 13, 14, 11]


def test_a_change_right_after_a_read_is_as_written_unless_the_known_race_is_to_be_left_alone() -> None:
    lines = "t = wp.tile_arange(4, dtype=int)\nu = wp.tile_map(wp.neg, t)\nt[3 - lane] += 10\nout[lane] = u[lane]"
    assert [int(value) for value in _results(lines)] == [0, -1, -2, -3]
    with pytest.raises(LackingError, match="known finding"):
        _results(lines, known=frozenset({TILE_ELEMENT_RACE}))


def test_views_alias_their_tile_and_copies_do_not() -> None:
    found = _results(
        """
        t = wp.tile_arange(0, 8, dtype=int)
        table = wp.tile_reshape(t, (2, 4))
        part = t[::-2]
        order = wp.tile_full(shape=2, value=7, dtype=int)
        copied = t[order]
        wp.tile_assign(t, wp.tile_full(shape=1, value=50, dtype=int), offset=(7,))
        out[lane] = (table[1, 3], part[0], copied[0])
        """
    )
    assert tuple(map(int, found[0])) == (50, 50, 7)


def test_functions_may_call_collectives_and_are_gone_through_in_step() -> None:
    source = """
import warp as wp

@wp.func
def everyone(x: int):
    return wp.tile_sum(wp.tile(x))[0]

@wp.kernel
def kernel(out: int):
    i, lane = wp.tid()
    out[lane] = everyone(lane + i) + everyone(1)
"""
    out = _Out()
    _run(source, [out], (2,), 3)
    assert [int(value) for value in out.found] == [6, 6, 6, 9, 9, 9]


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ("if lane == 0:\n    t = wp.tile_zeros(shape=4, dtype=float)", "not every thread"),
        ("t = wp.tile_full(shape=4, value=lane, dtype=int)", "disagree"),
        ("t = wp.tile_zeros(shape=4, dtype=int)\nt[0] = lane", "different values"),
        ("t = wp.tile_arange(4, dtype=int)\nu = t[lane % 2:]\nout[0] = u + u", "differ"),
    ],
)
def test_what_a_block_does_not_do_together_is_not_well_defined(lines: str, what: str) -> None:
    with pytest.raises(Undefined, match=what):
        _results(lines)


def test_a_stack_gives_back_what_was_pushed_whatever_the_order() -> None:
    found = _results(
        """
        stack = wp.tile_stack(capacity=8, dtype=int)
        wp.tile_stack_push(stack, lane * 10, lane != 2)
        pushed = wp.tile_stack_count(stack)
        value, slot = wp.tile_stack_pop(stack)
        out[lane] = (pushed, value, slot)
        """
    )
    assert {int(pushed) for pushed, _, _ in found} == {3}
    assert sorted(int(value) for _, value, slot in found if slot >= 0) == [0, 10, 30]


def _generated(seed: str, count: int) -> list[Any]:
    """Return generated kernels with tiles for blocks of one size."""
    made = (generate(SeededChoices(f"{seed}/{index}"), "tile") for index in range(20 * count))
    return [kernel for kernel in made if kernel.block_dim == 32][:count]


def _judged(kernels: Sequence[Any], workspace: Workspace) -> list[tuple[Opinion, Program, Any, Any]]:
    found = []
    options = CompileOptions(backward=False, cuda_level=0).for_blocks_of(32)
    with compile_batch([kernel.source for kernel in kernels], options, workspace) as batch:
        for kernel, result in zip(kernels, batch.results, strict=True):
            assert isinstance(result, Compiled)
            inputs = make_inputs(result.kernel, kernel.arguments, 3)
            observed = cpu.run(result, kernel.dims, inputs, False)
            program = Program.of(kernel.source, parameters_of(result.kernel))
            reference = consult(program, kernel.dims, inputs, kernel.block_dim)
            opinion = reference if isinstance(reference, Opinion) else reference.opinion("cpu", observed)
            found.append((opinion, program, kernel, inputs))
    return found


def test_generated_kernels_with_tiles_agree_with_the_cpu_and_run_in_float64(workspace: Workspace) -> None:
    found = _judged(_generated("tiles", 3), workspace)
    assert [opinion.reason for opinion, *_ in found if opinion.stance is Stance.ACCUSES] == []
    agreeing = [one for one in found if one[0].stance is Stance.AGREES]
    assert len(agreeing) >= 2
    _, program, kernel, inputs = agreeing[0]
    wide = evaluate(program, kernel.dims, inputs, wide=True, block_dim=kernel.block_dim)
    assert {values.dtype.kind for values in wide.observation.values.values()} <= set("fiub")


SUMMING = """
import warp as wp


@wp.kernel
def kernel(values: wp.array(dtype=float), sums: wp.array(dtype=float)):
    i, lane = wp.tid()
    t = wp.tile_load(values, shape=32, offset=i * 32)
    t[lane] += 1.0
    wp.tile_store(sums, wp.tile_sum(t), offset=i)
"""


@dataclass(frozen=True)
class _Summing:
    """A kernel as far as it is run."""

    source: str = SUMMING
    dims: tuple[int, ...] = (2,)
    block_dim: int = 32
    arguments: tuple[Argument, ...] = (Argument("values", (64,), fill="point"), Argument("sums", (2,)))


@pytest.mark.parametrize("wrong", ["tile_sum", "tile_load"])
def test_a_definition_that_is_wrong_accuses(wrong: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = _Summing()
    ((right, *_),) = _judged([kernel], workspace)
    assert right.stance is Stance.AGREES
    definition = DEFINITIONS[wrong]

    def altered(run: Run, *arguments: Any, **named: Any) -> Any:
        made = definition(run, *arguments, **named)
        made.data.flat[0] *= 1.0 + 2.0**-12
        return made

    altered.takes_literals = True  # type: ignore[attr-defined]
    changed: Mapping[str, Any] = MappingProxyType({**DEFINITIONS, wrong: altered})
    monkeypatch.setattr("oracle.reference.launch.DEFINITIONS", changed)
    ((opinion, *_),) = _judged([kernel], workspace)
    assert opinion.stance is Stance.ACCUSES


def test_threads_that_add_to_one_element_lose_nothing_and_noise_moves_only_what_is_rounded() -> None:
    for values, fixed in (([1.0, 2.0, 3.0], True), ([0.1, 0.2, 0.3], False)):
        run = Run(noise=5, definitions=DEFINITIONS)
        target = _tile(run, [0.0, 7.0])
        tiles_threads.change(run, [((target, 0, "add", np.float32(value)), {}) for value in values])
        total = float(target.at((0,)))
        assert math.isclose(total, sum(values), rel_tol=1e-6)
        assert (total == sum(values)) is fixed
        assert target.at((1,)) == 7.0


def test_a_block_is_not_asked_for_what_it_shares_twice() -> None:
    block, calls = Block(2, lambda name: None), []
    for _ in range(2):
        block.start()
        assert block.shared("add", (np.int32(1),), lambda: calls.append(1)) is None
    assert calls == [1]
