"""Runs reductions: the rounds of several, each in turn, in worker processes that candidates may take down."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType

from oracle.observation import Verdict
from oracle.peers.peer import Peer
from oracle.pool import Death, Limits, Pool
from oracle.reduce.accuser import Accuser
from oracle.reduce.reduced import Reduced
from oracle.reduce.search import Bounds, Reduction
from oracle.reduce.trying import Trial, Tried, start_worker
from oracle.rerun import Case

LIMITS = Limits(job_seconds=60.0, item_seconds=20.0)
"""For the candidates of one round; a process serves many rounds."""


@dataclass
class _UnderWay:
    """A reduction, and what has come of the candidates of its round, by their places in it."""

    reduction: Reduction
    accuser: Accuser
    peer: Peer | None
    outcomes: dict[int, Tried | Death] = field(default_factory=dict)
    size: int = 0


class Reducer:
    """Reduces accused kernels in at most `workers` processes at a time. Use as a context manager."""

    def __init__(self, cuda: str, workers: int = 1) -> None:
        """`cuda` is the back end for that target, `device` or `emulator`."""
        self._pool: Pool[Trial, Tried] = Pool(partial(start_worker, cuda), workers, LIMITS)
        self._under_way: dict[Hashable, _UnderWay] = {}

    def __enter__(self) -> Reducer:
        self._pool.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, trace)

    @property
    def unfinished(self) -> int:
        """How many reductions are under way."""
        return len(self._under_way)

    def submit(
        self, key: Hashable, case: Case, accuser: Accuser, peer: Peer | None = None, bounds: Bounds | None = None
    ) -> None:
        """Begin a reduction of a case with dimensions, arguments, and one seed, which `accuser` accuses.

        `peer` is who accuses it if that is one; `completed` gives the result back under the key.
        """
        self._under_way[key] = _UnderWay(Reduction(case, accuser, bounds), accuser, peer)
        self._ask(key)

    def _ask(self, key: Hashable) -> bool:
        """Have the next round tried; returns whether there is one."""
        one = self._under_way[key]
        trials = [Trial(case, one.accuser, one.peer) for case in one.reduction.next_round()]
        one.outcomes, one.size = {}, len(trials)
        # where those that show it end their process, halving a job would end many more
        deadly = one.accuser.verdict in (Verdict.CRASH, Verdict.HANG)
        for places in [(place,) for place in range(len(trials))] if deadly else [tuple(range(len(trials)))]:
            if places:
                self._pool.submit((key, places), [trials[place] for place in places])
        return bool(trials)

    def completed(self, timeout: float) -> list[tuple[Hashable, Reduced | None]]:
        """Wait at most `timeout` seconds for something to happen; return the reductions that are at their end.

        What comes of one is None where not even the kernel itself showed the accusation again.
        """
        done = []
        for name, outcomes in self._pool.completed(timeout):
            assert isinstance(name, tuple)
            key, places = name
            one = self._under_way[key]
            one.outcomes |= zip(places, outcomes, strict=True)
            if len(one.outcomes) == one.size:
                one.reduction.hear([one.outcomes[place] for place in range(one.size)])
                if not self._ask(key):
                    done.append((key, self._under_way.pop(key).reduction.result))
        return done
