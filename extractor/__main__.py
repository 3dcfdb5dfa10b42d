"""`python -m extractor FILE.py|package.module`: what Warp makes of anyone's kernels, one file per kernel and target."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from extractor.record import Artifacts
from extractor.warp_setup import Workspace, import_warp, open_workspace
from grammar.command_line import Parser, carry_out
from grammar.errors import UserError

TARGETS = ("cpu", "cuda", "ptx")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 1 where a kernel does not compile, 2 for a call that makes no sense."""
    return carry_out(lambda: _run(_parser().parse_args(arguments)))


def _run(options: argparse.Namespace) -> int:
    targets = _targets(options.target)
    import_warp()
    with open_workspace() as workspace:
        return _extract(options.module, targets, options.arch, options.out, workspace)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m extractor",
        description="Show the C++, CUDA and PTX that Warp makes of the kernels in a module. The module is imported, "
        "which runs its code.",
    )
    parser.add_argument("module", metavar="FILE.py|package.module", help="the module with the kernels")
    parser.add_argument("--target", default=",".join(TARGETS), metavar="LIST", help="any of cpu,cuda,ptx (all)")
    parser.add_argument("--arch", type=int, default=75, help="CUDA architecture, without its dot (75)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write files there instead of to standard output")
    return parser


def _targets(text: str) -> tuple[str, ...]:
    targets = tuple(text.split(","))
    for target in targets:
        if target not in TARGETS:
            raise UserError(f"no such target: {target!r} ({', '.join(TARGETS)})")
    return targets


def _extract(name: str, targets: tuple[str, ...], arch: int, out: Path | None, workspace: Workspace) -> int:
    from extractor.loading import kernels_of
    from extractor.warp_internals import launchable_of
    from extractor.warp_module import WarpModule

    print(f"importing {name}, which runs its code", file=sys.stderr)
    imported = import_module(name)
    kernels = [kernel for kernel in kernels_of(vars(imported)) if kernel.module.name == imported.__name__]
    if not kernels:
        raise UserError(f"{name} defines no kernel")
    module = WarpModule(imported.__name__, workspace)
    compilers = {"cpu" if target == "cpu" else "cuda" for target in targets}
    for compiler in sorted(compilers, reverse=True):
        error = module.compile(compiler, arch)
        if error:
            print(f"{name} does not compile for {compiler}: {error.diagnostic}", file=sys.stderr)
            return 1
    for kernel in kernels:
        overloads = launchable_of(kernel)
        if not overloads:
            print(f"{kernel.key} is generic and has no overload: left out", file=sys.stderr)
            continue
        for file, text in _files(kernel.key, module.artifacts(overloads[0], targets)):
            _show(file, text, out)
    return 0


def import_module(name: str) -> ModuleType:
    """Import `FILE.py` or `package.module` as Python does; raises UserError where that fails, naming the error."""
    try:
        if not name.endswith(".py"):
            sys.path.insert(0, "")
            return importlib.import_module(name)
        spec = importlib.util.spec_from_file_location(Path(name).stem, name)
        if spec is None or spec.loader is None:
            raise UserError(f"{name} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        sys.path.insert(0, str(Path(name).resolve().parent))
        spec.loader.exec_module(module)
    except UserError:
        raise
    except Exception as error:  # whatever the user's module raises is the user's
        raise UserError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _files(kernel: str, artifacts: Artifacts) -> Iterator[tuple[str, str]]:
    """Yield a file's name and text for each artifact that is there."""
    named = {
        "forward.cpp": artifacts.cpp_forward,
        "backward.cpp": artifacts.cpp_backward,
        "forward.cu": artifacts.cuda_forward,
        "backward.cu": artifacts.cuda_backward,
        "ptx": artifacts.ptx,
    }
    yield from ((f"{kernel}.{suffix}", text) for suffix, text in named.items() if text)


def _show(file: str, text: str, out: Path | None) -> None:
    if out is None:
        print(f"// ---- {file}\n{text}")
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {out / file}: {error.strerror}") from error
    print(out / file)


if __name__ == "__main__":
    sys.exit(main())
