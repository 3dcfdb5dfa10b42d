"""A finding as Warp's bug report form asks for it: a description with a script, and the system it was seen on."""

from __future__ import annotations

from dataclasses import dataclass

from fuzzer.bug_report.generated import Excerpt
from fuzzer.bug_report.running import Run
from fuzzer.bug_report.script import Script
from fuzzer.bug_report.system import System
from fuzzer.bug_report.variants import Variant
from oracle.evidence import ACCUSERS
from oracle.observation import Verdict
from oracle.opinions import Stance
from oracle.reduce.accuser import TARGETS
from oracle.reduce.minimal import CPU, CUDA, REFERENCE, Minimal
from oracle.standing_text import headline, paragraphs


@dataclass(frozen=True)
class Evidence:
    """What a report is made from. `script` is None where none can be written, `problem` says why, or why it failed.

    `run` is the script's run in a fresh process, None where there was none; `looked` says that a `variant` that works
    was looked for. `command` is how to find the bug again.
    """

    minimal: Minimal
    script: Script | None
    run: Run | None
    problem: str
    variant: Variant | None
    excerpt: Excerpt | None
    system: System
    command: str
    looked: bool = True

    @property
    def verified(self) -> bool:
        """Whether the script failed in a fresh process as it says."""
        return self.script is not None and not self.problem


def title(minimal: Minimal) -> str:
    """Return the finding in one line."""
    verdict, reason = minimal.accuser.verdict, minimal.reason
    if minimal.standing is not None:
        return f"{verdict}: {headline(minimal.standing, reason)}"
    lines = reason.splitlines() or [""]
    return f"{verdict}: {next((line for line in lines if ' error: ' in line), lines[0])}".removesuffix(": ")


def targets(minimal: Minimal) -> list[str]:
    """Return the targets that show the bug, none where that is not known."""
    if minimal.accuser.verdict is Verdict.COMPILE_ERROR:
        head = minimal.reason.partition(":")[0]
        return [target for target in (CPU, CUDA) if target in head.split()] or list(minimal.case.options.targets)
    wrong = minimal.accuser.wrong or (minimal.standing.wrong if minimal.standing else "") or ""
    if wrong in (CPU, CUDA):
        return [wrong]
    agree = minimal.accuser.oracle != TARGETS and minimal.accuser.verdict is Verdict.MISMATCH
    return [CPU, CUDA] if wrong == "both" or (agree and minimal.peer is None) else []


def accusers(minimal: Minimal) -> str:
    """Name who accuses the kernel."""
    named = [one.oracle for one in minimal.opinions if one.stance is Stance.ACCUSES]
    own = minimal.accuser.oracle or ACCUSERS.get(minimal.accuser.verdict, "")
    return ", ".join(dict.fromkeys(filter(None, [own, *named])))


def report(evidence: Evidence) -> str:
    """Return the text of `report.md`."""
    parts = [
        f"# {title(evidence.minimal)}",
        "## Bug Description",
        _description(evidence),
        _script(evidence),
        _side_by_side(evidence),
        _facts(evidence),
        _works(evidence),
        _code(evidence),
        _origin(evidence),
        "## System Information",
        _system(evidence.system),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _description(evidence: Evidence) -> str:
    standing = evidence.minimal.standing
    told = [f"- **{label}.** {text}" for label, text in paragraphs(standing)] if standing else []
    cause = [f"- **Cause.** {standing.cause}"] if standing and standing.cause else []
    return "\n".join([*cause, *told]) or f"- **Said.** {evidence.minimal.reason.strip()}"


def _script(evidence: Evidence) -> str:
    if evidence.script is None:
        return (
            f"**There is no script**: {evidence.problem}. `kernel.py` is the kernel, launched as `finding.json` says."
        )
    where = "needs a CUDA device" if evidence.script.needs_device else "needs no CUDA device"
    how = "fails in a fresh process" if evidence.verified else f"is **not verified**: {evidence.problem}"
    return (
        f"`repro.py` needs only warp and numpy, {where}, and {how}:\n\n```python\n{evidence.script.text.rstrip()}\n```"
    )


def _side_by_side(evidence: Evidence) -> str:
    expected, observed = expected_and_observed(evidence)
    return f"| expected | observed |\n|---|---|\n| {_cell(expected)} | {_cell(observed)} |"


def expected_and_observed(evidence: Evidence) -> tuple[str, str]:
    """Return both as the script printed them, or as the back ends had them where it did not show the bug."""
    minimal, run = evidence.minimal, evidence.run
    if evidence.verified and run is not None:
        return run.expected, run.observed
    if minimal.place is None:
        return "an end without an error", minimal.reason.strip()
    seen = {side: minimal.at_place(side) for side in (CPU, CUDA, REFERENCE)}
    right = REFERENCE if seen[REFERENCE] is not None else CUDA if targets(minimal) == [CPU] else CPU
    others = "; ".join(f"{value} on {side}" for side, value in seen.items() if value is not None and side != right)
    return f"{seen[right]} by {right}", others


def _cell(text: str) -> str:
    """Return a text as code in a table's cell: one line, of a long one its beginning."""
    line = " ".join(text.split()).replace("|", "\\|").replace("`", "'")
    return f"`{line[:300]}…`" if len(line) > 300 else f"`{line}`" if line else "nothing"


def _facts(evidence: Evidence) -> str:
    minimal, versions, variant = evidence.minimal, evidence.system.versions, evidence.variant
    warp = f"Warp {versions['warp']}" if "warp" in versions else "the installed Warp"
    toolkit = f" (CUDA toolkit {versions['cuda_toolkit']})" if "cuda_toolkit" in versions else ""
    rows = {
        "targets": ", ".join(targets(minimal)) or "which is wrong, nobody says",
        "oracle": accusers(minimal),
        **({"works": variant.what if variant else "none of the rewrites and options tried"} if evidence.looked else {}),
        "seen on": f"{warp}{toolkit}",
        "minimised": f"from {minimal.tokens_before} tokens to {minimal.tokens}, {minimal.tried} candidates",
    }
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {text} |" for name, text in rows.items())


def _works(evidence: Evidence) -> str:
    variant = evidence.variant
    return f"Nearest variant that works:\n\n```diff\n{variant.difference}\n```" if variant else ""


def _code(evidence: Evidence) -> str:
    excerpt = evidence.excerpt
    if excerpt is None:
        return "Which lines of the generated code are wrong was not told apart."
    return f"{excerpt.title}:\n\n```{excerpt.language}\n{excerpt.lines}\n```"


def _origin(evidence: Evidence) -> str:
    origin = evidence.minimal.origin
    made = f"Made by seed {origin['seed']}, kernel {origin.get('index')}. " if "seed" in origin else ""
    seeds = ", ".join(map(str, evidence.minimal.case.input_seeds))
    return f"{made}Inputs were drawn with seed {seeds} and then made simple. Found and minimised by:\n\n" + _fenced(
        evidence.command
    )


def _system(system: System) -> str:
    versions = "\n".join(f"- {name}: {value}" for name, value in system.versions.items())
    diagnostics = f"`wp.print_diagnostics()`:\n\n{_fenced(system.diagnostics)}" if system.diagnostics else ""
    return "\n\n".join(part for part in (versions, diagnostics) if part) or "Warp did not start."


def _fenced(text: str) -> str:
    return f"```\n{text}\n```"
