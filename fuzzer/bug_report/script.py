"""The script for a minimised kernel, as a person would write it: the kernel, its arguments, a launch, an assertion.

There is more than one way to write most of them, such as a `wp.Tape` or an adjoint launch, with Warp's own options or
with those that the kernel was found with. `scripts` gives them plainest first; the first that fails is the one to keep.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from extractor.compiling import CompileOptions
from fuzzer.bug_report.arguments import Arguments, Unwritable, Writer, dims_text, gradient_lines
from fuzzer.bug_report.claim import claim_lines, joined, side_at_fault, wanted
from fuzzer.bug_report.signature import signature_of
from oracle.observation import Verdict
from oracle.peers.options import OPTIONS
from oracle.peers.peer import Recompiled, Relaunched, Rewritten
from oracle.peers.rewrites.program import Program
from oracle.peers.running import rewriting_of
from oracle.reduce.accuser import GRADIENT
from oracle.reduce.minimal import CUDA, Minimal

PLACES = {"cpu": '"cpu"', "cuda": '"cuda:0"'}
"""How a script names the device for a target."""

RUNS = 1000
"""How often a script launches what has a race: it need not show."""

CHILD_SECONDS = 60
"""How long a script waits for the process in which a kernel should end."""

BLOCKS = "wp.config.enable_cpu_blocks = True  # else a block of the cpu is one thread"


@dataclass(frozen=True)
class Script:
    """A script's text, and whether it needs a CUDA device."""

    text: str
    needs_device: bool = False


def scripts(minimal: Minimal) -> Iterator[Script]:
    """Yield the ways to write the script, plainest first; raises Unwritable where there is none."""
    match minimal.accuser.verdict:
        case Verdict.COMPILE_ERROR:
            forms = _refused(minimal)
        case Verdict.CRASH | Verdict.HANG:
            forms = _deadly(minimal)
        case Verdict.SANITIZER:
            forms = _sanitized(minimal)
        case _ if isinstance(minimal.peer, Rewritten):
            forms = _rewritten(minimal)
        case _:
            forms = _mismatching(minimal)
    yield from dict.fromkeys(forms)


def _mismatching(minimal: Minimal) -> Iterator[Script]:
    """A launch on the target at fault, and what it should have left."""
    device = side_at_fault(minimal)
    for settings in _settings(minimal):
        for launch in (_by_tape, _by_adjoint) if minimal.accuser.direction == GRADIENT else (_forward,):
            arguments, lines = launch(minimal, PLACES[device])
            body = [*arguments.lines, *lines, *claim_lines(wanted(minimal), arguments.arrays)]
            yield Script(assembled(minimal.case.source, settings, body), device == CUDA)


def _forward(minimal: Minimal, device: str) -> tuple[Arguments, list[str]]:
    arguments = _writer(minimal, device, gradients=False).arguments()
    return arguments, [_launch(minimal, arguments, device)]


def _by_tape(minimal: Minimal, device: str) -> tuple[Arguments, list[str]]:
    arguments = _writer(minimal, device, gradients=True).arguments()
    grads = ", ".join(f"{name}: {text}" for name, text in gradient_lines(minimal, arguments, device).items())
    lines = ["with wp.Tape() as tape:", f"    {_launch(minimal, arguments, device)}"]
    return arguments, [*lines, f"tape.backward(grads={{{grads}}})"]


def _by_adjoint(minimal: Minimal, device: str) -> tuple[Arguments, list[str]]:
    arguments = _writer(minimal, device, gradients=True).arguments()
    seeds = [f"{name}.grad = {text}" for name, text in gradient_lines(minimal, arguments, device).items()]
    again = f"adj_inputs=[{', '.join(arguments.adjoints)}], adjoint=True, "
    return arguments, [_launch(minimal, arguments, device), *seeds, _launch(minimal, arguments, device, again)]


def _refused(minimal: Minimal) -> Iterator[Script]:
    """What the compiler should take: as the kernel is declared, loaded for the cpu, or compiled for cuda."""
    source = minimal.case.source
    ending = ['print("expected compiled, observed", observed)', 'assert observed == "compiled"']
    caught = ["except Exception as error:", "    observed = str(error)"]
    if minimal.reason.startswith("load"):
        indented = [f"    {line}" if line else "" for line in _without_imports(source).splitlines()]
        lines = ["try:", *indented, '    observed = "compiled"', *caught, *ending]
        yield Script(_headed("", _imports_of(source), [], lines))
        return
    if minimal.accuser.wrong != CUDA and "cpu" in minimal.case.options.targets:
        for settings in _settings(minimal):
            yield Script(
                assembled(
                    source,
                    settings,
                    ["try:", '    wp.load_module(device="cpu")', '    observed = "compiled"', *caught, *ending],
                )
            )
    kernel = signature_of(source).kernel
    call = f"wp.compile_aot_module({kernel}.module, device=None, arch={minimal.case.options.arch}, module_dir=folder, "
    lines = [
        "with TemporaryDirectory() as folder:  # no device is needed",
        "    try:",
        f"        {call}use_ptx=True)",
        '        observed = "compiled"',
        *(f"    {line}" for line in caught),
        *ending,
    ]
    for settings in _settings(minimal):
        yield Script(assembled(source, settings, lines))


def _deadly(minimal: Minimal) -> Iterator[Script]:
    """A launch in a child process that should come to its end."""
    device = side_at_fault(minimal)
    for settings in _settings(minimal):
        for launch in (_forward, _by_tape, _by_adjoint) if minimal.case.options.backward else (_forward,):
            arguments, lines = launch(minimal, PLACES[device])
            inside = [*arguments.lines, *lines, *([f"wp.synchronize_device({PLACES[device]})"] * (device == CUDA))]
            body = [
                "def run():",
                *(f"    {line}" for line in inside),
                "",
                "",
                'if __name__ == "__main__":',
                '    child = multiprocessing.get_context("spawn").Process(target=run)',
                "    child.start()",
                f"    child.join({CHILD_SECONDS})",
                '    observed = "no end" if child.is_alive() else f"exit code {child.exitcode}"',
                "    child.kill()",
                '    print("expected exit code 0, observed", observed)',
                '    assert observed == "exit code 0"',
            ]
            yield Script(assembled(minimal.case.source, settings, body), device == CUDA)


def _sanitized(minimal: Minimal) -> Iterator[Script]:
    """Many launches on a device, each of which should leave the same: what the sanitizer saw need not show."""
    leaf = next((name for name in minimal.outputs.get("cpu", {}) if not name.endswith(".grad")), None)
    if minimal.place is None and leaf is None:
        raise Unwritable("the sanitizer's report is all that shows it, and no array is written")
    want = wanted(minimal) if minimal.place is not None else None
    arguments, lines = _forward(minimal, PLACES[CUDA])
    array = arguments.arrays[want.leaf if want else str(leaf)] if (want or leaf) else ""
    body = [
        "results = set()",
        f"for _ in range({RUNS}):  # a race need not show each time",
        *(f"    {line}" for line in (*arguments.lines, *lines)),
        f"    results.add({array}.numpy().tobytes())",
        f'print("expected one result from {RUNS} launches, observed", len(results))',
        "assert len(results) == 1",
    ]
    yield Script(assembled(minimal.case.source, {}, body), needs_device=True)


def _rewritten(minimal: Minimal) -> Iterator[Script]:
    """The kernel beside another form of it that must give the same."""
    assert isinstance(minimal.peer, Rewritten)
    other = rewriting_of(minimal.case.source, minimal.peer)
    if other is None or other.added or other.moved:
        raise Unwritable("the rewritten kernel takes other arguments")
    signature = signature_of(minimal.case.source)
    more = _beside(minimal.case.source, other.source)
    arguments = _writer(minimal, '"cpu"', gradients=False).arguments()
    if minimal.place is None:
        raise Unwritable("no element is known to be wrong")
    array = arguments.arrays[minimal.place[0].partition(".")[0]]
    launch = _launch(minimal, arguments, '"cpu"').replace(f"({signature.kernel},", "(kernel,", 1)
    body = [
        "results = []",
        f"for kernel in ({signature.kernel}, {signature.kernel}_rewritten):",
        *(f"    {line}" for line in (*arguments.lines, launch)),
        f"    results.append({array}.numpy().tolist())",
        'print("expected", results[0], "from both, observed", results[1])',
        "assert results[0] == results[1]",
    ]
    for settings in _settings(minimal):
        yield Script(assembled(f"{minimal.case.source.rstrip()}\n\n\n{more}", settings, body))


def _beside(source: str, other: str) -> str:
    """Return the definitions of a rewritten source that are not those of the source, under names of their own."""
    ours = {ast.unparse(node) for node in ast.parse(source).body}
    nodes = [node for node in ast.parse(other).body if ast.unparse(node) not in ours]
    text = "\n\n\n".join(ast.unparse(node) for node in nodes)
    for name in dict.fromkeys(node.name for node in nodes if isinstance(node, ast.FunctionDef)):
        text = re.sub(rf"\b{name}\b", f"{name}_rewritten", text)
    return text


def _writer(minimal: Minimal, device: str, *, gradients: bool) -> Writer:
    layouts: Mapping[str, str] = minimal.layouts
    if isinstance(minimal.peer, Relaunched) and minimal.peer.layout:
        word, shapes = minimal.peer.layout, {str(one["name"]): one["shape"] for one in minimal.case.arguments or ()}
        rank = 2 if word == "transposed" else 1
        layouts = {name: word for name, shape in shapes.items() if len(shape) >= rank} | dict(layouts)
    taken = Program(minimal.case.source).module_names | {"observed", "expected", "tape", "results"}
    return Writer(minimal, device, gradients, layouts, frozenset(taken))


def _launch(minimal: Minimal, arguments: Arguments, device: str, more: str = "") -> str:
    """Return the call that launches the kernel; `more` are keyword arguments."""
    options, signature = minimal.case.options, signature_of(minimal.case.source)
    start = "wp.launch_tiled" if options.tiled else "wp.launch"
    block = f"block_dim={options.block_dim}, " if options.tiled else ""
    dims = dims_text(tuple(minimal.case.dims or (1,)), options.tiled)
    inputs = ", ".join(arguments.passed)
    return f"{start}({signature.kernel}, dim={dims}, inputs=[{inputs}], {more}{block}device={device})"


def _settings(minimal: Minimal) -> Iterator[Mapping[str, Any]]:
    """Yield the module's options: Warp's own with those that accuse, then all that the kernel was found with."""
    options = minimal.case.options
    peer: dict[str, Any] = {}
    if isinstance(minimal.peer, Recompiled) and minimal.peer.option:
        peer = dict(OPTIONS[minimal.peer.option].settings)
        options = replace(options, **peer)
    yield {word: value for word, value in _words(options).items() if word in _words_of(peer)}
    yield _words(options)


_WORDS = {
    "backward": "enable_backward",
    "cpu_level": "optimization_level",
    "cuda_level": "optimization_level",
    "max_unroll": "max_unroll",
    "debug": "mode",
}
"""What Warp's module options call ours."""


def settings_line(settings: Mapping[str, Any]) -> str:
    """Return the line that sets a module's options; `settings` are those of a compilation, in our own words."""
    words = _words(replace(CompileOptions(), **settings))
    return _set({word: value for word, value in words.items() if word in _words_of(settings)})


def _set(words: Mapping[str, Any]) -> str:
    shown = ", ".join(f'"{word}": {value!r}' for word, value in words.items()).replace("'", '"')
    return f"wp.set_module_options({{{shown}}})"


def with_source(script: str, source: str, other: str) -> str | None:
    """Return a script with another source for its kernel, None where it does not hold the source as it is."""
    one = _without_imports(source).strip("\n")
    return script.replace(one, _without_imports(other).strip("\n"), 1) if one in script else None


def _words_of(settings: Mapping[str, Any]) -> set[str]:
    return {_WORDS[name] for name in settings}


def _words(options: CompileOptions) -> dict[str, Any]:
    """Return the options of a compilation for the cpu as Warp's module options, without those that say nothing new."""
    words: dict[str, Any] = {"fuse_fp": False, "optimization_level": options.cpu_level}
    if not options.backward:
        words["enable_backward"] = False
    if options.max_unroll != CompileOptions().max_unroll:
        words["max_unroll"] = options.max_unroll
    if options.debug:
        words["mode"] = "debug"
    return words


def assembled(source: str, settings: Mapping[str, Any], body: Sequence[str]) -> str:
    """Return a script of a kernel's source and the lines that follow it, with the imports that both need."""
    tiled = "wp.launch_tiled" in "\n".join(body) and '"cpu"' in "\n".join(body)
    head = [BLOCKS] if tiled else []
    if settings:
        head.append(_set(settings))
    return _headed(_without_imports(source).strip("\n"), _imports_of(source), head, body)


def _headed(source: str, imports: Sequence[str], head: Sequence[str], body: Sequence[str]) -> str:
    text = "\n".join(body)
    standard = [line for line in imports if line != "import warp as wp"]
    if "multiprocessing." in text:
        standard.append("import multiprocessing")
    if "TemporaryDirectory()" in text:
        standard.append("from tempfile import TemporaryDirectory")
    others = [*(["import numpy as np"] if re.search(r"\bnp\.", text) else []), "import warp as wp"]
    parts = [[*sorted(standard), ""] if standard else [], others, ["", *head] if head else []]
    top = joined([line for part in parts for line in part])
    middle = f"\n\n{source}\n" if source else ""
    return f"{top}{middle}\n\n{joined(body)}" if source else f"{top}\n{joined(body)}"


def _imports_of(source: str) -> list[str]:
    return [ast.unparse(node) for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]


def _without_imports(source: str) -> str:
    """Return a source's text without its imports, which all stand at its beginning."""
    nodes = [node for node in ast.parse(source).body if not isinstance(node, ast.Import | ast.ImportFrom)]
    first = nodes[0]
    decorated = first.decorator_list if isinstance(first, ast.FunctionDef | ast.ClassDef) else []
    start = min([first.lineno, *(one.lineno for one in decorated)])
    return "\n".join(source.splitlines()[start - 1 :])
