from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.catalog.documents import KnownDocument
from governance.domain.documents import DocumentState
from governance.services.ingest_absent import Absent, judge_absent

NAMES = st.sets(st.sampled_from("abcdefgh"))
STATES = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(DocumentState))


def known(**states: DocumentState) -> dict[str, KnownDocument]:
    return {
        name: KnownDocument(
            document=name, raw_hash="", body_hash="", meta_hash="", changed_on=None, unreadable=None, state=state
        )
        for name, state in states.items()
    }


@pytest.mark.parametrize(
    ("state", "listed", "in_index", "expected"),
    [
        (DocumentState.PRESENT, True, True, Absent((), (), ())),
        (DocumentState.PRESENT, False, True, Absent(("a",), (), ())),
        (DocumentState.PRESENT, False, False, Absent(("a",), (), ())),
        (DocumentState.SUSPECT, True, True, Absent((), (), ())),
        (DocumentState.SUSPECT, False, True, Absent((), ("a",), ())),
        (DocumentState.SUSPECT, False, False, Absent((), ("a",), ())),
        (DocumentState.GONE, True, False, Absent((), (), ())),
        (DocumentState.GONE, False, False, Absent((), (), ())),
        (DocumentState.GONE, False, True, Absent((), ("a",), ())),
        (None, False, True, Absent((), (), ("a",))),
        (None, True, True, Absent((), (), ())),
    ],
)
def test_a_document_is_suspect_at_first_and_gone_the_second_time(
    state: DocumentState | None, *, listed: bool, in_index: bool, expected: Absent
) -> None:
    states = {} if state is None else {"a": state}
    assert judge_absent({"a"} if listed else set(), known(**states), {"a"} if in_index else set()) == expected


@given(NAMES, STATES, NAMES)
def test_nothing_listed_is_judged_and_nothing_is_judged_twice(
    listed: set[str], states: dict[str, DocumentState], in_index: set[str]
) -> None:
    absent = judge_absent(listed, known(**states), in_index)
    judged = [*absent.suspect, *absent.gone, *absent.strangers]
    assert len(judged) == len(set(judged))
    assert listed.isdisjoint(judged)
    assert in_index - listed <= {*judged}


@given(NAMES, STATES, NAMES)
def test_no_document_is_gone_that_was_present_before(
    listed: set[str], states: dict[str, DocumentState], in_index: set[str]
) -> None:
    absent = judge_absent(listed, known(**states), in_index)
    assert all(states[name] is not DocumentState.PRESENT for name in absent.gone)
    assert not set(absent.strangers) & set(states)
