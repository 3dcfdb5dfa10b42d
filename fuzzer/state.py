"""A campaign's state between runs: what the manifest says for people to read, and what only the next run reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from grammar.errors import UserError

FORMAT = 2
"""Changes whenever an earlier state cannot be gone on from."""


def encode(state: Mapping[str, Any]) -> bytes:
    """Return the part of a state that is a file of its own, as bytes; equal states give equal bytes."""
    return json.dumps({"format": FORMAT, **state}, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def decode(data: bytes, where: str) -> dict[str, Any]:
    """Read what `encode` returned. `where` is the corpus as messages name it.

    Raises UserError for anything else, and for the state of another version of this program.
    """
    try:
        state = json.loads(data)
    except ValueError as error:
        raise UserError(f"{where} holds a campaign's state that cannot be read: {error}") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise UserError(
            f"{where} was made by another version of this program, which alone can go on with it; "
            "give another --out, and --parents to start from its kernels"
        )
    return state
