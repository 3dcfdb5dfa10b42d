"""Every peer over generated kernels: how many it applies to, what it says, and what it costs.

    python tests/benchmarks/peers.py [--kernels 32] [--seed 1] [--only WORDS] [--keep DIR]

Prints a row per peer: its stances, its CPU milliseconds per kernel, and those as a share of compiling a kernel for both
targets with its backward pass. `--only` takes the peers whose name holds one of the words, which commas separate.
Whatever accuses, and whatever Warp refuses of a rewritten kernel, is printed, and kept under DIR as the kernel and what
became of it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from fuzzer.guidance.guidance import BATCH_KERNELS
from grammar import CATEGORIES, SeededChoices, generate
from grammar.kernel import Kernel
from oracle.backends import cpu, emulator
from oracle.inputs import make_inputs
from oracle.observation import Observation
from oracle.opinions import Opinion, Stance
from oracle.peers.agreement import PeerCase
from oracle.peers.layouts import WORDS
from oracle.peers.options import OPTIONS
from oracle.peers.peer import BLOCKS, Peer, Recompiled, Relaunched, Rewritten
from oracle.peers.rewrites.table import REWRITES
from oracle.peers.running import PeerRunner, rewriting_of
from oracle.ptx.errors import PtxError

NOTHING = (
    "nothing to rewrite",
    "its arrays lie so already, or are known to be read wrong",
    "its blocks cannot have another size",
)


@dataclass
class Row:
    """What is known of one peer."""

    stances: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def applied(self) -> int:
        return sum(self.stances.values())


def all_peers(seed: int) -> list[Peer]:
    """Return every peer there is, and sources with several rewrites last."""
    options = [Recompiled(target, name) for name, option in OPTIONS.items() for target in option.targets]
    rewrites = [Rewritten(seed, (name,)) for name in REWRITES]
    launches = [Relaunched(layout=layout) for layout in WORDS] + [Relaunched(max_block=block) for block in BLOCKS]
    return [*launches, *options, Recompiled("cpu"), *rewrites, *(Rewritten(seed + more) for more in range(3))]


def case_of(kernel: Kernel, compiled: Compiled, seed: int) -> PeerCase:
    """Run a kernel on both targets."""
    inputs = make_inputs(compiled.kernel, kernel.arguments, seed)
    cuda: Observation | None = None
    try:
        cuda = emulator.run(compiled, kernel.dims, inputs, backward=True)
    except PtxError as error:
        print(f"no observation on cuda: {error}")
    return PeerCase(
        kernel.source, compiled, kernel.dims, inputs, cpu.run(compiled, kernel.dims, inputs, backward=True), cuda
    )


class Benchmark:
    """Runs batches and gathers the rows."""

    def __init__(self, workspace: Workspace, seed: int, only: str, keep: Path | None) -> None:
        self.rows: dict[str, Row] = {}
        self.base = Row()
        self._workspace = workspace
        self._seed = seed
        self._peers = [peer for peer in all_peers(seed) if any(word in peer.name for word in only.split(","))]
        self._keep = keep

    def run(self, kernels: list[Kernel], options: CompileOptions) -> None:
        """Compile and run kernels that are compiled alike, then all of their peers."""
        started = time.process_time()
        with compile_batch([kernel.source for kernel in kernels], options, self._workspace) as batch:
            self.base.seconds += time.process_time() - started
            self.base.stances["compiled"] += len(kernels)
            cases = [
                case_of(kernel, result, self._seed)
                for kernel, result in zip(kernels, batch.results, strict=True)
                if isinstance(result, Compiled)
            ]
            runner = PeerRunner(options, self._workspace)
            for peer in self._peers:
                started = time.process_time()
                opinions = runner.run(cases, peer)
                row = self.rows.setdefault(peer.name, Row())
                row.seconds += time.process_time() - started
                for case, opinion in zip(cases, opinions, strict=True):
                    self._count(row, case, peer, opinion)

    def _count(self, row: Row, case: PeerCase, peer: Peer, opinion: Opinion) -> None:
        if opinion.reason in NOTHING:
            return
        row.stances[str(opinion.stance)] += 1
        if opinion.stance in (Stance.AGREES, Stance.DOCUMENTED):
            return
        print(f"{opinion.stance} ({opinion.oracle}) on {case.compiled.kernel.key}: {opinion.reason[:400]}", flush=True)
        if self._keep is not None:
            name = f"{opinion.stance}-{peer.name}-{case.compiled.kernel.key}".replace(" ", "_")
            self._keep.mkdir(parents=True, exist_ok=True)
            (self._keep / f"{name}.py").write_text(case.source)
            (self._keep / f"{name}.txt").write_text(f"{opinion.oracle}\n{opinion.reason}\n")
            rewritten = rewriting_of(case.source, peer) if isinstance(peer, Rewritten) else None
            if rewritten is not None:
                (self._keep / f"{name}.rewritten.py").write_text(rewritten.source)


def main() -> None:
    """Run the batches and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_workspace(Path(folder)) as workspace:
        warm_up(workspace)
        benchmark = Benchmark(workspace, given.seed, given.only, given.keep)
        for first in range(0, given.kernels, BATCH_KERNELS):
            numbers = range(first, min(first + BATCH_KERNELS, given.kernels))
            kernels = [
                generate(SeededChoices(f"{given.seed}/{number}"), CATEGORIES[number % len(CATEGORIES)])
                for number in numbers
            ]
            for block in sorted({kernel.block_dim for kernel in kernels}):
                alike = [kernel for kernel in kernels if kernel.block_dim == block]
                benchmark.run(alike, CompileOptions().for_blocks_of(block))
    report(benchmark)


def warm_up(workspace: Workspace) -> None:
    """Make the precompiled headers, which differ between debug and release."""
    kernel = generate(SeededChoices("warm"), CATEGORIES[0])
    for options in (CompileOptions(), CompileOptions(debug=True), CompileOptions(cpu_level=2)):
        compile_batch([kernel.source], options, workspace).close()


def report(benchmark: Benchmark) -> None:
    """Print a row per peer."""
    base = benchmark.base.seconds / max(benchmark.base.applied, 1)
    print(f"{benchmark.base.applied} kernels compiled for both targets in {1000 * base:.1f} ms each")
    for name, row in benchmark.rows.items():
        each = row.seconds / max(row.applied, 1)
        stances = ", ".join(f"{stance} {count}" for stance, count in sorted(row.stances.items()))
        print(f"{name:32} {row.applied:5}  {1000 * each:7.1f} ms {each / base:5.0%}  {stances}")


if __name__ == "__main__":
    main()
