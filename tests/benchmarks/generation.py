"""How fast the grammar alone makes kernels, and how large and how deep they are: nothing is compiled.

    python tests/benchmarks/generation.py [--kernels 2000] [--seed 1]

The shares of the time are of the productions (`grow`), of printing the tree, and of the recogniser that reads the text.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

from grammar import CATEGORIES, SeededChoices, accept, generate
from grammar.measures import measure


def main() -> None:
    """Generate the kernels, then print rate and sizes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    generate(SeededChoices("warm"), CATEGORIES[0])  # reads Warp's registry, once in a process
    taken = {"grow": 0.0, "print": 0.0, "accept": 0.0}
    sources = []
    for index in range(options.kernels):
        started = time.perf_counter()
        kernel = generate(SeededChoices(f"{options.seed}/{index}"), CATEGORIES[index % len(CATEGORIES)])
        grown = time.perf_counter()
        source = kernel.source
        printed = time.perf_counter()
        if rejection := accept(source):
            raise SystemExit(f"kernel {index} is not accepted: {rejection}\n{source}")
        taken["grow"] += grown - started
        taken["print"] += printed - grown
        taken["accept"] += time.perf_counter() - printed
        sources.append(source)
    total = sum(taken.values())
    shares = ", ".join(f"{stage} {seconds / total:.0%}" for stage, seconds in taken.items())
    print(f"{options.kernels / total:.0f} kernels/s in one process ({shares})")
    measures = [measure(source) for source in sources]
    _print_spread("lines", [m.lines for m in measures])
    _print_spread("statements", [m.statements for m in measures])
    _print_spread("depth of expressions", [m.depth for m in measures])
    _print_spread("nesting of blocks", [m.nesting for m in measures])


def _print_spread(name: str, values: Sequence[int]) -> None:
    twentieths = statistics.quantiles(values, n=20)
    print(f"{name}: median {statistics.median(values):g}, 95th percentile {twentieths[-1]:g}, largest {max(values)}")


if __name__ == "__main__":
    main()
