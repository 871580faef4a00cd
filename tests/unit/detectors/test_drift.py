"""From comparisons to findings: thresholds, doubts, and what is said when names do not meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.detectors.drift import (
    Difference,
    Doubt,
    Splitter,
    Standing,
    Verdict,
    document_observations,
    gone_observations,
    mapping_observation,
    mixed_observation,
    unattributed_observations,
)
from governance.domain.calendar import Interval, Unit
from governance.domain.findings import FindingKind, Severity
from governance.policy.model import DriftRule
from tests.unit.detectors.builders import document

TODAY = date(2026, 11, 21)
RULE = DriftRule(policy="drift", rewritten_percent=10, uncovered_percent=10)
GOOD = Verdict(words=100, chunks=4, near=4, verbatim=4)
VERBATIM, REWRITES = Splitter(), Splitter(rewrites=True)


def standing(verdict: Verdict, **other: Any) -> Standing:
    values = {"rule": RULE, "splitter": VERBATIM, "mapped": True, **other}
    return Standing(document=document(), index="main", verdict=verdict, **values)


def kinds(verdict: Verdict, **other: Any) -> list[FindingKind]:
    return [item.kind for item in document_observations(standing(verdict, **other), TODAY)]


def differing(
    critical: str | None = None,
    share: float = 0.0,
    doubt: Doubt | None = None,
    *,
    own: bool = False,
    certain: bool = False,
) -> Verdict:
    return replace(GOOD, differing=(Difference("", "c1", own, critical, share, doubt, certain),))


def test_nothing_is_said_when_all_is_well() -> None:
    assert kinds(GOOD) == []
    assert GOOD.agrees(RULE, VERBATIM)


@pytest.mark.parametrize(
    ("verdict", "splitter", "counts"),
    [
        (differing("number", 0.0), REWRITES, True),
        (differing("negation", 0.01), REWRITES, True),
        (differing(None, 0.0999), REWRITES, False),
        (differing(None, 0.1), REWRITES, True),
        (differing(None, 0.0), REWRITES, False),
        (differing(None, 0.001), VERBATIM, True),
        (differing(None, 0.0, Doubt.MARKUP), VERBATIM, True),
        (differing(None, 0.0, Doubt.MARKUP), REWRITES, False),
        (differing(None, 0.0, Doubt.MARKUP, own=True), REWRITES, True),
        (differing(None, 0.0, Doubt.CUT), VERBATIM, True),
        (differing(None, 0.0, Doubt.CUT), Splitter(cuts_words=True), False),
        (differing(None, 0.0, Doubt.MARKUP), Splitter(cuts_words=True), True),
        (differing(None, 0.0, Doubt.HEAD), VERBATIM, True),
        (differing(None, 0.0, Doubt.HEAD), REWRITES, True),
        (differing(None, 0.0, Doubt.HEAD), Splitter(heads=True), False),
        (differing("number", 0.0, Doubt.HEAD), Splitter(heads=True), False),
        (differing("number", 0.0, Doubt.HEAD, certain=True), Splitter(heads=True), True),
        (differing(None, 0.01, own=True), REWRITES, True),
        (differing(None, 0.01, certain=True), REWRITES, True),
        (differing(None, 0.0, Doubt.MARKUP, certain=True), REWRITES, True),
        (differing(None, 0.0, Doubt.MARKUP), Splitter(strips=True), False),
        (differing(None, 0.01), Splitter(strips=True), True),
    ],
)
def test_what_counts_as_content_drift(verdict: Verdict, splitter: Splitter, counts: bool) -> None:
    assert kinds(verdict, splitter=splitter) == ([FindingKind.CONTENT] if counts else [])


def test_a_document_without_any_chunk_is_missing_and_nothing_else() -> None:
    assert kinds(Verdict(words=100, uncovered=100)) == [FindingKind.MISSING]


def test_each_chunk_that_is_gone_is_missing_and_the_rest_is_not_called_uncovered() -> None:
    verdict = replace(GOOD, uncovered=60, missing=(("", "c7"), ("t1", "c8")))
    found = list(document_observations(standing(verdict), TODAY))
    assert [(item.kind, item.place.partition, item.place.chunk_id) for item in found] == [
        (FindingKind.MISSING, "", "c7"),
        (FindingKind.MISSING, "t1", "c8"),
    ]


def test_nothing_is_called_missing_when_names_do_not_meet() -> None:
    assert kinds(Verdict(words=100, uncovered=100), mapped=False) == []
    assert kinds(replace(GOOD, missing=(("", "c7"),)), mapped=False) == []


@pytest.mark.parametrize(("uncovered", "said"), [(10, False), (11, True)])
def test_uncovered_text_is_said_above_the_threshold(uncovered: int, said: bool) -> None:
    assert kinds(replace(GOOD, uncovered=uncovered)) == ([FindingKind.UNCOVERED] if said else [])


def test_of_holes_that_a_repair_made_every_word_counts() -> None:
    assert kinds(replace(GOOD, uncovered=1, holed_at="2026-11-01T00:00:00+00:00")) == [FindingKind.UNCOVERED]


def test_a_document_that_drifted_is_not_called_uncovered_as_well() -> None:
    assert kinds(replace(differing("number"), uncovered=90)) == [FindingKind.CONTENT]


@pytest.mark.parametrize(("days", "said"), [(7, False), (8, True)])
def test_a_change_that_does_not_arrive_in_time_is_said(days: int, said: bool) -> None:
    rule = replace(RULE, max_lag=Interval(7, Unit.DAY))
    found = kinds(differing("number"), rule=rule, pending_on=TODAY - timedelta(days=days))
    assert found == [FindingKind.CONTENT, *([FindingKind.LAG] if said else [])]


def test_without_a_limit_nothing_is_late() -> None:
    rule = replace(RULE, max_lag=None)
    assert kinds(differing("number"), rule=rule, pending_on=date(2020, 1, 1)) == [FindingKind.CONTENT]


def test_a_policy_sets_severity_and_owner() -> None:
    rule = replace(RULE, severity=Severity.LOW, owner="docs@example.org")
    [found] = document_observations(standing(differing("date"), rule=rule), TODAY)
    assert (found.severity, found.policy, found.rule) == (Severity.LOW, "drift", "date")
    [found] = document_observations(standing(differing("date")), TODAY)
    assert found.severity is Severity.HIGH


def test_a_finding_names_few_chunks_and_says_how_many_there_are() -> None:
    many = tuple(Difference("", f"c{number:03}", False, "number", 0.1) for number in range(50))
    [found] = document_observations(standing(replace(GOOD, differing=many)), TODAY)
    assert found.evidence["count"] == 50
    assert found.evidence["chunks"] == [f"c{number:03}" for number in range(20)]


def test_left_over_chunks_are_orphans_and_deleted_ones_that_are_there_ghosts() -> None:
    found = list(gone_observations(document(), "main", [("", "b"), ("", "a"), ("t", "c")], [("", "g")], RULE))
    assert [(item.kind, item.place.partition, item.evidence["chunks"], item.severity) for item in found] == [
        (FindingKind.ORPHAN, "", ["a", "b"], Severity.MEDIUM),
        (FindingKind.ORPHAN, "t", ["c"], Severity.MEDIUM),
        (FindingKind.GHOST, "", ["g"], Severity.HIGH),
    ]


def test_chunks_without_a_source_have_a_finding_each_until_they_are_many() -> None:
    few = list(unattributed_observations("main", "", [f"c{number}" for number in range(100)]))
    many = list(unattributed_observations("main", "", [f"c{number}" for number in range(101)]))
    assert [item.place.chunk_id for item in few] == [f"c{number}" for number in range(100)]
    assert [(item.place.chunk_id, item.evidence["count"]) for item in many] == [("", 101)]


def test_what_is_said_of_an_index_names_what_differs() -> None:
    found = mixed_observation("main", "", {"dimension of default": {"384": 9, "768": 1}})
    assert found.evidence == {"dimension of default": {"384": 9, "768": 1}}
    found = mapping_observation("docs", "main", (1, 9), (2, 8))
    assert found.evidence == {"documents": 9, "documents_met": 1, "keys": 8, "keys_met": 2}


verdicts = st.builds(
    Verdict,
    words=st.none() | st.integers(0, 10_000),
    uncovered=st.integers(0, 100),
    chunks=st.integers(0, 50),
    near=st.integers(0, 50),
    verbatim=st.integers(0, 50),
    cut=st.integers(0, 50),
    differing=st.lists(
        st.builds(
            Difference,
            st.text(max_size=3),
            st.text(max_size=5),
            st.booleans(),
            st.none() | st.sampled_from(["number", "date", "negation"]),
            st.integers(0, 10_000).map(lambda number: number / 10_000),
            st.none() | st.sampled_from(Doubt),
            st.booleans(),
        ),
        max_size=4,
    ).map(tuple),
    missing=st.lists(st.tuples(st.text(max_size=3), st.text(max_size=5)), max_size=3).map(tuple),
    holed_at=st.none() | st.just("2026-11-01T00:00:00+00:00"),
)


@given(verdicts)
def test_a_verdict_survives_the_catalog(verdict: Verdict) -> None:
    assert Verdict.from_json(verdict.as_json()) == verdict


def test_a_verdict_of_another_version_is_read_as_far_as_it_is_known() -> None:
    assert Verdict.from_json({**GOOD.as_json(), "later": 1}) == GOOD


@given(verdicts, st.builds(Splitter, st.booleans(), st.booleans(), st.booleans()))
def test_something_is_said_exactly_when_index_and_source_do_not_agree(verdict: Verdict, splitter: Splitter) -> None:
    said = kinds(verdict, splitter=splitter)
    assert bool(said) == (not verdict.agrees(RULE, splitter))
