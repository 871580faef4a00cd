from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from governance.policy.globs import Glob


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("hr/plan.md", ["hr/plan.md"], ["hr/plan.md2", "hr/plan", "HR/plan.md", "x/hr/plan.md", ""]),
        ("*.md", ["a.md", ".md"], ["a/b.md", "a.mdx", "a.MD"]),
        ("hr/*", ["hr/a", "hr/"], ["hr/a/b", "hr"]),
        ("hr/**", ["hr/a", "hr/a/b", "hr/"], ["hr", "hrx/a"]),
        ("**", ["", "a", "a/b/c"], []),
        ("**/*.md", ["a.md", "x/a.md", "x/y/a.md"], ["a.txt", "x/a.md/b"]),
        ("**/archive/**", ["archive/a", "x/archive/a", "x/y/archive/a/b"], ["archive", "x/archives/a"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "ab", "a/b/c"]),
        ("a/**/**/b", ["a/b", "a/x/b"], ["ab"]),
        ("a/**/**", ["a/", "a/b/c"], ["ab"]),
        ("a**b", ["ab", "axb", "a/x/b"], ["a", "b"]),
        ("a***b", ["ab", "a/x/b"], ["abc"]),
        ("a/***/b", ["a/b", "a/x/b"], ["ab"]),
        ("a?c", ["abc", "a?c"], ["ac", "a/c", "abbc"]),
        ("[a-c]x[!0-9]", ["axz", "cx-"], ["dxz", "ax1", "ax/", "ax"]),
        ("[]]", ["]"], ["[", ""]),
        ("[!]]", ["a"], ["]", "/"]),
        ("[[]x", ["[x"], ["x"]),
        ("[-a]", ["-", "a"], ["b"]),
        ("[a-]", ["-", "a"], ["b"]),
        ("[*?]", ["*", "?"], ["a"]),
        ("[{]a}", ["{a}"], ["a"]),
        ("*a*a*a*a*b", ["aaaab", "xaxaxaxab"], ["aaaa", "aaab", "a/aaab"]),
        ("ü/**/ß*", ["ü/ß", "ü/x/ßs"], ["u/ß"]),
        ("a.c", ["a.c"], ["abc"]),
    ],
)
def test_what_a_glob_matches(glob: str, yes: list[str], no: list[str]) -> None:
    compiled = Glob(glob)
    assert [text for text in yes if not compiled.matches(text)] == []
    assert [text for text in no if compiled.matches(text)] == []


@pytest.mark.parametrize(
    ("glob", "message"),
    [
        ("", "an empty pattern matches nothing"),
        ("../secret", "a pattern cannot climb with '..'"),
        ("a/../b", "a pattern cannot climb with '..'"),
        ("a/..", "a pattern cannot climb with '..'"),
        ("a\\b", "folders are separated by /"),
        ("*.{md,txt}", "write a list of patterns"),
        ("a[b", "is never closed"),
        ("a[]", "is never closed"),
        ("[z-a]", "runs backward"),
        ("a" * 501, "more than 500 characters"),
    ],
)
def test_what_would_never_match_as_meant_is_refused(glob: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Glob(glob)


def test_two_dots_inside_a_name_are_no_climbing() -> None:
    assert Glob("a..b/*").matches("a..b/c")


def test_a_glob_knows_whether_it_is_a_plain_text() -> None:
    assert [Glob(glob).is_literal for glob in ("a/b.md", "a*", "a?", "[a]")] == [True, False, False, False]


def test_equal_globs_are_equal_and_hash_alike() -> None:
    assert {Glob("a*"), Glob("a*")} == {Glob("a*")}
    assert repr(Glob("a*")) == "Glob(text='a*')"


@pytest.mark.parametrize(
    "glob", ["*a*a*a*a*b", "*a" * 200 + "b", "**/*" * 100 + "b", "**a" * 150 + "b", "?*" * 200 + "b"]
)
def test_a_hostile_glob_reads_each_character_of_the_text_once(glob: str) -> None:
    compiled = Glob(glob)
    text = CountingText("a" * 4000)
    assert not compiled._program.accepts(text, 0)
    assert text.read <= 4000


class CountingText(str):
    """A text that counts how many of its characters were handed out."""

    __slots__ = ("read",)

    def __init__(self, _text: str) -> None:
        self.read = 0

    def __iter__(self):
        for char in super().__iter__():
            self.read += 1
            yield char


def slow_reference(glob: str, text: str) -> bool:
    """The same meaning as a regular expression, for texts too short for it to be slow on."""
    glob = re.sub(r"\*{3,}", "**", glob)
    out, place = "", 0
    while place < len(glob):
        rest = glob[place:]
        if rest.startswith("**/") and (place == 0 or glob[place - 1] == "/"):
            out, place = out + "(?:.*/)?", place + 3
        elif rest.startswith("**"):
            out, place = out + ".*", place + 2
        elif rest.startswith("*"):
            out, place = out + "[^/]*", place + 1
        elif rest.startswith("?"):
            out, place = out + "[^/]", place + 1
        else:
            out, place = out + re.escape(rest[0]), place + 1
    return re.fullmatch(out, text, re.DOTALL) is not None


@given(st.text("ab/*?", min_size=1, max_size=9), st.text("ab/", max_size=9))
@example("**/a", "a")
@example("a/**/**b", "a/b")
@example("**/**/*", "/a")
def test_the_matcher_agrees_with_a_regular_expression(glob: str, text: str) -> None:
    assert Glob(glob).matches(text) == slow_reference(glob, text)


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_a_glob_or_a_value_error(glob: str, text: str) -> None:
    try:
        compiled = Glob(glob)
    except ValueError:
        return
    if compiled.is_literal:
        assert compiled.matches(text) == (glob == text)
    assert compiled.matches(glob) or not compiled.is_literal
