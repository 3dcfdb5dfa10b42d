"""What the extractor makes of a batch: every kernel's own code, whatever else was in the batch."""

from __future__ import annotations

import gc
import linecache
import os
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import warp as wp
from handwritten import BODIES, LIBRARY, MATRICES, SAMPLES, SCALE
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.compiling import Compiled, CompileFailure, CompileOptions, compile_batch
from extractor.cutting import standalone
from extractor.record import Artifacts
from extractor.warp_setup import Workspace, check_version, open_workspace
from grammar.errors import UserError
from oracle.backends import cpu
from oracle.inputs import make_inputs

OPTIONS = CompileOptions(emit_ptx=True)

UNKNOWN_NAME = SCALE.source.replace("+ 1.5", "+ missing")
NO_KERNEL = "import warp as wp\n"
RAISES = "import warp as wp\n\nBROKEN = 1 // 0\n"
NATIVE_NONSENSE = '''import warp as wp


@wp.func_native("""
return nonsense;
""")
def broken(x: float) -> float: ...


@wp.kernel
def use(out: wp.array(dtype=float)):
    out[wp.tid()] = broken(1.0)
'''


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


@pytest.fixture(scope="module")
def alone(workspace: Workspace) -> dict[str, Artifacts]:
    """Every sample's artifacts when it has a batch to itself."""
    artifacts = {}
    for sample in SAMPLES:
        with compile_batch([sample.source], OPTIONS, workspace) as batch:
            artifacts[sample.name] = good(batch.results[0]).artifacts
    return artifacts


def good(result: Compiled | CompileFailure) -> Compiled:
    assert isinstance(result, Compiled), result
    return result


def bad(result: Compiled | CompileFailure) -> CompileFailure:
    assert isinstance(result, CompileFailure)
    return result


@settings(deadline=None, max_examples=5)
@given(order=st.permutations(SAMPLES), length=st.integers(2, len(SAMPLES)))
def test_a_kernel_gives_the_same_text_in_any_batch(workspace, alone, order, length):
    chosen = order[:length]
    with compile_batch([sample.source for sample in chosen], OPTIONS, workspace) as batch:
        for sample, result in zip(chosen, batch.results, strict=True):
            assert good(result).artifacts == alone[sample.name]


def test_the_texts_hold_no_path_hash_or_counter_of_this_process(workspace, alone):
    for artifacts in alone.values():
        for text in (artifacts.cpp_forward, artifacts.cuda_backward, artifacts.ptx):
            assert str(workspace.folder) not in text
            assert "warpsmith" not in text
    assert "energy_0(" in alone["bodies"].cpp_forward
    assert "adj_energy_0(" in alone["bodies"].cuda_backward
    assert "adj_energy" not in alone["bodies"].cuda_forward


def test_each_text_compiles_behind_the_preamble_alone(workspace, alone, tmp_path):
    from warp._src.build import build_cpu, build_cuda

    with compile_batch([SCALE.source], OPTIONS, workspace) as batch:
        preambles = batch.preambles
    for name in ("bodies", "library", "atomics"):
        for part in ("cpp_forward", "cpp_backward"):
            source = tmp_path / f"{name}_{part}.cpp"
            source.write_text(standalone(preambles["cpu"], getattr(alone[name], part)))
            build_cpu(str(source.with_suffix(".o")), str(source), optimization_level=0)
            assert source.with_suffix(".o").stat().st_size > 0
        for part in ("cuda_forward", "cuda_backward"):
            source = tmp_path / f"{name}_{part}.cu"
            source.write_text(standalone(preambles["cuda"], getattr(alone[name], part)))
            build_cuda(str(source), 75, str(source.with_suffix(".ptx")), pch_dir=None, optimization_level=1)
            assert ".entry" in source.with_suffix(".ptx").read_text()


def test_a_failing_kernel_takes_only_itself_down(workspace, alone):
    sources = [SCALE.source, UNKNOWN_NAME, BODIES.source, RAISES, NATIVE_NONSENSE, LIBRARY.source, NO_KERNEL]
    with compile_batch(sources, OPTIONS, workspace) as batch:
        results = batch.results
        for index, sample in ((0, SCALE), (2, BODIES), (5, LIBRARY)):
            compiled = good(results[index])
            assert compiled.artifacts == alone[sample.name]
            cpu.run(compiled, sample.dims, make_inputs(compiled.kernel, sample.arguments, 1), True)
    assert [bad(results[index]).stage for index in (1, 3, 4, 6)] == ["codegen", "load", "native", "load"]
    assert "missing" in bad(results[1]).diagnostic
    assert "ZeroDivisionError" in bad(results[3]).diagnostic
    assert "use of undeclared identifier 'nonsense'" in bad(results[4]).diagnostic
    assert bad(results[4]).targets == ("cpu", "cuda")


def test_a_diagnostic_is_the_same_wherever_the_kernel_stood(workspace):
    failures = []
    for sources in ([UNKNOWN_NAME, NATIVE_NONSENSE], [SCALE.source, NATIVE_NONSENSE, UNKNOWN_NAME]):
        with compile_batch(sources, OPTIONS, workspace) as batch:
            failures.append({bad(batch.results[sources.index(each)]) for each in (UNKNOWN_NAME, NATIVE_NONSENSE)})
    assert failures[0] == failures[1]
    assert not any(str(workspace.folder) in failure.diagnostic for failure in failures[0])


def test_nothing_is_printed_by_a_failing_compiler(workspace, capfd):
    with compile_batch([NATIVE_NONSENSE], OPTIONS, workspace):
        pass
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_kernels_that_warp_cannot_tell_apart_still_run_their_own_code(workspace):
    """Warp hashes constants as float32, so these two get one name, and in one module one of them both codes."""
    source = SCALE.source.replace("float", "wp.float64").replace("1.5", "wp.float64(SHIFT)")
    shifts = (0.1, 0.10000000000001)
    sources = [source.replace("wp\n", f"wp\n\nSHIFT = {shift}\n", 1) for shift in shifts]
    seen = []
    with compile_batch(sources, OPTIONS, workspace) as batch:
        for result in batch.results:
            inputs = make_inputs(good(result).kernel, SCALE.arguments, 0)
            inputs.values["source"][...] = 0.0
            inputs.values["factor"][...] = 0.0
            seen.append(cpu.run(good(result), SCALE.dims, inputs, False).values["out"][0])
    assert seen == list(shifts)


def test_without_backward_there_is_no_backward_text(workspace):
    with compile_batch([BODIES.source], CompileOptions(backward=False, emit_ptx=True), workspace) as batch:
        compiled = good(batch.results[0])
    assert compiled.artifacts.cpp_backward == compiled.artifacts.cuda_backward == compiled.backward_entry == ""
    assert "backward" not in compiled.artifacts.ptx


def test_the_ptx_holds_the_entries_and_only_what_they_use(workspace):
    options = replace(OPTIONS, cuda_level=1)  # at which sin keeps a table
    with compile_batch([SCALE.source, LIBRARY.source], options, workspace) as batch:
        scale, library = (good(result).artifacts.ptx for result in batch.results)
        whole = good(batch.results[0]).ptx.text
    assert whole.count(".entry") == 4 and "pnanovdb" in whole
    assert scale.count(".entry") == 2 and "pnanovdb" not in scale
    assert "__cudart_i2opi_f" in library and "__cudart_i2opi_f" not in scale


def test_a_closed_batch_leaves_nothing_behind(tmp_path):
    lines = set(linecache.cache)
    with open_workspace(tmp_path) as workspace:
        for _ in range(2):
            with compile_batch([SCALE.source, MATRICES.source, UNKNOWN_NAME], OPTIONS, workspace):
                pass
        left = [path for path in workspace.folder.rglob("*") if path.is_file()]
        assert left == []
    assert list(tmp_path.iterdir()) == []
    assert not [name for name in set(linecache.cache) - lines if "warpsmith" in name]


def test_a_closed_batch_lets_its_kernels_go(workspace):
    with compile_batch([BODIES.source], OPTIONS, workspace) as batch:
        compiled = good(batch.results[0])
        cpu.run(compiled, BODIES.dims, make_inputs(compiled.kernel, BODIES.arguments, 1), True)
        alive = weakref.ref(compiled.kernel.module)
    del batch, compiled
    gc.collect()
    assert alive() is None


def test_a_workspace_gives_the_users_cache_back(tmp_path):
    with open_workspace(tmp_path / ".") as outer:
        users = wp.config.kernel_cache_dir
        with open_workspace(tmp_path) as inner:
            assert wp.config.kernel_cache_dir == str(inner.cache)
        assert wp.config.kernel_cache_dir == users
        assert outer.cache.is_dir()


def test_a_warp_too_old_is_one_clear_line():
    with pytest.raises(UserError) as caught:
        check_version("1.13.1")
    assert str(caught.value) == "Warp 1.13.1 is too old: 1.14 or later is needed (`pip install -U warp-lang`)"
    for version in ("1.14.0", "1.19.0", "1.20.0.dev20260101", "2.0.0rc1"):
        check_version(version)


def test_the_same_source_twice_is_compiled_twice(workspace, alone):
    with compile_batch([SCALE.source] * 2, OPTIONS, workspace) as batch:
        for result in batch.results:
            inputs = make_inputs(good(result).kernel, SCALE.arguments, 1)
            cpu.run(good(result), SCALE.dims, inputs, True)
            assert good(result).artifacts == alone["scale"]


def test_an_empty_batch_is_no_batch(workspace):
    with compile_batch([], OPTIONS, workspace) as batch:
        assert batch.results == ()


def test_the_process_that_compiles_keeps_its_output(workspace, capfd):
    with compile_batch([SCALE.source], OPTIONS, workspace):
        os.write(1, b"still here\n")
    assert capfd.readouterr().out == "still here\n"


def test_arrays_keep_their_values_when_the_batch_is_closed(workspace):
    with compile_batch([SCALE.source], OPTIONS, workspace) as batch:
        compiled = good(batch.results[0])
        inputs = make_inputs(compiled.kernel, SCALE.arguments, 3)
        observation = cpu.run(compiled, SCALE.dims, inputs, True)
    with np.errstate(all="ignore"):
        expected = inputs.values["source"] * inputs.values["factor"] + np.float32(1.5)
    np.testing.assert_array_equal(observation.values["out"], expected)


def test_a_scratch_folder_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), open_workspace(tmp_path / "missing" / "folder"):
        pass
    assert list(Path(tmp_path).iterdir()) == []


CALLBACK = """import warp as wp


@wp.func
def square(x: float):
    return x * x


@wp.func
def apply(f: wp.Function, x: float):
    return f(x) + 1.0


@wp.kernel
def use(out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = apply(square, float(i))
"""


def test_a_function_that_takes_a_function_has_the_same_name_in_any_batch(workspace: Workspace):
    texts = []
    for sources in ([CALLBACK], [CALLBACK.replace("x * x", "x + x").replace("def use", "def other"), CALLBACK]):
        with compile_batch(sources, OPTIONS, workspace) as batch:
            texts.append(good(batch.results[-1]).artifacts)
    assert texts[0].cpp_forward == texts[1].cpp_forward
    assert texts[0].cuda_backward == texts[1].cuda_backward
    assert "_callable_" not in texts[0].cpp_forward
