"""Whatever is broken in one target's code is a mismatch; rounding that the library functions allow is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import warp as wp

from extractor.compiling import Batch, Compiled, CompileOptions, compile_batch
from extractor.ptx_text import PtxText
from extractor.warp_setup import open_workspace
from grammar.kernel import Argument
from oracle.backends import cpu, emulator
from oracle.cpu_object import Substitute
from oracle.inputs import Inputs, make_inputs
from oracle.judge import Backend, Judge, Judgement
from oracle.nudge import NudgedModule
from oracle.observation import Observation, Verdict

COUNT = 48
SEEDS = range(3)

SOURCE = """import warp as wp


@wp.func
def bend(x: float, limit: int):
    total = float(0.0)
    for k in range(limit):
        if x > float(k):
            total = total + x * 0.25
        else:
            total = total - x / 3.0
    return total


@wp.kernel
def bent(x: wp.array(dtype=float), limits: wp.array(dtype=int), out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = bend(x[i], limits[i]) - wp.sqrt(wp.abs(x[i]))
"""

ROUNDED = """import warp as wp


@wp.kernel
def rounded(x: wp.array(dtype=float), out: wp.array(dtype=float), half: wp.array(dtype=wp.float16)):
    i = wp.tid()
    y = wp.sin(x[i]) + wp.exp(-x[i] * x[i]) * wp.atan2(x[i], 2.0)
    out[i] = y + wp.pow(wp.abs(x[i]), 1.7)
    half[i] = wp.float16(wp.tanh(x[i]))
"""

X = Argument("x", (COUNT,))
OUT = Argument("out", (COUNT,), written=True)
ARGUMENTS = {
    "bent": (X, Argument("limits", (COUNT,), {"": (0, 6)}), OUT),
    "rounded": (X, OUT, Argument("half", (COUNT,), written=True)),
}


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    with (
        open_workspace(tmp_path_factory.mktemp("warp")) as workspace,
        compile_batch([SOURCE, ROUNDED], CompileOptions(), workspace) as compiled,
    ):
        yield compiled


@pytest.fixture
def bent(batch: Batch) -> Compiled:
    result = batch.results[0]
    assert isinstance(result, Compiled)
    return result


@pytest.fixture
def rounded(batch: Batch) -> Compiled:
    result = batch.results[1]
    assert isinstance(result, Compiled)
    return result


def judge(compiled: Compiled, cuda: Backend = emulator, on_cpu: Backend = cpu) -> list[Judgement]:
    """Judge a kernel on a few inputs."""
    found = Judge(on_cpu, cuda, "emulator")
    arguments = ARGUMENTS[compiled.kernel.key]
    inputs = (make_inputs(compiled.kernel, arguments, seed) for seed in SEEDS)
    return [found.judge(compiled, (COUNT,), one, backward=True) for one in inputs]


def verdicts(judgements: Sequence[Judgement]) -> set[Verdict]:
    return {judgement.verdict for judgement in judgements}


def test_without_a_fault_the_targets_agree(bent: Compiled, rounded: Compiled) -> None:
    assert verdicts(judge(bent)) == {Verdict.MATCH}
    assert verdicts(judge(rounded)) == {Verdict.MATCH}


PTX_EDITS = (
    (r"\badd(\.rn)?\.f32\b", "sub.rn.f32"),
    (r"\bsub(\.rn)?\.f32\b", "add.rn.f32"),
    (r"\bmul(\.rn)?\.f32\b", "add.rn.f32"),
    (r"\bdiv\.rn\.f32\b", "mul.rn.f32"),
    (r"\bsqrt\.rn\.f32\b", "neg.f32"),
    (r"\bsetp\.gt\.f32\b", "setp.lt.f32"),
    (r"\babs\.f32\b", "neg.f32"),
)


def with_forward_ptx(compiled: Compiled, pattern: str, replacement: str) -> Compiled:
    """Return the kernel with every match of `pattern` in its forward PTX replaced."""
    start = compiled.ptx.text.index(compiled.forward_entry)
    end = compiled.ptx.text.index("\n}\n", start)
    body, edits = re.subn(pattern, replacement, compiled.ptx.text[start:end])
    assert edits
    return replace(compiled, ptx=PtxText(compiled.ptx.text[:start] + body + compiled.ptx.text[end:]))


@pytest.mark.parametrize(("pattern", "replacement"), PTX_EDITS, ids=[replacement for _, replacement in PTX_EDITS])
def test_another_operation_in_the_ptx_is_a_mismatch(bent: Compiled, pattern: str, replacement: str) -> None:
    judgements = judge(with_forward_ptx(bent, pattern, replacement))
    assert Verdict.MISMATCH in verdicts(judgements)
    assert any("out[" in judgement.reason and "cpu 0x" in judgement.reason for judgement in judgements)


@dataclass(frozen=True)
class EditedCpu:
    """The cpu back end on another object file."""

    substitute: Substitute

    def run(self, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
        with self.substitute.active():
            return cpu.run(compiled, dims, inputs, backward)


def rebuilt(compiled: Compiled, folder: Path, old: str, new: str) -> bytes:
    """Return the object file of the kernel's module with every `old` in its forward C++ made `new`."""
    from warp._src.build import build_cpu

    wp.compile_aot_module(compiled.kernel.module, device="cpu", module_dir=folder)
    source = next(folder.glob("*.cpp"))
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new))
    result = folder / "edited.o"
    build_cpu(str(result), str(source), fuse_fp=False, optimization_level=0)
    return result.read_bytes()


@pytest.mark.parametrize(("old", "new"), [("wp::sub(", "wp::add("), ("wp::adj_sqrt(", "wp::adj_abs(")])
def test_another_operation_in_the_cpp_is_a_mismatch(bent: Compiled, tmp_path: Path, old: str, new: str) -> None:
    if new == "wp::adj_abs(":  # adj_sqrt(x, result, adj_x, adj_result) has the result as well
        new = "[](auto x, auto, auto& adj_x, auto adj) { wp::adj_abs(x, adj_x, adj); }("
    data = rebuilt(bent, tmp_path, old, new)
    edited = replace(bent, cpu_object=data)
    assert verdicts(judge(edited, on_cpu=EditedCpu(Substitute(bent.kernel, data)))) >= {Verdict.MISMATCH}


def test_the_same_cpp_built_again_is_no_mismatch(bent: Compiled, tmp_path: Path) -> None:
    data = rebuilt(bent, tmp_path, "wp::sub(", "wp::sub(")
    assert verdicts(judge(bent, on_cpu=EditedCpu(Substitute(bent.kernel, data)))) == {Verdict.MATCH}


@dataclass(frozen=True)
class Tampered:
    """The emulator, with one bit of one element of a leaf flipped afterwards."""

    leaf: str
    bit: int

    def run(self, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
        found = emulator.run(compiled, dims, inputs, backward)
        values = found.values[self.leaf].copy()
        flat = values.view(f"u{values.dtype.itemsize}").reshape(-1)
        flat[COUNT // 2] ^= flat.dtype.type(1 << self.bit)
        return replace(found, values={**found.values, self.leaf: values})


@pytest.mark.parametrize(
    ("leaf", "bit"),
    # gradients are summed by atomics, whose order may change the last bits
    [("out", 0), ("out", 22), ("out", 31), ("limits", 0), ("limits", 31), ("x.grad", 12), ("x.grad", 31)],
)
def test_one_flipped_bit_in_a_result_is_a_mismatch(bent: Compiled, leaf: str, bit: int) -> None:
    judgements = judge(bent, cuda=Tampered(leaf, bit))
    assert Verdict.MISMATCH in verdicts(judgements)
    assert any(judgement.reason.startswith(f"{leaf}[{COUNT // 2}]") for judgement in judgements)


def test_a_wrong_result_is_a_mismatch_beside_library_functions_too(rounded: Compiled) -> None:
    (judgement, *_) = judge(rounded, cuda=Tampered("out", 12))
    assert judgement.verdict is Verdict.MISMATCH
    assert "not explained by rounding in" in judgement.reason


@dataclass(frozen=True)
class OtherRounding:
    """A target that is right, but whose library functions round otherwise: the cpu code with its results nudged."""

    module: NudgedModule
    seed: int

    def run(self, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
        return self.module.run(lambda: cpu.run(compiled, dims, inputs, backward), self.seed)[0]


def test_rounding_within_the_bounds_is_never_a_mismatch(rounded: Compiled) -> None:
    module = NudgedModule(rounded.kernel, rounded.cpu_object)
    for seed in range(1000, 1012):
        judgements = judge(rounded, cuda=OtherRounding(module, seed))
        assert verdicts(judgements) <= {Verdict.MATCH, Verdict.UNSTABLE}
        assert Verdict.MATCH in verdicts(judgements)
        assert any("explained by rounding in" in judgement.reason for judgement in judgements)


def test_what_the_emulator_cannot_run_is_unsupported_by_name(bent: Compiled) -> None:
    judgements = judge(with_forward_ptx(bent, r"\bsqrt\.rn\.f32\b", "lop9.b32"))
    assert verdicts(judgements) == {Verdict.UNSUPPORTED}
    assert "lop9.b32" in judgements[0].reason


def test_an_access_out_of_bounds_is_seen(bent: Compiled) -> None:
    store = r"(\tst(?:\.global)?\.[fb]32\s+)\[(%rd\d+)\]"
    judgement = judge(with_forward_ptx(bent, store, rf"\1[\2+{4 * COUNT}]"))[0]
    assert judgement.verdict is Verdict.SANITIZER
    assert judgement.reason.startswith("the sanitizer saw: out-of-bounds")
