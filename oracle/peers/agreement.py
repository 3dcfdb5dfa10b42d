"""The opinion on a kernel from its own observations and its peer's: equal, explained, or a reason to accuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from extractor.compiling import Compiled
from oracle.backends import cpu
from oracle.compare import Comparison, compare
from oracle.cpu_object import PrivateApiError
from oracle.explain import explain
from oracle.inputs import Inputs
from oracle.nudge import NudgedModule
from oracle.observation import Observation, Verdict
from oracle.opinions import Opinion, Stance
from oracle.rounding import judge_rounding


@dataclass(frozen=True)
class PeerCase:
    """One kernel as it was compiled, without optimisation for the cpu, and run on both targets; its batch is open.

    `cuda` is what the back end for that target returned, None if none ran. Each has the leaves of a backward pass if
    one was launched.
    """

    source: str
    compiled: Compiled
    dims: tuple[int, ...]
    inputs: Inputs
    cpu: Observation
    cuda: Observation | None = None


def restricted(observation: Observation, leaves: Sequence[str]) -> Observation:
    """Return an observation with these leaves only: a peer without a backward pass has fewer. Raises KeyError."""
    slack = {leaf: bound for leaf, bound in observation.order_slack.items() if leaf in leaves}
    return replace(observation, values={leaf: observation.values[leaf] for leaf in leaves}, order_slack=slack)


def renamed(observation: Observation, names: Mapping[str, str]) -> Observation:
    """Return an observation with other names for some paths: `points` and `points.pos` for `body.points`, …"""

    def old(leaf: str) -> str:
        root, dot, rest = leaf.partition(".")
        return f"{names[root]}{dot}{rest}" if root in names else leaf

    return replace(
        observation,
        values={old(leaf): values for leaf, values in observation.values.items()},
        order_slack={old(leaf): bound for leaf, bound in observation.order_slack.items()},
    )


@dataclass
class Agreement:
    """Compares peers with their cases. Keeps the nudged module of the batch that it saw last."""

    _nudged: tuple[bytes, NudgedModule] | None = field(default=None, repr=False)

    def exact(self, name: str, case: PeerCase, peer: Observation) -> Opinion:
        """Return the opinion from a peer that does the same on the cpu: it agrees to the bit, or it accuses."""
        comparison = compare(restricted(case.cpu, list(peer.values)), peer)
        return _plain_opinion(name, comparison)

    def rounded(self, name: str, case: PeerCase, peer: Observation) -> Opinion:
        """Return the opinion from a peer whose library functions may round otherwise: clang folds or inlines them, or
        it is another target's code.
        """
        base = restricted(case.cpu, list(peer.values))
        backward = len(base.values) == len(case.cpu.values)
        comparison = compare(base, peer)
        if comparison.equal:
            return _plain_opinion(name, comparison)
        if explain(base, peer, comparison, ()).verdict is Verdict.MATCH:
            return Opinion(name, Stance.AGREES, "differs by the order of float atomics", comparison)
        try:
            nudged = self._nudged_module(case.compiled)
        except (PrivateApiError, ValueError) as error:
            return Opinion(name, Stance.NO_OPINION, f"rounding cannot be measured: {error}", comparison)

        def launch() -> Observation:
            return restricted(cpu.run(case.compiled, case.dims, case.inputs, backward), list(peer.values))

        verdict, _, functions, _ = judge_rounding(nudged, launch, base, peer)
        reason = f"{_describe(comparison)}; library functions called: {', '.join(functions) or 'none'}"
        return Opinion(name, _STANCES[verdict], reason, comparison)

    def on_cuda(self, name: str, case: PeerCase, peer: Observation) -> Opinion:
        """Return the opinion from a peer that ran on cuda: equal to the case's run there, or judged as that one was."""
        if case.cuda is not None:
            comparison = compare(restricted(case.cuda, list(peer.values)), peer)
            if comparison.equal:
                return _plain_opinion(name, comparison)
        return self.rounded(name, case, peer)

    def _nudged_module(self, compiled: Compiled) -> NudgedModule:
        if self._nudged is None or self._nudged[0] is not compiled.cpu_object:
            self._nudged = compiled.cpu_object, NudgedModule(compiled.kernel, compiled.cpu_object)
        return self._nudged[1]


_STANCES = {Verdict.MATCH: Stance.AGREES, Verdict.UNSTABLE: Stance.UNSTABLE, Verdict.MISMATCH: Stance.ACCUSES}


def _plain_opinion(name: str, comparison: Comparison) -> Opinion:
    if comparison.equal:
        return Opinion(name, Stance.AGREES, "equal to the bit", comparison)
    return Opinion(name, Stance.ACCUSES, _describe(comparison), comparison)


def _describe(comparison: Comparison) -> str:
    """Say where the first difference of the worst leaf is, the kernel's own value first."""
    leaf = max(comparison.differing, key=lambda leaf: leaf.worst)
    assert leaf.first is not None, "a differing leaf has a first difference"
    at = ", ".join(str(index) for index in leaf.first.index)
    return (
        f"{leaf.name}[{at}]: {leaf.first.cpu} becomes {leaf.first.cuda}; {leaf.differing} of {leaf.elements} "
        f"elements differ, worst {leaf.worst:g} {leaf.unit}"
    )
