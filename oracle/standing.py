"""Does an accusation stand? What became of the kernel in fresh processes, and what that says about the finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oracle.observation import Verdict
from oracle.opinions import Opinion
from oracle.reduce.reduced import Reduced


@dataclass(frozen=True)
class Sighting:
    """What one more run of both targets on the same inputs gave: the verdict, and where the first difference is."""

    verdict: Verdict
    reason: str
    element: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what a finding says about it."""
        return {"verdict": str(self.verdict), "reason": self.reason, "element": self.element}


@dataclass(frozen=True)
class Alone:
    """What became of one target in processes in which the other never ran.

    `verdict` is None if it ran to its end every time, else what befell it, or what did first; `reason` says it in
    words. `repeats` says whether every run ended alike and left the same bits; None if there was one only.
    """

    verdict: Verdict | None
    reason: str
    repeats: bool | None

    def to_json(self) -> dict[str, Any]:
        """Return what a finding says about it."""
        outcome = "ran" if self.verdict is None else str(self.verdict)
        return {"outcome": outcome, "reason": self.reason, "repeats": self.repeats}


@dataclass(frozen=True)
class Thread:
    """A thread of a launch: what `wp.tid()` gives it, and where it stands among the blocks, as on a GPU."""

    launch_index: tuple[int, ...]
    block: int
    thread: int

    def __str__(self) -> str:
        at = ", ".join(str(i) for i in self.launch_index)
        return f"launch index ({at}), block {self.block}, thread {self.thread} of it"

    def to_json(self) -> dict[str, Any]:
        """Return what a finding says about it."""
        return {"launch_index": list(self.launch_index), "block": self.block, "thread": self.thread}


@dataclass(frozen=True)
class Element:
    """The first element that differs and that nothing explains. Values are bits in hex and the number they mean.

    `reference` is empty where the reference has no value for it. `thread` is the one that stored it last on cuda, None
    where no thread did, or nobody saw.
    """

    leaf: str
    index: tuple[int, ...]
    cpu: str
    cuda: str
    reference: str = ""
    thread: Thread | None = None

    def __str__(self) -> str:
        return f"{self.leaf}[{', '.join(str(i) for i in self.index)}]"

    def to_json(self) -> dict[str, Any]:
        """Return what a finding says about it."""
        return {
            "leaf": self.leaf,
            "index": list(self.index),
            "cpu": self.cpu,
            "cuda": self.cuda,
            "reference": self.reference or None,
            "thread": self.thread.to_json() if self.thread else None,
        }


@dataclass(frozen=True)
class Standing:
    """What was tried with an accused kernel, always alone in its module, and what came of it.

    `accused` is the verdict that was given first, in a batch with other kernels, None if that is not known. `again` are
    runs on the same inputs, each in a process of its own. `others` counts the verdicts on other inputs. `options` are
    those under which the accusation goes away, None if they were not tried. `oracles` are what accuses, `wrong` is
    the target at fault (`cpu`, `cuda` or `both`), None if nothing tells; `witness` says what tells, or why nothing
    does. `thread` is the one that did what the sanitizer saw, or that stored the `element`. `reduced` is a smaller
    kernel of which the same stands, if one was looked for and found; `cause` is what accusations of one cause share.
    """

    accused: Verdict | None
    again: tuple[Sighting, ...]
    alone: Mapping[str, Alone]
    others: Mapping[Verdict, int]
    oracles: tuple[Opinion, ...]
    wrong: str | None
    witness: str
    options: tuple[str, ...] | None
    element: Element | None = None
    thread: Thread | None = None
    reduced: Reduced | None = None
    cause: str = ""

    @property
    def verdict(self) -> Verdict:
        """The verdict at stake: the first one, or if that is lost what the first run in a fresh process gave."""
        return self.accused or self.again[0].verdict

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the finding is flaky, in words; nothing for one that stands."""
        found = []
        if any(sighting.verdict is not self.verdict for sighting in self.again):
            given = ", ".join(str(sighting.verdict) for sighting in self.again)
            found.append(f"accused of {self.verdict}, the kernel alone in its module was judged {given}")
        elif len({sighting.element for sighting in self.again}) > 1:
            given = " and ".join(sighting.element or "nowhere" for sighting in self.again)
            found.append(f"the first difference is at {given}")
        found += [
            f"the target {target} does not repeat itself on the same inputs"
            for target, alone in self.alone.items()
            if alone.repeats is False
        ]
        return tuple(found)

    @property
    def flaky(self) -> bool:
        """Whether runs on the same inputs did not all give the same."""
        return bool(self.doubts)

    @property
    def tried(self) -> int:
        """On how many other inputs the kernel ran."""
        return sum(self.others.values())

    @property
    def accusing(self) -> int:
        """On how many other inputs the kernel is accused, of whatever."""
        return sum(count for verdict, count in self.others.items() if verdict.accuses)

    def to_json(self) -> dict[str, Any]:
        """Return what a finding says about it: no times or paths, which differ from run to run."""
        return {
            "flaky": self.flaky,
            "doubts": list(self.doubts),
            "same_inputs": [sighting.to_json() for sighting in self.again],
            "alone": {target: alone.to_json() for target, alone in self.alone.items()},
            "other_inputs": {"tried": self.tried, "accused": self.accusing, "verdicts": _counts(self.others)},
            "oracles": [opinion.to_json() for opinion in self.oracles],
            "wrong_target": self.wrong,
            "witness": self.witness,
            "goes_away_with": None if self.options is None else list(self.options),
            "element": self.element.to_json() if self.element else None,
            "thread": self.thread.to_json() if self.thread else None,
        }


def _counts(verdicts: Mapping[Verdict, int]) -> dict[str, int]:
    return {str(verdict): count for verdict, count in sorted(verdicts.items())}
