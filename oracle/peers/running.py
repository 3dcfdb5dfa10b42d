"""Running the peers of a batch of kernels: one compile for all of them, then each beside its kernel."""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from extractor.compiling import Compiled, CompileFailure, CompileOptions, Result, compile_batch
from extractor.loading import rename_sources
from extractor.warp_setup import Workspace
from grammar.recogniser import accept
from oracle.backends import cpu, emulator
from oracle.inputs import Inputs
from oracle.judge import Backend
from oracle.observation import Observation
from oracle.opinions import Opinion, Stance
from oracle.parameters import Plain, parameters_of
from oracle.peers.agreement import Agreement, PeerCase, renamed
from oracle.peers.layouts import laid_out
from oracle.peers.options import OPTIONS
from oracle.peers.peer import Peer, Recompiled, Relaunched, Rewritten
from oracle.peers.rewrites.table import Rewriting, rewrite
from oracle.ptx.errors import Fault, PtxError, StepLimit
from oracle.ptx.reports import Report


@dataclass
class PeerRunner:
    """Runs peers of kernels that were compiled with `options`; `cuda` is the back end for that target."""

    options: CompileOptions
    workspace: Workspace
    cuda: Backend = emulator
    agreement: Agreement = field(default_factory=Agreement)

    def run(self, cases: Sequence[PeerCase], peer: Peer) -> list[Opinion]:
        """Return an opinion per case, in their order.

        A peer that does not compile although its kernel did, and one that the sanitizer objects to, accuse as one that
        returns something else does. The compiled code of a peer may crash: call this in a worker process.
        """
        if not cases:
            return []
        if isinstance(peer, Relaunched):
            return [self._relaunched(case, peer) for case in cases]
        if isinstance(peer, Recompiled):
            return self._recompiled(cases, peer)
        return self._rewritten(cases, peer)

    def _relaunched(self, case: PeerCase, peer: Relaunched) -> Opinion:
        started = time.process_time()
        if peer.layout:
            inputs = laid_out(case.compiled.kernel, case.source, case.inputs, peer.layout)
            if inputs is None:
                return Opinion(peer.name, Stance.NO_OPINION, "its arrays lie so already, or are known to be read wrong")
            opinion = self.agreement.exact(
                peer.name, case, cpu.run(case.compiled, case.dims, inputs, self.options.backward)
            )
        else:
            opinion = self._relaunched_blocks(case, peer)
        return _timed(opinion, started)

    def _relaunched_blocks(self, case: PeerCase, peer: Relaunched) -> Opinion:
        if self.cuda is not emulator or case.compiled.block_dim or case.cuda is None:
            return Opinion(peer.name, Stance.NO_OPINION, "its blocks cannot have another size")
        return self._on_cuda(peer.name, case, case.compiled, {"backward": False, "max_block": peer.max_block})

    def _recompiled(self, cases: Sequence[PeerCase], peer: Recompiled) -> list[Opinion]:
        option = OPTIONS[peer.option] if peer.option else None
        options = replace(option.applied(self.options) if option else self.options, backward=False)
        sources = [case.source for case in cases]
        reverse = -1 if option is None else 1
        opinions = []
        started = time.process_time()
        with compile_batch(sources[::reverse], replace(options, targets=(peer.target,)), self.workspace) as batch:
            compiling = (time.process_time() - started) / len(cases)
            for case, result in zip(cases, batch.results[::reverse], strict=True):
                started = time.process_time()
                opinion = self._one_recompiled(case, result, peer)
                opinions.append(_timed(opinion, started - compiling))
        return opinions

    def _one_recompiled(self, case: PeerCase, result: Result, peer: Recompiled) -> Opinion:
        option = OPTIONS.get(peer.option)
        if isinstance(result, CompileFailure):
            refusal = option.refusal if option else ""
            if refusal and result.stage == "codegen":
                return Opinion(peer.name, Stance.DOCUMENTED, f"{refusal}: {result.diagnostic}")
            return Opinion(peer.name, Stance.ACCUSES, f"{result.stage}: {result.diagnostic}")
        if peer.target == "cuda":
            return self._on_cuda(peer.name, case, self._launchable(case, result), {"backward": False})
        observation = cpu.run(result, case.dims, case.inputs, False)
        optimised = option is not None and option.settings.get("cpu_level", 0) > 0
        compared = self.agreement.rounded if optimised else self.agreement.exact
        return compared(peer.name, case, observation)

    def _launchable(self, case: PeerCase, result: Compiled) -> Compiled:
        """Return what launches a peer's code for cuda: on the emulator the case's own kernel, which the cpu loaded."""
        if self.cuda is not emulator:
            return result
        return replace(
            case.compiled,
            ptx=result.ptx,
            forward_entry=result.forward_entry,
            backward_entry=result.backward_entry,
        )

    def _on_cuda(self, name: str, case: PeerCase, compiled: Compiled, how: dict[str, Any]) -> Opinion:
        try:
            observation: Observation = self.cuda.run(compiled, case.dims, case.inputs, **how)
        except Fault as fault:
            return Opinion(name, Stance.ACCUSES, _seen(fault.reports))
        except StepLimit as error:
            return Opinion(name, Stance.ACCUSES, f"hang: {error}")
        except PtxError as error:
            return Opinion(name, Stance.NO_OPINION, str(error))
        if observation.reports:
            return Opinion(name, Stance.ACCUSES, _seen(observation.reports))
        return self.agreement.on_cuda(name, case, observation)

    def _rewritten(self, cases: Sequence[PeerCase], peer: Rewritten) -> list[Opinion]:
        started = time.process_time()
        rewritings = [_accepted(case.source, peer) for case in cases]
        sources = [one.source for one in rewritings if isinstance(one, Rewriting)]
        options = replace(self.options, backward=False, targets=("cpu",))
        opinions = []
        with compile_batch(sources, options, self.workspace) as batch:
            shared = (time.process_time() - started) / len(cases)
            results = iter(batch.results)
            for case, one in zip(cases, rewritings, strict=True):
                if isinstance(one, str):
                    opinions.append(Opinion(peer.name, Stance.NO_OPINION, one))
                    continue
                started = time.process_time()
                opinions.append(_timed(self._one_rewritten(case, one, next(results)), started - shared))
        return opinions

    def _one_rewritten(self, case: PeerCase, one: Rewriting, result: Result) -> Opinion:
        if isinstance(result, CompileFailure):
            stance = Stance.ACCUSES if result.stage == "native" else Stance.NO_OPINION
            return Opinion(one.name, stance, f"{result.stage}: {result.diagnostic}")
        inputs = _inputs(result, case.inputs, one)
        observation = cpu.run(result, case.dims, inputs, False)
        return self.agreement.exact(one.name, case, renamed(observation, one.moved))


def rewriting_of(source: str, peer: Rewritten) -> Rewriting | None:
    """Return the rewriting of a source, the same in whatever batch it is; None if no rewrite applies."""
    return rewrite(source, random.Random(f"{peer.seed}/{zlib.crc32(source.encode())}"), peer.only)


def _accepted(source: str, peer: Rewritten) -> Rewriting | str:
    """Return a rewriting that may be executed, as the recogniser says, or why there is none."""
    one = rewriting_of(source, peer)
    if one is None:
        return "nothing to rewrite"
    rejection = accept(one.source)
    return one if rejection is None else f"{one.name}: rewritten outside the grammar: {rejection}"


def _inputs(compiled: Compiled, inputs: Inputs, one: Rewriting) -> Inputs:
    """Return a kernel's inputs for its rewriting: with the added values, and the moved fields at their new names."""
    values = dict(inputs.values)
    kinds = {parameter.name: parameter.type for parameter in parameters_of(compiled.kernel)}
    for name, value in one.added.items():
        kind = kinds[name]
        assert isinstance(kind, Plain), "only scalars are added"
        values[name] = np.array(value, kind.scalar)
    for name, path in one.moved.items():
        struct, _, part = path.partition(".")
        values[name] = inputs.values[struct][part]
    paths = {path: name for name, path in one.moved.items()}
    layouts = {_moved(path, paths): word for path, word in inputs.layouts.items()}
    return replace(inputs, values=values, layouts=layouts)


def _moved(path: str, paths: dict[str, str]) -> str:
    """Return the new path of what lies at `path`, which may be an array inside a field that is a struct."""
    for old, new in paths.items():
        if path == old or path.startswith(f"{old}."):
            return new + path[len(old) :]
    return path


def _seen(reports: Sequence[Report]) -> str:
    return f"the sanitizer saw: {rename_sources(str(reports[0]), 'kernel.py')}"


def _timed(opinion: Opinion, started: float) -> Opinion:
    return replace(opinion, seconds=time.process_time() - started)
