from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.words import nearest, shown, suggestion

KNOWN = ["freshness", "drift", "Retention"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("freshnes", "freshness"), ("DRIFT", "drift"), ("retentoin", "Retention"), ("xyz", None), ("", None)],
)
def test_the_nearest_word_is_the_one_somebody_meant(word: str, meant: str | None) -> None:
    assert nearest(word, KNOWN) == meant


def test_an_endless_word_is_near_to_nothing() -> None:
    assert nearest("drift" * 100_000, KNOWN) is None


def test_a_suggestion_names_the_nearest_word_and_the_list() -> None:
    assert suggestion("drft", KNOWN) == "did you mean 'drift'? Known here: Retention, drift, freshness"
    assert suggestion("xyz", KNOWN) == "known here: Retention, drift, freshness"


def test_a_word_that_was_cut_says_so() -> None:
    assert shown("k" * 40) == f"'{'k' * 40}'"
    assert shown("k" * 41) == f"'{'k' * 39}…'"


@given(st.text())
def test_a_shown_word_is_short_and_moves_no_cursor(word: str) -> None:
    text = shown(word)
    assert len(text) <= 42
    assert text.isprintable()
    if word.isprintable() and len(word) <= 40:
        assert text == f"'{word}'"
