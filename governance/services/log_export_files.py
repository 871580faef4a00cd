"""The files of an export: how they are called, and how they are read when anybody may have written them.

A reader of an export believes nothing: no link is followed, nothing but plain files is opened, each is read up to a
limit, and what is missing, what is damaged and what cannot be read are different answers.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

ENTRIES: Final = "log.jsonl"
CHECKPOINT: Final = "checkpoint"
CHECKPOINTS: Final = "checkpoints"
KEYS: Final = "vkey"
CONSISTENCY: Final = "consistency.jsonl"
PROOFS: Final = "proofs"
README: Final = "README.txt"
SCRIPT: Final = "check_export.py"
ORDER: Final = (ENTRIES, KEYS, README, SCRIPT, CHECKPOINTS, CONSISTENCY, PROOFS, CHECKPOINT)
"""In which they take the places of older ones: entries before what is signed over them."""

LONGEST_LINE: Final = 256 << 10
"""Bytes of an entry; they have a few hundred."""
LARGEST: Final = {
    CHECKPOINT: 64 << 10,
    CHECKPOINTS: 64 << 20,
    KEYS: 64 << 10,
    CONSISTENCY: 64 << 20,
    PROOFS: 256 << 10,
}
"""Bytes of a file that is read as a whole."""

_PROOF: Final = re.compile(r"(0|[1-9][0-9]{0,18})\.tlog-proof")
_PROVEN: Final = frozenset({"policy.adopted", "changes.paused", "changes.resumed"})
_PROVEN_NOUNS: Final = ("keys.", "key.")


class Unusable(Exception):
    """A file cannot be looked at. The message is a sentence that says whether it is missing or damaged."""


def is_proven(action: str) -> bool:
    """Say whether an export holds a proof of its own of every entry with this action."""
    return action in _PROVEN or action.startswith(_PROVEN_NOUNS)


def proof_name(seq: int) -> str:
    """Give what the file with an entry's proof is called in the folder of proofs."""
    return f"{seq}.tlog-proof"


def proof_seq(name: str) -> int | None:
    """Give the number of the entry that a file of that name proves; None for any other file."""
    found = _PROOF.fullmatch(name)
    return int(found[1]) if found else None


@contextmanager
def opened(folder: Path, name: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file of an export, and give it with its size.

    Raises:
        Unusable: It is missing, is no plain file or cannot be read.

    """
    path = folder / name
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise Unusable(f"{name} is damaged: it is no plain file")
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as stream:  # noqa: PTH123 - a descriptor
            yield stream, os.fstat(handle).st_size
    except FileNotFoundError:
        raise Unusable(f"{name} is missing") from None
    except OSError as error:
        raise Unusable(f"{name} cannot be read: {error.strerror}") from None


def content(folder: Path, name: str, largest: int) -> bytes:
    """Give what a file of an export holds.

    Raises:
        Unusable: As `opened`, or it is too large.

    """
    with opened(folder, name) as (stream, size):
        found = stream.read(min(largest, size) + 1)
    if len(found) > largest:
        raise Unusable(f"{name} is damaged: it has more than {largest} bytes")
    return found


def lines(stream: BinaryIO, size: int, longest: int) -> Iterator[bytes]:
    """Give the lines of a file that had `size` bytes when it was opened, each with its end, as they come.

    One that is longer than `longest` bytes is cut and is the last.
    """
    while size > 0 and (line := stream.readline(min(longest + 1, size))):
        size -= len(line)
        yield line
        if len(line) > longest:
            return


def proofs_in(folder: Path) -> list[int]:
    """Give the numbers of the entries that an export holds proofs of, in order; other files are passed over.

    Raises:
        Unusable: The folder of proofs is no folder, or cannot be read.

    """
    path = folder / PROOFS
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise Unusable(f"{PROOFS} is damaged: it is no folder")
        return sorted(seq for file in path.iterdir() if (seq := proof_seq(file.name)) is not None)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unusable(f"{PROOFS} cannot be read: {error.strerror}") from None
