from __future__ import annotations

import json
import sys
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from governance.domain.documents import ProblemCode
from governance.domain.ports import Listed, UnreadableDocument
from governance.sources.manifest_line import (
    KEYS,
    NO_KEY,
    NO_TEXT,
    EndMark,
    Entry,
    Trouble,
    created_on,
    day_of,
    read_beginning,
    read_line,
    values_of,
)
from governance.sources.manifest_parse import parse_entry
from governance.sources.tree import LONGEST_PATH


def entry(**values: object) -> Entry:
    found = read_line(json.dumps({"id": "a", "text": "x", **values}).encode())
    assert isinstance(found, Entry)
    return found


def test_a_line_gives_its_document_and_what_it_says() -> None:
    found = entry(id="hr/leave.md", title="Leave", labels=["hr", "leave"], modified="2026-03-02")
    assert found.document == "hr/leave.md"
    listed = found.listed()
    assert (listed.document, listed.unreadable, listed.changed_on) == ("hr/leave.md", None, date(2026, 3, 2))
    assert values_of(listed.raw) == {
        "id": "hr/leave.md",
        "text": "x",
        "title": "Leave",
        "labels": ["hr", "leave"],
        "modified": "2026-03-02",
    }


def test_neither_the_order_of_the_keys_nor_blanks_nor_escapes_nor_unknown_keys_make_another_version() -> None:
    lines = [
        '{"id": "ä", "text": "x", "title": "T"}',
        '{"title":"T","text":"x","id":"\\u00e4"}\r',
        '  {"text":"x", "id": "a\u0308", "title": "T", "space": {"deep": [1.5]}, "owner": null}  ',
    ]
    assert len({read_line(line.encode()).listed() for line in lines}) == 1


def test_another_value_makes_another_version() -> None:
    said = [entry(), entry(title="T"), entry(title="U"), entry(labels=[]), entry(text="y"), entry(labels=["T"])]
    assert len({item.listed().raw_hash for item in said}) == len(said)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b'["id", "a"]',
        b'"id"',
        b"17",
        b"{",
        b'{"id": "a", "text": "x"',
        b'{"id": "a", "text": "x"}}',
        b'{"id": "a", "text": "x"} {"id": "b"}',
        b"{'id': 'a'}",
        b'{"id": "a\xff"}',
        b'{"id": "a", "text": "a raw\ttab"}',
        b"\x1f\x8b\x08\x00",
        '{"id": "a"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"id": "a"}',
        b"[" * 1_000_000,
        b'{"id": "a", "x": ' + b"[" * 1_000_000,
        b'{"a":' * 100_000,
        b'{"id": "a", "x": 1e}',
    ],
)
def test_what_is_no_json_object_is_said_to_be_none(line: bytes) -> None:
    assert read_line(line) is Trouble.NO_OBJECT


@pytest.mark.parametrize(
    "value", ["", "  ", None, True, False, 1.5, [], ["a"], {"a": 1}, "a\nb", "\0", "a\x7f", "\x85", "a\u2028b"]
)
def test_what_names_no_document_is_no_usable_id(value: object) -> None:
    assert read_line(json.dumps({"id": value, "text": "x"}).encode()) is Trouble.NO_ID


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "x"}',
        '{"ID": "a", "text": "x"}',
        '{"id": "a", "id": "b", "text": "x"}',
        '{"id": NaN, "text": "x"}',
        '{"id": -Infinity, "text": "x"}',
        '{"end": false, "count": 3}',
        '{"end": 1, "count": 3}',
        '{"end": "true", "count": 3}',
        '{"end": true, "end": false, "count": 3}',
        "{}",
    ],
)
def test_a_line_that_names_nothing_is_no_document(line: str) -> None:
    assert read_line(line.encode()) is Trouble.NO_ID


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ('{"end": true, "count": 0}', 0),
        ('{"count": 123, "end": true, "made_by": "export"}', 123),
        ('{"end": true}', None),
        ('{"end": true, "count": "3"}', None),
        ('{"end": true, "count": 3.0}', None),
        ('{"end": true, "count": true}', None),
        ('{"end": true, "count": null}', None),
        ('{"end": true, "count": 3, "count": 4}', None),
        ('{"end": true, "count": ' + "9" * 6_000 + "}", None),
        ('{"end": true, "count": -1}', -1),
    ],
)
def test_the_end_marker_carries_a_whole_number_or_none(line: str, count: int | None) -> None:
    assert read_line(line.encode()) == EndMark(count)


def test_an_object_with_an_id_is_a_document_whatever_it_says_of_an_end() -> None:
    assert entry(end=True, count=1).document == "a"


def test_a_whole_number_is_taken_as_its_digits() -> None:
    found = entry(id=4711, version=3, title=10**30)
    assert (found.document, found.values["version"], found.values["title"]) == ("4711", "3", str(10**30))
    assert entry(id=4711).listed() == entry(id="4711").listed()
    digits = "7" * 6_000
    assert read_line(f'{{"id": "a", "text": "x", "version": {digits}}}'.encode()).values["version"] == digits


@pytest.mark.parametrize("value", ["true", "false", "1.5", "1e400", "NaN", "-Infinity", "{}", '{"name": "x"}'])
@pytest.mark.parametrize("key", [key for key in KEYS if key not in {"id", "text"}])
def test_a_value_that_is_no_text_is_marked_as_such(key: str, value: str) -> None:
    found = read_line(f'{{"id": "a", "text": "x", "{key}": {value}}}'.encode())
    assert found.values[key] is NO_TEXT


def test_only_owners_and_labels_can_be_lists() -> None:
    found = entry(title=["T"], owner=["a", 7], labels=["x", None, 1.5, ["y"], True])
    assert found.values["title"] is NO_TEXT
    assert found.values["owner"] == ["a", "7"]
    assert found.values["labels"] == ["x", NO_TEXT, NO_TEXT, NO_TEXT]


def test_a_value_of_more_than_ten_thousand_characters_is_none_that_can_be_used() -> None:
    fits = entry(uri="x" * 10_000, labels=["x" * 5_000] * 2, text="x" * 20_000).values
    assert (len(fits["uri"]), len(fits["labels"]), len(fits["text"])) == (10_000, 2, 20_000)
    for key in ("uri", "title", "modified", "content_hash", "owner", "reviewed_on", "review_interval", "version"):
        assert entry(**{key: "x" * 10_001}).values[key] is NO_TEXT
    assert entry(labels=["x" * 5_001] * 2).values["labels"] is NO_TEXT


def test_an_object_of_very_many_keys_and_an_id_of_very_many_marks_are_read_in_passing() -> None:
    many = {f"label{number}": number for number in range(100_000)}
    assert entry(**many).values == {"id": "a", "text": "x"}
    assert entry(id="\u0301\u0316" * 1_000_000).unreadable is ProblemCode.NAME_TOO_LONG


def test_a_key_that_is_given_twice_counts_only_when_both_say_the_same() -> None:
    same = read_line(b'{"id": "a", "id": "a", "text": "x", "owner": "o", "owner": "o"}')
    assert same == read_line(b'{"id": "a", "text": "x", "owner": "o"}')
    found = read_line(b'{"id": "a", "text": "x", "owner": "o", "owner": "p", "mine": 1, "mine": 2}')
    assert found.values == {"id": "a", "text": "x", "owner": NO_KEY}


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("review_on", "reviewed_on"),
        ("reviewedOn", "reviewed_on"),
        ("Reviewed-On", "reviewed_on"),
        ("reviewInterval", "review_interval"),
        ("owners", "owner"),
        ("label", "labels"),
        ("Title", "title"),
        ("contenthash", "content_hash"),
        ("modifed", "modified"),
    ],
)
def test_a_misspelled_key_is_noticed(key: str, meant: str) -> None:
    assert entry(**{key: "something"}).values == {"id": "a", "text": "x", meant: NO_KEY}
    both = entry(**{key: "something", meant: "right"})
    assert both.values == {"id": "a", "text": "x", meant: "right"}


@pytest.mark.parametrize(
    "key", ["space", "reviewed_by", "modified_by", "owner_id", "version_id", "name", "type", "url", "", "ä", "x" * 90]
)
def test_keys_of_others_are_left_aside(key: str) -> None:
    assert entry(**{key: "something"}).values == {"id": "a", "text": "x"}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"text": None},
        {"text": True},
        {"text": ["x"]},
        {"content_hash": ""},
        {"content_hash": " "},
        {"content_hash": 1.5},
        {"content_hash": None, "text": None},
        {"texts": "x"},
    ],
)
def test_a_line_with_neither_text_nor_hash_lists_an_unreadable_document(values: dict[str, object]) -> None:
    found = read_line(json.dumps({"id": "a", **values}).encode())
    assert found.listed() == Listed("a", "", unreadable=ProblemCode.NO_TEXT)


def test_an_empty_text_is_a_text() -> None:
    assert entry(text="").listed().unreadable is None


def test_an_id_with_half_a_character_is_listed_by_its_escape() -> None:
    found = read_line(b'{"id": "a\\ud800/b", "text": "x"}')
    assert found.listed() == Listed("a\\ud800/b", "", unreadable=ProblemCode.NAME_NOT_UTF8)


@pytest.mark.parametrize("letter", ["x", "ä", "e\u0301", "9"])
def test_an_id_that_no_database_can_keep_is_listed_shortened(letter: str) -> None:
    fits = entry(id="x" * LONGEST_PATH)
    assert (fits.document, fits.unreadable) == ("x" * LONGEST_PATH, None)
    one, other = entry(id=letter * 5_000), entry(id=letter * 5_001)
    assert {one.listed().unreadable, other.listed().unreadable} == {ProblemCode.NAME_TOO_LONG}
    assert one.document != other.document
    assert len(one.document.encode()) < LONGEST_PATH


def test_an_id_keeps_its_slashes_and_blanks() -> None:
    assert [entry(id=name).document for name in ("a\\b", "/a//b/", " a ", "../x", "https://x/y?z=1")] == [
        "a\\b",
        "/a//b/",
        " a ",
        "../x",
        "https://x/y?z=1",
    ]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b'{"id": "a", "text": "xxx', "a"),
        (b' { "title" : "T" , "labels" : [1, {"id": "no"}], "id" : "a\\u0301", "te', "\u00e1"),
        (b'{"id": 4711, "', "4711"),
        ('{"id": "a", "text": "ä'.encode()[:-1], "a"),
    ],
)
def test_the_document_of_a_line_that_is_too_long_is_known_by_its_beginning(line: bytes, name: str) -> None:
    assert read_beginning(line).listed() == Listed(name, "", unreadable=ProblemCode.TOO_LARGE)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"   ",
        b"[[[[",
        b'{"text": "xxx',
        b'{"text": "xxx", "id": "a',
        b'{"text": "xxx" "id": "a"',
        b'{"text": "xxx", "id"',
        b'{"id": true, ',
        b'{"id": "\\u0000", ',
        b'{"id": "\xff", ',
        b'{"x": ' + b"[" * 60_000,
        b"{1: 2, ",
    ],
)
def test_a_line_that_is_too_long_and_does_not_begin_with_its_id_is_nobodys(line: bytes) -> None:
    assert read_beginning(line) is Trouble.TOO_LONG


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-02", date(2026, 3, 2)),
        (" 2026-03-02 ", date(2026, 3, 2)),
        ("2026-03-02T23:30:00Z", date(2026, 3, 2)),
        ("2026-03-02t23:30:00.123456789z", date(2026, 3, 2)),
        ("2026-03-02T23:30:00-05:00", date(2026, 3, 3)),
        ("2026-03-02T00:30:00+01:00", date(2026, 3, 1)),
        ("2026-03-02 00:30:00+01", date(2026, 3, 1)),
        ("2026-03-02 00:30 +0100", date(2026, 3, 1)),
        ("2026-03-02T23:30:00", date(2026, 3, 2)),
        ("2026-12-31T23:59:60Z", date(2026, 12, 31)),
        ("2024-02-29T12:00:00-00:00", date(2024, 2, 29)),
    ],
)
def test_a_moment_counts_by_its_day_in_utc(text: str, day: date) -> None:
    assert day_of(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-02-30",
        "2026-3-2",
        "20260302",
        "2026-W10-1",
        "02/03/2026",
        "1772409600",
        "2026-03-02T24:00:00Z",
        "2026-03-02T12:60:00Z",
        "2026-03-02T12:00:00+24:00",
        "2026-03-02T12:00:00Z and more",
        "0000-01-01",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "\u0662026-03-02",
        "2026-03-02T12:00:00." + "1" * 100_000 + "x",
    ],
)
def test_what_is_no_day_and_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        day_of(text)


# Anything may come

Scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()), max_size=9)
)
Anything = st.recursive(
    Scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner), max_leaves=6
)
Keys = st.sampled_from([*KEYS, "end", "count", "Text", "labels "]) | st.text(max_size=5)
Objects = st.lists(st.tuples(Keys, Anything), max_size=9)


def written(pairs: list[tuple[str, object]]) -> bytes:
    return ("{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + "}").encode()


Lines = st.one_of(
    st.binary(max_size=60),
    Objects.map(written),
    Objects.map(lambda pairs: written([("id", "a"), ("text", "x"), *pairs])),
    st.builds(lambda line, at: line[:at], Objects.map(written), st.integers(0, 60)),
    st.builds(
        lambda line, at, byte: line[:at] + bytes([byte]) + line[at + 1 :],
        Objects.map(lambda pairs: written([("id", "a"), *pairs])),
        st.integers(0, 60),
        st.integers(0, 255),
    ),
)


def _is_characters(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


@settings(max_examples=400)
@given(Lines)
@example(b'{"id": "a", "text": "x", "owner": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}")
@example(b'{"id": "a", "x": ' + b"[" * sys.getrecursionlimit() + b"]" * sys.getrecursionlimit() + b"}")
def test_no_line_breaks_the_reader_and_what_it_gives_can_be_parsed(line: bytes) -> None:
    read_beginning(line)
    found = read_line(line)
    if not isinstance(found, Entry):
        return
    listed = found.listed()
    assert listed.document.encode("utf-8")
    assert not any(letter < " " for letter in listed.document)
    assert (listed.raw is None) == (listed.unreadable is not None) == (listed.raw_hash == "")
    try:
        record = parse_entry("wiki", listed, None).record
    except UnreadableDocument:
        assert listed.unreadable is not None or not _is_characters(values_of(listed.raw)["text"])
        return
    shown = [record.title, record.uri, record.owner or "", record.version or "", *record.labels]
    assert _is_characters("".join(shown))
    assert all(problem.line is None for problem in record.problems)


@settings(max_examples=200)
@given(Objects.map(lambda pairs: [("id", "a"), ("text", "x"), *dict(pairs).items()]), st.randoms())
def test_the_order_of_the_keys_never_counts(pairs: list[tuple[str, object]], random: object) -> None:
    mixed = list(dict(pairs).items())
    one = read_line(written(mixed))
    random.shuffle(mixed)
    other = read_line(written(mixed))
    assert one == other
    if isinstance(one, Entry):
        assert one.listed() == other.listed()


def test_only_the_keys_that_are_named_are_kept_as_metadata() -> None:
    line = json.dumps({"id": "a", "text": "x", "team": "HR", "level": 3, "owner": "o", "other": 1}).encode()
    assert read_line(line).values == {"id": "a", "text": "x", "owner": "o"}
    assert read_line(line, {"team", "level", "owner"}).values == {
        "id": "a",
        "text": "x",
        "owner": "o",
        "metadata": {"team": ["HR"], "level": ["3"], "owner": ["o"]},
    }


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("1.50", ["1.50"]),
        ("true", ["true"]),
        ("NaN", ["NaN"]),
        ('["a", 2, false, null]', ["a", "2", "false"]),
        ("[]", []),
        ('{"deep": "a"}', NO_TEXT),
        ('["a", {"deep": "a"}]', NO_TEXT),
        ('[["a"]]', NO_TEXT),
        (json.dumps("x" * 10_001), NO_TEXT),
    ],
)
def test_metadata_is_a_text_or_a_list_as_it_was_written(written: str, kept: object) -> None:
    found = read_line(f'{{"id": "a", "text": "x", "team": {written}}}'.encode(), {"team"})
    assert found.values["metadata"] == {"team": kept}


def test_metadata_given_twice_with_two_values_is_marked() -> None:
    same = read_line(b'{"id": "a", "text": "x", "team": "HR", "team": "HR"}', {"team"})
    other = read_line(b'{"id": "a", "text": "x", "team": "HR", "team": "IT"}', {"team"})
    assert same.values["metadata"] == {"team": ["HR"]}
    assert other.values["metadata"] == {"team": NO_KEY}


def test_a_key_that_is_named_is_no_misspelled_one() -> None:
    line = b'{"id": "a", "text": "x", "label": "HR"}'
    assert read_line(line).values["labels"] is NO_KEY
    assert "labels" not in read_line(line, {"label"}).values


@pytest.mark.parametrize("key", ["created", "created_on", "date_created", "created_at"])
def test_the_day_of_making_has_several_names(key: str) -> None:
    found = entry(**{key: "2020-01-02T23:30:00-05:00"})
    assert found.values["created"] == "2020-01-02T23:30:00-05:00"
    assert created_on(found.values) == date(2020, 1, 3)


def test_our_own_name_for_it_counts_first_and_others_only_where_they_can_be_read() -> None:
    assert entry(created_on="2021-01-01", created="2020-01-02").values["created"] == "2020-01-02"
    assert entry(created="soon", created_on="2020-01-02").values["created"] == "soon"
    assert entry(created_on="soon", date_created=1577923200, created_at="2020-01-02").values["created"] == "2020-01-02"
    for value in ("soon", 1577923200, 1.5, True, [], {"deep": 1}):
        assert entry(created_at=value).values == {"id": "a", "text": "x"}
