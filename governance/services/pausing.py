"""`kbgov pause` and `kbgov resume`: one row that stops every change of every index, from any process, at once.

The write gate asks for it in the transaction that announces a change, and such a transaction is the only one of its
database: once a pause is committed, nothing more is announced. What was announced before it may still end.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from governance.catalog.pauses import Note, Pause
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import PAUSING, RESUMING, Actor
from governance.domain.errors import InputError
from governance.domain.events import Action, Event
from governance.domain.values import Json
from governance.guard import moment
from governance.services.notes import require_note, write_note

ABOUT: Final = "pause"
"""What a note about a pause is about; its key is `key_of` that pause."""
REPLACED: Final = "replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseBegun:
    """What a pause did.

    Attributes:
        pause: That is in force now.
        before: That was in force already; it was stopped since then, and the reason is another now.

    """

    pause: Pause
    before: Pause | None


def pause(
    catalog: Catalog, actor: Actor, reason: str, note: str | None, codes: Collection[str], *, now: datetime
) -> PauseBegun:
    """Stop every change of every index, or give a pause that is in force another reason.

    A pause that is replaced goes on since it began: nothing was changed in between.

    Args:
        catalog: Where every process looks.
        actor: Who says so.
        reason: One of `codes`.
        note: Free text; kept apart from events and logs.
        codes: The reason codes of the policies.
        now: The present moment.

    Raises:
        RoleRefused: The actor only reads.
        InputError: The reason is none of the codes, or the note cannot be kept.

    """
    actor.require(*PAUSING)
    if reason not in codes:
        raise InputError("this is no reason code", item=reason, next_step="use one of " + ", ".join(codes))
    text = require_note(note)
    with catalog.write() as uow:
        before = uow.pauses.present()
        begun = Pause(reason=reason, actor=actor.id, since=now if before is None else before.since)
        uow.pauses.begin(begun)
        write_note(uow, ABOUT, key_of(begun), text, actor, now)
        outcome = "done" if before is None else REPLACED
        uow.record(Event(action=Action.PAUSED, at=now, actor=actor, reason=reason, outcome=outcome))
    return PauseBegun(pause=begun, before=before)


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseEnded:
    """A pause that is over.

    Attributes:
        notes: What people wrote when they paused, oldest first.

    """

    pause: Pause
    notes: tuple[Note, ...]


def resume(catalog: Catalog, actor: Actor, *, now: datetime) -> PauseEnded | None:
    """Let indexes be changed again; give the pause that ended, None when there was none.

    Raises:
        RoleRefused: The actor is neither operator nor administrator.

    """
    actor.require(*RESUMING)
    with catalog.write() as uow:
        ended = uow.pauses.present()
        if ended is None:
            return None
        uow.pauses.end()
        uow.record(Event(action=Action.RESUMED, at=now, actor=actor, reason=ended.reason, outcome="done"))
        return PauseEnded(pause=ended, notes=tuple(uow.notes.of(ABOUT, key_of(ended))))


def present_pause(catalog: Catalog) -> Pause | None:
    """Give the pause that is in force; None when indexes may be changed."""
    with catalog.read() as uow:
        return uow.pauses.present()


def key_of(item: Pause) -> str:
    """Give the key of notes about a pause: the moment it began."""
    return item.since.isoformat()


def as_json(item: Pause) -> dict[str, Json]:
    """Give a pause for programs."""
    return {"since": moment(item.since), "reason": item.reason, "by": item.actor}
