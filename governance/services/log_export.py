"""`kbgov log export`: the log as files, for whoever is to check it without this installation.

An export records nothing and depends on nothing but the log, so that two exports of one log are the same to the byte.
What does not fit together is not exported.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final

from governance.catalog.log_marks import StoredCheckpoint
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.checkpoints import Checkpoint
from governance.domain.errors import LogInconsistent
from governance.domain.signed_note import to_base64
from governance.domain.values import canonical_json
from governance.keyring.families import Family
from governance.keyring.ring import Keyring
from governance.services.export_folder import ExportFolder, export_folder
from governance.services.log_check import Read, check_entries
from governance.services.log_export_files import (
    CHECKPOINT,
    CHECKPOINTS,
    CONSISTENCY,
    ENTRIES,
    KEYS,
    PROOFS,
    README,
    SCRIPT,
    is_proven,
    proof_name,
)
from governance.services.log_keep import LogKeeper
from governance.services.log_prove import checkpoint_of, consistency_path, proof_of
from governance.services.log_verify import known_verifiers

_ACTION: Final = re.compile(r'\{"action":"([a-z0-9_.:-]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        files: Relative to the folder.
        checkpoint: How many entries the newest checkpoint covers; 0 when none was ever signed.
        failed: By anchor that did not take a checkpoint that was signed now: why.

    """

    entries: int
    files: Sequence[str]
    checkpoint: int
    failed: Mapping[str, str] = field(default_factory=dict)


def export_log(keeper: LogKeeper, folder: Path, *, may_sign: bool = True) -> Exported:
    """Write the log into a folder that is not there yet, is empty, or holds an earlier export of it.

    What was appended since the last checkpoint is signed first, where there is a key to sign it with.

    Raises:
        InputError: The folder holds something else, or cannot be written.
        LogInconsistent: The log does not fit together, or does not go on the export that is there; nothing was changed.
        LockHeld: Another process exports into the folder.
        ConfigError: A key cannot be read.

    """
    with export_folder(folder) as target:
        failed = _sign(keeper) if may_sign else {}
        with keeper.catalog.read() as uow:
            stored = uow.checkpoints.every()
            checkpoints = [checkpoint_of(item.note) for item in stored]
            proven = _write_entries(uow, target, checkpoints)
            target.require_goes_on()
            target.write(KEYS, "".join(f"{key}\n" for key in _keys(uow, keeper.keyring)).encode())
            _write_checkpoints(uow, target, stored, checkpoints)
            covered = checkpoints[-1].size if checkpoints else 0
            _write_proofs(uow, target, [seq for seq in proven if seq < covered], stored)
            entries = uow.log.head().size
        for name, source in ((README, "export_readme.txt"), (SCRIPT, SCRIPT)):
            target.write(name, files("governance.outside").joinpath(source).read_bytes())
    return Exported(entries=entries, files=target.names, checkpoint=covered, failed=failed)


def _sign(keeper: LogKeeper) -> Mapping[str, str]:
    """Sign what was appended since the last checkpoint; gives the anchors that did not take it."""
    with keeper.catalog.read() as uow:
        size, newest = uow.log.head().size, uow.checkpoints.newest()
    if size == (newest.size if newest is not None else 0) or not keeper.keyring.held(Family.SIGNING):
        return {}
    return keeper.checkpoint().failed


def _write_entries(uow: UnitOfWork, target: ExportFolder, checkpoints: Sequence[Checkpoint]) -> list[int]:
    """Write the entries, and give the numbers of those that get a proof.

    Raises:
        LogInconsistent: They do not fit together, or not the checkpoints.

    """
    proven: list[int] = []
    with target.file(ENTRIES) as stream:
        checked = check_entries(_copied(uow, stream, proven), [item.size for item in checkpoints])
    head = uow.log.head()
    wrong = checked.told
    if not wrong and (head.size, head.frontier) != (checked.entries, checked.frontier.to_bytes()):
        wrong = ["its head does not fit its entries"]
    wrong += [
        f"the checkpoint of {item.size} entries was signed over other ones"
        for item in checkpoints
        if checked.roots.get(item.size) != item.root
    ]
    if wrong:
        raise LogInconsistent(
            f"nothing was exported: {wrong[0]}", item="audit log", next_step="kbgov log verify tells what is wrong"
        )
    return proven


def _copied(uow: UnitOfWork, stream: BinaryIO, proven: list[int]) -> Iterator[Read]:
    for row in uow.log.rows():
        seq, body, _ = row
        stream.write(body.encode("utf-8", "surrogateescape") + b"\n")
        action = _ACTION.match(body)
        if action is not None and is_proven(action[1]):
            proven.append(seq)
        yield row


def _write_checkpoints(
    uow: UnitOfWork, target: ExportFolder, stored: Sequence[StoredCheckpoint], checkpoints: Sequence[Checkpoint]
) -> None:
    target.write(CHECKPOINTS, "\n".join(item.note for item in stored).encode())
    with target.file(CONSISTENCY) as stream:
        for old, new in pairwise(checkpoints):
            proof = [to_base64(one) for one in consistency_path(uow.log, old, new)]
            stream.write(canonical_json({"from": old.size, "to": new.size, "proof": proof}) + b"\n")
    target.write(CHECKPOINT, stored[-1].note.encode() if stored else b"")


def _write_proofs(
    uow: UnitOfWork, target: ExportFolder, seqs: Collection[int], stored: Sequence[StoredCheckpoint]
) -> None:
    if seqs:
        target.proofs()
    for seq in seqs:
        entry = uow.log.entry(seq)
        if entry is not None:  # it was there a moment ago, in this transaction
            target.write(f"{PROOFS}/{proof_name(seq)}", proof_of(uow.log, entry, stored[-1].note).encode())


def _keys(uow: UnitOfWork, keyring: Keyring) -> list[str]:
    """Give the public keys, the newest first: those of this installation, then others that the log's table names."""
    own = [key.text for key in keyring.verifiers] if keyring.held(Family.SIGNING) else []
    return list(dict.fromkeys([*own, *(key.text for key in known_verifiers(uow))]))
