"""Notes that a command was refused: by whom it was typed, which it was, and under which rule."""

from __future__ import annotations

from datetime import datetime

from governance.catalog.migrate import require_current
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.domain.errors import KbgovError, Refused
from governance.domain.events import Action, Event


def record_refusal(catalog: Catalog, refused: Refused, actor: Actor, command: str, *, now: datetime) -> bool:
    """Record a refusal in a transaction of its own, and give whether that could be done.

    A catalog that does not answer, or has not this version's tables, hides no refusal: then nothing is recorded.

    Args:
        catalog: Where it is recorded.
        refused: Why; its code alone is kept.
        actor: Who typed the command, or the name that somebody claimed.
        command: Its words without the program's name and without arguments ("audit run").
        now: The present moment.

    """
    event = Event(
        action=Action.COMMAND_REFUSED, at=now, actor=actor, command=command, reason=refused.code, outcome="refused"
    )
    try:
        require_current(catalog.engine)
        with catalog.write() as uow:
            uow.record(event)
    except KbgovError:
        return False
    return True
