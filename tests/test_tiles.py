"""Kernels with tiles: made, launched in blocks, recorded, checked again, and told apart when the code is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.ptx_text import PtxText
from extractor.record import Artifacts, BadRecordError, Record
from extractor.shards import CorpusWriter
from extractor.warp_setup import Workspace, open_workspace
from fuzzer.guidance.plan import Plan
from fuzzer.making import Made
from fuzzer.task import Task
from fuzzer.worker import BatchRunner
from grammar import SeededChoices, accept, contains, generate
from grammar.kernel import Argument
from oracle import fills
from oracle.__main__ import main
from oracle.backends import cpu, emulator
from oracle.check import BadRecord, CheckOptions, check_corpus
from oracle.check_kernel import case_of
from oracle.inputs import make_inputs
from oracle.judge import Judge
from oracle.observation import Verdict

KERNELS = 4


class SmallTask(Task):
    """A campaign of small kernels with tiles."""

    def make(self, plan: Plan) -> Made:
        return Made(generate(SeededChoices(f"{self.seed}/{plan.index}"), "tile", size=5), plan.how)


LANES = """import warp as wp


@wp.kernel
def spread(x: wp.array2d(dtype=float), out: wp.array2d(dtype=float), places: wp.array2d(dtype=int)):
    i, lane = wp.tid()
    row = wp.tile_load(x[i], shape=32)
    total = wp.tile_sum(row)
    wp.tile_store(out[i], row + wp.tile_broadcast(total, shape=(32,)))
    before = wp.tile_scan_exclusive(wp.tile(lane % 3))
    places[i, lane] = wp.untile(before) + lane
"""
ARGUMENTS = (
    Argument("x", (2, 32), fill="whole"),
    Argument("out", (2, 32), written=True, fill="whole"),
    Argument("places", (2, 32), written=True),
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("warp")) as opened:
        yield opened


@pytest.fixture(scope="module")
def lines(workspace: Workspace) -> list[bytes]:
    """The records of a few generated kernels."""
    task = SmallTask(5, ("tile",), True, False, "emulator", 75, {"warp": _warp_version()})
    runner = BatchRunner(task, workspace, CompileOptions(), Judge(cpu, emulator, "emulator"))
    outcomes = runner.run(tuple(map(task.plain, range(KERNELS))))
    assert [outcome.verdict for outcome in outcomes] == [Verdict.MATCH] * KERNELS
    return [outcome.line for outcome in outcomes if outcome.line]


def _warp_version() -> str:
    import warp

    return str(warp.config.version)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**9))
def test_a_generated_kernel_with_tiles_is_in_the_grammar_and_its_category_and_launched_in_blocks(seed):
    kernel = generate(SeededChoices(seed), "tile")
    assert accept(kernel.source) is None
    assert contains("tile", kernel.tree)
    assert kernel.block_dim % 32 == 0
    assert kernel.block_dim > 0
    again = generate(SeededChoices(seed), "tile")
    assert (again.source, again.dims, again.block_dim) == (kernel.source, kernel.dims, kernel.block_dim)


def test_only_kernels_with_tiles_are_launched_in_blocks():
    assert not generate(SeededChoices(1), "arithmetic").block_dim
    assert not contains("tile", generate(SeededChoices(1), "arithmetic").tree)


def test_the_records_of_kernels_with_tiles_hold_their_blocks_and_check_again(lines, tmp_path):
    blocks = {Record.from_line(line).metadata["block_dim"] for line in lines}
    assert len(blocks) > 1
    assert _check(lines, tmp_path) == []


def test_a_record_whose_block_was_altered_is_found(workspace, tmp_path):
    sources = [LANES, LANES.replace("% 3", "% 5"), LANES.replace("+ lane", "- lane")]
    with compile_batch(sources, CompileOptions().for_blocks_of(32), workspace) as batch:
        artifacts = [_compiled(result).artifacts for result in batch.results]
    lines = [
        _line(Record("", source, texts), block_dim)
        for source, texts, block_dim in zip(sources, artifacts, (32, 0, 64), strict=True)
    ]
    assert {bad.line for bad in _check(lines, tmp_path)} == {2, 3}


@pytest.mark.parametrize("block_dim", [-1, 1025, "32", True, None])
def test_a_record_whose_block_is_no_number_of_threads_is_refused(block_dim):
    with pytest.raises(BadRecordError, match="block_dim"):
        Record.from_line(_line(Record("", LANES, NO_ARTIFACTS), block_dim))


def test_both_targets_agree_on_blocks_of_each_size(workspace):
    for threads in (32, 64):
        source, arguments = _with_blocks_of(threads)
        with compile_batch([source], CompileOptions().for_blocks_of(threads), workspace) as batch:
            compiled = _compiled(batch.results[0])
            inputs = make_inputs(compiled.kernel, arguments, 1)
            judgement = Judge(cpu, emulator, "emulator").judge(compiled, (2,), inputs, backward=True)
            places = cpu.run(compiled, (2,), inputs, False).values["places"]
        assert judgement.verdict is Verdict.MATCH, judgement.reason
        scanned = np.concatenate([[0], np.cumsum(np.arange(threads) % 3)[:-1]])
        assert places.tolist() == [(scanned + np.arange(threads)).tolist()] * 2


@pytest.mark.parametrize(
    "pattern, replacement",
    [(r"\badd\.rn\.f32\b", "sub.rn.f32"), (r"\bshfl\.sync\.down\b", "shfl.sync.up"), (r"\bbar\.sync\b[^;]*;", ";")],
    ids=["another operation", "another exchange", "no barrier"],
)
def test_a_fault_in_the_code_of_tiles_is_found(workspace, pattern, replacement):
    source, arguments = _with_blocks_of(64)
    with compile_batch([source], CompileOptions().for_blocks_of(64), workspace) as batch:
        compiled = _compiled(batch.results[0])
        text = compiled.ptx.text
        start = text.index(f".entry {compiled.forward_entry}")
        end = text.index(f".entry {compiled.backward_entry}")
        changed, count = re.subn(pattern, replacement, text[start:end])
        assert count, f"no {pattern} in the code"
        broken = replace(compiled, ptx=PtxText(text[:start] + changed + text[end:]))
        inputs = make_inputs(compiled.kernel, arguments, 1)
        verdict = Judge(cpu, emulator, "emulator").judge(broken, (2,), inputs, backward=True).verdict
    assert verdict in (Verdict.MISMATCH, Verdict.SANITIZER)


def test_a_finding_is_launched_again_in_its_blocks(tmp_path, capsys):
    task = SmallTask(5, ("tile",), True, False, "emulator", 75)
    kernel = next(found for found in map(task.kernel, range(50)) if found.block_dim != 64)
    detail = task.finding(0, kernel, Verdict.MISMATCH, "").detail
    (tmp_path / "kernel.py").write_text(kernel.source)
    (tmp_path / "finding.json").write_text(json.dumps(dict(detail)))
    case = case_of(tmp_path / "kernel.py", 1, 0)
    assert (case.options.block_dim, case.options.tiled, case.dims) == (kernel.block_dim, True, kernel.dims)
    assert main(["emulate", str(tmp_path / "kernel.py"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {launch["block"][0] for launch in shown["launches"]} == {kernel.block_dim}


def test_a_file_with_tiles_of_which_only_the_source_is_known_is_launched_in_blocks(tmp_path):
    (tmp_path / "tiles.py").write_text(LANES)
    (tmp_path / "plain.py").write_text(generate(SeededChoices(1), "arithmetic").source)
    assert case_of(tmp_path / "tiles.py", 1, 0).options.tiled
    assert not case_of(tmp_path / "plain.py", 1, 0).options.tiled


@given(st.integers(0, 2**32), st.integers(1, 5))
def test_triangular_fills_solve_exactly(seed, extent):
    raw = np.random.default_rng(seed).integers(0, 1 << 60, 2 * extent * extent, dtype=np.uint64)
    lower, upper, definite = (
        fills.filled(word, raw, np.dtype(np.float32), (2, extent, extent)) for word in ("lower", "upper", "definite")
    )
    assert (np.triu(lower[0], 1) == 0).all()
    assert (np.tril(upper[0], -1) == 0).all()
    assert set(np.diag(lower[1])) <= {1.0, 2.0, 4.0}
    factor = np.linalg.cholesky(definite[0].astype(np.float64))
    assert np.allclose(factor, lower[0], atol=1e-9)
    assert (np.abs(fills.filled("whole", raw, np.dtype(np.float64), (2, extent * extent))) <= fills.LARGEST_WHOLE).all()


# Help


NO_ARTIFACTS = Artifacts("", "", "", "")


def _with_blocks_of(threads: int) -> tuple[str, list[Argument]]:
    arguments = [replace(argument, shape=(2, threads)) for argument in ARGUMENTS]
    return LANES.replace("32", str(threads)), arguments


def _compiled(result: object) -> Compiled:
    assert isinstance(result, Compiled), result
    return result


def _line(record: Record, block_dim: object) -> bytes:
    from grammar.canonical import kernel_id

    metadata = {
        **dict.fromkeys(("kernel_name", "category", "description", "split"), ""),
        **{key: [] for key in ("builtins", "types", "backends")},
        **{key: {} for key in ("complexity", "origin", "comparison")},
        "launch_dims": [2],
        "block_dim": block_dim,
        "arguments": [argument.to_json() for argument in ARGUMENTS],
        "versions": {"warp": _warp_version(), "schema": 1},
        "input_seed": 3,
    }
    return replace(record, id=kernel_id(record.python_source), metadata=metadata).to_line()


def _check(lines: Sequence[bytes], folder: Path) -> list[BadRecord]:
    """Return what a check finds wrong with records."""
    with CorpusWriter(folder, {}) as writer:
        for line in lines:
            writer.append(line)
        writer.seal({})
    report = check_corpus(folder, CheckOptions(None, 0, 1, "emulator", {"warp": _warp_version()}))
    return report.bad
