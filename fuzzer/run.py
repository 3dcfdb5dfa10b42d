"""`fuzzer run` from its options to its exit code: open or resume the corpus, run the campaign, leave it whole."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import warp as wp
from rich.console import Console

from extractor.card import card
from extractor.corpus import read_corpus
from extractor.record import BadRecordError, Record
from extractor.shards import CorpusWriter
from extractor.survey import survey
from extractor.warp_setup import open_workspace
from fuzzer.admission import Admission, Candidate
from fuzzer.campaign import Campaign
from fuzzer.display import Display, summary
from fuzzer.executor import Executor, open_executor
from fuzzer.guidance.guidance import Guidance
from fuzzer.guidance.plan import Plan
from fuzzer.jsonlog import JsonLog
from fuzzer.minimizing.campaign import minimise_findings
from fuzzer.minimizing.display import Display as MinimizeDisplay
from fuzzer.options import CampaignOptions
from fuzzer.outcome import Outcome
from fuzzer.task import Task
from fuzzer.worker import start_worker
from grammar.command_line import INTERRUPTED
from grammar.errors import UserError
from oracle.backends import choose_cuda


def run(options: CampaignOptions, console: Console, fresh_seed: int) -> int:
    """Run one campaign and return the exit code: 0, or 130 when interrupted. Raises UserError for a bad call.

    `fresh_seed` is the seed of a new corpus if the options have none.
    """
    cuda, versions = _installed(options)
    with CorpusWriter(options.out, {"versions": versions}) as corpus:
        options = _with_seed(options, corpus.campaign, fresh_seed)
        corpus.provenance = {"versions": versions, **options.identity()}
        _check_same_campaign(corpus, options, versions)
        log = JsonLog(options.json_log)
        with Display(console) as display:
            campaign = _campaign(options, corpus, cuda, versions, display, log)
            display.say(_opening(campaign, cuda, versions))
            with _signals_end(campaign):
                _run_to_an_end(campaign)
        log.close()
    if options.minimize and not campaign.interrupted:
        _minimize(campaign, console, cuda)
    for line in summary(campaign.progress(), options.out, campaign.interrupted):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return INTERRUPTED if campaign.interrupted else 0


def _installed(options: CampaignOptions) -> tuple[str, dict[str, Any]]:
    """Return the name of the back end for cuda, and the versions that decide what a record holds."""
    with open_workspace():
        cuda = choose_cuda(options.cuda)
        oldest = min(wp.get_cuda_supported_archs(), default=0)
        if options.arch not in wp.get_cuda_supported_archs():
            raise UserError(f"--arch {options.arch} is not supported by this Warp's CUDA toolkit (from {oldest} on)")
        toolkit = ".".join(str(part) for part in wp.get_cuda_toolkit_version())
    return cuda, {"warp": wp.config.version, "cuda_toolkit": toolkit, "arch": options.arch}


def _with_seed(options: CampaignOptions, state: Mapping[str, Any], fresh_seed: int) -> CampaignOptions:
    if options.seed is not None:
        return options
    return replace(options, seed=state["options"]["seed"] if state else fresh_seed)


def _check_same_campaign(corpus: CorpusWriter, options: CampaignOptions, versions: Mapping[str, Any]) -> None:
    """Refuse to mix two campaigns in one folder: it would be no function of its seed and options any more."""
    if not corpus.campaign:
        return
    before = {**corpus.campaign["options"], **corpus.campaign["versions"]}
    now = {**options.identity(), **versions}
    for name in [*now, "probe"]:
        if before.get(name) != now.get(name):
            raise UserError(
                f"{options.out} holds a corpus made with {name} {before.get(name)}, not {now.get(name)}: "
                "give the same options, or another --out"
            )


def _campaign(
    options: CampaignOptions,
    corpus: CorpusWriter,
    cuda: str,
    versions: dict[str, Any],
    display: Display,
    log: JsonLog,
) -> Campaign:
    assert options.seed is not None
    task = Task(
        seed=options.seed,
        categories=options.categories,
        backward=options.backward,
        emit_ptx=options.emit_ptx,
        cuda=cuda,
        arch=options.arch,
        beyond_limits=options.probe,
        versions=versions,
    )
    admission = Admission(options.categories, options.budget, _admitted(corpus))
    guidance = Guidance(options.seed, options.categories, options.ahead, options.guided, options.backward)
    executor = partial(_open_executor, task, options, display)
    campaign = Campaign(options, corpus, display, log, task, admission, guidance, executor)
    if corpus.campaign:
        campaign.restore(corpus.campaign, corpus.state())
    elif options.parents is not None:
        display.say(f"learning from {options.parents}")
        guidance.start_from(_records(options.parents))
    return campaign


def _admitted(corpus: CorpusWriter) -> Iterator[Candidate]:
    """Yield what admission must know of the records that the corpus holds."""
    for line in corpus.lines():
        try:
            yield Candidate.of_line(line)
        except (BadRecordError, SyntaxError, ValueError, KeyError, TypeError):
            raise UserError(f"{corpus.path} holds a broken record: check it with `python -m oracle check`") from None


def _open_executor(task: Task, options: CampaignOptions, display: Display) -> Executor[Plan, Outcome]:
    return open_executor(options.executor, partial(start_worker, task), options.workers, say=display.say)


def _records(corpus: Path) -> Iterator[Record]:
    """Yield the records of an older corpus; raises UserError for one that this version cannot read."""
    for line in read_corpus(corpus):
        try:
            yield Record.from_line(line.data)
        except BadRecordError as error:
            raise UserError(f"--parents: {line.shard}, line {line.number}: {error}") from None


def _run_to_an_end(campaign: Campaign) -> None:
    """Run the campaign and, whatever happens, leave a whole corpus with its card."""
    corpus = campaign.corpus
    try:
        campaign.run()
    finally:
        campaign.seal()
        corpus.write_card(card(corpus.manifest, survey(Record.from_line(line) for line in corpus.lines())))


def _minimize(campaign: Campaign, console: Console, cuda: str) -> None:
    """Minimise what was found, whatever the time that leaves: the corpus is whole by now."""
    elapsed = campaign.progress().elapsed
    with MinimizeDisplay(console, "minimizing: ") as display:
        findings = campaign.options.out / "findings"
        minimise_findings(findings, cuda, campaign.options.workers, elapsed, display.say, display.show)


@contextmanager
def _signals_end(campaign: Campaign) -> Iterator[None]:
    """Let Ctrl-C, or a polite kill, end the campaign at its next step instead of anywhere."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        campaign.interrupted = True

    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _opening(campaign: Campaign, cuda: str, versions: Mapping[str, Any]) -> str:
    where = "the GPU" if cuda == "device" else "the PTX emulator"
    resumed = f", going on after kernel {campaign.next_kernel}" if campaign.next_kernel else ""
    return (
        f"warpsmith: seed {campaign.options.seed}, Warp {versions['warp']}, CUDA {versions['cuda_toolkit']}, "
        f"cuda runs on {where}{resumed}"
    )
