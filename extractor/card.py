"""The dataset card: what readers of the corpus and the Hugging Face Hub must know, in numbers taken from its records.

It is a function of the corpus alone: no dates, no paths, so the same corpus has the same card.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extractor.derived import TEXTS
from extractor.manifest import Manifest
from extractor.survey import Survey, flat, quantile
from grammar.measures import EFFORT, LEVELS
from grammar.patterns import PATTERNS

SIZE_CATEGORIES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
)
"""The Hub's words for how many records there are, each with its upper end."""

FIELDS = {
    "id": "hash of the source with names, layout and the spelling of literals normalised: equal ids, equal kernels",
    "python_source": "the whole Python source: one `@wp.kernel` with the functions, structs and constants it needs",
    "cpp_forward": "the C++ that Warp generates for the CPU, forward pass",
    "cpp_backward": "the same for the backward pass (gradients); empty where it was not generated",
    "cuda_forward": "the CUDA C++ that Warp generates for the GPU, forward pass",
    "cuda_backward": "the same for the backward pass; empty where it was not generated",
    "ptx": "the PTX that NVRTC compiled from it; only where it was asked for",
    "metadata.kernel_name, category, description": "what the kernel is",
    "metadata.builtins, types, features": "Warp's built-ins and types, and the constructs, that the kernel uses",
    "metadata.complexity": "lines, statements, nesting, expression depth, operators, calls, loops, branches",
    "metadata.level": "complexity level 1 to 5, defined below",
    "metadata.patterns": "map, reduce, scan, stencil, gather, scatter, histogram, tile: what the accesses show",
    "metadata.tokens": "words and marks of each text; tokenizers of models find about half as many again",
    "metadata.performance": "counted on the emulator, forward pass: PTX instructions by class, and those executed,"
    " floating-point operations and bytes of global memory for each thread, arithmetic intensity, the share of a warp's"
    " threads that is active (1: no divergence)",
    "metadata.fingerprint": "hash of the shape (the source with names normalised and literals blanked), and a MinHash"
    " of its token 5-grams: 128 bytes in hexadecimal",
    "metadata.launch_dims, arguments": "how to launch it: dimensions, array shapes, integer ranges, what is written",
    "metadata.block_dim": "for kernels with tiles: each point of the launch is a block of so many threads",
    "metadata.origin, input_seed": "how to make the kernel and its inputs again",
    "metadata.versions": "Warp, CUDA toolkit, architecture, schema of the record",
    "metadata.backends, comparison, explained_by": "what ran, how far apart the outputs lay, which library functions"
    " account for that",
    "metadata.split": "train, validation or test; kernels of one shape share one",
}


def card(manifest: Manifest, found: Survey) -> str:
    """Return the text of the corpus' README.md."""
    sections = [
        _front_matter(manifest.records),
        _opening(manifest),
        _fields(found),
        making(),
        dedup(manifest.campaign.get("dedup", ())),
        _numbers(manifest, found),
        levels(found),
        limits(),
        licence(),
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(records: int) -> str:
    return f"""---
{front_matter(records)}
configs:
- config_name: default
  data_files: shard-*.jsonl
---"""


def front_matter(records: int) -> str:
    """Return what the Hub reads of a card, but for the configurations, which follow."""
    size = next((name for end, name in SIZE_CATEGORIES if records < end), "100M<n<1B")
    tags = "\n".join(f"- {tag}" for tag in ("code", "python", "cpp", "cuda", "nvidia-warp", "compilers", "synthetic"))
    return f"""pretty_name: Warpsmith
license: apache-2.0
language:
- code
task_categories:
- text-generation
tags:
{tags}
size_categories:
- {size}"""


def _opening(manifest: Manifest) -> str:
    return f"""# Warpsmith: Python kernels with the C++ and CUDA that a compiler made of them

{manifest.records:,} kernels for NVIDIA Warp, a just-in-time compiler from Python to C++ and CUDA, each with the code
that Warp generates for the CPU and for the GPU. Every kernel was compiled for both targets and run on both with the
same random inputs, and only those whose outputs (and gradients, where there is a backward pass) agree are here.
They take {manifest.bytes / 10**6:.1f} MB in {len(manifest.shards)} shard{"s" if len(manifest.shards) != 1 else ""}.

```python
from datasets import load_dataset

records = load_dataset("json", data_files="shard-*.jsonl", split="train")
```"""


def _fields(found: Survey) -> str:
    rows = [
        f"| `{name}` | {meaning} |" for name, meaning in FIELDS.items() if name != "ptx" or found.characters.get("ptx")
    ]
    return "\n".join(["## Fields", "", "One record a line, JSON.", "", "| field | meaning |", "|---|---|", *rows])


def making() -> str:
    """Return how the records were made and verified."""
    return """## How it was made and verified

A typed grammar over Warp's Python subset generates kernels that are well-defined by construction: no access out of
bounds, no data race, no integer overflow, every loop bounded. Each is compiled for the CPU and for CUDA, without
contraction and without fast math. The CPU's binary runs natively; the CUDA side runs on a device (`device`) or, where
there is none, as the PTX that NVRTC makes, on an emulator that executes it instruction by instruction (`emulator`):
each record says which. Outputs are compared to the bit wherever IEEE 754 defines the result. A difference is let
through only where the order of float atomics is open, within the bound that the summands give, or where library
functions with a published error bound (`sin`, `exp`, `pow` and the like) account for it; those records name the
functions. Kernels that differ otherwise, crash or fail to compile are reported as findings and
are not in the records."""


def dedup(stages: Sequence[Mapping[str, Any]]) -> str:
    """Return what was refused as a duplicate, with the counts if they are known, and how the splits follow."""
    kept = (
        """A kernel is kept only if no earlier one has the same text, or is the same after renaming, or after blanking
its literals, or shares at least 0.7 of its token 5-grams (Jaccard, estimated by MinHash with 128 hashes over the
blanked source). So no shape has more than one record, and no two records are near copies."""
        if stages
        else "Kernels that are the same after renaming are kept once."
    )
    rows = [f"| {row['stage']} | {row['before']:,} | {row['after']:,} |" for row in stages]
    rows = ["| refused as | matching kernels before | after |", "|---|---|---|", *rows, ""]
    counts = "\n".join(rows)
    return f"""## Duplicates and splits

{kept}

{counts if stages else ""}
The split is decided by the hash of the shape, 70 : 15 : 15: it stays as the corpus grows, and is the same for both
targets, so that nothing of one split is found in another with other names or numbers."""


def _numbers(manifest: Manifest, found: Survey) -> str:
    sizes = {name: found.characters[name] for name in TEXTS if found.characters[name]}
    low, middle, high = (quantile(found.lines, share) for share in (0.05, 0.5, 0.95))
    provenances = sorted({flat(shard.provenance) for shard in manifest.shards})
    return "\n".join(
        [
            "## In numbers",
            "",
            *split_table(found),
            *table("executed by", found.backends),
            *table("made with", found.versions),
            *table("text", sizes, "characters"),
            *table("text", {name: found.tokens[name] for name in sizes}, "tokens"),
            f"- Lines of Python source: median {middle}, 5th to 95th percentile {low} to {high}.",
            f"- Warp built-ins in use: {len(found.builtins)}.",
            f"- Records whose targets differ by rounding of library functions: {found.explained:,}.",
            *[f"- Provenance: {provenance}." for provenance in provenances if provenance],
        ]
    )


def levels(found: Survey) -> str:
    """Return what the levels and the patterns mean, with the number of records of each."""
    weights = ", ".join(f"{name} × {weight:g}" for name, weight in EFFORT.items())
    total = max(found.records, 1)
    rows = [
        f"| {number} | {least} | {found.levels[number]:,} | {found.levels[number] / total:.1%} |"
        for number, least in enumerate(LEVELS, start=1)
    ]
    shown = [
        f"| {name} | {meaning} | {found.patterns[name]:,} | {found.patterns[name] / total:.1%} |"
        for name, meaning in PATTERNS.items()
    ]
    return "\n".join(
        [
            "## Levels and patterns",
            "",
            f"A kernel's effort is {weights}, of the counts in `complexity`; it decides the level.",
            "",
            "| level | effort from | records | share |",
            "|---|---|---|---|",
            *rows,
            "",
            "Patterns are read off the kernel's syntax tree; a kernel may have several.",
            "",
            "| pattern | meaning | records | share |",
            "|---|---|---|---|",
            *shown,
        ]
    )


def limits() -> str:
    """Return what the records do not show."""
    return """## Limits

- The kernels are synthetic: types, control flow and built-ins are spread on purpose, not as people spread them.
- Agreement was seen on one set of inputs a kernel. It is evidence, no proof, and it says that two targets agree, not
  that both are right.
- The code is what one version of Warp generates, with its volatile names and line comments normalised.
- Registers and occupancy are not known: the machine code is left to the driver. Launches are small, so that times
  would say nothing about the kernels."""


def licence() -> str:
    """Return the licence, and how to cite."""
    return """## Licence and citation

Apache-2.0, the Python sources and the code generated from them alike. Warp itself is Apache-2.0.

```
@misc{warpsmith,
  title = {Warpsmith: Python kernels with the C++ and CUDA that a compiler made of them},
  note  = {Generated by the Warpsmith fuzzer for NVIDIA Warp; seed and versions under "made with" and "Provenance"}
}
```"""


def split_table(found: Survey) -> list[str]:
    """Return the records of each category by split, as lines of a table."""
    names = [name for name in ("train", "validation", "test") if name in found.splits]
    names += sorted(set(found.splits) - set(names))
    total = max(found.records, 1)
    rows = []
    for category, count in sorted(found.categories.items()):
        cells = " | ".join(f"{found.category_splits[category, name]:,}" for name in names)
        rows.append(f"| {category} | {count:,} | {count / total:.1%} | {cells} |")
    sums = " | ".join(f"{found.splits[name]:,} ({found.splits[name] / total:.1%})" for name in names)
    return [
        f"| category | records | share | {' | '.join(names)} |",
        "|---" * (3 + len(names)) + "|",
        *rows,
        f"| total | {found.records:,} | | {sums} |",
        "",
    ]


def table(title: str, counts: Mapping[str, int], unit: str = "records") -> list[str]:
    """Return counts with their shares, as lines of a table."""
    total = sum(counts.values())
    rows = [f"| {name} | {count:,} | {count / total:.1%} |" for name, count in sorted(counts.items()) if count]
    return [f"| {title} | {unit} | share |", "|---|---|---|", *rows, ""]
