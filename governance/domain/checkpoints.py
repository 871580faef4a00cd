"""What a log signs about its tree (c2sp.org/tlog-checkpoint), and a proof that fits in a file (c2sp.org/tlog-proof)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from governance.domain.merkle import HASH_BYTES
from governance.domain.signed_note import Malformed, SignedNote, from_base64, is_plain, to_base64

LARGEST_SIZE = 2**63 - 1
"""No tree is larger: databases count in signed 64 bits."""

LONGEST_PATH = 63
LONGEST_EXTRA = 64 * 1024

_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")
_PROOF = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree's size and root, and whose tree it is.

    Attributes:
        origin: Name of the log.
        size: How many leaves the tree has.
        root: The tree's root hash.

    Raises:
        Malformed: The origin is empty or holds a control character, the size is negative or beyond 2**63 - 1, or the
            root is not 32 bytes long.

    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or not is_plain(self.origin):
            raise Malformed("a checkpoint's origin is not empty and holds no control character")
        if not 0 <= self.size <= LARGEST_SIZE:
            raise Malformed(f"a checkpoint's size is between 0 and {LARGEST_SIZE}")
        if len(self.root) != HASH_BYTES:
            raise Malformed(f"a checkpoint's root is {HASH_BYTES} bytes long")

    @property
    def text(self) -> str:
        """The text to sign: three lines."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a checkpoint's note. Extension lines are passed over.

        So a signature must be verified over the text that was read, never over the `text` of what is given here.

        Raises:
            Malformed: It is no checkpoint in every detail.

        """
        lines = text.split("\n")
        if lines.pop() or len(lines) < 3 or not all(lines):  # noqa: PLR2004 - the three lines of the form
            raise Malformed("a checkpoint is at least three lines, none of them empty, each ended by a newline")
        if not all(map(is_plain, lines)):
            raise Malformed("a checkpoint holds no control character but newlines")
        return cls(lines[0], _number(lines[1]), from_base64(lines[2]))


@dataclass(frozen=True, slots=True)
class TlogProof:
    """That an entry is in the log, for people without the log.

    Attributes:
        index: Number of the entry, from 0.
        path: Hashes of the inclusion proof, the leaf's sibling first.
        checkpoint: The whole signed note, to the letter.
        extra: What else the reader needs; vouched for by nobody. Never empty.

    Raises:
        Malformed: A part cannot stand in such a proof. Whether the proof proves anything is not looked at.

    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.index < LARGEST_SIZE:
            raise Malformed(f"an entry's index is between 0 and {LARGEST_SIZE - 1}")
        if len(self.path) > LONGEST_PATH or any(len(one) != HASH_BYTES for one in self.path):
            raise Malformed(f"a proof's path has at most {LONGEST_PATH} hashes of {HASH_BYTES} bytes")
        if self.extra is not None and not 0 < len(self.extra) <= LONGEST_EXTRA:
            raise Malformed(f"a proof's extra data is between 1 and {LONGEST_EXTRA} bytes long")
        Checkpoint.parse(SignedNote.parse(self.checkpoint).text)

    def render(self) -> str:
        """Give the proof as the content of a `.tlog-proof` file, which `parse` reads back."""
        extra = [] if self.extra is None else [f"extra {to_base64(self.extra)}"]
        path = [to_base64(one) for one in self.path]
        return "\n".join([_PROOF, *extra, f"index {self.index}", *path, "", self.checkpoint])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a proof.

        Raises:
            Malformed: It is no such proof in every detail.

        """
        head, blank, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n", LONGEST_PATH + 4)
        if first != _PROOF or not blank:
            raise Malformed(f"a proof begins with {_PROOF} and holds a blank line before its checkpoint")
        has_extra = lines[:1] != [] and lines[0].startswith("extra ")
        extra = from_base64(lines.pop(0).removeprefix("extra ")) if has_extra else None
        if not lines or not lines[0].startswith("index "):
            raise Malformed("a proof names the entry's index in its second line, or after its extra data")
        index = _number(lines.pop(0).removeprefix("index "))
        return cls(index, tuple(map(from_base64, lines)), checkpoint, extra)


def _number(text: str) -> int:
    """Read a decimal number as the specifications write it: ASCII digits, no sign, no leading zero."""
    if _DECIMAL.match(text) is None:
        raise Malformed("it holds something that is no plain decimal number without leading zeroes")
    return int(text)
