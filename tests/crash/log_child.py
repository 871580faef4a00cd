"""Writes business rows with their entries in a process of its own, and kills it at the n-th moment.

Usage: log_child.py CATALOG_URL MOMENT ROUNDS NAME. With moment 0 nothing is killed and the moments are counted.
A moment is: before and after every statement and every commit of the catalog. Waits for a line on standard input first,
so that several can begin at once.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, date, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy import event

from governance.catalog.documents import Review
from governance.catalog.engine import create_catalog_engine
from governance.catalog.pauses import Pause
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.domain.events import Action, Event, document_thing
from governance.policy.loader import load_policies
from governance.services.runs import Desk, recorded_run
from tests.log_rows import known_names

url, kill_at, rounds, name = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
counted = 0


def moment(*_: object) -> None:
    global counted  # noqa: PLW0603 - one counter per process is the point
    counted += 1
    if counted == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)


def one_round(desk: Desk, number: int) -> None:
    """Write a run, three reviews in one transaction of several entries, and a pause."""
    now = desk.clock()
    with recorded_run(desk, "sync") as run, desk.catalog.write() as uow:
        for part in range(3):
            document = f"{name}-{number}-{part}.md"
            uow.reviews.add(
                Review(
                    source="docs",
                    document=document,
                    reviewed_on=date(2026, 11, 21),
                    body_hash="0" * 64,
                    actor=name,
                    recorded_at=now,
                )
            )
            uow.record(
                Event(
                    action=Action.DOCUMENT_REVIEWED,
                    at=now,
                    actor=desk.actor,
                    run_id=run.context.run_id,
                    outcome="done",
                    about=document_thing("docs", document),
                )
            )
    with desk.catalog.write() as uow:
        uow.pauses.begin(Pause(reason="other", actor=name, since=now))
        uow.record(Event(action=Action.PAUSED, at=now, actor=desk.actor, reason="other", outcome="done"))
    with desk.catalog.write() as uow:
        uow.pauses.end()
        uow.record(Event(action=Action.RESUMED, at=now, actor=desk.actor, reason="other", outcome="done"))


def main() -> None:
    engine = create_catalog_engine(url)
    for what in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(engine, what, moment)
    catalog = Catalog(engine, known_names)
    desk = Desk(
        catalog=catalog,
        actor=Actor(id=name),
        clock=lambda: datetime.now(UTC),
        today=date(2026, 11, 21),
        policies=load_policies([]),
    )
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(rounds):
        one_round(desk, number)
    moment()
    print(counted)


main()
