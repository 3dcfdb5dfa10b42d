"""Compilers' messages without what differs from run to run, so that two runs of one fault say the same."""

from __future__ import annotations

import re

_RETRY_NOTICE = "Warp: Compilation with PCH failed"
_COUNTER = re.compile(r"(?<!\bvar)_\d+\b")
_VOLATILE = (
    (re.compile(r"<warpsmith [^>]*>"), "kernel.py"),
    (re.compile(r"wp_warpsmith_batch_\d+(?:_[0-9a-f]{7})?"), "module"),
    (re.compile(r"warpsmith_batch_\d+"), "module"),
    (re.compile(r"(?<![\w)\]])(?:[A-Za-z]:)?(?:[/\\][\w.+~-]+)+[/\\]([\w.+-]+)"), r"\1"),
    (re.compile(r"(?<=_)[0-9a-f]{8}(?=_c(?:pu|uda)_)"), "0"),
    (re.compile(r"\b0x[0-9a-f]{6,}\b"), "0x0"),
)


def normalise(text: str) -> str:
    """Return a message of Warp's without paths, module names, hashes and addresses."""
    for pattern, replacement in _VOLATILE:
        text = pattern.sub(replacement, text)
    return text


def normalise_native(text: str) -> str:
    """Return clang's or NVRTC's message in the same way, without the counters of functions either.

    Warp repeats a failed compilation without precompiled headers: only what came first is kept.
    """
    return _COUNTER.sub("_N", normalise(text.partition(_RETRY_NOTICE)[0].strip()))
