"""`kbgov log prove`: that an entry is in the log, for people without the log (c2sp.org/tlog-proof).

Proofs come from the hashes that stand beside the entries, and none is given out that does not hold.
"""

from __future__ import annotations

from typing import Final

from governance.catalog.log import Log, StoredEntry
from governance.catalog.log_marks import StoredCheckpoint
from governance.catalog.unit_of_work import Catalog
from governance.domain.checkpoints import Checkpoint, TlogProof
from governance.domain.errors import InputError, LogInconsistent, Refused
from governance.domain.merkle import (
    Subtree,
    consistency_subtrees,
    fold,
    inclusion_subtrees,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from governance.domain.signed_note import Malformed, SignedNote
from governance.keyring.families import Family
from governance.services.log_keep import LogKeeper
from governance.services.log_verify import Witness, believed, known_verifiers

_NEXT: Final = "kbgov log verify tells what is wrong"


def prove(keeper: LogKeeper, seq: int, *, may_sign: bool = True) -> str:
    """Give the proof of an entry against the newest checkpoint; one is signed when none covers the entry.

    Raises:
        InputError: There is no entry of this number.
        Refused: No checkpoint covers the entry, and whoever acts may not sign one.
        LogInconsistent: What is stored proves nothing, or was not signed with a key of this installation.
        ConfigError: No checkpoint covers the entry, and there is no key to sign one.

    """
    covering = _covering(keeper.catalog, seq)
    if covering is None and not may_sign:
        raise Refused(
            "no checkpoint covers this entry yet, and signing one needs another role",
            item=str(seq),
            next_step="have an operator type kbgov log checkpoint",
        )
    if covering is None:
        keeper.checkpoint()
        covering = _covering(keeper.catalog, seq)
    if covering is None:
        raise _inconsistent(f"no checkpoint covers entry {seq}, not even one that was signed just now")
    with keeper.catalog.read() as uow:
        if keeper.keyring.held(Family.SIGNING):
            newest = [Witness("the newest checkpoint", covering.note, outside=False)]
            _, unusable = believed(newest, keeper.keyring.verifiers, known_verifiers(uow))
            if unusable:
                raise _inconsistent(unusable[0])
        entry = uow.log.entry(seq)
        if entry is None:
            raise _inconsistent(f"entry {seq} is gone")
        return proof_of(uow.log, entry, covering.note)


def proof_of(log: Log, entry: StoredEntry, note: str) -> str:
    """Give the proof of an entry against a checkpoint that covers it, as the content of a file.

    Raises:
        LogInconsistent: The stored hashes do not prove it, or the note is no checkpoint.

    """
    checkpoint = checkpoint_of(note)
    path = inclusion_path(log, entry.seq, checkpoint.size)
    leaf = leaf_hash(entry.body.encode("utf-8", "surrogateescape"))
    if not verify_inclusion(leaf, entry.seq, checkpoint.size, path, checkpoint.root):
        raise _inconsistent(f"the hashes that are stored do not prove entry {entry.seq}")
    return TlogProof(entry.seq, tuple(path), note).render()


def inclusion_path(log: Log, index: int, size: int) -> list[bytes]:
    """Give the path from an entry to the root of the tree of that size. Raises LogInconsistent."""
    return _folded(log, inclusion_subtrees(index, size))


def consistency_path(log: Log, old: Checkpoint, new: Checkpoint) -> list[bytes]:
    """Give what proves that a checkpoint goes on in a later one.

    Raises:
        LogInconsistent: The stored hashes do not prove it.

    """
    path = _folded(log, consistency_subtrees(old.size, new.size))
    if not verify_consistency(old.size, new.size, old.root, new.root, path):
        raise _inconsistent(f"the checkpoint of {old.size} entries does not go on in that of {new.size}")
    return path


def checkpoint_of(note: str) -> Checkpoint:
    """Read a stored checkpoint. Raises LogInconsistent."""
    try:
        return Checkpoint.parse(SignedNote.parse(note).text)
    except Malformed as error:
        raise _inconsistent(f"a stored checkpoint is none: {error}") from None


def _folded(log: Log, parts: list[list[Subtree]]) -> list[bytes]:
    hashes = log.hashes_of({subtree for part in parts for subtree in part})
    return [fold([hashes[subtree] for subtree in part]) for part in parts]


def _covering(catalog: Catalog, seq: int) -> StoredCheckpoint | None:
    """Give the newest checkpoint when it covers an entry.

    Raises:
        InputError: There is no entry of this number.

    """
    with catalog.read() as uow:
        if uow.log.entry(seq) is None:
            raise InputError(
                "the log has no entry of this number", item=str(seq), next_step="kbgov log list shows the numbers"
            )
        newest = uow.checkpoints.newest()
    return newest if newest is not None and newest.size > seq else None


def _inconsistent(what: str) -> LogInconsistent:
    return LogInconsistent(f"nothing is proven: {what}", item="audit log", next_step=_NEXT)
