"""How many kernels of a category are equal: after renaming, and after blanking all literals as well.

    python tests/benchmarks/uniqueness.py [--kernels 1000] [--seed 1] [--category C]

Without a category each has so many kernels; nothing is compiled.
"""

from __future__ import annotations

import argparse
import statistics
from collections import Counter
from collections.abc import Iterable

from fuzzer.metadata import shape
from grammar import CATEGORIES, SeededChoices, generate
from grammar.canonical import kernel_id
from grammar.measures import measure


def main() -> None:
    """Generate the kernels of each category, and print the shares of those that are unique, and their lines."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--category", choices=CATEGORIES)
    options = parser.parse_args()
    print(f"{'category':<20}{'renamed':>10}{'blanked':>10}{'lines':>10}{'to':>6}")
    for category in (options.category,) if options.category else CATEGORIES:
        names = (f"{options.seed}/{category}/{index}" for index in range(options.kernels))
        sources = [generate(SeededChoices(name), category).source for name in names]
        lines = sorted(measure(source).lines for source in sources)
        spread = f"{lines[len(lines) // 20]:>4}-{statistics.median(lines):g}"
        renamed, blanked = unique_share(map(kernel_id, sources)), unique_share(map(shape, sources))
        print(f"{category:<20}{renamed:>10.2%}{blanked:>10.2%}{spread:>10}{lines[-len(lines) // 20]:>6}")


def unique_share(keys: Iterable[str]) -> float:
    """Return how many different keys there are for each key."""
    counts = Counter(keys)
    return len(counts) / counts.total()


if __name__ == "__main__":
    main()
