"""`kbgov log verify`: whether the log is what it was, and how sure that is.

A log that fits together proves little: whoever owns the database can write another one that fits together as well. Only
a checkpoint that is outside the database shows that. So there are four answers and each has its own words: intact,
self-consistent only, inconsistent, unknown.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from governance.catalog.log import Log
from governance.catalog.log_marks import StoredCheckpoint
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.checkpoints import Checkpoint
from governance.domain.errors import ConfigError, KbgovError, LogInconsistent, TryAgain
from governance.domain.signed_note import Malformed, SignedNote, VerifierKey, notes_in, to_base64
from governance.domain.values import Json
from governance.keyring.signing import BadSignature, verified_by
from governance.services.log_check import Checked, Read, check_entries

_FORGED: Final = "bears a signature that the key did not make: it was changed or forged"
LARGEST_FILE: Final = 64 << 20
"""Bytes of a file with checkpoints: a year of hourly ones takes 3 MB."""


LONGEST_KEYS: Final = 64 << 10
"""Bytes of a file with public keys."""


class Outcome(StrEnum):
    """What a verification says."""

    INTACT = "intact"
    SELF_CONSISTENT = "self_consistent"
    INCONSISTENT = "inconsistent"
    UNKNOWN = "unknown"


EXIT_CODES: Final[Mapping[Outcome, int]] = {
    Outcome.INTACT: 0,
    Outcome.SELF_CONSISTENT: 3,
    Outcome.INCONSISTENT: 5,
    Outcome.UNKNOWN: 75,
}


@dataclass(frozen=True, slots=True)
class Witness:
    """A checkpoint to hold the log against.

    Attributes:
        where: What people call the place it comes from.
        note: The signed note.
        outside: Whether it was kept outside the database, and may so show that the log is what it was.
        file: Whether `where` is a file as somebody typed it.

    """

    where: str
    note: str
    outside: bool
    file: bool = False

    @property
    def kept_as(self) -> str:
        """The same for what is stored, where no name of a file belongs: it may name somebody."""
        return "a file that was given" if self.file else self.where


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The answer.

    Attributes:
        root: Of the tree over all entries, as checkpoints write it; "" where there is none.
        covered: How many entries an outside checkpoint vouches for.
        problems: Sentences about what is wrong, or about what could not be looked at.
        against: Where the checkpoints came from that the log was held against.
        to_keep: What is wrong, without names of files; None where `problems` has none.

    """

    outcome: Outcome
    entries: int
    root: str
    covered: int = 0
    problems: Sequence[str] = ()
    against: Sequence[str] = ()
    to_keep: Sequence[str] | None = None

    @property
    def exit_code(self) -> int:
        """The contract's exit code."""
        return EXIT_CODES[self.outcome]

    def as_json(self) -> dict[str, Json]:
        """Give the contract's document."""
        return {
            "outcome": self.outcome.value,
            "entries": self.entries,
            "root": self.root,
            "covered": self.covered,
            "problems": list(self.problems),
            "against": list(self.against),
        }


@dataclass(slots=True)
class _Judged:
    """What the checkpoints say."""

    covered: int = 0
    against: list[str] = field(default_factory=list)
    contradicted: list[str] = field(default_factory=list)
    to_keep: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)

    def contradict(self, witness: Witness, before: str, after: str) -> None:
        """Take down that a checkpoint says something else than the log, in words around where it comes from."""
        self.contradicted.append(before + witness.where + after)
        self.to_keep.append(before + witness.kept_as + after)


@dataclass(frozen=True, slots=True)
class _Signed:
    """A checkpoint that was signed with a key that is trusted."""

    witness: Witness
    checkpoint: Checkpoint


def verify_catalog(
    catalog: Catalog, keys: Collection[VerifierKey], outside: Sequence[Witness], unreadable: Sequence[str] = ()
) -> Verification:
    """Check the log of a catalog against its own checkpoints and those from outside.

    Args:
        catalog: Where the log is.
        keys: Public keys whose signatures are believed.
        outside: Checkpoints that do not come from the database.
        unreadable: Sentences about checkpoints that should have been there and could not be read.

    """
    try:
        try:
            found = _looked_at(catalog, keys, outside, uow_rows=Log.rows)
        except TryAgain:
            raise
        except KbgovError:  # a body that is no text any more keeps the whole row from being read
            found = _looked_at(catalog, keys, outside, uow_rows=Log.raw_rows)
    except LogInconsistent as error:
        return Verification(outcome=Outcome.INCONSISTENT, entries=0, root="", problems=[error.message])
    except KbgovError as error:  # whatever keeps from reading it: busy, damaged, a table that is gone
        return Verification(outcome=Outcome.UNKNOWN, entries=0, root="", problems=[error.message])
    checked, problems, signed, unusable = found
    return verdict(checked, problems, signed, [*unreadable, *unusable])


def _looked_at(
    catalog: Catalog,
    keys: Collection[VerifierKey],
    outside: Sequence[Witness],
    uow_rows: Callable[[Log], Iterable[Read]],
) -> tuple[Checked, list[str], list[_Signed], list[str]]:
    with catalog.read() as uow:
        uow.log.require_tables()
        own = {item.size: _own(item) for item in uow.checkpoints.every()}
        problems = [said for size, item in own.items() if (said := spoiled(item, size, keys)) is not None]
        sound = [item for size, item in own.items() if spoiled(item, size, keys) is None]
        signed, unusable = believed([*sound, *outside], keys, known_verifiers(uow))
        checked = check_entries(uow_rows(uow.log), [item.checkpoint.size for item in signed])
        return checked, [*problems, *_problems_of_head(checked, uow.log.head())], signed, unusable


def spoiled(witness: Witness, size: int, keys: Collection[VerifierKey]) -> str | None:
    """Say what shows that a stored checkpoint was changed where it is stored; None when nothing does."""
    try:
        note = SignedNote.parse(witness.note)
        found = Checkpoint.parse(note.text)
        verified_by(note, keys)
    except Malformed as error:
        return f"{witness.where} is no checkpoint: {error}"
    except BadSignature:
        return f"{witness.where} {_FORGED}"
    return f"{witness.where} speaks of {found.size} entries" if found.size != size else None


def verdict(
    checked: Checked, problems: Sequence[str], signed: Iterable[_Signed], unusable: Sequence[str]
) -> Verification:
    """Say what all of it means: one contradiction outweighs everything else."""
    judged = _Judged(unusable=list(unusable))
    for item in signed:
        _judge(judged, checked, item)
    wrong = [*checked.told, *problems, *judged.contradicted]
    root = to_base64(checked.frontier.root) if checked.whole else ""
    if wrong:
        outcome, told = Outcome.INCONSISTENT, wrong
    elif judged.unusable:
        outcome, told = Outcome.UNKNOWN, judged.unusable
    else:
        outcome, told = (Outcome.INTACT if judged.against else Outcome.SELF_CONSISTENT), []
    return Verification(
        outcome=outcome,
        entries=checked.entries,
        root=root,
        covered=0 if wrong else judged.covered,
        problems=told,
        against=judged.against,
        to_keep=[*checked.told, *problems, *judged.to_keep] if wrong else None,
    )


def known_verifiers(uow: UnitOfWork) -> list[VerifierKey]:
    """Give the public keys that the catalog says were in use once; whoever owns the catalog can add others."""
    found = []
    for line in uow.log_keys.verifiers():
        with suppress(Malformed):
            found.append(VerifierKey.parse(line))
    return found


def believed(
    witnesses: Iterable[Witness], keys: Collection[VerifierKey], known: Collection[VerifierKey] = ()
) -> tuple[list[_Signed], list[str]]:
    """Give the checkpoints that a trusted key signed, and sentences about those that none did.

    Args:
        witnesses: The checkpoints.
        keys: Public keys that are trusted.
        known: Public keys that may have been in use once, because keys get lost. A checkpoint that one of them signed
            is held against the log like the others, but vouches for nothing: the owner of the database can name any
            key. One from outside is told, unless another one from outside is trusted.

    """
    signed: list[_Signed] = []
    unusable: list[str] = []
    doubted: list[str] = []
    for witness in witnesses:
        found = _read(witness, keys)
        earlier = found if isinstance(found, Checkpoint) else _read(witness, known)
        if isinstance(found, Checkpoint):
            signed.append(_Signed(witness, found))
        elif isinstance(earlier, Checkpoint):
            signed.append(_Signed(replace(witness, outside=False), earlier))
            doubted += [f"{witness.where} {found}"] if witness.outside else []
        elif witness.outside or keys:
            unusable.append(f"{witness.where} {found}")
    vouched = any(item.witness.outside for item in signed)
    return signed, unusable if vouched else [*unusable, *doubted]


def read_checkpoints(path: Path) -> tuple[list[Witness], list[str]]:
    """Give the checkpoints of a file, and what is wrong with it.

    A file of an anchor holds many, one behind the other.
    """
    try:
        raw = _bytes_of(path)
    except OSError as error:
        return [], [f"{path} cannot be read: {error.strerror}"]
    if raw is None:
        return [], [f"{path} is no plain file"]
    if len(raw) > LARGEST_FILE:
        return [], [f"{path} is larger than {LARGEST_FILE >> 20} MiB"]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return [], [f"{path} is no checkpoint: it is not UTF-8"]
    notes = notes_in(text)
    found = [Witness(str(path), note, outside=True, file=True) for note in notes]
    return found, [] if notes else [f"{path} holds no checkpoint"]


def read_keys(text: str) -> tuple[list[VerifierKey], Path | None]:
    """Give the public keys that were typed, or that stand in a file of that name, and that file.

    Raises:
        ConfigError: It is neither.

    """
    try:
        return _parsed_keys(text), None
    except Malformed as error:
        path, reason = Path(text), str(error)
    try:
        with path.open("rb") as stream:
            return _parsed_keys(stream.read(LONGEST_KEYS).decode("utf-8")), path
    except (OSError, ValueError):  # Malformed is a ValueError
        raise ConfigError(
            f"this is no public key: {reason}",
            item="--key",
            next_step="give the lines of a file vkey that you were not given with the export, or its name",
        ) from None


def _bytes_of(path: Path) -> bytes | None:
    """Give what a plain file holds, up to one byte more than it may; None for a pipe, a device or a folder."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as stream:  # noqa: PTH123 - a descriptor, so that nothing waits for a pipe
        return stream.read(LARGEST_FILE + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else None


def _parsed_keys(text: str) -> list[VerifierKey]:
    """Read keys with blanks or line ends between them. Raises Malformed."""
    found = [VerifierKey.parse(word) for word in text.split()]
    if not found:
        raise Malformed("there is none")
    return found


def _own(item: StoredCheckpoint) -> Witness:
    return Witness(f"the stored checkpoint of {item.size} entries", item.note, outside=False)


def _read(witness: Witness, keys: Collection[VerifierKey]) -> Checkpoint | str:
    """Give the checkpoint, or what is wrong with it."""
    try:
        note = SignedNote.parse(witness.note)
        found = Checkpoint.parse(note.text)
        signers = verified_by(note, keys)
    except Malformed as error:
        return f"is no checkpoint: {error}"
    except BadSignature:
        return _FORGED
    if not signers:
        return "is signed by none of the keys that are trusted here"
    if found.origin not in {key.name for key in signers}:
        return "is of another log"
    return found


def _judge(judged: _Judged, checked: Checked, item: _Signed) -> None:
    size, where = item.checkpoint.size, item.witness.where
    if size > checked.frontier.size:
        if checked.whole:
            after = f" was signed over {size} entries, and there are {checked.entries}"
            judged.contradict(item.witness, "the log is cut: ", after)
        return
    if checked.roots.get(size) != item.checkpoint.root:
        judged.contradict(item.witness, "", f" was signed over {size} other entries than the first {size} here")
    elif item.witness.outside and size:  # one over nothing vouches for nothing
        judged.covered = max(judged.covered, size)
        if where not in judged.against:
            judged.against.append(where)


def _problems_of_head(checked: Checked, head: tuple[int, bytes]) -> list[str]:
    size, frontier = head
    if not checked.whole:
        return []
    if size != checked.entries:
        return [f"the head of the log counts {size} entries, and there are {checked.entries}"]
    if frontier != checked.frontier.to_bytes() and not checked.changed:
        return ["the head of the log does not fit the entries"]
    return []
