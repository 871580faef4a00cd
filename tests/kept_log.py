"""A log with keys of its own, for tests of what writes, signs, keeps and reads it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, update

from governance.catalog.engine import begin_write
from governance.catalog.tables import audit_head
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.domain.checkpoints import Checkpoint
from governance.domain.errors import AnchorFailed
from governance.domain.events import Action, Event
from governance.domain.ports import Anchor
from governance.domain.signed_note import SignedNote
from governance.keyring.families import Family
from governance.keyring.making import add_key, make_keys
from governance.keyring.ring import Keyring
from governance.services.log_keep import LogKeeper
from governance.services.log_sign import REMEMBERED
from tests.log_attacks import drop_triggers

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def happened(number: int = 0, **values: Any) -> Event:
    """Give an event; without values, one of many that differ by their run."""
    given = {"action": Action.RUN_STARTED, "at": NOW, "actor": Actor(id="ann"), "run_id": number}
    return Event(**{**given, **values})


def write(catalog: Catalog, count: int, start: int = 0) -> None:
    """Append entries in one transaction; the very first comes by itself, beside them."""
    with catalog.write() as uow:
        for number in range(start, start + count):
            uow.record(happened(number))


@contextmanager
def as_owner(engine: Engine) -> Iterator[Connection]:
    """Give what somebody has who owns the database: every row can be written."""
    drop_triggers(engine)
    with begin_write(engine) as connection:
        yield connection


def set_head(engine: Engine, **values: object) -> None:
    """Change the head's row as the database's owner can."""
    with as_owner(engine) as connection:
        connection.execute(update(audit_head).values(**values))


class Shelf:
    """An anchor in memory that can be told to fail."""

    def __init__(self, name: str = "shelf") -> None:
        self.name = name
        self.held: list[str] = []
        self.asked = 0
        self.broken = False
        self.silent = False

    def publish(self, note: str) -> None:
        self.asked += 1
        self._open()
        if note not in self.held:
            self.held.append(note)

    def notes(self) -> list[str] | None:
        self._open()
        return None if self.silent else list(self.held)

    def _open(self) -> None:
        if self.broken:
            raise AnchorFailed(f"{self.name} is locked")


@dataclass
class KeptLog:
    """A catalog, its keys in a folder, and a clock that a test sets."""

    catalog: Catalog
    keyring: Keyring
    anchors: dict[str, Anchor] = field(default_factory=dict)
    now: datetime = NOW

    @property
    def keeper(self) -> LogKeeper:
        return LogKeeper(
            catalog=self.catalog, keyring=self.keyring, anchors=lambda: self.anchors, clock=lambda: self.now
        )

    @property
    def remembered(self) -> Path:
        return self.keyring.folder / REMEMBERED

    @property
    def size(self) -> int:
        with self.catalog.read() as uow:
            return uow.log.head().size

    def write(self, count: int, start: int = 0) -> None:
        write(self.catalog, count, start)

    def stored(self) -> list[int]:
        with self.catalog.read() as uow:
            return [item.size for item in uow.checkpoints.every()]

    def rotate(self) -> None:
        add_key(self.keyring.folder, Family.SIGNING)
        self.keyring.reread()

    def lose_keys(self) -> None:
        for path in self.keyring.folder.glob("signing-*"):
            path.unlink()
        self.keyring.reread()

    def again(self) -> KeptLog:
        """Give the same log as another process would see it."""
        keyring = Keyring(self.keyring.folder, {})
        return KeptLog(Catalog(self.catalog.engine, lambda: keyring.audit), keyring, self.anchors, self.now)


def kept_log(engine: Engine, folder: Path, env: Mapping[str, str] | None = None) -> KeptLog:
    """Give a log without an entry; a key of every family is made in the folder."""
    make_keys(folder, Family)
    keyring = Keyring(folder, env or {})
    return KeptLog(Catalog(engine, lambda: keyring.audit), keyring)


def sqlite_copy(template: Path, folder: Path, name: str = "catalog.db") -> str:
    """Give the URL of a migrated, empty SQLite catalog."""
    file = folder / name
    shutil.copy(template, file)
    return f"sqlite:///{file}"


def checkpoint_of(note: str) -> Checkpoint:
    """Give what a signed note says, without looking at who signed it."""
    return Checkpoint.parse(SignedNote.parse(note).text)


def fail() -> None:
    """Fail in the middle of a transaction."""
    raise InterruptedError
