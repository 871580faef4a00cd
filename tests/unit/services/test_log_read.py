"""What of the log is listed and shown, and whose names stand beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text, update

from governance.catalog.engine import create_catalog_engine
from governance.catalog.tables import audit_entry
from governance.domain.actors import Actor
from governance.domain.errors import InputError, LogInconsistent
from governance.domain.events import Action, Event, Thing, document_thing
from governance.domain.findings import FindingKind, Observation, Place, Severity
from governance.domain.merkle import leaf_hash
from governance.domain.pseudonyms import Kind, Pseudonyms
from governance.keyring.families import Family
from governance.keyring.making import add_key
from governance.services.context import RunContext
from governance.services.findings import Scope, reconcile
from governance.services.log_read import MOST, ShownEntry, Wanted, list_entries, show_entry
from tests.catalog_rows import document
from tests.kept_log import NOW, KeptLog, Shelf, as_owner, happened, kept_log, sqlite_copy

DAY = timedelta(days=1)
EVENTS = (
    happened(1, command="audit"),
    happened(1, action=Action.FINDINGS_OPENED, outcome="done", reason="freshness.overdue", counts={"findings": 2}),
    happened(2, actor=Actor(id="bo"), at=NOW + DAY),
    happened(None, action=Action.FINDING_WAIVED, actor=Actor(id="bo"), outcome="done", reason="other", at=NOW + DAY),
    happened(None, action=Action.COMMAND_REFUSED, outcome="refused", reason="role", at=NOW + 2 * DAY),
)


@pytest.fixture
def kept(sqlite_template: Path, tmp_path: Path) -> Iterator[KeptLog]:
    made = kept_log(create_catalog_engine(sqlite_copy(sqlite_template, tmp_path)), tmp_path / "keys")
    yield made
    made.catalog.close()


@pytest.fixture
def told(kept: KeptLog) -> KeptLog:
    """A log with the events above behind its first entry, which is number 0."""
    record(kept, *EVENTS)
    return kept


def record(kept: KeptLog, *events: Event) -> None:
    with kept.catalog.write() as uow:
        for item in events:
            uow.record(item)


def listed(kept: KeptLog, zone: Any = UTC, **wanted: Any) -> list[ShownEntry]:
    return list_entries(kept.catalog, lambda: kept.keyring.audit, Wanted(**wanted), zone)


def numbers(kept: KeptLog, zone: Any = UTC, **wanted: Any) -> list[Any]:
    return [item.body["seq"] for item in listed(kept, zone, **wanted)]


def test_the_list_ends_with_the_newest_entry_and_names_who_acted(told: KeptLog) -> None:
    found = listed(told)
    assert [item.body["action"] for item in found] == ["log.began", *(item.action.value for item in EVENTS)]
    assert [item.actor for item in found] == ["ann", "ann", "ann", "bo", "bo", "ann"]
    assert found[3].as_json() == {**found[3].body, "actor_name": "bo"}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"action": "finding.*"}, [4]),
        ({"action": "finding*"}, [2, 4]),
        ({"action": "run.started"}, [1, 3]),
        ({"action": "RUN.*"}, []),
        ({"actor": "bo"}, [3, 4]),
        ({"actor": "Bo"}, []),
        ({"actor": "nobody"}, []),
        ({"run": 1}, [1, 2]),
        ({"run": 0}, []),
        ({"outcome": "done"}, [0, 2, 4]),
        ({"outcome": "refused"}, [5]),
        ({"reason": "role"}, [5]),
        ({"reason": "freshness.overdue"}, [2]),
        ({"since": date(2026, 11, 22)}, [3, 4, 5]),
        ({"until": date(2026, 11, 21)}, [0, 1, 2]),
        ({"since": date(2026, 11, 22), "until": date(2026, 11, 22)}, [3, 4]),
        ({"since": date(2026, 11, 24)}, []),
        ({"limit": 2}, [4, 5]),
        ({"limit": 1, "outcome": "done"}, [4]),
        ({"limit": 10**30}, [0, 1, 2, 3, 4, 5]),
        ({"actor": "bo", "outcome": "done", "action": "*.waived"}, [4]),
    ],
    ids=str,
)
def test_each_filter_leaves_what_it_asks_for_and_all_of_them_together_less(
    told: KeptLog, wanted: dict[str, Any], expected: list[int]
) -> None:
    assert numbers(told, **wanted) == expected


def test_days_are_those_of_the_configured_time_zone(kept: KeptLog) -> None:
    late = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    record(kept, happened(1, at=late))
    assert numbers(kept, ZoneInfo("Europe/Berlin"), since=date(2026, 11, 22)) == [0, 1]
    assert numbers(kept, UTC, since=date(2026, 11, 22)) == []
    assert numbers(kept, ZoneInfo("America/New_York"), until=date(2026, 11, 20)) == []
    assert numbers(kept, ZoneInfo("America/New_York"), until=date(2026, 11, 21)) == [0, 1]


def test_no_more_than_asked_for_are_read_and_the_newest_of_them(kept: KeptLog) -> None:
    kept.write(2500)
    assert numbers(kept) == list(range(2501 - MOST, 2501))
    assert numbers(kept, run=0) == [1]
    assert len(numbers(kept, limit=2000)) == 2000


def test_only_who_looks_for_a_name_needs_the_keys(told: KeptLog) -> None:
    def without() -> Pseudonyms:
        raise AssertionError

    assert len(list_entries(told.catalog, without, Wanted(action="run.*"), UTC)) == 2
    with pytest.raises(AssertionError):
        list_entries(told.catalog, without, Wanted(actor="bo"), UTC)


def test_an_actor_is_found_under_every_key_that_is_left_and_named_as_long_as_the_name_is_kept(told: KeptLog) -> None:
    (old,) = told.keyring.audit.key_ids
    add_key(told.keyring.folder, Family.AUDIT)
    told.keyring.reread()
    record(told, happened(9, actor=Actor(id="bo")))
    assert numbers(told, actor="bo") == [3, 4, 6]
    with told.catalog.write() as uow:
        uow.log.forget_names(old)
    assert [item.actor for item in listed(told)] == [None] * 6 + ["bo"]
    assert numbers(told, actor="bo") == [3, 4, 6]
    next(told.keyring.folder.glob("audit-0001-*")).unlink()
    told.keyring.reread()
    assert numbers(told, actor="bo") == [6]


OVERDUE = Observation(
    kind=FindingKind.OVERDUE,
    severity=Severity.MEDIUM,
    place=Place(source="docs", document="people/a.md"),
    rule="due_passed",
    policy="default",
    message="The review was due.",
    evidence={},
)


def test_what_was_decided_about_a_document_and_its_findings_is_found_by_its_path(kept: KeptLog) -> None:
    context = RunContext(actor=Actor(id="ann"), run_id=1, clock=lambda: NOW)
    with kept.catalog.write() as uow:
        uow.documents.save([document("people/a.md"), document("people/b.md")], NOW)
        scope = Scope(kinds=frozenset({FindingKind.OVERDUE.value}), day=NOW.date())
        reconcile(uow, [OVERDUE], scope, lambda _item: None, context, NOW)
    start = kept.size
    about = [
        document_thing("docs", "people/a.md"),
        document_thing("docs", "people/b.md"),
        document_thing("other", "people/a.md"),
        Thing(Kind.FINDING, OVERDUE.fingerprint),
        Thing(Kind.CHUNK, "people/a.md"),
        None,
    ]
    record(kept, *(happened(5, about=thing) for thing in about))
    assert numbers(kept, document="people/a.md") == [start, start + 3]
    assert numbers(kept, document="people/b.md") == [start + 1]
    assert numbers(kept, document="nowhere.md") == []


def test_one_entry_is_shown_to_the_letter_with_its_hash(told: KeptLog) -> None:
    found = show_entry(told.catalog, 3)
    with told.catalog.read() as uow:
        row = uow.log.entry(3)
    assert found.raw == row.body
    assert found.entry.body == json.loads(row.body)
    assert found.entry.actor == "bo"
    assert found.leaf == leaf_hash(row.body.encode()).hex()
    assert (found.signed, found.anchored) == (None, {})


def test_an_entry_says_which_checkpoint_and_which_anchors_cover_it(told: KeptLog) -> None:
    early, late = Shelf("early"), Shelf("late")
    told.anchors = {"early": early}
    told.keeper.checkpoint()
    told.write(3, 20)
    told.anchors = {"late": late}
    told.keeper.checkpoint()
    told.write(1, 30)
    covered = {seq: show_entry(told.catalog, seq) for seq in (0, 5, 6, 8, 9)}
    assert {seq: item.signed for seq, item in covered.items()} == {0: 6, 5: 6, 6: 9, 8: 9, 9: None}
    assert covered[5].anchored == {"early": True, "late": True}
    assert covered[6].anchored == {"early": False, "late": True}
    assert covered[9].anchored == {"early": False, "late": False}


@pytest.mark.parametrize("seq", [6, 10**6, 2**63 - 1, 2**63, 10**40])
def test_an_entry_that_is_not_there_is_told_by_its_number(told: KeptLog, seq: int) -> None:
    with pytest.raises(InputError, match="the log has no entry of this number") as caught:
        show_entry(told.catalog, seq)
    assert (caught.value.item, caught.value.next_step) == (str(seq), "kbgov log list shows the numbers")


@pytest.mark.parametrize(
    "body", ["", "hello", "[]", "5", '{"seq":1}', '{"action":[],"actor":"a","at":"x","seq":1}', "[" * 100_000]
)
def test_an_entry_that_cannot_be_read_is_damage_and_named(told: KeptLog, body: str) -> None:
    with as_owner(told.catalog.engine) as connection:
        connection.execute(update(audit_entry).where(audit_entry.c.seq == 2).values(body=body))
    for read in (lambda: listed(told), lambda: show_entry(told.catalog, 2)):
        with pytest.raises(LogInconsistent, match="entry 2 cannot be read") as caught:
            read()
        assert caught.value.next_step == "kbgov log verify tells what is wrong"
    assert show_entry(told.catalog, 1).entry.actor == "ann"


@pytest.mark.parametrize("column", ["body = CAST(body AS BLOB)", "hashes = 'abc'", "hashes = 1000000000000"])
def test_an_entry_of_another_kind_is_damage_too(told: KeptLog, column: str) -> None:
    with as_owner(told.catalog.engine) as connection:
        connection.execute(text(f"UPDATE audit_entry SET {column} WHERE seq = 2"))
    with pytest.raises(LogInconsistent, match="entry 2 cannot be read"):
        show_entry(told.catalog, 2)
