"""Many checkpoints in one text that only ever grows: what is put behind what is there, and what is read back.

Between two notes stands an empty line. A write that was broken off leaves a torn note behind; it stays, the next one
begins behind an empty line of its own, and reading leaves the torn one out. A note that is whole and was changed is
given like every other: whoever verifies its signature must get to see it.
"""

from __future__ import annotations

import re
from typing import Final

from governance.domain.errors import AnchorFailed
from governance.domain.signed_note import notes_in

LARGEST: Final = 64 << 20
"""Bytes of a file with checkpoints: a year of hourly ones takes 3 MB."""

_BLANK: Final = re.compile(r"\n\n+")
_WHOLE_SIGNATURE: Final = re.compile(r"\N{EM DASH} \S+ \S{92,}")
"""Key id and signature of Ed25519 are 68 bytes, which are 92 characters of base64."""


def addition(held: bytes, note: str) -> bytes:
    """Give the bytes to put behind what an anchor holds, so that the note is in it; b"" when it is there already."""
    if note in whole_notes(held):
        return b""
    separator = "" if not held else "\n" if held.endswith(b"\n") else "\n\n"
    return (separator + note).encode()


def whole_notes(held: bytes) -> list[str]:
    """Give the notes of an anchor, the oldest first, without those that were torn.

    The text of a checkpoint holds no empty line, so whatever stands before the last one of a note's text is the rest
    of another note.
    """
    found = []
    for piece in notes_in(held.decode("utf-8", "replace")):
        blocks = _BLANK.split(piece)
        note = "\n\n".join(blocks[-2:])
        last = note.removesuffix("\n").rpartition("\n")[2]
        if len(blocks) > 1 and note.endswith("\n") and _WHOLE_SIGNATURE.fullmatch(last):
            found.append(note)
    return found


def require_size(name: str, size: int) -> None:
    """Raise AnchorFailed when an anchor holds more than can be read."""
    if size > LARGEST:
        raise AnchorFailed(
            f"anchor {name} holds more than {LARGEST >> 20} MiB",
            item=name,
            next_step="name another file, and keep this one: kbgov log verify --checkpoint FILE takes it",
        )
