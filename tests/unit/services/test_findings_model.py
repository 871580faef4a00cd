"""Findings against a model that keeps, for every finding, one entry per day and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.catalog.engine import create_catalog_engine
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.actors import Actor
from governance.domain.errors import InputError
from governance.domain.findings import FindingKind, FindingPeriod, Observation, Place, Severity
from governance.domain.history import period_at
from governance.policy.loader import load_policies
from governance.services.context import RunContext
from governance.services.decisions import acknowledge, waive
from governance.services.findings import PolicyWaiver, Scope, reconcile
from governance.services.runs import Desk
from tests.conftest import sqlite_url
from tests.log_rows import known_names

DAYS = 16
FIRST = date(2026, 1, 1)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
KIND = FindingKind.OVERDUE
DOCUMENTS = ("a", "b", "c")
SEVERITIES = (Severity.LOW, Severity.HIGH)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


@dataclass(frozen=True)
class State:
    """What a finding is on one day."""

    status: str
    severity: Severity
    by: str | None = None
    until: int | None = None


@dataclass(frozen=True)
class Seen:
    """What an audit sees of one document, and the last day of the policy's waiver for it."""

    severity: Severity
    waived_until: int | None = None


@dataclass
class Model:
    """Every finding on every day, by the plainest rules there are."""

    days: dict[str, list[State | None]] = field(default_factory=lambda: {name: [None] * DAYS for name in DOCUMENTS})
    audits: set[int] = field(default_factory=set)
    decisions: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in DOCUMENTS})

    def audit(self, on: int, seen: dict[str, Seen]) -> None:
        for name in DOCUMENTS:
            later = [number for number in self.audits | self.decisions[name] if number > on]
            after = self._after(self.days[name][on], seen.get(name), on)
            self._lay(name, after, range(on, min(later, default=DAYS)))
        self.audits.add(on)

    @staticmethod
    def _after(before: State | None, seen: Seen | None, on: int) -> State | None:
        if seen is None:
            return before and State("resolved", before.severity)
        if seen.waived_until is not None and on <= seen.waived_until:
            return State("waived", seen.severity, "policy:dpo", seen.waived_until)
        kept = before is not None and before.by == "ada" and (before.until is None or on <= before.until)
        return State(before.status, seen.severity, "ada", before.until) if kept else State("open", seen.severity)

    def decide(self, name: str, today: int, until: int | None) -> bool:
        before = self.days[name][today]
        if before is None or before.status == "resolved":
            return False
        status = "acknowledged" if until is None else "waived"
        self._lay(name, State(status, before.severity, "ada", until), range(today, DAYS))
        self.decisions[name].add(today)
        return True

    def _lay(self, name: str, state: State | None, days: range) -> None:
        for number in days:
            over = state is not None and state.until is not None and number > state.until
            self.days[name][number] = State("open", state.severity) if over else state


class OneTransaction:
    """A catalog of which nothing is left: every transaction is a part of one that is rolled back."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        yield self._uow

    read = write


@pytest.fixture(scope="module")
def catalog(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    file = tmp_path_factory.mktemp("model") / "catalog.db"
    shutil.copy(sqlite_template, file)
    made = Catalog(create_catalog_engine(sqlite_url(file)), known_names)
    yield made
    made.close()


def observation(name: str, seen: Seen) -> Observation:
    return Observation(
        kind=KIND,
        severity=seen.severity,
        place=Place(source="docs", document=name),
        rule="due_passed",
        policy="default",
        message="The review was due.",
        evidence={"due": "2026-01-01"},
    )


def audit(uow: UnitOfWork, model: Model, on: int, seen: dict[str, Seen]) -> None:
    later = min((number for number in model.audits if number > on), default=None)
    context = RunContext(actor=Actor(id="ada"), run_id=1, clock=lambda: NOW)

    def waiver(item: Observation) -> PolicyWaiver | None:
        until = seen[item.place.document].waived_until
        return None if until is None or on > until else PolicyWaiver("other", day(until), "dpo")

    scope = Scope(
        kinds=frozenset({KIND.value}), day=day(on), next_days={} if later is None else {KIND.value: day(later)}
    )
    result = reconcile(uow, [observation(name, item) for name, item in seen.items()], scope, waiver, context, NOW)
    model.audit(on, seen)
    statuses = [state.status for state in (model.days[name][on] for name in DOCUMENTS) if state]
    assert result.open == sum(status in {"open", "acknowledged"} for status in statuses)
    assert result.waived == statuses.count("waived")
    assert len(result.live) == result.open


def decide(uow: UnitOfWork, model: Model, name: str, today: int, until: int | None) -> None:
    desk = Desk(
        catalog=OneTransaction(uow),
        actor=Actor(id="ada"),
        clock=lambda: NOW,
        today=day(today),
        policies=load_policies([]),
    )
    fingerprint = observation(name, Seen(Severity.LOW)).fingerprint
    try:
        if until is None:
            acknowledge(desk, fingerprint)
        else:
            waive(desk, fingerprint, reason="other", until=day(until))
        done = True
    except InputError:
        done = False
    assert model.decide(name, today, until) is done


def state_of(period: FindingPeriod | None) -> State | None:
    if period is None:
        return None
    until = (period.waived_until - FIRST).days if period.waived_until else None
    return State(period.status.value, period.severity, period.actor, until)


def compare(uow: UnitOfWork, model: Model) -> None:
    histories = {item.place.document: item for item in uow.findings.histories([KIND.value]).values()}
    for name in DOCUMENTS:
        periods = histories[name].periods if name in histories else ()
        assert [state_of(period_at(periods, day(number))) for number in range(DAYS)] == model.days[name]
        for one, next_one in pairwise(periods):
            assert one.until_day is not None
            assert one.from_day < one.until_day <= next_one.from_day
    for number in range(DAYS):
        listed = {item.place.document: state_of(item.period) for item in uow.findings.listed(day(number))}
        assert listed == {name: model.days[name][number] for name in DOCUMENTS if model.days[name][number]}


SEEN = st.dictionaries(
    st.sampled_from(DOCUMENTS),
    st.builds(Seen, st.sampled_from(SEVERITIES), st.one_of(st.none(), st.none(), st.integers(0, DAYS - 1))),
)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 3),  # days that pass
        st.one_of(
            st.tuples(st.just("audit"), st.integers(0, 6), SEEN),  # as of so many days ago
            st.tuples(st.just("decide"), st.sampled_from(DOCUMENTS), st.one_of(st.none(), st.integers(0, 5))),
        ),
    ),
    max_size=14,
)


def compared(catalog: Catalog, steps: list) -> None:
    model, today = Model(), 0
    with catalog.scratch() as uow:
        for passed, (what, first, second) in steps:
            today = min(today + passed, DAYS - 1)
            if what == "audit":
                audit(uow, model, max(today - first, 0), second)
            else:
                decide(uow, model, first, today, None if second is None else min(today + second, DAYS - 1))
            compare(uow, model)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_findings_are_on_every_day_what_a_day_by_day_model_says(catalog: Catalog, steps: list) -> None:
    compared(catalog, steps)


@pytest.mark.full
@pytest.mark.timeout(1800)
@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_two_thousand_histories_are_what_the_model_says(catalog: Catalog, steps: list) -> None:
    compared(catalog, steps)


def test_nothing_of_the_examples_is_left(catalog: Catalog) -> None:
    with catalog.read() as uow:
        assert uow.findings.histories([KIND.value]) == {}
