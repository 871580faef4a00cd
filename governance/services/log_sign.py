"""Signs checkpoints of the log, each only after proving that the log begins with what the last one was signed over.

The note is kept in the database and, beside the keys, in a file: whoever changes the database alone cannot make this
forget what it signed. The file is written before the transaction ends, so it is never behind what was given out.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from governance.catalog.log import Log, LogHead
from governance.catalog.log_marks import StoredCheckpoint
from governance.catalog.unit_of_work import Catalog
from governance.domain.checkpoints import Checkpoint
from governance.domain.errors import ConfigError, LogInconsistent
from governance.domain.merkle import (
    Frontier,
    Subtree,
    consistency_subtrees,
    fold,
    frontier_subtrees,
    verify_consistency,
)
from governance.domain.signed_note import VerifierKey
from governance.keyring.ring import Keyring
from governance.keyring.signing import sign_note
from governance.services.log_verify import Witness, believed, known_verifiers, read_checkpoints, spoiled

DUE: Final = timedelta(hours=1)
"""How old the last checkpoint may be when a command has written an entry."""
REMEMBERED: Final = "checkpoint"
"""Name of the file beside the keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A checkpoint.

    Attributes:
        fresh: Whether it was signed now; else it was there, and nothing was appended since.

    """

    checkpoint: StoredCheckpoint
    fresh: bool


def sign_checkpoint(
    catalog: Catalog, keyring: Keyring, now: datetime, outside: Sequence[Witness] = ()
) -> Signed | None:
    """Sign the log as it stands; None when it is empty.

    Args:
        catalog: Where the log is.
        keyring: What signs, and where the last checkpoint is remembered.
        now: The present moment.
        outside: What anchors have: the log must go on from that as well.

    Raises:
        LogInconsistent: The log does not begin with what was signed before; nothing was signed.
        ConfigError: There is no signing key.

    """
    with catalog.write() as uow:
        head = uow.log.locked_head()
        root = _root_of(head)
        last = uow.checkpoints.newest()
        memory = remembered(keyring.folder)
        if head.size == 0 and last is None and not memory and not outside:
            return None
        for before in _signed_before(keyring, last, [*memory, *outside], known_verifiers(uow)):
            require_consistent(uow.log, before, head.size, root)
        if last is not None and last.size == head.size:
            return Signed(checkpoint=last, fresh=False)
        text = Checkpoint(keyring.origin, head.size, root).text
        made = StoredCheckpoint(size=head.size, note=sign_note(text, keyring.signers), signed_at=now)
        uow.checkpoints.add(made)
        remember(keyring.folder, made.note)
    return Signed(checkpoint=made, fresh=True)


def is_due(catalog: Catalog, now: datetime) -> bool:
    """Say whether the last checkpoint is older than it may be; a log that was never signed is due."""
    with catalog.read() as uow:
        last = uow.checkpoints.newest()
    return last is None or not timedelta() <= now - last.signed_at <= DUE  # a clock that went back is no excuse


def require_consistent(log: Log, before: Checkpoint, size: int, root: bytes) -> None:
    """Prove from the stored hashes that the log of `size` entries begins with what a checkpoint was signed over.

    Raises:
        LogInconsistent: It does not.

    """
    if before.size > size:
        raise _inconsistent(f"a checkpoint was signed over {before.size} entries, and there are {size}")
    parts = consistency_subtrees(before.size, size)
    wanted = {*frontier_subtrees(before.size), *frontier_subtrees(size), *(one for part in parts for one in part)}
    hashes = log.hashes_of(wanted)

    def folded(subtrees: list[Subtree]) -> bytes:
        return fold([hashes[one] for one in subtrees])

    if folded(frontier_subtrees(size)) != root:
        raise _inconsistent("its head does not fit its entries")
    path = [folded(part) for part in parts]
    if folded(frontier_subtrees(before.size)) != before.root or not (
        before.size == 0 or verify_consistency(before.size, size, before.root, root, path)
    ):
        raise _inconsistent(f"a checkpoint was signed over {before.size} other entries than those that are first now")


def remembered(folder: Path) -> list[Witness]:
    """Give the checkpoint that was signed last on this machine, if there is one.

    Raises:
        ConfigError: Something is there that cannot be read: then nobody knows what was signed.

    """
    path = folder / REMEMBERED
    if not os.path.lexists(path):
        return []
    found, wrong = read_checkpoints(path)
    if wrong:
        raise ConfigError(
            f"what was signed last cannot be told: {wrong[0]}",
            item=str(path),
            next_step="look who changed it; take it away only if you know why, and verify the log first",
        )
    return [Witness("the checkpoint that was signed here last", item.note, outside=False) for item in found]


def remember(folder: Path, note: str) -> None:
    """Keep a note beside the keys; where these come from the environment alone there is no such place."""
    if not folder.is_dir():
        return
    path, scratch = folder / REMEMBERED, folder / f".{REMEMBERED}.{os.getpid()}"
    with suppress(OSError):  # a folder that cannot be written: the database and the anchors still have it
        scratch.write_text(note, "utf-8", newline="\n")
        with scratch.open("rb") as stream:
            os.fsync(stream.fileno())
        scratch.replace(path)
    with suppress(OSError):
        scratch.unlink(missing_ok=True)


def _signed_before(
    keyring: Keyring, last: StoredCheckpoint | None, others: Sequence[Witness], known: Collection[VerifierKey]
) -> list[Checkpoint]:
    stored = [Witness(f"the checkpoint of {last.size} entries", last.note, outside=False)] if last else []
    wrong = spoiled(stored[0], last.size, keyring.verifiers) if last else None
    if wrong is not None:
        raise _inconsistent(wrong)
    signed, unusable = believed([*stored, *others], keyring.verifiers, known)
    if unusable:
        raise _inconsistent(unusable[0])
    return [item.checkpoint for item in signed]


def _root_of(head: LogHead) -> bytes:
    try:
        return Frontier.from_bytes(head.size, head.frontier).root
    except ValueError:
        raise _inconsistent("its head does not fit its size") from None


def _inconsistent(what: str) -> LogInconsistent:
    return LogInconsistent(
        f"no checkpoint is signed: {what}", item="audit log", next_step="kbgov log verify tells what is wrong"
    )
