"""What others than the two targets think of a kernel: the reference, central differences, a second backward pass.

They are asked when both targets agree, for most wrong code is wrong on both, and when they differ, to say who is wrong.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from extractor.compiling import Compiled
from grammar.limits import wrong_gradients
from oracle import gradients
from oracle.accumulation import check_accumulation
from oracle.compare import Place
from oracle.gradients import check_gradients
from oracle.inputs import Inputs
from oracle.limits import gradient_limit
from oracle.observation import Observation
from oracle.opinions import Opinion, Stance
from oracle.parameters import parameters_of
from oracle.reference import Program, evaluate, opinion
from oracle.reference.arrays import OutOfBounds
from oracle.reference.opinion import Reference, consult
from oracle.reference.scalars import Undefined

HEAVY = 2_000
"""Tests and trips of loops from which on gradients are checked for one kernel in eight, as `HEAVY_SHARE` says: each
direction costs the reference two more runs."""

HEAVY_SHARE = 8


@dataclass(frozen=True)
class Launched:
    """A kernel that both targets have run on the same inputs; `run` has the cpu run it on others."""

    compiled: Compiled
    dims: tuple[int, ...]
    inputs: Inputs
    backward: bool
    cpu: Observation
    cuda: Observation
    run: Callable[[Inputs], Observation]

    @cached_property
    def program(self) -> Program:
        """The kernel's source as the reference runs it."""
        return Program.of(self.compiled.source, parameters_of(self.compiled.kernel))

    @cached_property
    def reference(self) -> Reference | Opinion:
        """What the reference made of the launch, or why it has no opinion."""
        try:
            return consult(self.program, self.dims, self.inputs, self.compiled.block_dim)
        except Exception as error:
            return _fault(opinion.ORACLE, error)


def second_opinions(launched: Launched, targets: Sequence[str], directions: int) -> tuple[Opinion, ...]:
    """Ask the reference about the forward results of `targets`, and two oracles about the cpu's gradients.

    Gradients are checked along so many `directions`, if the kernel has a backward pass that ran.
    """
    reference, program = launched.reference, launched.program
    opinions = [*_of_the_reference(launched, reference, targets)]
    if launched.backward and launched.compiled.has_backward:
        opinions.append(_of_differences(launched, program, directions, reference))
        opinions.append(
            check_accumulation(program.parameters, launched.inputs, launched.run, launched.cpu, launched.cuda)
        )
    return tuple(opinions)


def _of_the_reference(launched: Launched, reference: Reference | Opinion, targets: Sequence[str]) -> Sequence[Opinion]:
    if isinstance(reference, Opinion):
        return [reference]
    # the reference runs threads in their order, as the cpu does; threads of a block it runs side by side
    slack = launched.cuda.order_slack if launched.compiled.block_dim else {}
    observed = {"cpu": replace(launched.cpu, order_slack=slack), "cuda": launched.cuda}
    try:
        return [reference.opinion(target, observed[target]) for target in targets]
    except Exception as error:
        return [_fault(opinion.ORACLE, error)]


def _of_differences(launched: Launched, program: Program, directions: int, reference: Reference | Opinion) -> Opinion:
    if isinstance(reference, Opinion):
        return Opinion(gradients.ORACLE, Stance.NO_OPINION, f"the reference has none: {reference.reason}")
    if reference.evaluation.steps > HEAVY and launched.inputs.seed % HEAVY_SHARE:
        return Opinion(gradients.ORACLE, Stance.NO_OPINION, f"of heavy kernels one in {HEAVY_SHARE} is checked")
    launch = gradients.Launch(program, launched.dims, launched.inputs, launched.compiled.block_dim, launched.run)
    try:
        found = check_gradients(launch, np.random.default_rng(launched.inputs.seed), directions)
    except Exception as error:
        return _fault(gradients.ORACLE, error)
    return known(found, launched.compiled.source) if found.stance is Stance.ACCUSES else found


def known(found: Opinion, source: str) -> Opinion:
    """Return an accusation of gradients with what is known of the source: a documented limit, or a bug kept before."""
    limit = gradient_limit(source)
    if limit is not None:
        return replace(found, stance=Stance.DOCUMENTED, reason=f"{limit}: {found.reason}")
    bugs = wrong_gradients(source)
    if bugs:
        return replace(found, reason=f"known bug {bugs[0].limit_name} at line {bugs[0].line}: {found.reason}")
    return found


def _fault(oracle: str, error: Exception) -> Opinion:
    """Return the opinion of an oracle that broke: our own fault, which must not cost the campaign its other results."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    text = f"{type(error).__name__}: {error} ({where.filename.rpartition('/')[2]}:{where.lineno})"
    return Opinion(oracle, Stance.NO_OPINION, f"it failed, our own fault: {text}")


def what_rounding_decides(launched: Launched) -> str:
    """Say which test of the kernel turns on rounding, empty if the reference sees none."""
    reference = launched.reference
    return reference.turning_point() if isinstance(reference, Reference) else ""


def in_float64(launched: Launched, place: Place) -> float | None:
    """Return what an element is when the kernel computes in float64, None where the reference cannot tell."""
    reference = launched.reference
    leaf, index = place
    if not isinstance(reference, Reference) or leaf not in reference.evaluation.observation.values:
        return None
    return reference.truth(leaf, index)


def undefined(compiled: Compiled, dims: Sequence[int], inputs: Inputs) -> str:
    """Say what keeps a kernel from being well-defined on these inputs, empty if the reference sees nothing."""
    program = Program.of(compiled.source, parameters_of(compiled.kernel))
    try:
        evaluate(program, dims, inputs, block_dim=compiled.block_dim)
    except (Undefined, OutOfBounds) as error:
        return opinion.describe(error)
    except Exception:  # the reference lacks something or breaks: then it has no say, and the accusation stands
        return ""
    return ""


def wrong_target(opinions: Sequence[Opinion]) -> str:
    """Return which target the reference holds to be wrong: `cpu`, `cuda` or `both`; nothing where it cannot tell."""
    accused = {one.target for one in opinions if one.oracle == opinion.ORACLE and one.stance is Stance.ACCUSES}
    cleared = {one.target for one in opinions if one.oracle == opinion.ORACLE and one.stance is Stance.AGREES}
    if accused == {"cpu", "cuda"}:
        return "both"
    return next(iter(accused)) if len(accused) == 1 and cleared else ""
