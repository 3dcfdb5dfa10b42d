"""A plan says how one kernel of a campaign is to be made: grown plainly, grown around overloads, or from a parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

PLAIN = "plain"
"""A kernel as the grammar grows it when nobody asks for anything."""

AIMED = "aimed"
"""A kernel that is grown around overloads that the campaign has not seen, or has seen least."""

SEQUENCE = "sequence"
"""A kernel grown from the edited choices of another; every other way is the name of a mutation of trees."""

TREE = "tree"
"""What all mutations of trees are together."""


def family(how: str) -> str:
    """Return the kind of way that one is: itself, or `TREE` for a mutation of trees."""
    return how if how in (PLAIN, AIMED, SEQUENCE) else TREE


@dataclass(frozen=True)
class Parent:
    """A record that brought something new, with what mutation needs of it.

    `arguments` are as a record's metadata holds them. `choices` is the encoded sequence that it was grown from, empty
    where a tree was mutated, and `wanted` are the keys of the overloads that it was grown around. `rare` are some of
    the features that it brought first.
    """

    id: str
    name: str
    category: str
    source: str
    description: str
    dims: tuple[int, ...]
    block_dim: int
    arguments: tuple[Mapping[str, Any], ...]
    choices: str = ""
    wanted: tuple[str, ...] = ()
    rare: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the parent as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Parent:
        """Read what `to_json` wrote; raises TypeError on anything else."""
        lists = {key: tuple(data[key]) for key in ("dims", "arguments", "wanted", "rare")}
        return cls(**{**data, **lists})

    @classmethod
    def of_record(cls, name: str, source: str, metadata: Mapping[str, Any], rare: tuple[int, ...] = ()) -> Parent:
        """Return a record as a parent, given its id, its source and its metadata."""
        origin = metadata["origin"]
        return cls(
            id=name,
            name=metadata["kernel_name"],
            category=metadata["category"],
            source=source,
            description=metadata["description"],
            dims=tuple(metadata["launch_dims"]),
            block_dim=metadata.get("block_dim", 0),
            arguments=tuple(metadata["arguments"]),
            choices=origin.get("choices", ""),
            wanted=tuple(origin.get("wanted", ())),
            rare=rare,
        )


@dataclass(frozen=True)
class Plan:
    """How kernel number `index` is made.

    `how` is `PLAIN`, `AIMED`, `SEQUENCE` or the name of a mutation of trees. `off` are the words of the grammar that
    are switched off for it, sizes among them, `wanted` the keys of the overloads to grow it around. Mutations have a
    `parent`, some of them a `donor` as well. One that is grown has about `operations` at the most (see
    `grammar.expansion`) if that is not 0.
    """

    index: int
    category: str
    how: str = PLAIN
    off: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    parent: Parent | None = None
    donor: Parent | None = None
    operations: int = 0


def plain(index: int, categories: Sequence[str]) -> Plan:
    """Return the plan of kernel `index` where nothing guides the campaign: categories alternate."""
    return Plan(index, categories[index % len(categories)])
