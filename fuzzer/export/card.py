"""The data set's card: front matter with configurations, features and sizes as the Hub reads them, and what people ask.

Every number is counted from the rows that were written beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from extractor.card import dedup, front_matter, levels, licence, limits, making, split_table, table
from extractor.derived import TEXTS
from extractor.survey import flat
from fuzzer.duplicates import SENSES
from fuzzer.export.broken import MUTATIONS
from fuzzer.export.rows import CONFIGS, ERRORS, STRINGS, Column
from fuzzer.export.written import Written

ABOUT = {
    "cpu": "Python to C++: what Warp generates for the CPU",
    "cuda": "Python to CUDA C++: what Warp generates for the GPU",
    "joint": "the same kernels with both",
    "errors": "kernels broken on purpose that Warp rejects, with its message, and the working ones they were made of",
}
"""What each configuration is for."""

USUAL = ("train", "validation", "test")


def export_card(export: Written, format_: str) -> str:
    """Return the text of the exported folder's README.md."""
    columns: Mapping[str, Sequence[Column]] = {**CONFIGS, "errors": ERRORS}
    written = {name: columns[name] for name in export.rows if export.rows[name]}
    sections = [
        _front_matter(export, written, format_),
        _opening(export, written),
        _fields(written),
        making(),
        dedup(export.manifest.campaign.get("dedup", ())),
        _leakage(export),
        _numbers(export),
        levels(export.survey),
        *([_errors()] if "errors" in written else []),
        limits(),
        licence(),
    ]
    return "\n\n".join(sections) + "\n"


def splits_of(rows: Mapping[str, int]) -> list[str]:
    """Return the names of splits that have rows, the usual ones first."""
    return [name for name in (*USUAL, *sorted(set(rows) - set(USUAL))) if rows.get(name)]


def _front_matter(export: Written, written: Mapping[str, Sequence[Column]], format_: str) -> str:
    lines = ["---", front_matter(export.survey.records), "configs:"]
    for config in written:
        lines += [f"- config_name: {config}", *(["  default: true"] if config == "joint" else []), "  data_files:"]
        for split in splits_of(export.rows[config]):
            lines += [f"  - split: {split}", f"    path: {config}/{split}-*.{format_}"]
    lines.append("dataset_info:")
    for config, columns in written.items():
        lines += [f"- config_name: {config}", "  features:"]
        for column in columns:
            kind = "sequence: string" if column.type == STRINGS else f"dtype: {column.type}"
            lines += [f"  - name: {column.name}", f"    {kind}"]
        lines.append("  splits:")
        for split in splits_of(export.rows[config]):
            lines += [f"  - name: {split}", f"    num_bytes: {export.bytes[config][split]}"]
            lines += [f"    num_examples: {export.rows[config][split]}"]
        lines.append(f"  dataset_size: {sum(export.bytes[config].values())}")
    return "\n".join([*lines, "---"])


def _opening(export: Written, written: Mapping[str, Sequence[Column]]) -> str:
    rows = []
    for config in written:
        counts = ", ".join(f"{split} {export.rows[config][split]:,}" for split in splits_of(export.rows[config]))
        rows.append(
            f"| `{config}` | {ABOUT[config]} | {counts} | {sum(export.bytes[config].values()) / 10**6:.1f} MB |"
        )
    return "\n".join(
        [
            "# Warpsmith: Python kernels with the C++ and CUDA that a compiler made of them",
            "",
            f"{export.survey.records:,} kernels for NVIDIA Warp, a just-in-time compiler from Python to C++ and CUDA.",
            "Each was compiled for both targets and run on both with the same inputs; only those that agree are here.",
            "",
            "```python",
            "from datasets import load_dataset",
            "",
            'pairs = load_dataset("path/to/this/folder", "cpu")',
            "```",
            "",
            "| configuration | what | rows | text |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _fields(written: Mapping[str, Sequence[Column]]) -> str:
    where: dict[tuple[str, str, str], list[str]] = {}
    for config, columns in written.items():
        for column in columns:
            where.setdefault((column.name, column.type, column.meaning), []).append(config)
    rows = [
        f"| `{name}` | {'list of strings' if kind == STRINGS else kind} | {', '.join(configs)} | {meaning} |"
        for (name, kind, meaning), configs in where.items()
    ]
    return "\n".join(["## Fields", "", "| field | type | in | meaning |", "|---|---|---|---|", *rows])


def _leakage(export: Written) -> str:
    found = export.duplicates
    words = ("different texts", "different after renaming", "different after blanking literals", "without a near copy")
    rows = [f"| {word} | {found.left[sense]:,} |" for word, sense in zip(words, SENSES, strict=True)]
    return "\n".join(
        [
            "Counted over the rows themselves, when they were written:",
            "",
            "| records | number |",
            "|---|---|",
            f"| all | {found.records:,} |",
            *rows,
            f"| whose shape another split has too | {found.straddling['shape']:,} |",
            f"| near copies of one in another split | {found.straddling['near']:,} |",
        ]
    )


def _numbers(export: Written) -> str:
    found = export.survey
    sizes = {name: found.characters[name] for name in TEXTS if found.characters[name]}
    provenances = sorted({flat(shard.provenance) for shard in export.manifest.shards if shard.provenance})
    return "\n".join(
        [
            "## In numbers",
            "",
            *split_table(found),
            *table("executed by", found.backends),
            *table("made with", found.versions),
            *table("text", sizes, "characters"),
            *table("text", {name: found.tokens[name] for name in sizes}, "tokens"),
            "Tokens are words and marks; tokenizers of code models find about half as many again.",
            "",
            f"- Warp built-ins in use: {len(found.builtins)}; overloads: {len(found.overloads)}.",
            f"- Records whose targets differ by rounding of library functions: {found.explained:,}.",
            *[f"- Provenance: {provenance}." for provenance in provenances],
        ]
    )


def _errors() -> str:
    kinds = "\n".join(f"- {name}" for name in MUTATIONS)
    return f"""## Error cases

Each row of `errors` is a kernel of the corpus with one piece of its text replaced, so that its types no longer fit:

{kinds}

Warp was run on every one of them, and `message` is what it said; broken kernels that Warp takes are not there. A row is
in the split of the record that it was made of."""
