"""What an export wrote, and what it counted on the way: all that the card tells."""

from __future__ import annotations

from dataclasses import dataclass, field

from extractor.manifest import Manifest
from extractor.survey import Survey
from fuzzer.duplicates import Duplicates


@dataclass
class Written:
    """What was written: the number of rows and bytes of text by configuration and split, and the counts of the card."""

    manifest: Manifest
    survey: Survey = field(default_factory=Survey)
    duplicates: Duplicates = field(default_factory=Duplicates)
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    bytes: dict[str, dict[str, int]] = field(default_factory=dict)
