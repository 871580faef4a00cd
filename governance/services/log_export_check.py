"""`kbgov log verify --export`: the same four answers as for a database, from the files of an export alone.

Everything in an export was handed over by those whose log is to be checked. So its own checkpoints and keys never make
it intact: that takes a checkpoint and a key that came another way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Final

from governance.domain.checkpoints import Checkpoint
from governance.domain.log_entry import ALLOWED, VERSION
from governance.domain.merkle import leaf_hash, verify_inclusion
from governance.domain.signed_note import SignedNote, VerifierKey
from governance.domain.values import Json, canonical_json
from governance.services.log_check import Read, check_entries
from governance.services.log_export_files import (
    ENTRIES,
    LONGEST_LINE,
    PROOFS,
    Unusable,
    is_proven,
    lines,
    opened,
    proof_name,
)
from governance.services.log_export_marks import Marks, Sentences, read_marks
from governance.services.log_verify import (
    Outcome,
    Verification,
    Witness,
    believed,
    read_checkpoints,
    read_keys,
    verdict,
)

KEY_CAME_ALONG: Final = (
    "the public key came with the export, so whoever wrote the export can have made it; --key takes one that you were "
    "given otherwise"
)
NO_KEY: Final = "there is no public key to check signatures with; --key takes one"
UNSIGNED: Final = "the export holds no checkpoint: nothing in it is signed"
_NEEDED: Final = frozenset({"v", "seq", "at", "action", "actor", "nonce"})


def verify_export(
    export: Path, checkpoints: Sequence[Path], key: str | None, trusted: Collection[VerifierKey]
) -> Verification:
    """Check an export against its own checkpoints and those of these files.

    Args:
        export: The folder.
        checkpoints: Files with checkpoints that did not come with the export; one that lies in it vouches for nothing.
        key: Public keys to believe, or the name of a file with them; None for `trusted`.
        trusted: Keys that are believed when none is named. Without any, those of the export are used, which proves
            nothing to anybody.

    Raises:
        ConfigError: What was named is no key.

    """
    keys = _named_keys(key, export) if key is not None else list(trusted)
    if not os.path.isdir(export):  # noqa: PTH112 - `Path.is_dir` raises where a folder above cannot be read
        return _unknown([f"{export} is missing, or is no folder"])
    marks = read_marks(export)
    outside, unreadable, inside = _outside(checkpoints, export)
    # After some rotations nobody who is handed the newest key knows those that signed the oldest checkpoints.
    older, doubted = believed(marks.older, keys or marks.keys, marks.keys)
    newer, more = believed([*marks.present, *outside], keys or marks.keys)
    signed = [*older, *newer]
    walk = _Walk(marks.proofs.keys())
    try:
        with opened(export, ENTRIES) as (stream, size):
            checked = check_entries(walk.entries(stream, size), [item.checkpoint.size for item in signed])
    except Unusable as why:
        return _unknown([str(why)])
    wrong = [*walk.wrong.told, *marks.broken.told, *_broken_proofs(marks, walk)]
    unknown = [*marks.unusable.told, *walk.unknown, *_missing_proofs(marks, walk), *unreadable, *doubted, *more]
    found = verdict(checked, wrong, signed, unknown)
    return _without_trust(found, marks, inside, trusted=bool(keys))


@dataclass(slots=True)
class _Walk:
    """What is met on the way through the entries.

    Attributes:
        wanted: Entries whose hashes are needed.
        leaves: Those hashes.
        proven: Entries that should have a proof of their own.

    """

    wanted: Collection[int]
    leaves: dict[int, bytes] = field(default_factory=dict)
    proven: list[int] = field(default_factory=list)
    wrong: Sentences = field(default_factory=Sentences)
    unknown: list[str] = field(default_factory=list)
    _converted: bool = False

    def entries(self, stream: BinaryIO, size: int) -> Iterator[Read]:
        """Give the entries as they stand in their lines; one that cannot be read has the number of its line."""
        for place, line in enumerate(lines(stream, size, LONGEST_LINE)):
            body = line.removesuffix(b"\n")
            if len(line) > LONGEST_LINE:
                self.wrong.tell(f"{ENTRIES} is damaged: line {place + 1} has more than {LONGEST_LINE} bytes")
            elif body == line:
                self.wrong.tell(f"{ENTRIES} is damaged: its last line is cut off")
            yield self._read(place, body)

    def _read(self, place: int, body: bytes) -> Read:
        found = _entry(body.removesuffix(b"\r"))
        if body.endswith(b"\r"):
            self._tell_converted()
        elif found is None:
            self.wrong.tell(f"line {place + 1} of {ENTRIES} is no entry of this log")
        elif found["v"] != VERSION:
            self._tell_version()
        elif not all(name in ALLOWED and ALLOWED[name](value) for name, value in found.items()):
            self.wrong.tell(f"line {place + 1} of {ENTRIES} holds what no entry may hold")
        seq = place if found is None else int(str(found["seq"]))
        if found is not None and is_proven(str(found["action"])):
            self.proven.append(seq)
        if seq in self.wanted:
            self.leaves.setdefault(seq, leaf_hash(body))
        return seq, body.decode("utf-8", "surrogateescape"), None

    def _tell_converted(self) -> None:
        if not self._converted:
            self.wrong.tell(f"{ENTRIES} is damaged: its lines end with CR LF, so something has converted it")
        self._converted = True

    def _tell_version(self) -> None:
        sentence = f"{ENTRIES} holds entries of a version that is not known here"
        if sentence not in self.unknown:
            self.unknown.append(sentence)


def _entry(body: bytes) -> Mapping[str, Json] | None:
    """Give what a line says when it is written as entries are, whatever its fields hold."""
    try:
        found: Json = json.loads(body.decode("ascii"))
        if not isinstance(found, dict) or not found.keys() >= _NEEDED or canonical_json(found) != body:
            return None
    except (ValueError, RecursionError):
        return None
    return found if ALLOWED["seq"](found["seq"]) and ALLOWED["v"](found["v"]) else None


def _broken_proofs(marks: Marks, walk: _Walk) -> list[str]:
    told = Sentences()
    for seq, proof in marks.proofs.items():
        name = f"{PROOFS}/{proof_name(seq)}"
        checkpoint = Checkpoint.parse(SignedNote.parse(proof.checkpoint).text)
        if proof.index != seq:
            told.tell(f"{name} is of another entry")
        elif seq not in walk.leaves:
            told.tell(f"{name} is of an entry that is not there")
        elif not verify_inclusion(walk.leaves[seq], seq, checkpoint.size, proof.path, checkpoint.root):
            told.tell(f"{name} does not prove entry {seq}")
    return told.told


def _missing_proofs(marks: Marks, walk: _Walk) -> list[str]:
    told = Sentences()
    if marks.newest is not None and marks.claimed is not None:
        there = frozenset(marks.claimed)
        for seq in walk.proven:
            if seq < marks.newest.checkpoint.size and seq not in there:
                told.tell(f"{PROOFS}/{proof_name(seq)} is missing")
    return told.told


def _outside(paths: Sequence[Path], export: Path) -> tuple[list[Witness], list[str], list[str]]:
    """Give the checkpoints of files, what is wrong with these, and sentences about files that lie in the export."""
    found: list[Witness] = []
    unreadable: list[str] = []
    inside: list[str] = []
    for path in paths:
        witnesses, wrong = read_checkpoints(path)
        unreadable += wrong
        if _lies_in(export, path):
            inside.append(f"{path} lies in the export, so it vouches for nothing")
            witnesses = [replace(item, outside=False) for item in witnesses]
        found += witnesses
    return found, unreadable, inside


def _without_trust(found: Verification, marks: Marks, inside: Sequence[str], *, trusted: bool) -> Verification:
    """Say no more than what a key shows that came with the export, and why it is no more."""
    if found.outcome not in {Outcome.INTACT, Outcome.SELF_CONSISTENT} or (trusted and found.against):
        return found
    told = list(inside)
    if not trusted:
        told.append(KEY_CAME_ALONG if marks.keys else NO_KEY)
    if marks.newest is None:
        told.append(UNSIGNED)
    return replace(found, outcome=Outcome.SELF_CONSISTENT, covered=0, problems=told, against=[])


def _named_keys(text: str, export: Path) -> list[VerifierKey]:
    """Give the public keys that were named; none for a file of the export itself. Raises ConfigError."""
    found, path = read_keys(text)
    return [] if path is not None and _lies_in(export, path) else found


def _lies_in(export: Path, path: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(export))


def _unknown(problems: Sequence[str]) -> Verification:
    return Verification(outcome=Outcome.UNKNOWN, entries=0, root="", problems=problems)
