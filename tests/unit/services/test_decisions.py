from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from governance.catalog.tables import metadata
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor, Role
from governance.domain.errors import InputError, RoleRefused
from governance.domain.findings import FindingKind, FindingStatus, Observation, Place, Severity
from governance.domain.pseudonyms import Kind
from governance.policy.loader import load_policies, parse_policies
from governance.services.context import RunContext
from governance.services.decisions import acknowledge, assign, list_findings, reopen, show_finding, waive
from governance.services.findings import Scope, reconcile
from governance.services.runs import Desk
from tests.log_rows import known_names, log_bodies, log_rows

TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OVERDUE = Observation(
    kind=FindingKind.OVERDUE,
    severity=Severity.MEDIUM,
    place=Place(source="docs", document="a.md"),
    rule="due_passed",
    policy="default",
    message="The review was due.",
    owner="people-team",
    evidence={"due": "2026-02-01"},
)
STUB = replace(OVERDUE, kind=FindingKind.STUB, severity=Severity.LOW, place=Place(source="docs", document="b.md"))


@pytest.fixture
def desk(catalog_engine: Engine) -> Desk:
    return desk_of(Catalog(catalog_engine, known_names), Actor(id="ada"))


def desk_of(catalog: Catalog, actor: Actor, today: date = TODAY) -> Desk:
    return Desk(catalog=catalog, actor=actor, clock=lambda: NOW, today=today, policies=load_policies([]))


OBJECT = known_names().of(Kind.FINDING, OVERDUE.fingerprint)


def audited(desk: Desk, observations: Iterable[Observation], day: date = TODAY, until: date | None = None) -> None:
    kinds = frozenset(kind.value for kind in FindingKind)
    scope = Scope(kinds=kinds, day=day, next_days=dict.fromkeys(kinds, until) if until else {})
    context = RunContext(actor=desk.actor, run_id=1, clock=lambda: NOW)
    with desk.catalog.write() as uow:
        reconcile(uow, observations, scope, lambda _item: None, context, NOW)


def actions(desk: Desk) -> list[tuple[str, str, str]]:
    with desk.catalog.read() as uow:
        rows = log_rows(uow.connection, "action", "reason", "object")
        return [row for row in rows if row[0].startswith("finding.")]


def test_an_acknowledged_finding_says_who_and_since_when(desk: Desk) -> None:
    audited(desk, [OVERDUE], TODAY - timedelta(days=3))
    acknowledge(desk, OVERDUE.fingerprint)
    shown = show_finding(desk, OVERDUE.fingerprint)
    found, periods = shown.finding, shown.history
    assert found.period.status is FindingStatus.ACKNOWLEDGED
    assert found.period.actor == "ada"
    assert [(p.status.value, p.from_day, p.until_day) for p in periods] == [
        ("open", TODAY - timedelta(days=3), TODAY),
        ("acknowledged", TODAY, None),
    ]
    assert actions(desk) == [("finding.acknowledged", "", OBJECT)]


def test_a_waiver_needs_a_reason_of_the_list_and_a_day_to_come(desk: Desk) -> None:
    audited(desk, [OVERDUE])
    with pytest.raises(InputError, match="no reason code"):
        waive(desk, OVERDUE.fingerprint, reason="because", until=TODAY)
    with pytest.raises(InputError, match="over already"):
        waive(desk, OVERDUE.fingerprint, reason="accepted-risk", until=TODAY - timedelta(days=1))
    waive(desk, OVERDUE.fingerprint, reason="accepted-risk", until=TODAY)
    [listed] = list_findings(desk)
    period = listed.period
    assert (period.status.value, period.reason_code, period.waived_until) == ("waived", "accepted-risk", TODAY)
    [tomorrow] = list_findings(desk, as_of=TODAY + timedelta(days=1))
    assert (tomorrow.period.status.value, tomorrow.period.actor) == ("open", None)
    assert actions(desk) == [("finding.waived", "accepted-risk", OBJECT)]


def test_a_decision_of_the_day_can_be_changed_the_same_day(desk: Desk) -> None:
    audited(desk, [OVERDUE])
    waive(desk, OVERDUE.fingerprint, reason="planned-work", until=TODAY)
    acknowledge(desk, OVERDUE.fingerprint)
    shown = show_finding(desk, OVERDUE.fingerprint)
    found, periods = shown.finding, shown.history
    assert len(periods) == 1
    assert (found.period.status.value, found.period.reason_code, found.period.waived_until) == (
        "acknowledged",
        None,
        None,
    )


def test_an_acknowledgment_or_a_waiver_is_taken_back_from_today_on(desk: Desk) -> None:
    yesterday = desk_of(desk.catalog, desk.actor, TODAY - timedelta(days=1))
    audited(desk, [OVERDUE], TODAY - timedelta(days=3))
    acknowledge(yesterday, OVERDUE.fingerprint)
    reopen(desk, OVERDUE.fingerprint[:12])
    shown = show_finding(desk, OVERDUE.fingerprint)
    period = shown.finding.period
    assert (period.status, period.actor, period.reason_code, period.waived_until) == (
        FindingStatus.OPEN,
        "ada",
        None,
        None,
    )
    assert [(p.status.value, p.from_day, p.until_day) for p in shown.history] == [
        ("open", TODAY - timedelta(days=3), TODAY - timedelta(days=1)),
        ("acknowledged", TODAY - timedelta(days=1), TODAY),
        ("open", TODAY, None),
    ]
    waive(desk, OVERDUE.fingerprint, reason="planned-work", until=TODAY + timedelta(days=9))
    reopen(desk, OVERDUE.fingerprint)
    period = show_finding(desk, OVERDUE.fingerprint).finding.period
    assert (period.status, period.until_day, period.waived_until) == (FindingStatus.OPEN, None, None)
    assert [item.period.status for item in list_findings(desk, as_of=TODAY + timedelta(days=30))] == [
        FindingStatus.OPEN
    ]
    told = ["finding.acknowledged", "finding.reopened", "finding.waived", "finding.reopened"]
    assert actions(desk) == [(name, "planned-work" if name == "finding.waived" else "", OBJECT) for name in told]


def test_what_was_taken_back_stays_open_for_the_next_audit(desk: Desk) -> None:
    audited(desk, [OVERDUE])
    waive(desk, OVERDUE.fingerprint, reason="other", until=TODAY + timedelta(days=9))
    reopen(desk, OVERDUE.fingerprint)
    audited(desk, [OVERDUE])
    [found] = list_findings(desk)
    assert found.period.status is FindingStatus.OPEN


def test_a_finding_that_is_open_cannot_be_reopened(desk: Desk) -> None:
    audited(desk, [OVERDUE])
    with pytest.raises(InputError, match="open already") as caught:
        reopen(desk, OVERDUE.fingerprint, note="again")
    assert (caught.value.item, caught.value.next_step) == (
        OVERDUE.fingerprint,
        "kbgov findings show tells its history",
    )
    assert actions(desk) == []
    assert show_finding(desk, OVERDUE.fingerprint).notes == ()


def test_a_waiver_that_is_over_left_nothing_to_take_back(desk: Desk) -> None:
    audited(desk, [OVERDUE], TODAY - timedelta(days=3))
    before = desk_of(desk.catalog, desk.actor, TODAY - timedelta(days=2))
    waive(before, OVERDUE.fingerprint, reason="other", until=TODAY - timedelta(days=1))
    with pytest.raises(InputError, match="open already"):
        reopen(desk, OVERDUE.fingerprint)


def test_why_it_was_reopened_stands_beside_the_decision(desk: Desk) -> None:
    audited(desk, [OVERDUE])
    acknowledge(desk, OVERDUE.fingerprint)
    reopen(desk, OVERDUE.fingerprint, note=" not after all ")
    assert [item.text for item in show_finding(desk, OVERDUE.fingerprint).notes] == ["not after all"]
    with desk.catalog.read() as uow:
        assert "not after all" not in str(log_bodies(uow.connection))


def test_there_is_nothing_to_decide_about_a_resolved_finding(desk: Desk) -> None:
    audited(desk, [OVERDUE], TODAY - timedelta(days=1))
    audited(desk, [])
    for decide in (
        lambda: acknowledge(desk, OVERDUE.fingerprint),
        lambda: waive(desk, OVERDUE.fingerprint, reason="other", until=TODAY),
        lambda: reopen(desk, OVERDUE.fingerprint),
    ):
        with pytest.raises(InputError, match="not open today"):
            decide()
    assert actions(desk) == []


def test_an_assignee_takes_the_owners_place(desk: Desk) -> None:
    audited(desk, [OVERDUE])
    assign(desk, OVERDUE.fingerprint, "cleo")
    assert show_finding(desk, OVERDUE.fingerprint).finding.period.owner == "cleo"
    assert actions(desk) == [("finding.assigned", "", OBJECT)]


def test_a_fingerprint_may_be_shortened_as_long_as_it_names_one(desk: Desk) -> None:
    many = [replace(OVERDUE, place=Place(source="docs", document=f"{n}.md")) for n in range(20)]
    audited(desk, many)
    assert show_finding(desk, many[0].fingerprint[:12]).finding.fingerprint == many[0].fingerprint
    with pytest.raises(InputError, match="begin like this"):
        show_finding(desk, next(c for c in "0123456789abcdef" if sum(m.fingerprint[0] == c for m in many) > 1))
    for nothing in ("", "zz", "%", "_" * 32):
        with pytest.raises(InputError, match="no finding"):
            show_finding(desk, nothing)


def test_a_finding_that_only_an_earlier_days_audit_knows_can_be_shown(desk: Desk) -> None:
    audited(desk, [OVERDUE], TODAY - timedelta(days=9), until=TODAY - timedelta(days=4))
    shown = show_finding(desk, OVERDUE.fingerprint)
    found, periods = shown.finding, shown.history
    assert found.period == periods[-1]
    assert found.period.until_day == TODAY - timedelta(days=4)
    assert list_findings(desk) == []
    assert [item.fingerprint for item in list_findings(desk, as_of=TODAY - timedelta(days=5))] == [found.fingerprint]
    with pytest.raises(InputError, match="not open today"):
        acknowledge(desk, OVERDUE.fingerprint)


def test_lists_can_be_narrowed_and_show_the_worst_and_longest_overdue_first(desk: Desk) -> None:
    longer = replace(OVERDUE, place=Place(source="docs", document="z.md"), evidence={"due": "2025-06-01"})
    high = replace(OVERDUE, place=Place(source="docs", document="m.md"), severity=Severity.HIGH)
    audited(desk, [OVERDUE, STUB, longer, high])
    acknowledge(desk, STUB.fingerprint)
    assert [item.place.document for item in list_findings(desk)] == ["m.md", "z.md", "a.md", "b.md"]
    assert [item.place.document for item in list_findings(desk, kind="freshness.*")] == ["m.md", "z.md", "a.md"]
    assert [item.place.document for item in list_findings(desk, status=FindingStatus.ACKNOWLEDGED)] == ["b.md"]
    assert [item.place.document for item in list_findings(desk, document="z.md")] == ["z.md"]
    assert list_findings(desk, as_of=TODAY - timedelta(days=1)) == []


def test_readers_may_look_and_stewards_may_decide(desk: Desk) -> None:
    audited(desk, [OVERDUE])
    reader = desk_of(desk.catalog, Actor(id="rex", roles=frozenset({Role.READER})))
    nobody = desk_of(desk.catalog, Actor(id="nemo", roles=frozenset()))
    assert len(list_findings(reader)) == 1
    for call in (
        lambda: acknowledge(reader, OVERDUE.fingerprint),
        lambda: waive(reader, OVERDUE.fingerprint, reason="other", until=TODAY),
        lambda: reopen(reader, OVERDUE.fingerprint),
        lambda: assign(reader, OVERDUE.fingerprint, "rex"),
        lambda: list_findings(nobody),
        lambda: show_finding(nobody, OVERDUE.fingerprint),
    ):
        with pytest.raises(RoleRefused):
            call()
    assert actions(desk) == []


OWN = """
document: policies
version: 1
reasons:
  - {code: board-decision, meaning: decided by the board}
policies: [{name: all, kind: freshness}]
"""


def test_the_policies_may_add_reasons(desk: Desk) -> None:
    audited(desk, [OVERDUE])
    with pytest.raises(InputError) as caught:
        waive(desk, OVERDUE.fingerprint, reason="board-decision", until=TODAY)
    assert str(caught.value.next_step).startswith("known here: accepted-risk, ")
    own = replace(desk, policies=parse_policies(OWN))
    with pytest.raises(InputError) as caught:
        waive(own, OVERDUE.fingerprint, reason="bord-decision", until=TODAY)
    assert str(caught.value.next_step).startswith("did you mean 'board-decision'?")
    waive(own, OVERDUE.fingerprint, reason="board-decision", until=TODAY)
    period = show_finding(desk, OVERDUE.fingerprint).finding.period
    assert (period.reason_code, period.policy_digest) == ("board-decision", own.policies.digest)


def test_a_decision_keeps_the_policies_under_which_it_was_made(desk: Desk) -> None:
    audited(desk, [OVERDUE])
    acknowledge(desk, OVERDUE.fingerprint)
    assert show_finding(desk, OVERDUE.fingerprint).finding.period.policy_digest == desk.policies.digest
    with desk.catalog.write() as uow:
        assert uow.policy_sets.adopt(desk.policies.digest, "", NOW) is False
    with desk.catalog.read() as uow:
        events = [body["action"] for body in log_bodies(uow.connection)]
    assert events[-2:] == ["policy.adopted", "finding.acknowledged"]


def test_a_note_stands_beside_the_decision_and_nowhere_else(desk: Desk) -> None:
    audited(desk, [OVERDUE])
    acknowledge(desk, OVERDUE.fingerprint, note="  ask Dana in room 7 \n")
    waive(desk, OVERDUE.fingerprint, reason="other", until=TODAY, note="Dana says: next week")
    waive(desk, OVERDUE.fingerprint, reason="other", until=TODAY, note="  ")
    notes = show_finding(desk, OVERDUE.fingerprint).notes
    assert [(item.text, item.actor, item.written_at) for item in notes] == [
        ("ask Dana in room 7", "ada", NOW),
        ("Dana says: next week", "ada", NOW),
    ]
    with desk.catalog.write() as uow:
        for table in metadata.sorted_tables:
            if table.name != "note":
                assert "Dana" not in repr(uow.connection.execute(select(table)).all())
        uow.notes.clear("finding", OVERDUE.fingerprint)
    assert show_finding(desk, OVERDUE.fingerprint).notes == ()


@pytest.mark.parametrize("note", ["x" * 2001, "a\0b", "a\x1b[2J"])
def test_a_note_that_cannot_be_kept_leaves_the_decision_unmade(desk: Desk, note: str) -> None:
    audited(desk, [OVERDUE])
    for decide in (
        lambda: acknowledge(desk, OVERDUE.fingerprint, note=note),
        lambda: waive(desk, OVERDUE.fingerprint, reason="other", until=TODAY, note=note),
        lambda: reopen(desk, OVERDUE.fingerprint, note=note),
    ):
        with pytest.raises(InputError):
            decide()
    assert show_finding(desk, OVERDUE.fingerprint).finding.period.status is FindingStatus.OPEN
