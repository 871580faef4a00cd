"""Plans of repair: what would make an index right again, kept until it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, select, update

from governance.catalog.sql import upsert
from governance.catalog.tables import repair_plan
from governance.domain.values import Json


class PlanState(StrEnum):
    """How far a plan is."""

    PLANNED = "planned"
    APPLYING = "applying"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A plan as it was printed.

    Attributes:
        body: Its items; empty once it is applied, for it names documents.

    """

    digest: str
    state: PlanState
    created_at: datetime
    run_id: int
    policy_digest: str
    body: Mapping[str, Json]
    finished_at: datetime | None = None


class RepairPlans:
    """The table of plans."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, plan: StoredPlan) -> None:
        """Insert or replace."""
        upsert(self._connection, repair_plan, [asdict(plan) | {"state": plan.state.value, "body": dict(plan.body)}])

    def get(self, digest: str) -> StoredPlan | None:
        """Give the plan with this digest, or with the only one that begins so; None when there is none."""
        # No LIKE: SQLite's takes capitals for small letters. An empty digest would begin every plan's.
        begins_so = func.substr(repair_plan.c.digest, 1, len(digest)) == digest
        rows = list(self._connection.execute(select(repair_plan).where(begins_so).limit(2)))
        if len(rows) != 1 or not digest:
            return None
        return StoredPlan(**{**rows[0]._mapping, "state": PlanState(rows[0].state)})

    def move(self, digest: str, state: PlanState, now: datetime | None = None) -> None:
        """Note how far a plan is; an applied one forgets its items."""
        values: dict[str, object] = {"state": state.value}
        if state is PlanState.APPLIED:
            values |= {"body": {}, "finished_at": now}
        self._connection.execute(update(repair_plan).where(repair_plan.c.digest == digest).values(**values))
