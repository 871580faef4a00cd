"""What an export holds beside its entries: keys, checkpoints and proofs, each read strictly or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from governance.domain.checkpoints import Checkpoint, TlogProof
from governance.domain.merkle import verify_consistency
from governance.domain.signed_note import Malformed, SignedNote, VerifierKey, from_base64, notes_in
from governance.domain.values import canonical_json
from governance.services.log_check import TOLD
from governance.services.log_export_files import (
    CHECKPOINT,
    CHECKPOINTS,
    CONSISTENCY,
    KEYS,
    LARGEST,
    LONGEST_LINE,
    PROOFS,
    Unusable,
    content,
    lines,
    opened,
    proof_name,
    proofs_in,
)
from governance.services.log_verify import Witness

T = TypeVar("T")


class Sentences:
    """Problems in the order in which they were met; beyond a number of them they are only counted."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self._untold = 0

    def tell(self, sentence: str) -> None:
        """Take one down."""
        if len(self._told) < TOLD:
            self._told.append(sentence)
        else:
            self._untold += 1

    @property
    def told(self) -> list[str]:
        """The sentences, and how many more there are."""
        return [*self._told, f"and {self._untold} more"] if self._untold else list(self._told)


@dataclass(frozen=True, slots=True)
class Mark:
    """A checkpoint of an export. Whether it is signed by anybody who is believed is not looked at."""

    note: str
    checkpoint: Checkpoint


@dataclass(slots=True)
class Marks:
    """What could be read.

    Attributes:
        keys: Public keys that came with the export, the newest first.
        newest: The newest checkpoint; None where nothing is signed, or it cannot be read.
        every: All checkpoints, the oldest first; None where they cannot be read.
        proofs: By entry: its proof.
        claimed: Entries that there is a file with a proof of, whatever it holds; None where nobody knows.
        unusable: Sentences about what is missing, damaged or cannot be read.
        broken: Sentences about proofs that do not hold.

    """

    keys: Sequence[VerifierKey] = ()
    newest: Mark | None = None
    every: Sequence[Mark] | None = ()
    proofs: dict[int, TlogProof] = field(default_factory=dict)
    claimed: Sequence[int] | None = ()
    unusable: Sentences = field(default_factory=Sentences)
    broken: Sentences = field(default_factory=Sentences)

    @property
    def older(self) -> list[Witness]:
        """The checkpoints before the newest one."""
        return [Witness(_where(mark), mark.note, outside=False) for mark in (self.every or ())[:-1]]

    @property
    def present(self) -> list[Witness]:
        """The newest checkpoint, and whatever else stands where it should, each once."""
        named = {mark.note: _where(mark) for mark in (self.every or ())[-1:]}
        if self.newest is not None:
            named.setdefault(self.newest.note, CHECKPOINT)
        for seq, proof in self.proofs.items():
            named.setdefault(proof.checkpoint, f"{PROOFS}/{proof_name(seq)}")
        return [Witness(where, note, outside=False) for note, where in named.items()]

    def take(self, read: Callable[[], T]) -> T | None:
        """Give what a file holds; None, with a sentence, when it cannot be used."""
        try:
            return read()
        except Unusable as why:
            self.unusable.tell(str(why))
            return None


def read_marks(export: Path) -> Marks:
    """Read everything in an export but its entries."""
    marks = Marks()
    marks.keys = marks.take(lambda: _keys(export)) or ()
    before = marks.unusable.told
    marks.newest = marks.take(lambda: _newest(export))
    marks.every = marks.take(lambda: _every(export))
    last = marks.every[-1] if marks.every else None
    if marks.unusable.told == before and marks.newest != last:
        marks.unusable.tell(f"{CHECKPOINT} and {CHECKPOINTS} do not belong together")
    for sentence in marks.take(lambda: list(_broken_consistency(export, marks.every))) or ():
        marks.broken.tell(sentence)
    marks.claimed = marks.take(lambda: proofs_in(export))
    for seq in marks.claimed or ():
        proof = marks.take(lambda seq=seq: _proof(export, seq))  # type: ignore[misc]
        if proof is not None:
            marks.proofs[seq] = proof
    return marks


def _where(mark: Mark) -> str:
    return f"the checkpoint of {mark.checkpoint.size} entries"


def _keys(export: Path) -> list[VerifierKey]:
    *found, rest = _text(export, KEYS).split("\n")
    try:
        keys = [VerifierKey.parse(line) for line in found]
    except Malformed:
        keys = []
    if rest or len(keys) < len(found):
        raise _damaged(KEYS)
    return keys


def _newest(export: Path) -> Mark | None:
    note = _text(export, CHECKPOINT)
    return _mark(note, CHECKPOINT) if note else None


def _every(export: Path) -> list[Mark]:
    text = _text(export, CHECKPOINTS)
    notes = notes_in(text)
    found = [_mark(note, CHECKPOINTS) for note in notes]
    rising = all(old.checkpoint.size < new.checkpoint.size for old, new in pairwise(found))
    if "\n".join(notes) != text or not rising:
        raise _damaged(CHECKPOINTS)
    return found


def _broken_consistency(export: Path, every: Sequence[Mark] | None) -> Iterator[str]:
    """Give sentences about the proofs between successive checkpoints that do not hold."""
    with opened(export, CONSISTENCY) as (stream, size):
        if every is None:  # nobody can say what they should prove
            return
        pairs = [(old.checkpoint, new.checkpoint) for old, new in pairwise(every)]
        found = lines(stream, min(size, LARGEST[CONSISTENCY]), LONGEST_LINE)
        for old, new in pairs:
            path = _path(next(found, b""), old, new)
            if not verify_consistency(old.size, new.size, old.root, new.root, path):
                yield f"{CONSISTENCY} does not prove that the checkpoint of {old.size} goes on in that of {new.size}"
        if next(found, None) is not None:
            raise _damaged(CONSISTENCY)


def _path(line: bytes, old: Checkpoint, new: Checkpoint) -> list[bytes]:
    """Read a line of the file of consistency proofs. Raises Unusable unless it is about these two checkpoints."""
    try:
        found = json.loads(line.decode("ascii"))
        proof = found["proof"]
        if (
            isinstance(proof, list)
            and canonical_json({"from": old.size, "to": new.size, "proof": proof}) + b"\n" == line
        ):
            return [from_base64(one) for one in proof]
    except (ValueError, RecursionError, TypeError, KeyError):  # Malformed is a ValueError
        pass
    raise _damaged(CONSISTENCY)


def _proof(export: Path, seq: int) -> TlogProof:
    name = f"{PROOFS}/{proof_name(seq)}"
    try:
        found = TlogProof.parse(_text(export, name, LARGEST[PROOFS]))
    except Malformed:
        raise _damaged(name) from None
    if found.extra is not None:  # this log writes none, and nobody vouches for it
        raise _damaged(name)
    return found


def _mark(note: str, name: str) -> Mark:
    try:
        return Mark(note, Checkpoint.parse(SignedNote.parse(note).text))
    except Malformed:
        raise _damaged(name) from None


def _text(export: Path, name: str, largest: int | None = None) -> str:
    try:
        return content(export, name, LARGEST[name] if largest is None else largest).decode("utf-8")
    except UnicodeDecodeError:
        raise _damaged(name) from None


def _damaged(name: str) -> Unusable:
    return Unusable(f"{name} is damaged")
