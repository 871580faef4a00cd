"""What is known of a regular expression without running it: exact globs, wider globs, confirmed examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policy.patterns import Pattern
from governance.services.policy_regex import extent_of

PIECES = ["a", "hr/", "x", r"\.", ".*", "[ab]", "(a|b)", "a+", "b?", "/", "[^/]", r"\d", "{", "_"]
patterns = st.tuples(
    st.sampled_from(["", "^"]),
    st.lists(st.sampled_from(PIECES[:12]), min_size=1, max_size=5),
    st.sampled_from(["", "$"]),
).map(lambda parts: parts[0] + "".join(parts[1]) + parts[2])
texts = st.text("abhrx./1", min_size=1, max_size=8).filter(
    lambda text: "//" not in text and text[0] != "/" and text[-1] != "/"
)


def written(text: str) -> tuple[str | None, str | None, tuple[str, ...]]:
    found = extent_of(Pattern(text))
    return found.exact and found.exact.text, found.around and found.around.text, found.examples


@pytest.mark.parametrize(
    ("pattern", "exact", "around", "examples"),
    [
        ("draft", "**draft**", None, ("draft",)),
        ("^hr/leave", "hr/leave**", "hr/leave**", ("hr/leave",)),
        (r"\.md$", "**.md", None, (".md",)),
        ("^hr/old$", "hr/old", "hr/old**", ("hr/old",)),
        ("^(hr|finance)/[a-z]+", None, None, ("hr/a", "finance/a")),
        ("[0-9]{4}", None, None, ("1111", "0000")),
        ("^area1/(a+)+$", None, "area1/**", ("area1/a",)),
        (r"^v\d+\.\d+/", None, "v**", ("v1.1/",)),
        ("^a|b", None, None, ("a", "b")),
        ("^ab*", None, "a**", ("ab", "a")),
        ("(?i)secret", None, None, ("secret",)),
        (r"(?P<year>20\d\d)-\d\d", None, None, ("2011-11",)),
        (r"\p{Greek}", None, None, ()),
        ("^(?:(?:(?:a)))$", None, None, ("a",)),
    ],
)
def test_what_a_pattern_takes(pattern: str, exact: str | None, around: str | None, examples: tuple[str, ...]) -> None:
    assert written(pattern) == (exact, around, examples)


@given(patterns, texts)
def test_what_is_said_of_a_pattern_is_true_of_every_path(pattern: str, text: str) -> None:
    made = Pattern(pattern)
    found = extent_of(made)
    assert all(made.found_in(example) for example in found.examples)
    if found.exact is not None:
        assert found.exact.matches(text) == made.found_in(text)
    if found.around is not None and made.found_in(text):
        assert found.around.matches(text)


def test_a_pattern_nested_very_deep_has_no_examples() -> None:
    assert extent_of(Pattern("(" * 40 + "a" + ")" * 40)).examples == ()
