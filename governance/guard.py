"""Says whether a change of an index may happen. Asked by the write gate in the transaction of the intent."""

from __future__ import annotations

from datetime import datetime

from governance.catalog.pauses import Pause
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actors import Actor, Role
from governance.domain.errors import Paused, Refused
from governance.domain.events import Change, ChangeKind
from governance.domain.values import rfc3339


class Guard:
    """The rules that stand before every change of every index."""

    def check(self, uow: UnitOfWork, change: Change, actor: Actor) -> None:
        """Raise Refused when the change may not happen."""
        actor.require(Role.OPERATOR)
        if not change.chunk_ids and change.kind is not ChangeKind.PURGE:
            raise Refused(
                f"a {change.kind.value} that names no chunk was asked for",
                item=change.index,
                next_step="name the chunks; an empty selector never means all",
            )
        self.require_open(uow)

    def require_open(self, uow: UnitOfWork) -> None:
        """Raise Paused while somebody has stopped all changes."""
        pause = uow.pauses.present()
        if pause is not None:
            raise refusal(pause)


def refusal(item: Pause) -> Paused:
    """Give the error of whoever wants to change an index now."""
    return Paused(
        f"every change of an index is paused {told(item)}; nothing more was changed", next_step="kbgov resume"
    )


def told(item: Pause) -> str:
    """Say since when, why and by whom."""
    return f"since {moment(item.since)} by {item.actor} ({item.reason})"


def moment(at: datetime) -> str:
    """Give a moment in UTC to the second."""
    return rfc3339(at, "seconds")
