from __future__ import annotations

from datetime import date

import pytest

from governance.detectors.base import (
    Subject,
    Word,
    duplicate_id_observation,
    listing_refused_observation,
    nothing_scanned_observation,
)
from governance.detectors.registry import (
    COMPARED,
    MET_BY_COMMANDS,
    OF_LOG,
    RECORD_DETECTORS,
    SET_DETECTORS,
    kinds_for,
    not_yet_audited,
    runs,
)
from governance.domain.chunks import ChunkKey
from governance.domain.documents import Document, Problem, ProblemCode
from governance.domain.findings import FindingKind, Severity
from tests.unit.detectors.builders import TODAY, ListStore, document, retention, rule


def names(*words: Word) -> set[str]:
    return {entry.name for entry in (*RECORD_DETECTORS, *SET_DETECTORS) if runs(entry, words)}


def test_every_kind_is_stated_by_exactly_one() -> None:
    covered = [kind for entry in (*RECORD_DETECTORS, *SET_DETECTORS) for kind in entry.kinds]
    covered += [*MET_BY_COMMANDS, *COMPARED, *OF_LOG]
    assert sorted(covered) == sorted(FindingKind)


def test_freshness_runs_all_and_drift_the_shape_of_pages() -> None:
    assert names(Word.FRESHNESS) == {"freshness", "structure", "coverage", "superseded"}
    assert names(Word.DRIFT) == {"structure", "coverage"}
    assert names(Word.PII) == {"coverage"}
    assert names(Word.RETENTION) == {"retention", "coverage"}


def test_a_run_may_resolve_only_what_it_looks_for() -> None:
    assert kinds_for(set(Word)) == frozenset(FindingKind) - OF_LOG
    shape = MET_BY_COMMANDS | {FindingKind.EMPTY, FindingKind.STUB, FindingKind.UNREADABLE}
    assert kinds_for({Word.DRIFT}, compared=False) == shape
    assert kinds_for({Word.DRIFT}) == shape | COMPARED
    assert kinds_for({Word.FRESHNESS}).isdisjoint(COMPARED)
    assert {FindingKind.UNCLASSIFIED, FindingKind.NO_BASIS, FindingKind.EXPIRED} <= kinds_for({Word.RETENTION})


def test_what_is_about_the_policies_themselves_is_said_by_every_audit() -> None:
    assert FindingKind.WAIVER_EXPIRED in kinds_for({Word.PII})


def test_words_that_nothing_answers_to_are_named() -> None:
    assert not_yet_audited(set(Word)) == (
        Word.PII,
        Word.DUPLICATES,
        Word.QUALITY,
        Word.CONFLICTS,
    )
    assert not_yet_audited({Word.FRESHNESS, Word.DRIFT}) == ()


@pytest.mark.parametrize(
    "doc",
    [
        document(words=0),
        document(redirect="x", reviewed_on=date(2020, 1, 1), review_interval="1 month", changed_on=TODAY),
        document(reviewed_on=TODAY, review_interval="1 week"),
        document(problems=(Problem(ProblemCode.BAD_DATE, "reviewed_on"),)),
        document(unreadable=ProblemCode.NUL_BYTE),
        document(changed_on=date(2020, 1, 1)),
    ],
)
def test_a_detector_states_only_kinds_that_it_declares(doc: Document) -> None:
    subject = Subject(document=doc, review=None, rule=rule(), as_of=TODAY, today=TODAY, retention=retention())
    said = 0
    for entry in RECORD_DETECTORS:
        for observation in entry.detect(subject):
            assert observation.kind in entry.kinds
            said += 1
    assert said


def test_the_set_detector_signs_and_inspects_under_its_own_scheme() -> None:
    (entry,) = SET_DETECTORS
    store = ListStore()
    for version in ("1", "2"):
        doc = document(document=version, version=version, logical_id="*")
        store.put(entry.detector.sign(doc, ChunkKey("main", "", version)))
    assert [key for key, _ in store.candidates(entry.detector.scheme)]
    (found,) = entry.detector.inspect(store, lambda *_: None)
    assert found.kind in entry.kinds


def test_a_refused_listing_is_high_and_says_how_many() -> None:
    found = listing_refused_observation("docs", "empty", 0, 119)
    assert (found.kind, found.severity, found.place.source) == (FindingKind.LISTING_REFUSED, Severity.HIGH, "docs")
    assert found.evidence == {"reason": "empty", "seen": 0, "known": 119}
    assert found.fingerprint == listing_refused_observation("docs", "too_many_absent", 3, 119).fingerprint


def test_a_source_without_documents_is_high() -> None:
    found = nothing_scanned_observation("docs")
    assert (found.kind, found.severity, found.place.source) == (FindingKind.NOTHING_SCANNED, Severity.HIGH, "docs")


def test_a_duplicate_id_is_medium_and_placed_at_the_chunk() -> None:
    found = duplicate_id_observation("main", "tenant", "c1", 2)
    assert (found.kind, found.severity) == (FindingKind.DUPLICATE_ID, Severity.MEDIUM)
    assert (found.place.index, found.place.partition, found.place.chunk_id) == ("main", "tenant", "c1")
    assert found.evidence == {"times": 2}
