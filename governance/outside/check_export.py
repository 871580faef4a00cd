"""Checks an export of an audit log of kbgov, without kbgov: `python check_export.py DIR --checkpoint FILE --key VKEY`.

Needs Python 3.9 or later and the package `cryptography`. Nothing is taken from kbgov but what its formats say, so that
a mistake there is not repeated here: entries and tree by RFC 9162 (section 2.1), checkpoints by
c2sp.org/tlog-checkpoint, signatures by c2sp.org/signed-note, proofs by c2sp.org/tlog-proof.

Exit codes: 0 intact, 3 self_consistent, 5 inconsistent, 75 unknown, 2 not understood. README.txt says what they mean.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

T = TypeVar("T")
EXIT_CODES = {"intact": 0, "self_consistent": 3, "inconsistent": 5, "unknown": 75}
SENTENCES_TOLD = 20
LARGEST_LINE = 256 * 1024
LARGEST_NOTE = 64 * 1024
LARGEST_LIST = 64 * 1024 * 1024
LARGEST_PROOF = 256 * 1024
MOST_SIGNATURES = 100
MOST_HASHES = 63
ENTRY_VERSION = 1
HASH_BYTES = 32
KEY_BYTES = 1 + 32
NUMBER_BYTES = 4
PARTS = 3
"""Of a public key, of a signature line, and the least lines of a checkpoint."""
NO_LEAVES = hashlib.sha256(b"").digest()

KEY_CAME_ALONG = (
    "the public key came with the export, so whoever wrote the export can have made it; --key takes one that you were "
    "given otherwise"
)
NO_KEY = "there is no public key to check signatures with; --key takes one"
UNSIGNED = "the export holds no checkpoint: nothing in it is signed"


class Bad(Exception):
    """Something has not the form that it must have."""


class Unusable(Exception):
    """A file cannot be looked at; the message is a sentence."""


class Sentences:
    """What is to be told, up to a number."""

    def __init__(self) -> None:
        self.first: list[str] = []
        self.more = 0

    def add(self, sentence: str) -> None:
        """Take a sentence."""
        if len(self.first) == SENTENCES_TOLD:
            self.more += 1
        else:
            self.first.append(sentence)

    def all(self) -> list[str]:
        """Give the sentences, and how many more there are."""
        return self.first + ([f"and {self.more} more"] if self.more else [])


# The tree


def hash_leaf(line: bytes) -> bytes:
    """Give the hash of an entry."""
    return hashlib.sha256(b"\x00" + line).digest()


def hash_pair(left: bytes, right: bytes) -> bytes:
    """Give the hash of a node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Grows leaf by leaf, like a binary counter: full subtrees of equal height are joined."""

    def __init__(self) -> None:
        self.count = 0
        self.full: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        """Add a leaf."""
        height = 0
        while self.full and self.full[-1][0] == height:
            leaf = hash_pair(self.full.pop()[1], leaf)
            height += 1
        self.full.append((height, leaf))
        self.count += 1

    def root(self) -> bytes:
        """Give the root hash."""
        if not self.full:
            return NO_LEAVES
        result: bytes | None = None
        for _, part in reversed(self.full):
            result = part if result is None else hash_pair(part, result)
        return result or NO_LEAVES


def split_point(size: int) -> int:
    """Give the largest power of two below the size: as many leaves stand on the left."""
    point = 1
    while point * 2 < size:
        point *= 2
    return point


def root_by_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Give the root that a path leads to, from the root down as RFC 9162 defines it. Raises Bad."""
    if size == 1:
        if path:
            raise Bad
        return leaf
    if not path:
        raise Bad
    left_size, beside = split_point(size), path[-1]
    if index < left_size:
        return hash_pair(root_by_path(leaf, index, left_size, path[:-1]), beside)
    return hash_pair(beside, root_by_path(leaf, index - left_size, size - left_size, path[:-1]))


def proves_inclusion(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    """Say whether a path shows that a leaf stands there in the tree of that root."""
    try:
        return (
            index < size
            and all(len(one) == HASH_BYTES for one in path)
            and root_by_path(leaf, index, size, path) == root
        )
    except Bad:
        return False


def roots_by_path(old: int, new: int, known: bytes | None, path: list[bytes]) -> tuple[bytes, bytes]:
    """Give the roots, old and new, that a consistency proof leads to. `known` is the old root while it may stand in."""
    if old == new:
        if known is None:
            if len(path) != 1:
                raise Bad
            return path[0], path[0]
        if path:
            raise Bad
        return known, known
    if not path:
        raise Bad
    left_size, beside = split_point(new), path[-1]
    if old <= left_size:
        before, after = roots_by_path(old, left_size, known, path[:-1])
        return before, hash_pair(after, beside)
    before, after = roots_by_path(old - left_size, new - left_size, None, path[:-1])
    return hash_pair(beside, before), hash_pair(beside, after)


def proves_consistency(old: Checkpoint, new: Checkpoint, path: list[bytes]) -> bool:
    """Say whether a path shows that the tree of one checkpoint is the beginning of another's."""
    if any(len(one) != HASH_BYTES for one in path) or old.size > new.size:
        return False
    if old.size == 0:
        return old.root == NO_LEAVES and not path and (new.size == 0) == (new.root == NO_LEAVES)
    try:
        return roots_by_path(old.size, new.size, old.root, path) == (old.root, new.root)
    except Bad:
        return False


# Notes, keys, checkpoints


class Key(NamedTuple):
    """A public key."""

    name: str
    number: bytes
    public: bytes


class Note(NamedTuple):
    """A signed text; signatures as (name, number of the key, signature)."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


class Checkpoint(NamedTuple):
    """What is signed: whose tree, how many leaves, which root."""

    origin: str
    size: int
    root: bytes


class Stated(NamedTuple):
    """A checkpoint's note, what people call it, whether it came another way, or is older than the export's newest."""

    where: str
    note: str
    outside: bool
    older: bool = False


def decoded(text: str) -> bytes:
    """Read base64 that is written in the one canonical way. Raises Bad."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise Bad from None
    if base64.b64encode(data).decode("ascii") != text:
        raise Bad
    return data


def is_printable(text: str) -> bool:
    """Say whether a text holds no control character of ASCII and nothing that UTF-8 has no bytes for."""
    return not any(character < " " or "\ud800" <= character <= "\udfff" for character in text)


def is_name(text: str) -> bool:
    """Say whether a key may be called so."""
    return text != "" and "+" not in text and not any(one.isspace() for one in text) and is_printable(text)


def read_number(text: str) -> int:
    """Read a plain decimal number below 2**63. Raises Bad."""
    if not re.fullmatch("0|[1-9][0-9]{0,18}", text) or int(text) >= 1 << 63:
        raise Bad
    return int(text)


def read_key(line: str) -> Key:
    """Read `<name>+<8 hexadecimal digits>+<base64>`. Raises Bad."""
    parts = line.split("+", 2)
    if len(parts) != PARTS or not is_name(parts[0]):
        raise Bad
    data = decoded(parts[2])
    number = hashlib.sha256(parts[0].encode() + b"\n" + data).digest()[:NUMBER_BYTES]
    if len(data) != KEY_BYTES or data[0] != 1 or number.hex() != parts[1]:
        raise Bad
    return Key(parts[0], number, data[1:])


def read_note(note: str) -> Note:
    """Read a signed note. Raises Bad."""
    if len(note.encode("utf-8", "replace")) > LARGEST_NOTE:
        raise Bad
    text, _, block = note.rpartition("\n\n")
    text += "\n"
    if not is_printable(text.replace("\n", "")) or not block.endswith("\n"):
        raise Bad
    lines = block[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise Bad
    return Note(text, tuple(read_signature(line) for line in lines))


def read_signature(line: str) -> tuple[str, bytes, bytes]:
    """Read a signature line without its newline. Raises Bad."""
    parts = line.split(" ", 2)
    if len(parts) != PARTS or parts[0] != "\u2014" or not is_name(parts[1]):
        raise Bad
    data = decoded(parts[2])
    if len(data) <= NUMBER_BYTES:
        raise Bad
    return parts[1], data[:NUMBER_BYTES], data[NUMBER_BYTES:]


def read_checkpoint(note: str) -> Checkpoint:
    """Read the checkpoint that a note states, whoever signed it. Raises Bad."""
    lines = read_note(note).text[:-1].split("\n")
    if len(lines) < PARTS or "" in lines:
        raise Bad
    root = decoded(lines[2])
    if len(root) != HASH_BYTES:
        raise Bad
    return Checkpoint(lines[0], read_number(lines[1]), root)


def split_notes(text: str) -> list[str]:
    """Give the notes of a text that holds many: each ends with the signature lines behind an empty line."""
    found = []
    start, end_of_note = 0, re.compile("(?<=\n)\n(?:\u2014 [^\n]*(?:\n|$))+")
    while start < len(text):
        if text[start] == "\n":
            start += 1
            continue
        match = end_of_note.search(text, start)
        end = match.end() if match else len(text)
        found.append(text[start:end])
        start = end
    return found


def is_signed_by(key: Key, text: bytes, signature: bytes) -> bool:
    """Say whether a key made a signature (Ed25519, RFC 8032)."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - who lacks it is told how to get it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - the same

    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def believe(note: str, keys: list[Key]) -> Checkpoint:
    """Give the checkpoint of a note that one of the keys signed. Raises Bad with the end of a sentence."""
    try:
        checkpoint, parts = read_checkpoint(note), read_note(note)
    except Bad:
        raise Bad("is no checkpoint") from None
    names = set()
    for key in keys:
        for name, number, signature in parts.signatures:
            if (name, number) == (key.name, key.number):
                if not is_signed_by(key, parts.text.encode(), signature):
                    raise Bad("bears a signature that the key did not make: it was changed or forged")
                names.add(name)
    if not names:
        raise Bad("is signed by none of the keys that are trusted here")
    if checkpoint.origin not in names:
        raise Bad("is of another log")
    return checkpoint


# Files


def open_file(folder: Path, name: str) -> tuple[BinaryIO, int]:
    """Open a plain file, no link, and give it with its size. Raises Unusable."""
    path = folder / name
    flags = os.O_RDONLY
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, flag, 0)
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise Unusable(f"{name} is damaged: it is no plain file")
        handle = os.open(path, flags)
        return os.fdopen(handle, "rb"), os.fstat(handle).st_size
    except FileNotFoundError:
        raise Unusable(f"{name} is missing") from None
    except OSError as error:
        raise Unusable(f"{name} cannot be read: {error.strerror}") from None


def read_text(folder: Path, name: str, largest: int) -> str:
    """Give what a file holds. Raises Unusable."""
    stream, size = open_file(folder, name)
    with stream:
        try:
            data = stream.read(min(largest, size) + 1)
        except OSError as error:
            raise Unusable(f"{name} cannot be read: {error.strerror}") from None
    if len(data) > largest:
        raise Unusable(f"{name} is damaged: it has more than {largest} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Unusable(f"{name} is damaged") from None


def lines_of(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Give the lines of a file, up to the size that it had; one that is too long is cut and is the last."""
    left = size
    while left > 0:
        line = stream.readline(min(LARGEST_LINE + 1, left))
        if not line:
            return
        left -= len(line)
        yield line
        if len(line) > LARGEST_LINE:
            return


def plain_json(data: bytes) -> object:
    """Read JSON that is written in the one canonical way: ASCII, sorted keys, no blanks. Raises Bad."""
    try:
        found = json.loads(data.decode("ascii"))
        again = json.dumps(found, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (ValueError, RecursionError):
        raise Bad from None
    if again != data:
        raise Bad
    return found


# Entries


def like(pattern: str) -> Callable[[object], bool]:
    """Give what says whether a value is a text of that form."""
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def is_count(value: object) -> bool:
    """Say whether a value is a whole number that every reader of JSON reads alike."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def are_counts(value: object) -> bool:
    """Say whether a value gives numbers to codes."""
    return isinstance(value, dict) and all(is_code(name) and is_count(number) for name, number in value.items())


is_code = like("[a-z0-9][a-z0-9_.:-]{0,99}")
is_pseudonym = like("h1:[0-9a-f]{8}:[0-9a-f]{64}")
FIELDS: dict[str, Callable[[object], bool]] = {
    "action": is_code,
    "actor": is_pseudonym,
    "actor_kind": is_code,
    "at": like(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"),
    "command": like("[a-z]+([ -][a-z]+){0,3}"),
    "counts": are_counts,
    "digest": is_pseudonym,
    "identity": is_code,
    "index": like("[a-z0-9]+(-[a-z0-9]+)*"),
    "intent": is_count,
    "key": like("[a-z]+:[0-9a-f]{8}"),
    "nonce": like("[0-9a-f]{32}"),
    "object": is_pseudonym,
    "outcome": is_code,
    "partition": is_pseudonym,
    "policy": like("[0-9a-f]{64}"),
    "reason": is_code,
    "run": is_count,
    "seq": is_count,
    "v": is_count,
}
ALWAYS = ("v", "seq", "at", "action", "actor", "nonce")


def read_entry(body: bytes) -> dict[str, object]:
    """Give what an entry says, whatever its fields hold. Raises Bad unless it is written as entries are."""
    found = plain_json(body)
    if not isinstance(found, dict) or any(name not in found for name in ALWAYS):
        raise Bad
    if not is_count(found["seq"]) or not is_count(found["v"]):
        raise Bad
    return found


def has_proof(action: object) -> bool:
    """Say whether entries with this action have a proof of their own."""
    return str(action) in ("policy.adopted", "changes.paused", "changes.resumed") or str(action).startswith(
        ("keys.", "key.")
    )


class Entries:
    """What one way through the entries brings: their tree, the roots at some sizes, hashes of some entries."""

    def __init__(self, sizes: Iterable[int], wanted: Container[int]) -> None:
        self.sizes = set(sizes)
        self.wanted = wanted
        self.tree = Tree()
        self.count = 0
        self.whole = True
        self.converted = False
        self.later_version = False
        self.roots: dict[int, bytes] = {}
        self.leaves: dict[int, bytes] = {}
        self.proven: list[int] = []
        self.order = Sentences()
        self.lines = Sentences()
        self._note_root()

    def take(self, line: bytes) -> None:
        """Look at the next line."""
        body = line[:-1] if line.endswith(b"\n") else line
        if len(line) > LARGEST_LINE:
            self.lines.add(f"log.jsonl is damaged: line {self.count + 1} has more than {LARGEST_LINE} bytes")
        elif body == line:
            self.lines.add("log.jsonl is damaged: its last line is cut off")
        number = self._look_into(body)
        leaf = hash_leaf(body)
        if number in self.wanted and number not in self.leaves:
            self.leaves[number] = leaf
        if self.whole:
            self._place(number, body, leaf)
        self.count += 1

    def _look_into(self, body: bytes) -> int:
        converted = body.endswith(b"\r")
        try:
            found = read_entry(body[:-1] if converted else body)
        except Bad:
            found = {}
        if converted:
            if not self.converted:
                self.lines.add("log.jsonl is damaged: its lines end with CR LF, so something has converted it")
            self.converted = True
        elif not found:
            self.lines.add(f"line {self.count + 1} of log.jsonl is no entry of this log")
        elif found["v"] != ENTRY_VERSION:
            self.later_version = True
        elif not all(name in FIELDS and FIELDS[name](value) for name, value in found.items()):
            self.lines.add(f"line {self.count + 1} of log.jsonl holds what no entry may hold")
        if found and has_proof(found["action"]):
            self.proven.append(int(str(found["seq"])))
        return int(str(found["seq"])) if found else self.count

    def _place(self, number: int, body: bytes, leaf: bytes) -> None:
        expected = self.tree.count
        if number != expected:
            self.whole = False
            if number < expected:
                self.order.add(f"entry {number} stands twice")
            elif number == expected + 1:
                self.order.add(f"entry {expected} is missing")
            else:
                self.order.add(f"entries {expected} to {number - 1} are missing")
            return
        if b'"seq":%d,' % number not in body:
            self.order.add(f"entry {number} says that it is another one")
        self.tree.add(leaf)
        self._note_root()

    def shown_root(self) -> str:
        """Give the root of the tree over all entries as checkpoints write it; "" when an entry is missing."""
        return base64.b64encode(self.tree.root()).decode("ascii") if self.whole else ""

    def _note_root(self) -> None:
        if self.tree.count in self.sizes:
            self.roots[self.tree.count] = self.tree.root()


# The export


class Proof(NamedTuple):
    """That an entry is in the log."""

    number: int
    path: list[bytes]
    note: str


def read_proof(text: str) -> Proof:
    """Read the content of a .tlog-proof file; one with extra data, which nobody vouches for, is refused. Raises Bad."""
    head, gap, note = text.partition("\n\n")
    first, _, rest = head.partition("\n")
    line, *lines = rest.split("\n")
    if not gap or first != "c2sp.org/tlog-proof@v1" or not line.startswith("index "):
        raise Bad
    path = [decoded(line) for line in lines]
    index = read_number(line[len("index ") :])
    if len(path) > MOST_HASHES or any(len(one) != HASH_BYTES for one in path) or index >= (1 << 63) - 1:
        raise Bad
    read_checkpoint(note)
    return Proof(index, path, note)


class Export:
    """Everything in an export but its entries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unusable = Sentences()
        self.broken = Sentences()
        self.keys: list[Key] = self._try(self._read_keys) or []
        count = len(self.unusable.first)
        self.newest: str | None = self._try(self._read_newest)
        self.every: list[str] | None = self._try(self._read_every)
        if len(self.unusable.first) == count and (self.newest or "") != "".join((self.every or [])[-1:]):
            self.unusable.add("checkpoint and checkpoints do not belong together")
        for sentence in self._try(self._read_consistency) or []:
            self.broken.add(sentence)
        self.claimed: list[int] | None = self._try(self._list_proofs)
        self.proofs: dict[int, Proof] = {}
        for seq in self.claimed or []:
            proof = self._try(partial(self._read_proof, seq))
            if proof is not None:
                self.proofs[seq] = proof

    def statements(self) -> list[Stated]:
        """Give the checkpoints that came with the export, each once."""
        every = [(f"the checkpoint of {read_checkpoint(note).size} entries", note) for note in self.every or []]
        named = {note: where for where, note in every[-1:]}
        if self.newest:
            named.setdefault(self.newest, "checkpoint")
        for seq, proof in self.proofs.items():
            named.setdefault(proof.note, f"proofs/{seq}.tlog-proof")
        older = [Stated(where, note, outside=False, older=True) for where, note in every[:-1]]
        return older + [Stated(where, note, outside=False) for note, where in named.items()]

    def _try(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Unusable as why:
            self.unusable.add(str(why))
            return None

    def _read_keys(self) -> list[Key]:
        *lines, rest = read_text(self.folder, "vkey", LARGEST_NOTE).split("\n")
        try:
            keys = [read_key(line) for line in lines]
        except Bad:
            keys = []
        if rest or len(keys) < len(lines):
            raise Unusable("vkey is damaged")
        return keys

    def _read_newest(self) -> str:
        note = read_text(self.folder, "checkpoint", LARGEST_NOTE)
        try:
            if note:
                read_checkpoint(note)
        except Bad:
            raise Unusable("checkpoint is damaged") from None
        return note

    def _read_every(self) -> list[str]:
        text = read_text(self.folder, "checkpoints", LARGEST_LIST)
        notes = split_notes(text)
        try:
            sizes = [read_checkpoint(note).size for note in notes]
        except Bad:
            sizes = [0, 0]
        if "\n".join(notes) != text or sizes != sorted(set(sizes)):
            raise Unusable("checkpoints is damaged")
        return notes

    def _read_consistency(self) -> list[str]:
        stream, size = open_file(self.folder, "consistency.jsonl")
        with stream:
            if self.every is None:
                return []
            try:
                return self._broken_consistency(lines_of(stream, min(size, LARGEST_LIST)))
            except Bad:
                raise Unusable("consistency.jsonl is damaged") from None
            except OSError as error:
                raise Unusable(f"consistency.jsonl cannot be read: {error.strerror}") from None

    def _broken_consistency(self, lines: Iterator[bytes]) -> list[str]:
        told = []
        stated = [read_checkpoint(note) for note in self.every or []]
        for place, new in enumerate(stated[1:]):
            old, line = stated[place], next(lines, b"")
            found = plain_json(line[:-1]) if line.endswith(b"\n") else None
            if not isinstance(found, dict) or set(found) != {"from", "to", "proof"}:
                raise Bad
            path = found["proof"]
            if repr([found["from"], found["to"]]) != repr([old.size, new.size]) or not isinstance(path, list):
                raise Bad
            if not all(isinstance(one, str) for one in path):
                raise Bad
            if not proves_consistency(old, new, [decoded(one) for one in path]):
                told.append(
                    f"consistency.jsonl does not prove that the checkpoint of {old.size} goes on in that of {new.size}"
                )
        if next(lines, None) is not None:
            raise Bad
        return told

    def _list_proofs(self) -> list[int]:
        folder = self.folder / "proofs"
        try:
            if not stat.S_ISDIR(folder.lstat().st_mode):
                raise Unusable("proofs is damaged: it is no folder")
            matches = [re.fullmatch(r"(0|[1-9][0-9]{0,18})\.tlog-proof", file.name) for file in folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Unusable(f"proofs cannot be read: {error.strerror}") from None
        return sorted(int(match.group(1)) for match in matches if match)

    def _read_proof(self, seq: int) -> Proof:
        name = f"proofs/{seq}.tlog-proof"
        try:
            return read_proof(read_text(self.folder, name, LARGEST_PROOF))
        except Bad:
            raise Unusable(f"{name} is damaged") from None

    def broken_proofs(self, entries: Entries) -> list[str]:
        """Give sentences about proofs of single entries that do not hold."""
        told = Sentences()
        for seq, proof in self.proofs.items():
            name, stated = f"proofs/{seq}.tlog-proof", read_checkpoint(proof.note)
            if proof.number != seq:
                told.add(f"{name} is of another entry")
            elif seq not in entries.leaves:
                told.add(f"{name} is of an entry that is not there")
            elif not proves_inclusion(entries.leaves[seq], seq, stated.size, proof.path, stated.root):
                told.add(f"{name} does not prove entry {seq}")
        return told.all()

    def missing_proofs(self, entries: Entries) -> list[str]:
        """Give sentences about entries that should have a proof of their own and have none."""
        told = Sentences()
        if self.newest and self.claimed is not None:
            covered, there = read_checkpoint(self.newest).size, set(self.claimed)
            for seq in entries.proven:
                if seq < covered and seq not in there:
                    told.add(f"proofs/{seq}.tlog-proof is missing")
        return told.all()


def read_outside(path: Path) -> tuple[list[str], list[str]]:
    """Give the notes of a file that did not come with the export, and what is wrong with it."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_LIST + 1)
    except OSError as error:
        return [], [f"{path} cannot be read: {error.strerror}"]
    if len(data) > LARGEST_LIST:
        return [], [f"{path} is larger than {LARGEST_LIST >> 20} MiB"]
    try:
        notes = split_notes(data.decode("utf-8"))
    except UnicodeDecodeError:
        return [], [f"{path} is no checkpoint: it is not UTF-8"]
    return notes, [] if notes else [f"{path} holds no checkpoint"]


def lies_in(folder: Path, path: Path) -> bool:
    """Say whether a file is one of the export itself."""
    real = Path(os.path.realpath(path))
    return Path(os.path.realpath(folder)) in [real, *real.parents]


def given_keys(text: str, folder: Path) -> list[Key]:
    """Give the keys that were typed or stand in a file of that name; none for a file of the export. Raises Bad."""
    try:
        return parsed_keys(text)
    except Bad:
        pass
    try:
        with Path(text).open("rb") as stream:
            found = parsed_keys(stream.read(LARGEST_NOTE).decode("utf-8"))
    except (OSError, ValueError):
        raise Bad from None
    return [] if lies_in(folder, Path(text)) else found


def parsed_keys(text: str) -> list[Key]:
    """Read keys with blanks or line ends between them. Raises Bad."""
    found = [read_key(word) for word in text.split()]
    if not found:
        raise Bad
    return found


class Answer(NamedTuple):
    """What a check says, as programs read it."""

    outcome: str
    entries: int = 0
    root: str = ""
    covered: int = 0
    problems: Sequence[str] = ()
    against: Sequence[str] = ()


def check(folder: Path, checkpoints: Sequence[Path], key: str | None) -> Answer:
    """Check an export. Raises Bad when what was typed is no key."""
    trusted = given_keys(key, folder) if key is not None else []
    if not os.path.isdir(folder):  # noqa: PTH112 - never raises
        return Answer("unknown", problems=[f"{folder} is missing, or is no folder"])
    export = Export(folder)
    stated, unreadable, inside = gather(export, checkpoints)
    keys = trusted or export.keys
    believed, disbelieved = [], []
    for one in stated:
        try:
            believed.append((one, believe_one(one, keys, export.keys)))
        except Bad as why:
            if one.outside or keys:
                disbelieved.append(f"{one.where} {why}")
    entries = Entries([item.size for _, item in believed], export.proofs)
    try:
        walk(folder, entries)
    except Unusable as why:
        return Answer("unknown", problems=[str(why)])
    wrong = [*entries.order.all(), *entries.lines.all(), *export.broken.all(), *export.broken_proofs(entries)]
    later = ["log.jsonl holds entries of a version that is not known here"] if entries.later_version else []
    unknown = [*export.unusable.all(), *later, *export.missing_proofs(entries), *unreadable, *disbelieved]
    held = hold(entries, believed)
    wrong += held.contradictions
    if not (wrong or unknown) and not (trusted and held.against):
        return modest(export, entries, inside, is_trusted=bool(trusted))
    outcome = "inconsistent" if wrong else "unknown" if unknown else "intact"
    covered = 0 if wrong else held.covered
    return Answer(outcome, entries.count, entries.shown_root(), covered, wrong or unknown, held.against)


def believe_one(one: Stated, keys: list[Key], came_along: list[Key]) -> Checkpoint:
    """Give a checkpoint that is believed; older ones also under keys that came with the export. Raises Bad."""
    try:
        return believe(one.note, keys)
    except Bad:
        if not one.older:
            raise
        try:
            return believe(one.note, came_along)
        except Bad:
            pass
        raise


def gather(export: Export, checkpoints: Sequence[Path]) -> tuple[list[Stated], list[str], list[str]]:
    """Give all checkpoints, what is wrong with files of them, and sentences about files that lie in the export."""
    stated, unreadable, inside = export.statements(), [], []
    for path in checkpoints:
        notes, wrong = read_outside(path)
        unreadable += wrong
        from_export = lies_in(export.folder, path)
        if from_export:
            inside.append(f"{path} lies in the export, so it vouches for nothing")
        stated += [Stated(str(path), note, not from_export) for note in notes]
    return stated, unreadable, inside


def walk(folder: Path, entries: Entries) -> None:
    """Go through all entries. Raises Unusable."""
    stream, size = open_file(folder, "log.jsonl")
    with stream:
        try:
            for line in lines_of(stream, size):
                entries.take(line)
        except OSError as error:
            raise Unusable(f"log.jsonl cannot be read: {error.strerror}") from None


class Held(NamedTuple):
    """What came of holding the entries against checkpoints."""

    covered: int
    against: list[str]
    contradictions: list[str]


def hold(entries: Entries, believed: Sequence[tuple[Stated, Checkpoint]]) -> Held:
    """Hold the entries against checkpoints that are believed."""
    covered, against, wrong = 0, [], []
    for one, item in believed:
        if item.size > entries.tree.count:
            if entries.whole:
                wrong.append(
                    f"the log is cut: {one.where} was signed over {item.size} entries, and there are {entries.count}"
                )
        elif entries.roots[item.size] != item.root:
            wrong.append(f"{one.where} was signed over {item.size} other entries than the first {item.size} here")
        elif one.outside and item.size:  # one over nothing vouches for nothing
            covered = max(covered, item.size)
            if one.where not in against:
                against.append(one.where)
    return Held(covered, against, wrong)


def modest(export: Export, entries: Entries, inside: Sequence[str], *, is_trusted: bool) -> Answer:
    """Say that it all fits together, and why that is all."""
    told = list(inside)
    if not is_trusted:
        told.append(KEY_CAME_ALONG if export.keys else NO_KEY)
    if not export.newest:
        told.append(UNSIGNED)
    return Answer("self_consistent", entries.count, entries.shown_root(), problems=told)


# People


def entries_in_words(count: int) -> str:
    """Give a number of entries."""
    return "1 entry" if count == 1 else f"{count} entries"


def in_words(found: Answer) -> str:
    """Give the answer as people read it."""
    count, rest = entries_in_words(found.entries), found.entries - found.covered
    lines = [
        {
            "intact": f"Intact: {count}.",
            "self_consistent": f"Self-consistent only: {count} fit together, but there is no checkpoint from outside "
            "the database to hold them against.",
            "inconsistent": "Inconsistent: this log is not what it was.",
            "unknown": "Unknown: not everything could be looked at.",
        }[found.outcome]
    ]
    lines += [f"- {problem}" for problem in found.problems]
    if found.against:
        lines.append(f"Held against: {', '.join(found.against)}.")
        if rest and found.outcome != "inconsistent":
            lines.append(f"{entries_in_words(rest)} after it: not covered by this checkpoint.")
    if found.root:
        lines.append(f"root {found.root}")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Check what was named, print the answer, and give the exit code."""
    parser = argparse.ArgumentParser(description="Check an export of an audit log of kbgov.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the export")
    parser.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a checkpoint that you have kept; repeats",
    )
    parser.add_argument("--key", metavar="VKEY", help="public key to believe, or a file with such")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    typed = parser.parse_args(arguments)
    try:
        found = check(typed.folder, typed.checkpoint, typed.key)
    except Bad:
        parser.error("--key: this is no public key, and no file with such")
    except ImportError:
        parser.error("the package cryptography is needed: python -m pip install cryptography")
    text = (
        json.dumps({name: getattr(found, name) for name in Answer._fields}, indent=2) + "\n"
        if typed.json
        else in_words(found)
    )
    sys.stdout.buffer.write(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
    return EXIT_CODES[found.outcome]


if __name__ == "__main__":
    sys.exit(main())
