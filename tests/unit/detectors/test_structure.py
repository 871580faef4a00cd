from __future__ import annotations

import pytest

from governance.detectors.structure import coverage_observations, structure_observations, told_target
from governance.domain.documents import DocumentState, ProblemCode
from governance.domain.findings import FindingKind, Severity
from tests.unit.detectors.builders import document


def test_a_page_with_words_is_no_finding() -> None:
    assert list(structure_observations(document(words=1))) == []
    assert list(coverage_observations(document())) == []


def test_a_page_without_words_is_empty() -> None:
    (found,) = structure_observations(document(words=0, owner="ops"))
    assert (found.kind, found.severity, found.owner) == (FindingKind.EMPTY, Severity.MEDIUM, "ops")


@pytest.mark.parametrize("words", [0, 12])
def test_a_redirect_is_a_stub_and_never_empty(words: int) -> None:
    (found,) = structure_observations(document(words=words, redirect="/guide/new.html"))
    assert (found.kind, found.severity) == (FindingKind.STUB, Severity.LOW)


@pytest.mark.parametrize("target", ["/guide/new.html", "/people/jane-roe", "mailto:someone@example.com"])
def test_a_finding_does_not_repeat_where_a_page_moved_which_may_name_somebody(target: str) -> None:
    (found,) = structure_observations(document(redirect=target))
    assert found.evidence == {}
    assert target not in found.message


@pytest.mark.parametrize("target", ["/guide/new.html", "x" * 300])
def test_beside_the_page_its_target_is_shown(target: str) -> None:
    assert told_target(target) == target


@pytest.mark.parametrize(
    "target", [None, "", "mailto:someone@example.com", "https://user:pw%40x@example.com/", "a%40example.com", "x" * 301]
)
def test_a_target_that_is_missing_personal_or_endless_is_shown_nowhere(target: str | None) -> None:
    assert told_target(target) is None


def test_a_stub_without_a_target_says_so() -> None:
    (found,) = structure_observations(document(redirect=""))
    assert "without saying where" in found.message


def test_a_gone_document_is_not_judged() -> None:
    gone = document(words=0, state=DocumentState.GONE, unreadable=ProblemCode.NO_ACCESS)
    assert list(structure_observations(gone)) == []
    assert list(coverage_observations(gone)) == []


def test_an_unreadable_document_is_a_coverage_finding_and_not_an_empty_one() -> None:
    unreadable = document(words=0, unreadable=ProblemCode.NOT_UTF8)
    assert list(structure_observations(unreadable)) == []
    (found,) = coverage_observations(unreadable)
    assert (found.kind, found.severity) == (FindingKind.UNREADABLE, Severity.HIGH)
    assert found.evidence == {"code": "not_utf8"}


def test_a_document_that_was_read_but_not_indexed_is_told_apart() -> None:
    (read,) = coverage_observations(document(unreadable=ProblemCode.NO_ACCESS))
    (indexed,) = coverage_observations(document(unreadable=ProblemCode.EMBEDDING_FAILED))
    assert "could not be read" in read.message
    assert "put into the index" in indexed.message
    assert read.fingerprint == indexed.fingerprint
