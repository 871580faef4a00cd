"""The pause that stops every change of every index, and what people wrote beside their decisions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from governance.catalog.sql import upsert
from governance.catalog.tables import note, pause

_ONLY: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Since when nothing may be changed, and why.

    Attributes:
        reason: A reason code.
        actor: Who said so.

    """

    reason: str
    actor: str
    since: datetime


class Pauses:
    """The table of the pause: one row or none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def present(self) -> Pause | None:
        """Give the pause; None when changes may be made."""
        row = self._connection.execute(select(pause.c.reason, pause.c.actor, pause.c.since)).one_or_none()
        return Pause(**row._mapping) if row else None

    def begin(self, item: Pause) -> None:
        """Put a pause in place, or another reason for the one that is there."""
        upsert(self._connection, pause, [asdict(item) | {"pause_id": _ONLY}])

    def end(self) -> None:
        """Let changes be made again."""
        self._connection.execute(delete(pause))


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Free text that a person typed beside a decision. Never in an event, a finding or a log.

    Attributes:
        about: What kind of thing it is about ("finding", "pause").
        key: Which one: a fingerprint, a digest.

    """

    about: str
    key: str
    text: str
    actor: str
    written_at: datetime


class Notes:
    """The table of notes. An erasure can clear it without touching any decision."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, item: Note) -> None:
        """Write one down."""
        self._connection.execute(insert(note).values(**asdict(item)))

    def of(self, about: str, key: str) -> list[Note]:
        """Give the notes about one thing, oldest first."""
        columns = [note.c[name] for name in Note.__dataclass_fields__]
        query = select(*columns).where(note.c.about == about, note.c.key == key).order_by(note.c.note_id)
        return [Note(**row._mapping) for row in self._connection.execute(query)]

    def clear(self, about: str, key: str) -> None:
        """Remove the notes about one thing."""
        self._connection.execute(delete(note).where(note.c.about == about, note.c.key == key))
