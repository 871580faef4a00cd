"""Says whether a change of an index may happen. Asked by the write gate in the transaction of the intent."""

from __future__ import annotations

from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actors import Actor, Role
from governance.domain.errors import Refused
from governance.domain.events import Change, ChangeKind


class Guard:
    """The rules that stand before every change of every index."""

    def check(self, uow: UnitOfWork, change: Change, actor: Actor) -> None:  # noqa: ARG002 - later rules read the catalog
        """Raise Refused when the change may not happen."""
        actor.require(Role.OPERATOR)
        if not change.chunk_ids and change.kind is not ChangeKind.PURGE:
            raise Refused(
                f"a {change.kind.value} that names no chunk was asked for",
                item=change.index,
                next_step="name the chunks; an empty selector never means all",
            )
