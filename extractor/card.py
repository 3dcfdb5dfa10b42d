"""The dataset card: what readers of the corpus and the Hugging Face Hub must know, in numbers taken from its records.

It is a function of the corpus alone: no dates, no paths, so the same corpus has the same card.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from extractor.manifest import Manifest
from extractor.record import Record

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
    "metadata.launch_dims, arguments": "how to launch it: dimensions, array shapes, integer ranges, what is written",
    "metadata.block_dim": "for kernels with tiles: each point of the launch is a block of so many threads",
    "metadata.origin, input_seed": "how to make the kernel and its inputs again",
    "metadata.versions": "Warp, CUDA toolkit, architecture, schema of the record",
    "metadata.backends, comparison, explained_by": "what ran, how far apart the outputs lay, which library functions"
    " account for that",
    "metadata.split": "train, validation or test; kernels of one shape share one",
}

TEXTS = ("python_source", "cpp_forward", "cpp_backward", "cuda_forward", "cuda_backward", "ptx")


@dataclass
class Survey:
    """What a card counts over all records of a corpus. `lines` counts records by their source's number of lines."""

    categories: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    backends: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    characters: Counter[str] = field(default_factory=Counter)
    builtins: Counter[str] = field(default_factory=Counter)
    lines: Counter[int] = field(default_factory=Counter)
    explained: int = 0

    def add(self, record: Record) -> None:
        """Count one record."""
        metadata = record.metadata
        self.categories[metadata["category"]] += 1
        self.splits[metadata["split"]] += 1
        self.backends[" and ".join(metadata["backends"])] += 1
        self.versions[_versions(metadata["versions"])] += 1
        self.builtins.update(metadata["builtins"])
        self.lines[record.python_source.rstrip("\n").count("\n") + 1] += 1
        self.explained += bool(metadata.get("explained_by"))
        self.characters["python_source"] += len(record.python_source)
        for name, text in vars(record.artifacts).items():
            self.characters[name] += len(text)


def survey(records: Iterable[Record]) -> Survey:
    """Count over records, one at a time."""
    result = Survey()
    for record in records:
        result.add(record)
    return result


def card(manifest: Manifest, found: Survey) -> str:
    """Return the text of the corpus' README.md."""
    sections = [
        _front_matter(manifest.records),
        _opening(manifest),
        _fields(found),
        _making(),
        _numbers(manifest, found),
    ]
    return "\n\n".join([*sections, _limits(), _licence()]) + "\n"


def _front_matter(records: int) -> str:
    size = next((name for end, name in SIZE_CATEGORIES if records < end), "100M<n<1B")
    tags = "\n".join(f"- {tag}" for tag in ("code", "python", "cpp", "cuda", "nvidia-warp", "compilers", "synthetic"))
    return f"""---
pretty_name: Warpsmith
license: apache-2.0
language:
- code
task_categories:
- text-generation
tags:
{tags}
size_categories:
- {size}
configs:
- config_name: default
  data_files: shard-*.jsonl
---"""


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


def _making() -> str:
    return """## How it was made and verified

A typed grammar over Warp's Python subset generates kernels that are well-defined by construction: no access out of
bounds, no data race, no integer overflow, every loop bounded. Each is compiled for the CPU and for CUDA, without
contraction and without fast math. The CPU's binary runs natively; the CUDA side runs on a device (`device`) or, where
there is none, as the PTX that NVRTC makes, on an emulator that executes it instruction by instruction (`emulator`):
each record says which. Outputs are compared to the bit wherever IEEE 754 defines the result. A difference is let
through only where the order of float atomics is open, within the bound that the summands give, or where library
functions with a published error bound (`sin`, `exp`, `pow` and the like) account for it; those records name the
functions. Kernels that differ otherwise, crash or fail to compile are reported as findings and
are not in the records. Kernels that are the same after renaming are kept once."""


def _numbers(manifest: Manifest, found: Survey) -> str:
    sizes = {name: found.characters[name] for name in TEXTS if found.characters[name]}
    low, middle, high = (_quantile(found.lines, share) for share in (0.05, 0.5, 0.95))
    provenances = sorted({_flat(shard.provenance) for shard in manifest.shards})
    return "\n".join(
        [
            "## In numbers",
            "",
            *_table("category", found.categories),
            *_table("split", found.splits),
            *_table("executed by", found.backends),
            *_table("made with", found.versions),
            *_table("text", sizes, "characters"),
            f"- Lines of Python source: median {middle}, 5th to 95th percentile {low} to {high}.",
            f"- Warp built-ins in use: {len(found.builtins)}.",
            f"- Records whose targets differ by rounding of library functions: {found.explained:,}.",
            *[f"- Provenance: {provenance}." for provenance in provenances if provenance],
        ]
    )


def _limits() -> str:
    return """## Limits

- The kernels are synthetic: types, control flow and built-ins are spread on purpose, not as people spread them.
- Agreement was seen on one set of inputs a kernel. It is evidence, no proof, and it says that two targets agree, not
  that both are right.
- The code is what one version of Warp generates, with its volatile names and line comments normalised."""


def _licence() -> str:
    return """## Licence

Apache-2.0, the Python sources and the code generated from them alike. Warp itself is Apache-2.0."""


def _table(title: str, counts: Mapping[str, int], unit: str = "records") -> list[str]:
    total = sum(counts.values())
    rows = [f"| {name} | {count:,} | {count / total:.1%} |" for name, count in sorted(counts.items())]
    return [f"| {title} | {unit} | share |", "|---|---|---|", *rows, ""]


def _quantile(counts: Counter[int], share: float) -> int:
    """Return the smallest value that at least this share of the counted ones do not exceed; 0 of none."""
    wanted = share * counts.total()
    seen = 0
    for value, count in sorted(counts.items()):
        seen += count
        if seen >= wanted:
            return value
    return 0


def _versions(versions: Mapping[str, Any]) -> str:
    return _flat({name: version for name, version in versions.items() if name != "schema"})


def _flat(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(data.items()))
