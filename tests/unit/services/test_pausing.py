"""A pause: who may, what it leaves behind, and what it never does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from governance.catalog.pauses import Pause
from governance.catalog.tables import audit_entry, note
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor, Role
from governance.domain.errors import InputError, RoleRefused
from governance.guard import refusal
from governance.services.pausing import PauseEnded, key_of, pause, present_pause, resume
from tests.log_rows import known_names, log_rows

NOW = datetime(2026, 11, 21, 9, 0, 30, 250_000, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
CODES = ("planned-work", "other")
ADA, BO = Actor(id="ada"), Actor(id="bo")
CANARY = "CANARY-0 Mr. Example asked"


@pytest.fixture
def catalog(catalog_engine: Engine) -> Catalog:
    return Catalog(catalog_engine, known_names)


def events(catalog: Catalog) -> list[tuple[str, str, str, str]]:
    with catalog.read() as uow:
        return log_rows(uow.connection, "action", "reason", "outcome", "actor")


def test_a_pause_is_there_until_it_is_ended_and_both_are_events(catalog: Catalog) -> None:
    begun = pause(catalog, ADA, "planned-work", None, CODES, now=NOW)
    assert begun.before is None
    assert begun.pause == present_pause(catalog) == Pause(reason="planned-work", actor="ada", since=NOW)
    assert resume(catalog, BO, now=LATER) == PauseEnded(pause=begun.pause, notes=())
    assert present_pause(catalog) is None
    assert events(catalog) == [
        ("changes.paused", "planned-work", "done", "ada"),
        ("changes.resumed", "planned-work", "done", "bo"),
    ]


def test_another_reason_takes_the_place_of_the_first_and_the_pause_goes_on_since_it_began(catalog: Catalog) -> None:
    first = pause(catalog, ADA, "planned-work", None, CODES, now=NOW).pause
    begun = pause(catalog, BO, "other", None, CODES, now=LATER)
    assert begun.before == first
    assert present_pause(catalog) == begun.pause == Pause(reason="other", actor="bo", since=NOW)
    assert [row[2] for row in events(catalog)] == ["done", "replaced"]


def test_to_resume_without_a_pause_is_no_event_and_no_error(catalog: Catalog) -> None:
    assert resume(catalog, ADA, now=NOW) is None
    assert events(catalog) == []


def test_what_people_type_is_in_the_notes_and_nowhere_else(catalog: Catalog) -> None:
    begun = pause(catalog, ADA, "other", CANARY, CODES, now=NOW)
    pause(catalog, BO, "other", "and more", CODES, now=LATER)
    with catalog.read() as uow:
        found = uow.notes.of("pause", key_of(begun.pause))
        rows = [str(tuple(row)) for row in uow.connection.execute(select(audit_entry))]
    assert [(item.text, item.actor) for item in found] == [(CANARY, "ada"), ("and more", "bo")]
    assert not any("CANARY" in row for row in rows)
    assert "CANARY" not in refusal(begun.pause).message
    with catalog.write() as uow:
        uow.notes.clear("pause", key_of(begun.pause))
    assert present_pause(catalog) is not None


@pytest.mark.parametrize("role", Role)
def test_everybody_but_a_reader_may_pause_and_operator_and_administrator_may_resume(
    catalog: Catalog, role: Role
) -> None:
    actor = Actor(id="ada", roles=frozenset({role}))
    if role is Role.READER:
        with pytest.raises(RoleRefused):
            pause(catalog, actor, "other", None, CODES, now=NOW)
        pause(catalog, BO, "other", None, CODES, now=NOW)
    else:
        pause(catalog, actor, "other", None, CODES, now=NOW)
    if role in {Role.OPERATOR, Role.ADMIN}:
        assert resume(catalog, actor, now=LATER) is not None
        return
    with pytest.raises(RoleRefused, match="operator or admin"):
        resume(catalog, actor, now=LATER)
    assert present_pause(catalog) is not None


@pytest.mark.parametrize(("reason", "typed"), [("because", None), ("", None), ("other", "x" * 2001)])
def test_what_cannot_be_kept_pauses_nothing(catalog: Catalog, reason: str, typed: str | None) -> None:
    with pytest.raises(InputError):
        pause(catalog, ADA, reason, typed, CODES, now=NOW)
    assert present_pause(catalog) is None
    assert events(catalog) == []
    with catalog.read() as uow:
        assert list(uow.connection.execute(select(note))) == []


def test_a_refusal_says_since_when_by_whom_why_and_what_to_type() -> None:
    refused = refusal(Pause(reason="other", actor="ada", since=NOW))
    assert (refused.exit_code, refused.code, refused.next_step) == (6, "paused", "kbgov resume")
    assert refused.message == (
        "every change of an index is paused since 2026-11-21T09:00:30Z by ada (other); nothing more was changed"
    )
