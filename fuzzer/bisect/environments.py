"""An environment per release of Warp: made with pip when it is first asked for, and kept until somebody removes it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from grammar.errors import UserError

WARP = "warp-lang"
BARE = ("numpy",)
"""What a script for a bug needs besides Warp."""

_RELEASE = re.compile(r"\d+(\.\d+)+[0-9A-Za-z.+]*")
_READY = "ready-for-{}"
"""The file in an environment that says what was installed to its end."""


@dataclass(frozen=True)
class Environment:
    """A release's interpreter, or why there is none."""

    release: str
    python: Path | None
    refusal: str = ""


def default_folder() -> Path:
    """Return where environments are kept: half a gigabyte a release, in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "warpsmith" / "releases"


def parse_releases(text: str) -> tuple[str, ...]:
    """Return the entries of a list like `1.16.0,1.17.0,/path/to/python`; raises UserError for what is neither."""
    entries = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for entry in entries:
        if not _RELEASE.fullmatch(entry) and not (_is_path(entry) and Path(entry).is_file()):
            raise UserError(f"'{entry}' is neither a release of Warp, such as 1.16.0, nor the path of a Python")
    if not entries:
        raise UserError("no release is named; write them like 1.16.0,1.17.0")
    return entries


def installed_release() -> str:
    """Return the release of the Warp beside this program, the empty text where there is none."""
    try:
        return metadata.version(WARP)
    except metadata.PackageNotFoundError:
        return ""


@dataclass(frozen=True)
class Environments:
    """The environments under a folder. The release that is installed here is used where it is, without one."""

    folder: Path

    def provide(self, entry: str, *, project: bool = False, bare: bool = False) -> Environment:
        """Return the environment for a release or for the Python at a path, made if it is missing.

        With `project` it also gets what this program needs. The release that is installed here gets one of its own
        only with `bare`. A release that pip cannot install is no error: the environment says why.
        """
        if _is_path(entry):
            return _foreign(Path(entry))
        if entry == installed_release() and not bare:
            return Environment(entry, Path(sys.executable))
        place = self.folder.resolve() / entry
        python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
        packages = _needed() if project else BARE
        ready = place / _READY.format("project" if project else "scripts")
        try:
            if not any(place.glob(_READY.format("*"))):
                venv.create(place, with_pip=True, clear=True)
            if not ready.exists():
                _install(python, [f"{WARP}=={entry}", *packages])
                ready.touch()
        except (OSError, subprocess.CalledProcessError) as error:
            shutil.rmtree(place, ignore_errors=True)
            return Environment(entry, None, _why(error))
        return Environment(entry, python)

    def remove(self, entries: Iterable[str]) -> None:
        """Remove the environments of these releases; nothing else is touched, and a missing one is no error."""
        for entry in entries:
            place = self.folder.resolve() / entry
            if _RELEASE.fullmatch(entry) and (place / "pyvenv.cfg").is_file():
                shutil.rmtree(place)


def _is_path(entry: str) -> bool:
    return os.sep in entry


def _foreign(python: Path) -> Environment:
    """Return the environment of somebody else's Python, by the Warp that it imports."""
    call = [str(python.absolute()), "-c", "import warp; print(warp.config.version)"]
    done = subprocess.run(call, capture_output=True, text=True)
    if done.returncode:
        return Environment(str(python), None, "it cannot import Warp")
    return Environment(f"{done.stdout.split()[-1]} at {python}", python.absolute())


def _needed() -> list[str]:
    """Return what this program needs besides Warp, as its package says."""
    needed = metadata.requires("warpsmith") or []
    return [one for one in needed if "extra ==" not in one and not one.startswith(WARP)]


def _install(python: Path, packages: Iterable[str]) -> None:
    call = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    subprocess.run(call, check=True, capture_output=True, text=True)


def _why(error: OSError | subprocess.CalledProcessError) -> str:
    """Return why an environment cannot be made, in a line."""
    if isinstance(error, OSError):
        return error.strerror or "the environment cannot be made"
    lines = [line for line in str(error.stderr or "").splitlines() if line.startswith("ERROR: ")]
    return lines[-1].removeprefix("ERROR: ") if lines else f"pip ends with exit code {error.returncode}"
