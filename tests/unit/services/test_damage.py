from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from governance.catalog.chunks import ChunkRow
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor, Role
from governance.domain.chunks import ChunkKey
from governance.domain.errors import RoleRefused
from governance.domain.findings import Finding, FindingKind, FindingPeriod, FindingStatus, Observation, Place, Severity
from governance.domain.values import Json
from governance.policy.loader import load_policies
from governance.services.context import RunContext
from governance.services.damage import Counts, Damage, abouts, list_damage, ranked
from governance.services.decisions import acknowledge, waive
from governance.services.findings import Scope, reconcile
from governance.services.runs import Desk
from tests.log_rows import known_names

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
DAY = date(2026, 11, 21)
PERIOD = FindingPeriod(status=FindingStatus.OPEN, severity=Severity.LOW, policy="", message="", from_day=DAY)


def finding(
    kind: FindingKind, where: Place, fingerprint: str = "f", evidence: Mapping[str, Json] | None = None
) -> Finding:
    return Finding(
        fingerprint=fingerprint,
        kind=kind,
        place=where,
        rule="",
        period=replace(PERIOD, evidence=evidence or {}),
        first_seen=NOW,
        last_seen=NOW,
    )


COUNTS = Counts(
    chunks={ChunkKey("main", "", "a1"): 2, ChunkKey("main", "acme", "a1"): 30},
    documents={
        ("docs", "a.md"): {("main", ""): 5, ("main", "acme"): 40, ("other", ""): 300},
        ("docs", "old.md"): {("main", ""): 7, ("other", ""): 70},
        ("more", "a.md"): {("main", ""): 1000},
    },
)


@pytest.mark.parametrize(
    ("where", "retrievals"),
    [
        (Place("docs", "a.md"), 345),
        (Place("docs", "a.md", "main"), 5),
        (Place("docs", "a.md", "main", "acme"), 40),
        (Place("docs", "a.md", "main", "acme", "a1"), 30),
        (Place("docs", "a.md", "main", "", "a2"), 0),
        (Place("docs", "b.md"), 0),
        (Place("more", "a.md"), 1000),
    ],
)
def test_a_finding_counts_its_chunk_or_all_chunks_of_its_document_where_it_is(where: Place, retrievals: int) -> None:
    assert COUNTS.of(finding(FindingKind.CONTENT, where)) == retrievals


def test_beside_older_versions_only_those_count_and_only_where_they_meet() -> None:
    evidence: dict[str, Json] = {"members": ["old.md", "a.md"], "canonical": "a.md", "indexes": ["main"]}
    assert COUNTS.of(finding(FindingKind.SUPERSEDED, Place("docs", "a.md"), evidence=evidence)) == 7
    evidence["indexes"] = ["main", "other"]
    assert COUNTS.of(finding(FindingKind.SUPERSEDED, Place("docs", "a.md"), evidence=evidence)) == 77


def test_a_contradiction_counts_both_sides_and_none_twice() -> None:
    sides: list[Json] = [{"document": "a.md", "chunk_id": None, "value": "1"}, {"document": "old.md", "value": "2"}]
    pair = finding(FindingKind.CONTENT, Place("docs", "a.md"), evidence={"sides": sides})
    assert COUNTS.of(pair) == 345 + 77
    same = finding(FindingKind.CONTENT, Place("docs", "a.md"), evidence={"sides": [sides[0], sides[0]]})
    assert COUNTS.of(same) == 345
    chunks: list[Json] = [{"document": "a.md", "chunk_id": "a1"}, {"document": "a.md", "chunk_id": "a2"}]
    cut = finding(FindingKind.CONTENT, Place("docs", "a.md", "main"), evidence={"sides": chunks})
    assert COUNTS.of(cut) == 2


@pytest.mark.parametrize("evidence", [{"sides": 3}, {"sides": ["a"]}, {"sides": [{"document": 3}]}, {"members": "abc"}])
def test_evidence_of_another_form_counts_the_place(evidence: dict[str, Json]) -> None:
    [about] = abouts(finding(FindingKind.SUPERSEDED, Place("docs", "a.md"), evidence=evidence))
    assert (about.source, about.document) == ("docs", "a.md")


DAMAGES = st.lists(
    st.builds(
        Damage,
        st.integers(0, 10**6).map(lambda number: finding(FindingKind.ORPHAN, Place(), f"{number:032x}")),
        st.integers(1, 4000),
        st.integers(0, 10**12),
    ),
    unique_by=lambda item: item.finding.fingerprint,
)


@given(DAMAGES, st.randoms())
def test_the_order_is_total_and_does_not_depend_on_where_one_began(items: list[Damage], chance: object) -> None:
    once = ranked(items)
    chance.shuffle(items)
    assert ranked(items) == once
    keys = [(-item.days * item.retrievals, item.finding.fingerprint) for item in once]
    assert all(before < after for before, after in pairwise(keys))


PLACES = st.sampled_from([("main", ""), ("main", "acme"), ("other", "")])
CHUNKS = st.dictionaries(
    st.tuples(PLACES, st.sampled_from("abcdef")), st.tuples(st.sampled_from(["x.md", "y.md"]), st.integers(0, 10**12))
)


@given(CHUNKS, st.sampled_from(["x.md", "y.md"]), st.none() | PLACES)
def test_retrievals_are_the_sum_over_the_chunks(
    chunks: dict[tuple[tuple[str, str], str], tuple[str, int]], document: str, place: tuple[str, str] | None
) -> None:
    documents: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
    for (where, _), (name, count) in chunks.items():
        held = documents.setdefault(("docs", name), {})
        held[where] = held.get(where, 0) + count
    expected = sum(count for (where, _), (name, count) in chunks.items() if name == document and place in {None, where})
    about = finding(FindingKind.ORPHAN, Place("docs", document, *(place or ("", ""))))
    assert Counts(documents=documents).of(about) == expected


OVERDUE = Observation(
    kind=FindingKind.OVERDUE,
    severity=Severity.MEDIUM,
    place=Place("docs", "a.md"),
    rule="due_passed",
    policy="default",
    message="The review was due.",
    owner="people-team",
    evidence={"due": "2026-11-11"},
)
DRIFTED = replace(OVERDUE, kind=FindingKind.CONTENT, place=Place("docs", "b.md", "main"), owner=None, evidence={})
STUB = replace(OVERDUE, kind=FindingKind.STUB, place=Place("docs", "a.md"))


def desk_of(engine: Engine, *roles: Role, today: date = DAY) -> Desk:
    actor = Actor(id="ada", roles=frozenset(roles or Role))
    return Desk(
        catalog=Catalog(engine, known_names), actor=actor, clock=lambda: NOW, today=today, policies=load_policies([])
    )


@pytest.fixture
def desk(catalog_engine: Engine) -> Desk:
    """Three chunks of two pages; the drift was found three days ago, the rest today."""
    found = desk_of(catalog_engine)
    rows = [("a1", "a.md"), ("b1", "b.md"), ("b2", "b.md")]
    with found.catalog.write() as uow:
        uow.chunks.save(
            [
                ChunkRow(
                    index_name="main",
                    partition="",
                    chunk_id=chunk_id,
                    source="docs",
                    document=document,
                    position=0,
                    body_hash="0" * 64,
                    meta_hash="0" * 64,
                )
                for chunk_id, document in rows
            ],
            NOW,
        )
        context = RunContext(actor=found.actor, run_id=1, clock=lambda: NOW)
        for day, observations in ((DAY - timedelta(days=3), [DRIFTED]), (DAY, [DRIFTED, OVERDUE, STUB])):
            scope = Scope(kinds=frozenset(kind.value for kind in FindingKind), day=day)
            reconcile(uow, observations, scope, lambda _item: None, context, NOW)
    return found


def retrieved(desk: Desk, **counts: int) -> None:
    with desk.catalog.write() as uow:
        uow.retrievals.save({ChunkKey("main", "", name): count for name, count in counts.items()}, NOW)


def told(desk: Desk, day: date = DAY) -> list[tuple[str, int, int]]:
    return [(item.finding.kind.value, item.days, item.retrievals) for item in list_damage(desk, as_of=day).items]


def test_what_is_overdue_or_drifted_is_ranked_by_days_times_retrievals(desk: Desk) -> None:
    retrieved(desk, a1=7, b1=10, b2=8)
    assert told(desk) == [("drift.content", 4, 18), ("freshness.overdue", 10, 7)]
    retrieved(desk, a1=8)
    assert told(desk) == [("freshness.overdue", 10, 8), ("drift.content", 4, 18)]


def test_the_document_of_the_contract(desk: Desk) -> None:
    retrieved(desk, a1=7, elsewhere=1)
    ranking = list_damage(desk, as_of=DAY)
    assert ranking.items[0].as_json() == {
        "kind": "freshness.overdue",
        "severity": "medium",
        "source": "docs",
        "document": "a.md",
        "index": None,
        "chunk_id": None,
        "fingerprint": OVERDUE.fingerprint,
        "days": 10,
        "retrievals": 7,
        "damage": 70,
        "owner": "people-team",
    }
    assert ranking.loaded == (NOW, 2, 1)


def test_without_counts_everything_is_listed_and_harms_nobody(desk: Desk) -> None:
    ranking = list_damage(desk, as_of=DAY)
    assert [item.damage for item in ranking.items] == [0, 0]
    assert [item.finding.fingerprint for item in ranking.items] == sorted([OVERDUE.fingerprint, DRIFTED.fingerprint])
    assert ranking.loaded == (None, 0, 0)


def test_an_earlier_day_knows_what_was_open_then(desk: Desk) -> None:
    retrieved(desk, a1=7, b1=10)
    assert told(desk, DAY - timedelta(days=2)) == [("drift.content", 2, 10)]
    assert told(desk, DAY - timedelta(days=4)) == []


def test_what_is_accepted_is_not_ranked_and_what_somebody_knows_of_is(desk: Desk) -> None:
    retrieved(desk, a1=7, b1=10)
    waive(desk, OVERDUE.fingerprint, reason="accepted-risk", until=DAY)
    acknowledge(desk, DRIFTED.fingerprint)
    assert told(desk) == [("drift.content", 4, 10)]


def test_a_reader_may_look(catalog_engine: Engine) -> None:
    assert told(desk_of(catalog_engine, Role.READER)) == []
    with pytest.raises(RoleRefused):
        told(desk_of(catalog_engine, Role.APPROVER))
