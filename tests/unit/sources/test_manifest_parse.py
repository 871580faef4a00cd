from __future__ import annotations

import hashlib
import json
from datetime import date

import pytest

from governance.domain.documents import DayOrigin, Document, ParsedDocument, Problem, ProblemCode
from governance.domain.ports import Listed, UnreadableDocument
from governance.sources.manifest_line import Entry, read_line
from governance.sources.manifest_parse import parse_entry
from governance.sources.options import DateOrder


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def listed(line: str) -> Listed:
    found = read_line(line.encode())
    assert isinstance(found, Entry)
    return found.listed()


def parse(order: DateOrder | None = None, **values: object) -> ParsedDocument:
    return parse_entry("wiki", listed(json.dumps({"id": "a", **values})), order)


def problems(**values: object) -> tuple[Problem, ...]:
    return parse(**{"text": "x", **values}).record.problems


def test_all_facts_of_a_line() -> None:
    line = {
        "id": "hr/v2/leave",
        "uri": "https://wiki/leave",
        "title": "Leave",
        "modified": "2026-03-02T23:30:00-05:00",
        "text": "# Another heading\r\n\r\nThree words here.\n",
        "owner": "People team",
        "reviewed_on": "2 March 2026",
        "review_interval": "6  month",
        "version": 2,
        "labels": ["hr", "leave", "hr"],
    }
    entry = listed(json.dumps(line))
    parsed = parse_entry("wiki", entry, None)
    assert (parsed.body, parsed.full_text) == ("# Another heading\n\nThree words here.", None)
    assert parsed.record == Document(
        source="wiki",
        document="hr/v2/leave",
        uri="https://wiki/leave",
        title="Leave",
        raw_hash=entry.raw_hash,
        body_hash=sha256("# Another heading\n\nThree words here."),
        meta_hash=parsed.record.meta_hash,
        size=37,
        words=3,
        owner="People team",
        changed_on=date(2026, 3, 3),
        reviewed_on=date(2026, 3, 2),
        review_interval="6 months",
        logical_id="hr/v2/leave",
        version="2",
        labels=("hr", "leave"),
    )


def test_a_line_with_a_hash_alone_has_no_text_and_no_words() -> None:
    parsed = parse(content_hash=sha256("body").upper() + " ", owner="o", title="T")
    assert (parsed.body, parsed.full_text) == (None, None)
    record = parsed.record
    assert (record.words, record.redirect, record.size) == (None, None, 0)
    assert (record.body_hash, record.owner, record.title) == (sha256("body"), "o", "T")


def test_a_hash_that_is_no_sha256_is_hashed_itself() -> None:
    assert parse(content_hash='W/"5d41402a"').record.body_hash == sha256('W/"5d41402a"')
    assert parse(content_hash=17).record.body_hash == sha256("17")


def test_a_text_counts_more_than_a_hash_beside_it() -> None:
    parsed = parse(text="x", content_hash=sha256("y"))
    assert (parsed.body, parsed.record.body_hash, parsed.record.problems) == ("x", sha256("x"), ())


def test_a_text_that_cannot_be_used_leaves_the_hash() -> None:
    parsed = parse(text={"html": "x"}, content_hash=sha256("y"))
    assert (parsed.body, parsed.record.body_hash) == (None, sha256("y"))
    assert parsed.record.problems == (Problem(ProblemCode.NOT_A_SCALAR, "text"),)


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"title": "T", "text": "# H"}, "T"),
        ({"text": "words\n\n# H\n"}, "H"),
        ({"title": " ", "text": "# H"}, "H"),
        ({"title": ["T"], "text": "# H"}, "H"),
        ({"text": "words"}, "a"),
        ({"content_hash": "x"}, "a"),
        ({"title": "T" * 400, "text": ""}, "T" * 299 + "…"),
        ({"title": "a\u202eb\0c\ud800d", "text": ""}, "ab c d"),
    ],
)
def test_the_title_is_the_given_one_else_a_heading_else_the_id(values: dict[str, object], title: str) -> None:
    assert parse(**values).record.title == title


def test_the_address_is_the_id_where_none_is_given() -> None:
    assert parse(text="x", uri="https://wiki/a").record.uri == "https://wiki/a"
    assert parse(text="x", uri="").record.uri == "a"
    assert parse(text="x", uri=["https://wiki/a"]).record.uri == "a"


def test_the_end_of_the_id_says_how_the_text_is_read() -> None:
    html = "<h1>Leave</h1><p>Three words here</p><script>no()</script>"
    page = parse(id="leave.html", text=html)
    assert (page.body, page.full_text, page.record.title) == ("# Leave\n\nThree words here", html, "Leave")
    assert (page.record.words, page.record.body_hash) == (3, sha256(html))
    template = parse(id="leave.md.erb", text="One <%= two %> three\n")
    assert (template.body, template.full_text) == ("One  three", "One <%= two %> three\n")
    assert parse(id="KB-4711", text="One <b>two</b>").body == "One <b>two</b>"


def test_front_matter_in_a_text_is_text() -> None:
    parsed = parse(text="---\nowner: o\n---\nwords")
    assert (parsed.record.owner, parsed.body) == (None, "---\nowner: o\n---\nwords")


def test_stubs_and_empty_pages_are_recognized() -> None:
    stub = parse(text="This page has moved to [the new place](https://new/place).").record
    assert stub.redirect == "https://new/place"
    refresh = '<meta http-equiv="refresh" content="0; url=/new">'
    assert parse(id="a.html", text=refresh).record.redirect == "/new"
    for empty in ("", " \n", "# Heading only", "\ufeff"):
        assert (parse(text=empty).record.words, parse(text=empty).record.redirect) == (0, None)


@pytest.mark.parametrize(
    ("text", "code"),
    [("a\0b", ProblemCode.NUL_BYTE), ("a\ud800b", ProblemCode.NOT_UTF8), ("\udc80", ProblemCode.NOT_UTF8)],
)
def test_a_text_that_holds_what_is_no_character_is_unreadable(text: str, code: ProblemCode) -> None:
    with pytest.raises(UnreadableDocument) as raised:
        parse(text=text)
    assert raised.value.code is code


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"modified": "soon"}, (ProblemCode.BAD_DATE, "modified")),
        ({"modified": 1772409600}, (ProblemCode.BAD_DATE, "modified")),
        ({"modified": 1772409600.5}, (ProblemCode.NOT_A_SCALAR, "modified")),
        ({"reviewed_on": "2026-02-30"}, (ProblemCode.BAD_DATE, "reviewed_on")),
        ({"reviewed_on": True}, (ProblemCode.NOT_A_SCALAR, "reviewed_on")),
        ({"reviewed_on": ["2026-03-02"]}, (ProblemCode.NOT_A_SCALAR, "reviewed_on")),
        ({"review_interval": "soon"}, (ProblemCode.BAD_INTERVAL, "review_interval")),
        ({"review_interval": 6}, (ProblemCode.BAD_INTERVAL, "review_interval")),
        ({"owner": {"name": "o"}}, (ProblemCode.NOT_A_SCALAR, "owner")),
        ({"owner": 1.5}, (ProblemCode.NOT_A_SCALAR, "owner")),
        ({"version": 2.1}, (ProblemCode.NOT_A_SCALAR, "version")),
        ({"labels": {"a": 1}}, (ProblemCode.NOT_A_SCALAR, "labels")),
        ({"labels": ["a", ["b"]]}, (ProblemCode.NOT_A_SCALAR, "labels")),
        ({"title": False}, (ProblemCode.NOT_A_SCALAR, "title")),
        ({"uri": 1.5}, (ProblemCode.NOT_A_SCALAR, "uri")),
        ({"content_hash": []}, (ProblemCode.NOT_A_SCALAR, "content_hash")),
        ({"review_on": "2026-03-02"}, (ProblemCode.FRONT_MATTER_SYNTAX, "reviewed_on")),
        ({"modifed": "2026-03-02"}, (ProblemCode.FRONT_MATTER_SYNTAX, "modified")),
        ({"created": "soon"}, (ProblemCode.BAD_DATE, "created_on")),
        ({"created": ["2020-01-01"]}, (ProblemCode.NOT_A_SCALAR, "created_on")),
        ({"creatd": "2020-01-01"}, (ProblemCode.FRONT_MATTER_SYNTAX, "created_on")),
        ({"Labels": "a"}, (ProblemCode.FRONT_MATTER_SYNTAX, "labels")),
    ],
)
def test_a_value_that_cannot_be_used_is_a_problem_of_its_key(
    values: dict[str, object], found: tuple[ProblemCode, str]
) -> None:
    assert problems(**values) == (Problem(*found),)


def test_problems_are_the_same_wherever_the_line_stands_and_spoil_nothing_else() -> None:
    found = parse(text="x", owner=[True, "o"], labels=["a", 1.5, "b"], modified="soon", version="2")
    assert [(item.code, item.field, item.line) for item in found.record.problems] == [
        (ProblemCode.BAD_DATE, "modified", None),
        (ProblemCode.NOT_A_SCALAR, "labels", None),
        (ProblemCode.NOT_A_SCALAR, "owner", None),
    ]
    assert (found.record.owner, found.record.labels, found.record.version) == ("o", ("a", "b"), "2")


def test_labels_and_owners_are_lists_or_texts() -> None:
    assert parse(text="", labels="hr, leave,, hr").record.labels == ("hr", "leave")
    assert parse(text="", labels=["hr, leave"]).record.labels == ("hr, leave",)
    assert parse(text="", owner=["a", "b"]).record.owner == "a, b"
    assert parse(text="", labels=[], owner="").record.problems == ()


def test_the_order_of_day_and_month_is_configured() -> None:
    assert parse(text="", reviewed_on="03/04/2026").record.reviewed_on == date(2026, 3, 4)
    assert parse(DateOrder.DMY, text="", reviewed_on="03/04/2026").record.reviewed_on == date(2026, 4, 3)


def test_the_day_of_making_is_what_the_line_says() -> None:
    found = parse(text="", created="2020-01-02T10:00:00Z").record
    assert (found.created_on, found.created_from) == (date(2020, 1, 2), DayOrigin.DOCUMENT)
    assert (parse(text="").record.created_on, parse(text="").record.created_from) == (None, None)


def test_metadata_becomes_attributes_as_in_front_matter() -> None:
    line = json.dumps({"id": "a", "text": "", "team": ["HR", " HR ", 7], "level": {"deep": 1}, "long": "x" * 201})
    found = read_line(line.encode(), {"team", "level", "long"})
    record = parse_entry("wiki", found.listed(), None, ("team", "level", "long")).record
    assert record.attributes == {"team": ("HR", "7")}
    assert record.problems == (
        Problem(ProblemCode.NOT_A_SCALAR, "metadata.level"),
        Problem(ProblemCode.TOO_LARGE, "metadata.long"),
    )


def test_what_was_not_read_cannot_be_parsed() -> None:
    for entry, code in (
        (Listed("a", "", unreadable=ProblemCode.DUPLICATE_ID), ProblemCode.DUPLICATE_ID),
        (Listed("a", "0" * 64), ProblemCode.NO_ACCESS),
    ):
        with pytest.raises(UnreadableDocument) as raised:
            parse_entry("wiki", entry, None)
        assert raised.value.code is code


def test_what_stands_beside_the_text_changes_the_digest_of_the_metadata_alone() -> None:
    one, other = parse(text="x", owner="o").record, parse(text="x", owner="p").record
    assert one.body_hash == other.body_hash
    assert one.meta_hash != other.meta_hash
    assert parse(text="y", owner="o").record.meta_hash == one.meta_hash
