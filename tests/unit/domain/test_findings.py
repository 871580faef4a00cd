from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from itertools import combinations

import pytest

from governance.domain.findings import (
    Finding,
    FindingKind,
    FindingPeriod,
    FindingStatus,
    Observation,
    Place,
    Severity,
)

OBSERVATION = Observation(
    kind=FindingKind.OVERDUE,
    severity=Severity.MEDIUM,
    place=Place("docs", "a.md", "main", "tenant", "c1"),
    rule="due_passed",
    policy="handbook",
    message="Due.",
    discriminator="d",
)


def test_severities_rank_in_the_contracts_order() -> None:
    assert [severity.rank for severity in Severity] == [3, 2, 1, 0]
    assert Severity.HIGH.reaches(Severity.HIGH)
    assert Severity.CRITICAL.reaches(Severity.LOW)
    assert not Severity.MEDIUM.reaches(Severity.HIGH)


def test_a_fingerprint_is_32_hexadecimal_digits_and_never_changes_between_releases() -> None:
    # A change of this value would close every finding of every user and open it anew.
    assert OBSERVATION.fingerprint == "bdc020092643da249557e3a0b71075e5"


def test_what_is_said_about_a_place_is_no_part_of_its_identity() -> None:
    said = replace(
        OBSERVATION,
        severity=Severity.HIGH,
        rule="other",
        policy="other",
        message="Other.",
        owner="ops",
        evidence={"due": "2026-01-01"},
    )
    assert said.fingerprint == OBSERVATION.fingerprint


def test_every_part_of_the_place_the_kind_and_the_discriminator_are_its_identity() -> None:
    places = [replace(OBSERVATION.place, **{part.name: "other"}) for part in fields(Place)]
    others = [replace(OBSERVATION, place=place) for place in places]
    others += [replace(OBSERVATION, kind=FindingKind.UNKNOWN), replace(OBSERVATION, discriminator="e"), OBSERVATION]
    for one, other in combinations(others, 2):
        assert one.fingerprint != other.fingerprint


def test_parts_of_a_place_do_not_run_into_each_other() -> None:
    one = replace(OBSERVATION, place=Place("ab", "c"))
    other = replace(OBSERVATION, place=Place("a", "bc"))
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (Place("docs", "a.md"), ("docs", "a.md", None, None)),
        (Place(index="main", chunk_id="c1"), (None, None, "main", "c1")),
    ],
)
def test_a_finding_is_shown_in_the_contracts_shape(
    place: Place, shown: tuple[str | None, str | None, str | None, str | None]
) -> None:
    moment = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
    finding = Finding(
        fingerprint="f" * 32,
        kind=FindingKind.OVERDUE,
        place=place,
        rule="due_passed",
        period=FindingPeriod(
            status=FindingStatus.OPEN,
            severity=Severity.HIGH,
            policy="handbook",
            message="Due.",
            from_day=date(2026, 11, 21),
            evidence={"due": "2026-11-01"},
            owner="ops",
        ),
        first_seen=moment,
        last_seen=moment,
    )
    body = finding.as_json()
    assert (body["source"], body["document"], body["index"], body["chunk_id"]) == shown
    assert list(body) == [
        "fingerprint",
        "kind",
        "severity",
        "status",
        "source",
        "document",
        "chunk_id",
        "index",
        "partition",
        "rule",
        "policy",
        "policy_digest",
        "message",
        "owner",
        "evidence",
        "first_seen",
        "last_seen",
    ]
    assert (body["kind"], body["severity"], body["status"]) == ("freshness.overdue", "high", "open")
    assert body["first_seen"] == "2026-11-21T08:30:00Z"
    assert body["evidence"] == {"due": "2026-11-01"}
