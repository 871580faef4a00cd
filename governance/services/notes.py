"""What people type beside a decision. It goes into a table of its own and nowhere else, so that it can be erased."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from governance.catalog.pauses import Note
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actors import Actor
from governance.domain.errors import InputError

LONGEST_NOTE: Final = 2000


def require_note(text: str | None) -> str:
    """Give a note without the blanks around it; "" when there is none.

    Raises:
        InputError: It is too long, or holds what cannot be printed.

    """
    note = (text or "").strip()
    if len(note) > LONGEST_NOTE or not all(letter.isprintable() or letter in "\n\t" for letter in note):
        raise InputError(
            f"a note has up to {LONGEST_NOTE} printable characters",
            item="--note",
            next_step="write it shorter, or say where it can be read",
        )
    return note


def write_note(uow: UnitOfWork, about: str, key: str, text: str, actor: Actor, now: datetime) -> None:
    """Write down a note that `require_note` gave; an empty one leaves nothing."""
    if text:
        uow.notes.add(Note(about=about, key=key, text=text, actor=actor.id, written_at=now))
