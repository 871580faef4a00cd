from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from governance.catalog.findings import FindingHistory
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.actors import Actor
from governance.domain.findings import FindingKind, FindingPeriod, FindingStatus, Observation, Place, Severity
from governance.domain.history import lay_down
from governance.domain.values import digest_of
from governance.services.context import RunContext
from governance.services.findings import PolicyWaiver, Reconciled, Scope, reconcile
from tests.log_rows import digest_pseudonym, known_names, log_rows

MONDAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
KINDS = frozenset({FindingKind.OVERDUE.value, FindingKind.STUB.value})
OVERDUE = Observation(
    kind=FindingKind.OVERDUE,
    severity=Severity.MEDIUM,
    place=Place(source="docs", document="a.md"),
    rule="due_passed",
    policy="default",
    message="The review was due.",
    owner="people-team",
    evidence={"due": "2026-02-01", "problems": [{"line": 3}]},
)
STUB = replace(OVERDUE, kind=FindingKind.STUB, severity=Severity.LOW, place=Place(source="docs", document="b.md"))
Waivers = dict[str, PolicyWaiver]


@pytest.fixture
def uow(catalog_engine: Engine) -> Iterator[UnitOfWork]:
    with Catalog(catalog_engine, known_names).scratch() as work:
        yield work


def later(days: int) -> date:
    return MONDAY + timedelta(days=days)


def audit(
    uow: UnitOfWork,
    observations: Iterable[Observation],
    day: date = MONDAY,
    *,
    run: int = 1,
    waivers: Waivers | None = None,
    next_day: date | None = None,
    covers: bool = True,
) -> Reconciled:
    moment = NOW + timedelta(days=run)
    return reconcile(
        uow,
        observations,
        Scope(
            kinds=KINDS,
            day=day,
            covers=lambda _item: covers,
            next_days=dict.fromkeys(KINDS, next_day) if next_day else {},
        ),
        lambda item: (waivers or {}).get(item.place.document),
        RunContext(actor=Actor(id="ada"), run_id=run, clock=lambda: moment),
        moment,
    )


def history(uow: UnitOfWork, item: Observation = OVERDUE) -> FindingHistory:
    found = uow.findings.history(item.fingerprint)
    assert found is not None
    return found


def statuses(uow: UnitOfWork, item: Observation = OVERDUE) -> list[tuple[str, date, date | None]]:
    return [(period.status.value, period.from_day, period.until_day) for period in history(uow, item).periods]


def decide(uow: UnitOfWork, day: date, status: FindingStatus, until: date | None = None) -> None:
    """Let a person decide, as `kbgov findings ack|waive` does."""
    known = history(uow)
    decided = replace(known.periods[-1], status=status, actor="ben", waived_until=until, run_id=None)
    uow.findings.save([replace(known, periods=lay_down(known.periods, decided, day, None))])


def told(uow: UnitOfWork) -> list[tuple[str, str, int, str]]:
    uow.log.flush()
    rows = log_rows(uow.connection, "action", "reason", "counts", "digest")
    return [(action, reason, counts["findings"], digest) for action, reason, counts, digest in rows]


def test_what_is_observed_for_the_first_time_is_opened(uow: UnitOfWork) -> None:
    result = audit(uow, [OVERDUE, STUB])
    assert (result.opened, result.open, result.resolved, result.reopened) == (2, 2, 0, 0)
    assert result.by_kind == {"freshness.overdue": 1, "drift.stub": 1}
    assert result.worst is Severity.MEDIUM
    found = history(uow)
    assert found.place == OVERDUE.place
    assert found.first_seen == found.last_seen == NOW + timedelta(days=1)
    [period] = found.periods
    assert period == FindingPeriod(
        status=FindingStatus.OPEN,
        severity=Severity.MEDIUM,
        policy="default",
        message="The review was due.",
        from_day=MONDAY,
        evidence=OVERDUE.evidence,
        owner="people-team",
        run_id=1,
    )


def test_a_second_audit_adds_no_row_and_moves_only_the_day_last_seen(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE])
    first = history(uow)
    result = audit(uow, [OVERDUE, OVERDUE], later(3), run=2)
    assert (result.opened, result.open) == (0, 1)
    assert history(uow) == replace(first, last_seen=NOW + timedelta(days=2))
    assert len(told(uow)) == 1


def test_a_change_of_severity_is_a_row_of_its_own_and_no_new_finding(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE])
    result = audit(uow, [replace(OVERDUE, severity=Severity.HIGH)], later(5), run=2)
    assert (result.opened, result.reopened, result.open, result.worst) == (0, 0, 1, Severity.HIGH)
    assert [(p.severity, p.from_day, p.run_id) for p in history(uow).periods] == [
        (Severity.MEDIUM, MONDAY, 1),
        (Severity.HIGH, later(5), 2),
    ]


def test_what_is_no_longer_observed_is_resolved_once_and_reopened_when_it_comes_back(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE])
    assert audit(uow, [], later(1), run=2).resolved == 1
    again = audit(uow, [], later(2), run=3)
    assert (again.resolved, again.open, again.worst) == (0, 0, None)
    assert again.by_kind == {"freshness.overdue": 0, "drift.stub": 0}
    back = audit(uow, [OVERDUE], later(3), run=4)
    assert (back.reopened, back.opened, back.open) == (1, 0, 1)
    assert statuses(uow) == [
        ("open", MONDAY, later(1)),
        ("resolved", later(1), later(3)),
        ("open", later(3), None),
    ]


def test_what_a_finding_said_before_can_be_read_as_of_any_day(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE])
    audit(uow, [], later(2), run=2)
    by_day = {day: [item.period.status.value for item in uow.findings.listed(later(day))] for day in (-1, 0, 1, 2, 9)}
    assert by_day == {-1: [], 0: ["open"], 1: ["open"], 2: ["resolved"], 9: ["resolved"]}


def test_a_place_that_was_not_looked_at_resolves_nothing(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE])
    result = audit(uow, [], later(1), run=2, covers=False)
    assert (result.resolved, result.open) == (0, 1)
    assert statuses(uow) == [("open", MONDAY, None)]


def test_kinds_that_were_not_looked_for_stay_as_they_are(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE])
    scope = Scope(kinds=frozenset({FindingKind.STUB.value}), day=later(1))
    context = RunContext(actor=Actor(id="ada"), run_id=2, clock=lambda: NOW)
    assert reconcile(uow, [], scope, lambda _item: None, context, NOW).resolved == 0
    assert statuses(uow) == [("open", MONDAY, None)]


def test_an_acknowledged_finding_stays_so_while_it_is_observed_and_counts_as_open(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE])
    decide(uow, later(1), FindingStatus.ACKNOWLEDGED)
    result = audit(uow, [replace(OVERDUE, severity=Severity.HIGH)], later(2), run=2)
    assert (result.open, result.opened, result.reopened) == (1, 0, 0)
    assert [(p.status.value, p.severity.value, p.actor) for p in history(uow).periods] == [
        ("open", "medium", None),
        ("acknowledged", "medium", "ben"),
        ("acknowledged", "high", "ben"),
    ]


def test_an_acknowledgment_ends_when_the_trouble_ends(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE])
    decide(uow, later(1), FindingStatus.ACKNOWLEDGED)
    audit(uow, [], later(2), run=2)
    audit(uow, [OVERDUE], later(3), run=3)
    assert [p.status.value for p in history(uow).periods] == ["open", "acknowledged", "resolved", "open"]
    assert history(uow).periods[-1].actor is None


def test_a_waiver_holds_through_its_last_day_and_then_the_finding_is_open_again(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE])
    decide(uow, MONDAY, FindingStatus.WAIVED, until=later(2))
    held = audit(uow, [OVERDUE], later(2), run=2)
    assert (held.waived, held.open, held.worst, held.reopened) == (1, 0, None, 0)
    over = audit(uow, [OVERDUE], later(3), run=3)
    assert (over.waived, over.open, over.reopened) == (0, 1, 1)
    again = audit(uow, [OVERDUE], later(4), run=4)
    assert (again.open, again.reopened) == (1, 0)
    assert statuses(uow) == [("waived", MONDAY, later(3)), ("open", later(3), None)]


def test_a_waiver_is_over_whether_or_not_anybody_audits(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE])
    decide(uow, MONDAY, FindingStatus.WAIVED, until=later(2))
    assert [item.period.status.value for item in uow.findings.listed(later(2))] == ["waived"]
    assert [item.period.status.value for item in uow.findings.listed(later(3))] == ["open"]


def test_a_policys_waiver_that_ran_out_is_told_as_reopened_once(uow: UnitOfWork) -> None:
    waiver = {"a.md": PolicyWaiver("archive-copy", later(1), "dpo")}
    audit(uow, [OVERDUE], waivers=waiver)
    assert audit(uow, [OVERDUE], later(2), run=2).reopened == 1
    assert audit(uow, [OVERDUE], later(3), run=3).reopened == 0


def test_a_policys_waiver_lasts_as_long_as_the_policy_says_so(uow: UnitOfWork) -> None:
    waiver = PolicyWaiver("archive-copy", later(9), "dpo")
    result = audit(uow, [OVERDUE, STUB], waivers={"a.md": waiver})
    assert (result.waived, result.open, result.by_kind["freshness.overdue"]) == (1, 1, 0)
    period = history(uow).periods[0]
    assert (period.actor, period.reason_code, period.waived_until) == ("policy:dpo", "archive-copy", later(9))
    assert statuses(uow) == [("waived", MONDAY, later(10)), ("open", later(10), None)]
    dropped = audit(uow, [OVERDUE, STUB], later(1), run=2)
    assert (dropped.waived, dropped.reopened, dropped.open) == (0, 1, 2)
    assert history(uow).periods[-1].reason_code is None


def test_an_earlier_days_audit_fills_history_up_to_the_next_recorded_day(uow: UnitOfWork) -> None:
    audit(uow, [STUB], later(10))
    result = audit(uow, [OVERDUE, STUB], later(4), run=2, next_day=later(10))
    assert result.opened == 2
    assert statuses(uow) == [("open", later(4), later(10))]
    assert statuses(uow, STUB) == [("open", later(4), later(10)), ("open", later(10), None)]
    assert [item.kind for item in uow.findings.listed(None)] == [FindingKind.STUB]


def test_an_earlier_days_audit_ends_what_was_open_between_two_recorded_days_only(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE], MONDAY)
    audit(uow, [OVERDUE], later(10), run=2)
    audit(uow, [], later(5), run=3, next_day=later(10))
    assert statuses(uow) == [
        ("open", MONDAY, later(5)),
        ("resolved", later(5), later(10)),
        ("open", later(10), None),
    ]


def test_an_earlier_days_audit_leaves_what_a_person_decided_later(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE], MONDAY)
    decide(uow, later(6), FindingStatus.ACKNOWLEDGED)
    audit(uow, [], later(3), run=2)
    assert statuses(uow) == [
        ("open", MONDAY, later(3)),
        ("resolved", later(3), later(6)),
        ("acknowledged", later(6), None),
    ]


def test_the_same_day_audited_twice_keeps_the_last_word(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE])
    audit(uow, [replace(OVERDUE, message="Another sentence.")], run=2)
    [period] = history(uow).periods
    assert (period.message, period.run_id, period.until_day) == ("Another sentence.", 2, None)
    audit(uow, [], run=3)
    assert statuses(uow) == [("resolved", MONDAY, None)]


def test_an_assignee_outlasts_audits_and_takes_the_owners_place_in_lists(uow: UnitOfWork) -> None:
    audit(uow, [OVERDUE])
    uow.findings.save([replace(history(uow), assignee="cleo")])
    audit(uow, [replace(OVERDUE, severity=Severity.HIGH)], later(1), run=2)
    assert history(uow).assignee == "cleo"
    assert [item.period.owner for item in uow.findings.listed(None)] == ["cleo"]


def test_events_tell_of_one_run_and_kind_with_a_digest_over_the_fingerprints(uow: UnitOfWork) -> None:
    other = replace(OVERDUE, place=Place(source="docs", document="c.md"))
    audit(uow, [OVERDUE, other, STUB])
    audit(uow, [], later(1), run=2)
    audit(uow, [OVERDUE], later(2), run=3)
    both = digest_pseudonym(digest_of(sorted([OVERDUE.fingerprint, other.fingerprint])))
    stub = digest_pseudonym(digest_of([STUB.fingerprint]))
    assert told(uow) == [
        ("findings.opened", "drift.stub", 1, stub),
        ("findings.opened", "freshness.overdue", 2, both),
        ("findings.resolved", "drift.stub", 1, stub),
        ("findings.resolved", "freshness.overdue", 2, both),
        ("findings.reopened", "freshness.overdue", 1, digest_pseudonym(digest_of([OVERDUE.fingerprint]))),
    ]


def test_findings_of_one_place_are_told_apart_by_kind_and_discriminator() -> None:
    prints = {
        item.fingerprint
        for item in (
            OVERDUE,
            replace(OVERDUE, kind=FindingKind.STUB),
            replace(OVERDUE, discriminator="x"),
            replace(OVERDUE, place=replace(OVERDUE.place, index="main")),
        )
    }
    assert len(prints) == 4
    assert replace(OVERDUE, severity=Severity.LOW, message="other", evidence={}).fingerprint == OVERDUE.fingerprint
