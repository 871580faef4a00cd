"""`kbgov keys backup` and `kbgov keys restore`: the keys in one file under a passphrase."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.actors import ADMINISTERING, Actor
from governance.domain.errors import ConfigError, InputError, KbgovError
from governance.domain.events import Action, Event
from governance.keyring import Family, HeldKey, KeyCopy, Keyring, backup, put_back, require_passphrase, restore
from governance.keyring.saving import LARGEST
from governance.services.key_care import counted, see_all, settle

_MODE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What went into a backup.

    Attributes:
        keys: How many of each family.

    """

    file: Path
    keys: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came of a backup.

    Attributes:
        written: Keys that were missing.
        present: Names of keys that were there already.
        left_out: Names of keys that were destroyed since, and stay so.

    """

    written: tuple[HeldKey, ...]
    present: tuple[str, ...]
    left_out: tuple[str, ...]


def save(
    catalog: Catalog, keyring: Keyring, actor: Actor, file: Path, passphrase: SecretStr, *, now: datetime
) -> Saved:
    """Write every key into a new file, also those from the environment; it is read back before it counts.

    Raises:
        RoleRefused: The actor is no administrator.
        InputError: The file is there already, lies beside the keys, or cannot be written.
        ConfigError: The passphrase is too short, or there is no key, or one cannot be used.

    """
    actor.require(*ADMINISTERING)
    require_passphrase(passphrase)
    if file.absolute().parent.resolve() == keyring.folder.absolute().resolve():
        raise InputError(
            "a backup beside the keys is lost with them", item=str(file), next_step="name a file on another disk"
        )
    copies = keyring.copies()
    with _new_file(file, backup(copies, passphrase)):
        if restore(read_backup(file), passphrase) != copies:
            raise KbgovError("what was written does not give the same keys back", item=str(file), next_step="try again")
        counts = counted([copy.name.family for copy in copies])
        with catalog.write() as uow:
            settle(uow, keyring, actor, now)
            uow.log_keys.backed_up([copy.name.key_id for copy in copies], now)
            uow.record(Event(action=Action.KEYS_BACKED_UP, at=now, actor=actor, counts=counts, outcome="done"))
    return Saved(file=file, keys=counts)


def bring_back(
    catalog: Catalog, keyring: Keyring, actor: Actor, file: Path, passphrase: SecretStr, *, now: datetime
) -> Restored:
    """Write the files of keys that a backup has and that are missing; nothing is written over.

    A key that was destroyed since the backup was made is left out.

    Raises:
        RoleRefused: The actor is no administrator.
        InputError: The file cannot be read.
        Refused: Another key has the number of one that is missing; nothing was written.
        ConfigError: It is no backup, the passphrase is another one, or the folder of the keys cannot be used.

    """
    actor.require(*ADMINISTERING)
    copies = restore(read_backup(file), passphrase)
    with catalog.write() as uow:
        destroyed = {(key.family, key.key_id) for key in uow.log_keys.every() if key.destroyed_at is not None}
        kept = [copy for copy in copies if (copy.name.family, copy.name.key_id) not in destroyed]
        written = put_back(keyring.folder, kept)
        keyring.reread()
        _require_audit_key(keyring, written)
        _record(uow, keyring, actor, written, now)
    names = {key.name for key in written}
    return Restored(
        written=tuple(written),
        present=tuple(_name(copy) for copy in kept if _name(copy) not in names),
        left_out=tuple(_name(copy) for copy in copies if copy not in kept),
    )


def read_backup(file: Path) -> bytes:
    """Give the bytes of a backup, as far as one may go. Raises InputError."""
    try:
        with file.open("rb") as stream:
            return stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
    raise InputError(f"the backup cannot be read: {reason}", item=str(file), next_step="name another file")


def _record(uow: UnitOfWork, keyring: Keyring, actor: Actor, written: list[HeldKey], now: datetime) -> None:
    if written:
        see_all(uow, keyring, written, now)
        counts = counted([key.family for key in written])
        uow.record(Event(action=Action.KEYS_RESTORED, at=now, actor=actor, counts=counts, outcome="done"))
    settle(uow, keyring, actor, now)


def _require_audit_key(keyring: Keyring, written: list[HeldKey]) -> None:
    if not keyring.held(Family.AUDIT):
        raise ConfigError(
            f"{len(written)} keys were brought back, but none of the family audit, without which nothing is recorded",
            item=str(keyring.folder),
            next_step="try another backup; if that key is lost for good: kbgov keys init --replace-lost",
        )


def _name(copy: KeyCopy) -> str:
    return f"{copy.name.family}:{copy.name.key_id}"


@contextmanager
def _new_file(file: Path, body: bytes) -> Iterator[None]:
    """Write a file that was not there, for its owner alone; it goes again when the block fails."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    except (OSError, ValueError) as error:
        raise _unwritable(file, error) from None
    try:
        try:
            with open(handle, "wb") as stream:  # noqa: PTH123 - a descriptor
                stream.write(body)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise _unwritable(file, error) from None
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _unwritable(file: Path, error: OSError | ValueError) -> InputError:
    reason = error.strerror if isinstance(error, OSError) else "not a path"
    if isinstance(error, FileExistsError):
        return InputError("this file is there already", item=str(file), next_step="name a file that is not there yet")
    return InputError(f"the backup cannot be written: {reason}", item=str(file), next_step="name another file")
