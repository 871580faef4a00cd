from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.cli.advice import ADVICE
from governance.cli.columns import Column, brief, code, number, path, words
from governance.cli.layout import NARROWEST, fitted
from governance.cli.output import Screen
from governance.cli.text import LONGEST, clean, plural
from governance.domain.findings import FindingKind

COLUMNS = [code("SEVERITY"), number("DAYS"), words("DOCUMENT")]


class Terminal(io.StringIO):
    """A text stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_colors_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def printed(rows: list[list[object]], stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO()
    Screen(stream).table(COLUMNS, rows)
    return stream.getvalue()


@given(st.text())
def test_a_cleaned_text_is_one_printable_line(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert not any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for letter in cleaned)


@given(st.text(alphabet=st.characters(categories=("L", "N", "P")), max_size=LONGEST))
def test_an_ordinary_text_is_left_alone(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\r\nb\tc", "a  b c"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("lone\udc80", r"lone\udc80"),
        ("non\u00a0breaking", "non breaking"),
        ("x" * 300, "x" * 197 + "..."),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_counts_have_their_words() -> None:
    assert [plural(count, "page") for count in (0, 1, 2)] == ["0 pages", "1 page", "2 pages"]


def test_a_table_in_a_file_is_plain_columns_of_full_length() -> None:
    long = "deep/" * 30 + "page.md"
    assert printed([["high", 7, long], ["low", None, "b.md"]]) == (
        f"SEVERITY  DAYS  DOCUMENT\nhigh         7  {long}\nlow          -  b.md\n"
    )


def test_markup_in_a_title_is_text() -> None:
    assert "[bold]not bold[/bold] :smile: [link=x]" in printed([["low", 1, "[bold]not bold[/bold] :smile: [link=x]"]])


def test_escapes_in_a_title_do_not_reach_the_terminal() -> None:
    assert "\x1b[31m" not in printed([["low", 1, "\x1b[31mred"]], Terminal()).replace("\x1b[31mhigh", "")
    assert r"\x1b[31mred" in printed([["low", 1, "\x1b[31mred"]])


def test_a_terminal_gets_color_and_the_word_all_the_same() -> None:
    out = printed([["high", 1, "a.md"]], Terminal())
    assert "\x1b[31mhigh\x1b[0m" in out


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_no_color_gets_no_escape_at_all(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    out = printed([["high", 1, "a.md"]], Terminal())
    assert "high" in out
    assert "\x1b" not in out


def test_color_can_be_forced_into_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[31mhigh\x1b[0m" in printed([["high", 1, "a.md"]])


def test_a_narrow_terminal_wraps_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    name = "a-folder-with-a-long-name/and-a-page-with-a-longer-one.md"
    out = printed([["high", 1, name]], Terminal())
    assert all(len(line) <= 40 for line in out.splitlines())
    assert name in "".join(line[16:].strip() for line in out.splitlines())


def test_a_command_to_type_is_never_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    Screen(stream).commands("Next", ["kbgov findings list --config somewhere/kbgov.toml"])
    assert "  kbgov findings list --config somewhere/kbgov.toml" in stream.getvalue().splitlines()


def test_there_is_advice_for_every_kind() -> None:
    assert set(ADVICE) == set(FindingKind)


def narrow(monkeypatch: pytest.MonkeyPatch, width: int, columns: list[Column], rows: list[list[object]]) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    Screen(stream).table(columns, rows)
    return stream.getvalue().splitlines()


def test_names_lose_their_ends_before_a_path_loses_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [code("KIND"), brief("OWNER"), path("DOCUMENT")]
    row = ["freshness.overdue", "the-people-who-look-after-pages@example.org", "a/path/of/nearly/forty/characters/p.md"]
    head, line = narrow(monkeypatch, 80, columns, [row])
    assert head.split() == ["KIND", "OWNER", "DOCUMENT"]
    assert line == "freshness.overdue  the-people-who-loo...  a/path/of/nearly/forty/characters/p.md"
    assert len(line) <= 80


def test_a_path_that_does_not_fit_is_printed_past_the_edge_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "deep/" * 60 + "page.md"
    _, line = narrow(monkeypatch, 40, [code("KIND"), brief("OWNER"), path("DOCUMENT")], [["a.kind", "x" * 30, name]])
    assert line.endswith(name)
    assert "x" * (NARROWEST - 3) + "..." in line


def test_sentences_are_wrapped_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = narrow(
        monkeypatch, 30, [code("KIND"), words("WHAT TO DO")], [["a.kind", "see that it is complete, then go on"]]
    )
    assert [line.split() for line in lines[1:]] == [
        ["a.kind", "see", "that", "it", "is"],
        ["complete,", "then", "go", "on"],
    ]


@given(
    st.lists(st.tuples(st.sampled_from([brief, code, path, words]), st.integers(1, 120)), min_size=1, max_size=7),
    st.integers(10, 200),
)
def test_widths_shrink_only_as_far_as_needed_and_allowed(
    given_: list[tuple[Callable[[str], Column], int]], room: int
) -> None:
    columns, widths = [make("TITLE") for make, _ in given_], [width for _, width in given_]
    found = fitted(columns, widths, room)
    for column, before, after in zip(columns, widths, found, strict=True):
        assert after == before or (column.fit != "fixed" and NARROWEST <= after < before)
    least = sum(
        width if column.fit == "fixed" else min(width, NARROWEST) for column, width in zip(columns, widths, strict=True)
    )
    assert sum(found) == min(sum(widths), max(room, least))
    if any(
        column.fit == "wrapped" and after < width for column, width, after in zip(columns, widths, found, strict=True)
    ):
        assert all(
            after == min(width, NARROWEST)
            for column, width, after in zip(columns, widths, found, strict=True)
            if column.fit == "brief"
        )
