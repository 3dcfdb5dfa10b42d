"""From a plan to its kernel: grown plainly, around overloads, from edited choices, or mutated from a parent's tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from fuzzer.guidance.plan import AIMED, PLAIN, SEQUENCE, Parent, Plan
from grammar import accept, focus, generate, mutation, releases
from grammar.choices import Choices, ContinuedChoices, RecordingChoices, SeededChoices
from grammar.expansion import operations
from grammar.kernel import Kernel
from grammar.mutation.sequences import decode_sequence, edited, encode_sequence
from grammar.swarm import Swarm

DRAWS = 2
"""How many kernels are drawn for one that is small enough: each costs about a tenth of what compiling one does."""


class GrammarError(Exception):
    """Our own fault: the grammar generated a kernel that its recogniser refuses."""


@dataclass(frozen=True)
class Made:
    """A kernel that may be executed, and how it came about.

    `how` is the way that was gone: the plan's, or `PLAIN` where that led nowhere. `mutation` names what was done to
    the parent with this id. `choices` is the encoded sequence that it was grown from, empty for a mutated tree.
    """

    kernel: Kernel
    how: str
    parent: str | None = None
    mutation: str | None = None
    choices: str = ""
    wanted: tuple[str, ...] = ()


def make(plan: Plan, seed: int, beyond_limits: bool = False) -> Made:
    """Make the kernel of a plan: a function of the seed, the plan and Warp's release alone.

    Raises GrammarError if the recogniser, which stands before all execution, would not let it pass.
    """
    name = f"{seed}/{plan.index}"
    made = None
    if plan.how == SEQUENCE:
        made = _from_choices(plan, name)
    elif plan.how not in (PLAIN, AIMED):
        made = _from_tree(plan, name)
    if made is None or not _runs_here(made.kernel):
        made = _grown(plan, name, beyond_limits)
    rejection = accept(made.kernel.source)
    if rejection is not None:
        raise GrammarError(f"kernel {plan.index} of seed {seed} is not accepted: {rejection}\n{made.kernel.source}")
    return made


def _runs_here(kernel: Kernel) -> bool:
    """Whether the installed Warp can run the kernel's blocks on the cpu."""
    return not kernel.lanes or releases.has_blocks_on_cpu()


def _grown(plan: Plan, name: str, beyond_limits: bool) -> Made:
    """Grow a kernel that runs here: of a few draws the first that is as small as planned, or the smallest."""
    drawn = _drawn(plan, name, beyond_limits)
    if not plan.operations:
        return next(drawn)
    found: list[tuple[int, int, Made]] = []
    while len(found) < DRAWS and (not found or found[-1][0] > plan.operations):
        made = next(drawn)
        found.append((operations(made.kernel.source), len(found), made))
    return min(found)[-1]


def _drawn(plan: Plan, name: str, beyond_limits: bool) -> Iterator[Made]:
    """Yield one kernel after the other, without those whose blocks the installed Warp cannot run."""
    for again in count():
        choices = SeededChoices(f"{name}/{again}" if again else name)
        made = _grow(choices, plan.category, plan.wanted, plan.off, beyond_limits)
        if _runs_here(made.kernel):
            yield made


def _grow(
    choices: Choices, category: str, wanted: Sequence[str], off: Sequence[str] = (), beyond_limits: bool = False
) -> Made:
    recording = RecordingChoices(choices)
    aims = focus.aim_at(recording, category, wanted)
    kernel = generate(
        recording, category, wanted=aims or None, swarm=Swarm(frozenset(off)), beyond_limits=beyond_limits
    )
    how = AIMED if wanted else PLAIN
    return Made(kernel, how, choices=encode_sequence(recording.sequence), wanted=tuple(wanted))


def _from_choices(plan: Plan, name: str) -> Made | None:
    """Edit the choices of the parent, with a span of the donor's perhaps, and grow anew what they lead to."""
    parent, donor = plan.parent, plan.donor
    if parent is None or not parent.choices:
        return None
    choices = SeededChoices(f"{name}/edit")
    other = decode_sequence(donor.choices) if donor is not None and donor.choices else ()
    sequence, operator = edited(decode_sequence(parent.choices), choices, other)
    made = _grow(ContinuedChoices(sequence, choices), parent.category, parent.wanted)
    return Made(made.kernel, SEQUENCE, parent.id, f"sequence: {operator}", made.choices, made.wanted)


def _from_tree(plan: Plan, name: str) -> Made | None:
    if plan.parent is None:
        return None
    donor = _as_tree(plan.donor) if plan.donor is not None else None
    mutant = mutation.mutate(_as_tree(plan.parent), SeededChoices(f"{name}/edit"), donor, (plan.how,))
    return None if mutant is None else Made(mutant.kernel, plan.how, plan.parent.id, mutant.operator)


def _as_tree(parent: Parent) -> mutation.Parent:
    return mutation.Parent.from_metadata(
        parent.source,
        {
            "kernel_name": parent.name,
            "category": parent.category,
            "description": parent.description,
            "launch_dims": parent.dims,
            "block_dim": parent.block_dim,
            "arguments": parent.arguments,
        },
    )
