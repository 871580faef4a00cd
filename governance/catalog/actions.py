"""What is to be done about findings: one row per finding, policy and action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, Row, delete, select

from governance.catalog.sql import batches, upsert
from governance.catalog.tables import finding_action
from governance.domain.actions import ActionKind, ActionState, FindingAction


class FindingActions:
    """The table of actions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def every(self, state: ActionState | None = None) -> list[FindingAction]:
        """Give the actions, those in one state when it is given, ordered by finding, policy and action."""
        query = select(finding_action).order_by(*finding_action.primary_key)
        if state is not None:
            query = query.where(finding_action.c.state == state.value)
        return [_action(row) for row in self._connection.execute(query)]

    def of(self, fingerprint: str) -> list[FindingAction]:
        """Give what is to be done about one finding."""
        query = select(finding_action).where(finding_action.c.fingerprint == fingerprint)
        return [_action(row) for row in self._connection.execute(query.order_by(*finding_action.primary_key))]

    def save(self, actions: Sequence[FindingAction]) -> None:
        """Insert or replace."""
        rows = [asdict(item) | {"action": item.action.value, "state": item.state.value} for item in actions]
        upsert(self._connection, finding_action, rows)

    def forget(self, fingerprints: Sequence[str]) -> None:
        """Remove all that is to be done about these findings."""
        for batch in batches(fingerprints):
            self._connection.execute(delete(finding_action).where(finding_action.c.fingerprint.in_(batch)))


def _action(row: Row[tuple[object, ...]]) -> FindingAction:
    values = dict(row._mapping)
    return FindingAction(**{**values, "action": ActionKind(row.action), "state": ActionState(row.state)})
