"""Signed notes: a text, a blank line, one line per signature (c2sp.org/signed-note). Only the form; keys are elsewhere.

Everything here is strict in both directions: what does not read back as exactly the same characters is refused, so that
no two spellings of one note exist.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

LONGEST_NOTE = 64 * 1024
"""Bytes of a whole note, signatures included."""

MOST_SIGNATURES = 100
"""As many as Go's `sumdb/note` reads; the specification demands 16."""

KEY_ID_BYTES = 4
PUBLIC_BYTES = 32
ED25519 = b"\x01"
"""The byte that says which kind of key follows."""

_DASH = "\N{EM DASH} "


class Malformed(ValueError):
    """A text has not the form that its specification demands. The message quotes nothing of it."""


def to_base64(data: bytes) -> str:
    """Give the standard Base 64 encoding (RFC 4648 section 4), padded."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """Read standard Base 64 of which there is only one spelling: padded, no blanks, no stray bits at the end.

    Raises:
        Malformed: It is something else.

    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if to_base64(data) != text:
        raise Malformed("it holds something that is no canonical base64")
    return data


def is_plain(text: str) -> bool:
    """Tell whether a text holds no ASCII control character and can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return min(text, default=" ") >= " "


def is_key_name(name: str) -> bool:
    """Tell whether a key may be called so: not empty, no blank of any kind, no plus sign, no control character."""
    return bool(name) and "+" not in name and not any(map(str.isspace, name)) and is_plain(name)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """An Ed25519 public key and its name, as verifiers are given it: `<name>+<key id>+<base64>`.

    Attributes:
        name: Key name; for a log's key the log's origin.
        public: The 32 bytes of RFC 8032.

    Raises:
        Malformed: The name is no key name, or the key is not 32 bytes long.

    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise Malformed("a key name is not empty and holds no blank, plus sign or control character")
        if len(self.public) != PUBLIC_BYTES:
            raise Malformed(f"an Ed25519 public key is {PUBLIC_BYTES} bytes long")

    @property
    def key_id(self) -> bytes:
        """The four bytes that signatures name the key by."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """The verifier key in one line, without a newline."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `text` gives; another kind of key than Ed25519 is refused.

        Raises:
            Malformed: It is no verifier key, or its key id does not belong to its name and key.

        """
        parts = text.split("+", 2)  # base64 has plus signs of its own
        if len(parts) != 3:  # noqa: PLR2004 - the three parts of the form
            raise Malformed("a verifier key looks like <name>+<8 hexadecimal digits>+<base64>")
        kind_and_public = from_base64(parts[2])
        if kind_and_public[:1] != ED25519:
            raise Malformed("the verifier key is of another kind than Ed25519")
        key = cls(parts[0], kind_and_public[1:])
        if key.key_id.hex() != parts[1]:
            raise Malformed("the verifier key's id does not belong to its name and key; copy the whole line again")
        return key


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line.

    Attributes:
        name: Name of the key that signed.
        key_id: The key's four bytes.
        signature: What the key made of the note's text; at least one byte, of any kind of key.

    Raises:
        Malformed: A part cannot stand in a signature line.

    """

    name: str
    key_id: bytes
    signature: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise Malformed("a signature's key name is not empty and holds no blank, plus sign or control character")
        if len(self.key_id) != KEY_ID_BYTES or not self.signature:
            raise Malformed("a signature is a key id of four bytes and at least one byte more")

    @property
    def line(self) -> str:
        """The signature line with its newline."""
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read what `line` gives.

        Raises:
            Malformed: It is no signature line.

        """
        name, blank, encoded = line.removeprefix(_DASH).removesuffix("\n").partition(" ")
        if not line.startswith(_DASH) or not line.endswith("\n") or not blank:
            raise Malformed("a signature line is an em dash, a key name and a signature, ended by a newline")
        blob = from_base64(encoded)
        return cls(name, blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text and who signed it. That a signature stands here does not say that it is a true one.

    Attributes:
        text: What was signed, its final newline included.
        signatures: In the order of their lines; at least one.

    Raises:
        Malformed: The text does not end with a newline, holds another control character or is not Unicode; no
            signature or more than 100; more than 64 KiB in all.

    """

    text: str
    signatures: tuple[NoteSignature, ...]

    def __post_init__(self) -> None:
        if not self.text.endswith("\n") or not is_plain(self.text.replace("\n", "")):
            raise Malformed("a note's text ends with a newline and holds no other control character")
        if not 1 <= len(self.signatures) <= MOST_SIGNATURES:
            raise Malformed(f"a note has between 1 and {MOST_SIGNATURES} signatures")
        _check_size(self.render())

    @property
    def signed(self) -> bytes:
        """The bytes that the signatures are over."""
        return self.text.encode()

    def signatures_of(self, key: VerifierKey) -> tuple[NoteSignature, ...]:
        """Give the signatures that claim to be the key's, by name and key id; all others must be ignored."""
        return tuple(one for one in self.signatures if (one.name, one.key_id) == (key.name, key.key_id))

    def render(self) -> str:
        """Give the whole note, which `parse` reads back."""
        return self.text + "\n" + "".join(one.line for one in self.signatures)

    @classmethod
    def parse(cls, note: str) -> Self:
        """Read a whole note. Read files as bytes and decode them: text mode hides a carriage return.

        Raises:
            Malformed: It is no signed note in every detail.

        """
        _check_size(note)
        body, blank, block = note.rpartition("\n\n")
        lines = block.split("\n")
        if not blank or lines.pop():
            raise Malformed("a signed note is a text, a blank line and signature lines, the last ended by a newline")
        if len(lines) > MOST_SIGNATURES:
            raise Malformed(f"a note has at most {MOST_SIGNATURES} signatures")
        return cls(body + "\n", tuple(NoteSignature.parse(line + "\n") for line in lines))


def notes_in(text: str) -> list[str]:
    """Split a text that holds signed notes one after the other, as anchor files do.

    A note ends with the signature lines that follow a blank line, so this is not for notes whose text quotes a signed
    note. Blank lines between two notes are left out. What is no note (a last one that was cut off) is given like the
    others: reading it raises Malformed, or its signature fails.
    """
    notes: list[str] = []
    lines: list[str] = []
    signing = False
    for line in io.StringIO(text, newline="\n"):
        is_signature = line.startswith(_DASH)
        if signing and not is_signature:
            notes.append("".join(lines))
            lines, signing = [], False
        if lines or line != "\n":
            signing = signing or (is_signature and lines[-1:] == ["\n"])
            lines.append(line)
    return [*notes, "".join(lines)] if lines else notes


def _check_size(note: str) -> None:
    """Raise Malformed if the note is too long."""
    if len(note.encode("utf-8", "replace")) > LONGEST_NOTE:
        raise Malformed(f"a note has at most {LONGEST_NOTE} bytes")
