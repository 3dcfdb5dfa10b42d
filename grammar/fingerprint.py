"""A kernel's fingerprint: what tells whether another kernel is the same but for its literals, or nearly the same.

The shape is the canonical source with every literal number blanked. A MinHash of the shape's token n-grams estimates
how many of them two kernels share (Broder 1997), from one byte for each hash function (Li and König 2010).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grammar.canonical import canonical, tokens

NGRAM = 5
"""Tokens of an n-gram: about a call with two arguments."""

HASHES = 128
"""Hash functions of a MinHash; the estimate's standard deviation is at most 0.045."""

SHAPE_DIGITS = 16

_CHANCE = 1 / 256
"""How often two hashes of one byte are equal by chance."""

_ODD = np.frombuffer(hashlib.shake_256(b"warpsmith minhash").digest(8 * HASHES), "<u8") | np.uint64(1)
"""The multipliers of the hash functions: they must never change, or fingerprints made before mean nothing."""


@dataclass(frozen=True)
class Fingerprint:
    """`shape` is the start of the SHA-256 of the blanked source in hexadecimal, `minhash` has `HASHES` bytes."""

    shape: str
    minhash: bytes

    @classmethod
    def of(cls, source: str) -> Fingerprint:
        """Return the fingerprint of a source that the recogniser accepts; raises what `canonical` raises."""
        blanked = shape(source)
        digest = hashlib.sha256(blanked.encode()).hexdigest()
        return cls(digest[:SHAPE_DIGITS], minhash(blanked.split(" ")))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fingerprint:
        """Read what `to_json` wrote; raises KeyError, TypeError or ValueError for anything else."""
        found = cls(str(data["shape"]), bytes.fromhex(data["minhash"]))
        if len(found.minhash) != HASHES:
            raise ValueError(f"a MinHash has {HASHES} bytes")
        return found

    def to_json(self) -> dict[str, str]:
        """Return the fingerprint as JSON values."""
        return {"shape": self.shape, "minhash": self.minhash.hex()}


def shape(source: str) -> str:
    """Return the canonical source with every literal number blanked, its tokens parted by spaces."""
    return " ".join("#" if token[0].isdigit() else token for token in tokens(canonical(source)))


def minhash(words: list[str]) -> bytes:
    """Return the MinHash of a text's n-grams of words; a shorter text is one n-gram."""
    ngrams = {" ".join(words[start : start + NGRAM]) for start in range(max(1, len(words) - NGRAM + 1))}
    digests = b"".join(hashlib.blake2b(ngram.encode(), digest_size=8).digest() for ngram in ngrams)
    hashed = np.frombuffer(digests, "<u8")[:, None] * _ODD
    least = (hashed ^ (hashed >> np.uint64(32))).min(axis=0)
    return bytes((least * _ODD >> np.uint64(56)).astype(np.uint8))


def similarity(one: bytes, other: bytes) -> float:
    """Estimate from two MinHashes which share of their n-grams two kernels have in common, 0 to 1."""
    equal = np.count_nonzero(np.frombuffer(one, np.uint8) == np.frombuffer(other, np.uint8)) / HASHES
    return max(0.0, (equal - _CHANCE) / (1 - _CHANCE))
