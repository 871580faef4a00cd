from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policy.patterns import MAX_LENGTH, Pattern


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("plan", ["plan", "a plan b", "plans"], ["PLAN", "", "pla n"]),
        ("(?i)plan", ["PLAN"], []),
        (r"^hr/[0-9]{4}/", ["hr/2019/a.md"], ["x/hr/2019/a.md", "hr/19/a"]),
        (r"\.md$", ["a.md"], ["a.mdx", "amd"]),
        (r"Müller|Straße", ["Jürgen Müller", "Hauptstraße Straße"], ["Muller"]),
        (r"^\p{Lu}", ["Über"], ["über", "1"]),
        ("a.c", ["abc", "aüc"], ["a\nc"]),
        ("x", ["\udcffx"], ["\udcff"]),
    ],
)
def test_where_a_pattern_is_found(pattern: str, yes: list[str], no: list[str]) -> None:
    compiled = Pattern(pattern)
    assert [text for text in yes if not compiled.found_in(text)] == []
    assert [text for text in no if compiled.found_in(text)] == []


AROUND = "a pattern cannot look ahead or behind"
BACK = "a pattern cannot refer back to a group"
OTHER = "this is no regular expression of RE2"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "an empty pattern is found in every text"),
        ("a" * (MAX_LENGTH + 1), "a pattern of more than 500 characters"),
        ("(?=a)", f"{AROUND}: RE2, which never searches for ever, says 'invalid perl operator: (?='"),
        ("(?!a)", AROUND),
        ("(?<=a)b", AROUND),
        ("(?<!a)b", AROUND),
        (r"(a)\1", rf"{BACK}: RE2, which never searches for ever, says 'invalid escape sequence: \1'"),
        (r"(?P<n>a)(?P=n)", BACK),
        (r"(?P<n>a)\k<n>", BACK),
        (r"(a)\g{1}", BACK),
        (r"[(?=]\Z", OTHER),
        (r"\\1(", OTHER),
        (r"[\1]\Z", OTHER),
        ("a++", f"{OTHER}: it says 'bad repetition operator: ++'"),
        ("(?>a)", OTHER),
        ("[z-a]", f"{OTHER}: it says 'invalid character class range: z-a'"),
        (r"\pL{1000}", f"{OTHER}: it says 'pattern too large - compile failed'"),
        ("(a{1,100}){1,100}", f"{OTHER}: it says 'invalid repetition size: {{1,100}}'"),
        ("(" + "a" * 400, f"{OTHER}: it says 'missing ): ({'a' * 67}…'"),
    ],
)
def test_what_the_engine_does_not_take_is_refused_with_its_reason(pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Pattern(pattern)


def test_nothing_is_printed_about_a_pattern_that_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=OTHER):
        Pattern("a(")
    assert capfd.readouterr() == ("", "")


def test_a_pattern_that_is_found_everywhere_says_so() -> None:
    assert [Pattern(text).takes_nothing for text in ("a*", "^", "a|", "a", "^a?b")] == [True, True, True, False, False]


def test_equal_patterns_are_equal_and_hash_alike() -> None:
    assert {Pattern("a+"), Pattern("a+")} == {Pattern("a+")}
    assert repr(Pattern("a+")) == "Pattern(text='a+')"


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*a){20}b", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_a_pattern_that_makes_other_engines_run_for_ever_is_answered(pattern: str) -> None:
    assert not Pattern(pattern).found_in("a" * 20_000 + "!")


def test_the_engine_is_loaded_by_the_first_pattern_and_not_before(run_python) -> None:
    script = """
import sys
from governance.policy.loader import parse_policies
parse_policies("version: 1\\npolicies: [{name: a, kind: pii, match: {path: 'a/**'}}]")
before = "re2" in sys.modules
parse_policies("version: 1\\npolicies: [{name: a, kind: drift, match: {field: path, op: regex, value: a+}}]")
print(before, "re2" in sys.modules)
"""
    assert run_python(script).split() == ["False", "True"]


@given(st.text(max_size=20), st.text(max_size=40))
def test_any_text_is_a_pattern_or_a_value_error(pattern: str, text: str) -> None:
    try:
        compiled = Pattern(pattern)
    except ValueError:
        return
    assert compiled.found_in(text) in {True, False}
