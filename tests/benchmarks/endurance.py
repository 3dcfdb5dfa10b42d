"""Does anything grow? One long campaign, watched from outside: memory, open files, disk use beside the corpus.

    python tests/benchmarks/endurance.py [--minutes 60] [--workers 2] [--seed 1] [--at 10,30,60] [--log FILE]

Prints at each of the minutes `--at`: resident memory, open files and age of the main process and each worker, and the
size of the scratch folders, of the corpus and of its state. Needs Linux.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Run the campaign and print the rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", default="1,10,30,60")
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        corpus, scratch = Path(folder, "corpus"), Path(folder, "scratch")
        scratch.mkdir()
        command = [sys.executable, "-m", "fuzzer", "run", "--time", f"{options.minutes}m", "--out", str(corpus)]
        command += ["--seed", str(options.seed), "--workers", str(options.workers), "--no-minimize"]
        command += ["--json-log", str(options.log)] if options.log else []
        process = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(scratch)}, stdout=subprocess.DEVNULL)
        began = time.monotonic()
        for minute in map(float, options.at.split(",")):
            time.sleep(max(0.0, began + 60 * minute - 5 - time.monotonic()))
            print(f"after {minute:g} min", flush=True)
            for line in look(process.pid, corpus, scratch):
                print("  " + line, flush=True)
        process.wait()
        print(f"exit {process.returncode}; left in the scratch folder: {_bytes_under(scratch)} bytes")


def look(pid: int, corpus: Path, scratch: Path) -> Iterator[str]:
    """Yield what the processes and folders hold now."""
    yield _process("main", pid)
    for child in sorted(_descendants(pid)):
        yield _process("child", child)
    yield f"scratch {_bytes_under(scratch) / 1e6:.0f} MB, corpus {_bytes_under(corpus) / 1e6:.1f} MB"
    yield f"of which state {sum(path.stat().st_size for path in corpus.glob('state-*')) / 1e6:.2f} MB"


def _process(name: str, pid: int) -> str:
    try:
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
        files = len(os.listdir(f"/proc/{pid}/fd"))
        started = time.clock_gettime(time.CLOCK_BOOTTIME) - int(
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        ) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return f"{name} {pid}: gone"
    return f"{name} {pid}: {resident / 1e6:.0f} MB, {files} open files, {started / 60:.1f} min old"


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield int(child)
            yield from _descendants(int(child))


def _bytes_under(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue  # removed meanwhile
    return total


if __name__ == "__main__":
    main()
