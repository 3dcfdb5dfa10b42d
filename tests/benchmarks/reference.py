"""What the reference covers and what it thinks: kernels run on the cpu and by the reference, and compared.

    python tests/benchmarks/reference.py [--match REGEX | --kernels 200] [--category C ...] [--seed 1] [--keep FOLDER]

With `--match`, one kernel is made for every generable overload whose signature the pattern matches; otherwise kernels
of all categories. Prints how often the reference agreed to the bit, agreed by rounding, was unstable, had no opinion
(and for the lack of what), or accuses, and its milliseconds per kernel. All runs in this process: a crash ends it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from overloads import overloads

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from grammar import CATEGORIES, SeededChoices, focus, generate
from grammar.kernel import Kernel
from grammar.recipes import setting_of
from oracle.backends import cpu
from oracle.inputs import make_inputs
from oracle.opinions import Opinion, Stance
from oracle.parameters import parameters_of
from oracle.reference import Program
from oracle.reference.opinion import ORACLE, consult

BATCH = 25


def kernels(options: argparse.Namespace) -> Iterator[tuple[str, Kernel]]:
    """Yield the kernels with what they are for."""
    if options.match is None:
        for index in range(options.kernels):
            category = options.category[index % len(options.category)]
            yield category, generate(SeededChoices(f"{options.seed}/{index}"), category)
        return
    for index, one in enumerate(overloads(options.match)):
        choices = SeededChoices(f"{options.seed}/{index}")
        category = setting_of(one) or options.category[index % len(options.category)]
        yield one.signature, generate(choices, category, wanted=focus.aim(choices, one))


def opinion_on(kernel: Kernel, result: Compiled, input_seed: int) -> Opinion:
    """Return what the reference thinks of the cpu; a fault of ours is printed, and counted as no opinion."""
    inputs = make_inputs(result.kernel, kernel.arguments, input_seed)
    observed = cpu.run(result, kernel.dims, inputs, False)
    start = time.perf_counter()
    try:
        program = Program.of(kernel.source, parameters_of(result.kernel))
        reference = consult(program, kernel.dims, inputs, kernel.block_dim)
        opinion = reference if isinstance(reference, Opinion) else reference.opinion("cpu", observed)
    except Exception as error:  # whatever is wrong with the reference, the others shall be seen
        traceback.print_exc(limit=-4)
        opinion = Opinion(ORACLE, Stance.NO_OPINION, f"FAULT OF OURS: {type(error).__name__}: {error}")
    return Opinion(opinion.oracle, opinion.stance, opinion.reason, opinion.comparison, time.perf_counter() - start)


def main() -> None:
    """Run the kernels and print what the reference thinks of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--match")
    parser.add_argument("--kernels", type=int, default=200)
    parser.add_argument("--category", choices=CATEGORIES, nargs="+", default=list(CATEGORIES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    made = list(kernels(options))
    tally: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    seconds = 0.0
    with tempfile.TemporaryDirectory() as scratch, open_workspace(Path(scratch)) as workspace:
        for block_dim in sorted({kernel.block_dim for _, kernel in made}):
            alike = [one for one in made if one[1].block_dim == block_dim]
            for start in range(0, len(alike), BATCH):
                part = alike[start : start + BATCH]
                for (what, kernel), opinion in zip(part, _opinions(part, block_dim, options, workspace), strict=True):
                    if opinion.reason.startswith("known bug"):
                        tally[opinion.reason.partition(":")[0]] += 1
                        seconds += opinion.seconds
                        continue
                    bits = opinion.comparison is not None and opinion.comparison.equal
                    tally[f"{opinion.stance}{' to the bit' if bits else ''}"] += 1
                    seconds += opinion.seconds
                    if opinion.stance is Stance.NO_OPINION:
                        reasons[opinion.reason] += 1
                    elif opinion.stance is not Stance.AGREES:
                        print(f"{opinion.stance}: {what}: {opinion.reason}")
                        _keep(options.keep, f"{opinion.stance}-{sum(tally.values())}", kernel, opinion)
    total = sum(tally.values())
    print(", ".join(f"{name} {count} ({count / total:.1%})" for name, count in tally.most_common()))
    print(f"{1000 * seconds / total:.1f} ms per kernel")
    for reason, count in reasons.most_common(40):
        print(f"{count:5} {reason}")


def _opinions(
    part: list[tuple[str, Kernel]], block_dim: int, options: argparse.Namespace, workspace: Workspace
) -> Iterator[Opinion]:
    compiling = CompileOptions(backward=False, cuda_level=0).for_blocks_of(block_dim)
    with compile_batch([kernel.source for _, kernel in part], compiling, workspace) as batch:
        for (_, kernel), result in zip(part, batch.results, strict=True):
            if isinstance(result, Compiled):
                yield opinion_on(kernel, result, options.seed)
            else:
                yield Opinion(ORACLE, Stance.NO_OPINION, "Warp does not compile it")


def _keep(folder: Path | None, name: str, kernel: Kernel, opinion: Opinion) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        text = f"# {opinion.reason}, launch {kernel.dims}\n{kernel.source}"
        (folder / f"{name.replace(' ', '-')}.py").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
