"""What a manifest source is told by configuration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from governance.sources.options import DateOrder

STANDARD_INPUT: Final = "-"


def _standard_input() -> IO[bytes] | None:
    return getattr(sys.stdin, "buffer", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestOptions:
    """Settings of a manifest source: either `path` or `command` is given.

    Attributes:
        folder: What `path` is relative to, and where the command runs.
        path: The file, or "-" for standard input.
        command: Program and arguments; no shell reads them.
        environment: What the command finds in its environment, all of ours (KBGOV_*) aside.
        command_seconds: How long the command may take.
        date_order: How `03/04/2026` in `reviewed_on` is read; month first when not said.
        max_line_bytes: A document on a longer line is reported and not read.
        metadata: Keys of a line whose values are kept as attributes of the document.
        standard_input: Gives standard input, None when there is none.

    """

    folder: Path
    path: str | None = None
    command: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    command_seconds: float = 3_600.0
    date_order: DateOrder | None = None
    max_line_bytes: int = 10_000_000
    metadata: tuple[str, ...] = ()
    standard_input: Callable[[], IO[bytes] | None] = _standard_input
