from __future__ import annotations

import pytest

from governance.domain.errors import ConfigError
from governance.sources.options import DEFAULT_PATTERNS
from governance.sources.selection import Selection


def selection(*exclude: str, patterns: tuple[str, ...] = DEFAULT_PATTERNS) -> Selection:
    return Selection(patterns, exclude)


@pytest.mark.parametrize(
    "path",
    ["a.md", "a/b.mdx", "a.markdown", "a.txt", "a.rst", "a.html", "a.html.md.erb", "a.txt.j2", "a.rst.liquid", "A.MD"],
)
def test_documents(path: str) -> None:
    assert selection().takes_path(path)


@pytest.mark.parametrize(
    "path",
    ["a.png", "a.md~", "a.erb", "md", ".a.md", "._a.md", ".git/a.md", "x/.cache/a.md", "x/node_modules/y/a.md"],
)
def test_no_documents(path: str) -> None:
    assert not selection().takes_path(path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("drafts", "drafts/a.md"),
        ("drafts", "x/drafts/a.md"),
        ("Drafts/", "x/drafts/y/a.md"),
        ("x/drafts", "x/drafts/a.md"),
        ("x/**", "x/y/z/a.md"),
        ("**/old/*.md", "x/y/old/a.md"),
        ("README.*", "x/readme.md"),
        ("./x/a.md", "x/a.md"),
        ("/x/a.md", "x/a.md"),
        ("a?.md", "x/ab.md"),
    ],
)
def test_excluded(glob: str, path: str) -> None:
    assert selection().takes_path(path)
    assert not selection(glob).takes_path(path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [("x/drafts", "drafts/a.md"), ("x/*.md", "x/y/a.md"), ("a.md/", "a.md"), ("raft", "drafts/a.md")],
)
def test_not_excluded(glob: str, path: str) -> None:
    assert selection(glob).takes_path(path)


def test_patterns_over_names_and_paths() -> None:
    chosen = selection(patterns=("*.adoc", "handbook/**/*.text", "CHANGELOG"))
    assert [p for p in ("a.adoc", "handbook/x/a.text", "x/a.text", "x/changelog", "a.md") if chosen.takes_path(p)] == [
        "a.adoc",
        "handbook/x/a.text",
        "x/changelog",
    ]


@pytest.mark.parametrize("glob", ["", "{a,b}", "../x", "a\\b"])
def test_a_glob_that_means_nothing_here_is_refused(glob: str) -> None:
    with pytest.raises(ConfigError, match="pattern of the source"):
        selection(glob)
