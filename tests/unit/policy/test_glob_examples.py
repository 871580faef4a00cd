from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policy import globs
from governance.policy.globs import Example, Glob, example_of

PIECES = ["a", "b", "/", "*", "**", "**/", "?", "[ab]", "[!a]", "c"]
SHORT = [
    text
    for length in range(1, 5)
    for text in map("".join, product("abcd/", repeat=length))
    if not text.startswith("/") and not text.endswith("/") and "//" not in text
]


def glob_of(pieces: list[str]) -> Glob | None:
    try:
        return Glob("".join(pieces))
    except ValueError:
        return None


some_globs = (
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map(glob_of).filter(lambda glob: glob is not None)
)


@pytest.mark.parametrize(
    ("wanted", "unwanted", "text"),
    [
        (["hr/**"], [], "hr/a"),
        (["hr/**", "**/*.md"], [], "hr/.md"),
        (["**"], ["a*"], "b"),
        (["hr/*"], ["hr/[a-z]*"], "hr/0"),
        (["a/**/b", "**/c/**"], [], "a/c/b"),
        (["hr/**"], ["hr/policies/**"], "hr/a"),
        (["[é-ü]x"], [], "éx"),
        (["hr/policies/**"], ["hr/**"], None),
        (["hr/**", "it/**"], [], None),
        (["*"], ["*"], None),
        (["a"], ["[a-c]"], None),
        (["a/"], [], None),
    ],
)
def test_a_text_that_globs_match_and_others_do_not(wanted: list[str], unwanted: list[str], text: str | None) -> None:
    assert example_of([Glob(glob) for glob in wanted], [Glob(glob) for glob in unwanted]) == Example(text)


@given(st.lists(some_globs, max_size=2), st.lists(some_globs, max_size=2))
def test_an_example_is_true_and_none_is_overlooked(wanted: list[Glob], unwanted: list[Glob]) -> None:
    def fits(text: str) -> bool:
        return all(glob.matches(text) for glob in wanted) and not any(glob.matches(text) for glob in unwanted)

    found = example_of(wanted, unwanted)
    assert found.sure
    if found.text is None:
        assert not [text for text in SHORT if fits(text)]
    else:
        assert fits(found.text)
        assert not [text for text in SHORT if len(text) < len(found.text) and fits(text)]


def test_a_search_that_takes_too_long_is_given_up_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(globs, "_MOST_STEPS", 10)
    found = example_of([Glob("*a*b*c*d*e*f*g*h")], [Glob("*h")])
    assert found == Example(None, sure=False)


def test_every_character_of_the_alphabet_may_be_taken() -> None:
    named = "abcdefghijklmnopqrstuvwxyz0123456789"
    assert example_of([Glob("?")], [Glob(char) for char in named[:-1]]) == Example("9")
    assert example_of([Glob("?")], [Glob(char) for char in named]) == Example("à")
    assert example_of([Glob("?")], [Glob("[!=]")]) == Example("=")


def test_what_every_match_begins_with_is_known() -> None:
    assert [Glob(text).prefix for text in ("hr/**", "**/hr", "a.md", "a[b]c")] == ["hr/", "", "a.md", "a"]
