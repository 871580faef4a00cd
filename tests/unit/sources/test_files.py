from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from governance.domain.documents import DayOrigin, Document, ParsedDocument, ProblemCode
from governance.domain.ports import Listed, UnreadableDocument
from governance.sources.files import FileTreeSource
from governance.sources.options import DateOrder, FileTreeOptions

ROOT = Path("not-read")


def source(**options: object) -> FileTreeSource:
    return FileTreeSource("pages", FileTreeOptions(root=ROOT, **options))


def parse(raw: bytes | str, document: str = "a.md", **options: object) -> ParsedDocument:
    data = raw.encode() if isinstance(raw, str) else raw
    return source(**options).parse(Listed(document, hashlib.sha256(data).hexdigest(), None, None, data))


def hash_of(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def test_all_facts_of_a_page() -> None:
    raw = (
        b"---\ntitle: Leave\nowner: People team\nlast_reviewed_on: 2026-03-02\nreview_in: 6  month\n"
        b"labels: [hr, leave]\n---\n# Another heading\n\nThree words here.\n"
    )
    listed = Listed("hr/v2/leave.md", hashlib.sha256(raw).hexdigest(), date(2026, 4, 1), None, raw)
    parsed = source().parse(listed)
    assert parsed.body == "# Another heading\n\nThree words here."
    assert parsed.record == Document(
        source="pages",
        document="hr/v2/leave.md",
        uri="hr/v2/leave.md",
        title="Leave",
        raw_hash=listed.raw_hash,
        body_hash=hash_of("# Another heading\n\nThree words here."),
        meta_hash=parsed.record.meta_hash,
        size=len(raw),
        words=3,
        owner="People team",
        changed_on=date(2026, 4, 1),
        reviewed_on=date(2026, 3, 2),
        review_interval="6 months",
        logical_id="hr/*/leave.md",
        version="2",
        labels=("hr", "leave"),
    )


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("---\ntitle: T\n---\n# H\n", "T"),
        ("---\ntitle:\n---\n# H\n", "H"),
        ("---\ntitle: <%= x %>\n---\n# H\n", "H"),
        ("---\ntitle: [x]\n---\n# H\n", "H"),
        ("# <%= x %>\n", "a page.md"),
        ("text\n", "a page.md"),
        ("", "a page.md"),
    ],
)
def test_the_title_is_that_of_the_front_matter_else_a_heading_else_the_files_name(raw: str, title: str) -> None:
    assert parse(raw, "sub/a page.md").record.title == title


def test_the_day_of_making_is_the_pages_own_else_the_first_of_its_history() -> None:
    def made(block: str, first: date | None) -> tuple[date | None, DayOrigin | None]:
        raw = f"---\n{block}\n---\nText".encode()
        record = source().parse(Listed("a.md", "0", raw=raw, created_on=first)).record
        return record.created_on, record.created_from

    day, first = date(2020, 1, 2), date(2024, 5, 6)
    assert made("created: 2020-01-02", first) == (day, DayOrigin.DOCUMENT)
    assert made("created: soon", first) == made("title: A", first) == (first, DayOrigin.HISTORY)
    assert made("title: A", None) == (None, None)


def test_attributes_are_kept_of_the_keys_that_the_configuration_names() -> None:
    page = "---\ndepartment: [HR, IT]\nlevel: {deep: 1}\n---\nText"
    assert parse(page).record.attributes == {}
    record = parse(page, metadata=("department", "level")).record
    assert record.attributes == {"department": ("HR", "IT")}
    assert [(problem.code, problem.field) for problem in record.problems] == [
        (ProblemCode.NOT_A_SCALAR, "metadata.level")
    ]
    assert record.meta_hash == parse(page).record.meta_hash


def test_the_title_of_html() -> None:
    page = "<title>T</title><h1>H</h1><p>x</p>"
    assert parse(page, "a.html").record.title == "H"
    assert parse(page.replace("h1", "b"), "a.html").record.title == "T"
    assert parse("---\ntitle: F\n---\n" + page, "a.html").record.title == "F"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"caf\xe9", ProblemCode.NOT_UTF8),
        (b"\xff\xfea\x00", ProblemCode.NOT_UTF8),
        (b"lone \xed\xa0\x80 surrogate", ProblemCode.NOT_UTF8),
        (b"a\x00b", ProblemCode.NUL_BYTE),
        (b"---\ntitle: a\x00b\n---\n", ProblemCode.NUL_BYTE),
    ],
)
def test_what_is_no_text_is_unreadable(raw: bytes, code: ProblemCode) -> None:
    with pytest.raises(UnreadableDocument) as caught:
        parse(raw)
    assert caught.value.code is code


def test_what_was_listed_as_unreadable_stays_so() -> None:
    with pytest.raises(UnreadableDocument) as caught:
        source().parse(Listed("a.md", "", unreadable=ProblemCode.TOO_LARGE))
    assert caught.value.code is ProblemCode.TOO_LARGE
    with pytest.raises(UnreadableDocument):
        source().parse(Listed("a.md", "f" * 64))


@pytest.mark.parametrize(
    "raw",
    [
        b"---\ntitle: A\n---\n# H\n\nText\n",
        b"\xef\xbb\xbf---\ntitle: A\n---\n# H\n\nText\n",
        b"---\r\ntitle: A\r\n---\r\n# H\r\n\r\nText\r\n",
        b"---\rtitle: A\r---\r# H\r\rText\r",
        b"---\ntitle: A\nlast_reviewed_on: 2026-01-01\n---\n\n\n# H\n\nText  \n\n",
        b"# H\n\nText",
    ],
)
def test_the_body_hash_knows_no_front_matter_line_ends_and_outer_blanks(raw: bytes) -> None:
    assert parse(raw).record.body_hash == hash_of("# H\n\nText")


def test_the_body_hash_is_that_of_the_text_as_written_the_body_that_without_tags() -> None:
    parsed = parse("# <%= title %>\n\nHello <%= name %>.\n", "a.html.md.erb")
    assert parsed.record.body_hash == hash_of("# <%= title %>\n\nHello <%= name %>.")
    assert (parsed.body, parsed.record.words) == ("Hello .", 1)


def test_html_is_chunked_as_text() -> None:
    parsed = parse("<h1>T</h1><script>x</script><p>one <b>two</b></p>", "a.html")
    assert (parsed.body, parsed.record.words) == ("# T\n\none two", 2)


@pytest.mark.parametrize(
    ("raw", "document", "redirect"),
    [
        ("---\nredirect_to: /new\n---\nA long text. " + "word " * 100, "a.md", "/new"),
        ("---\nredirect: false\n---\nThis page has moved to [New](/x).", "a.md", "/x"),
        ('<meta http-equiv="refresh" content="0; url=/new"><p>x</p>', "a.html", "/new"),
        ('<meta http-equiv="refresh" content="0; url=/new">', "a.md", None),
        ("# <%= t %>\n\nThis page has now moved to [New](/new).\n", "a.html.md.erb", "/new"),
        ("This page has moved.", "a.md", ""),
        ("You should use the [official documentation](https://example.org).", "a.md", None),
    ],
)
def test_stubs(raw: str, document: str, redirect: str | None) -> None:
    assert parse(raw, document).record.redirect == redirect


@pytest.mark.parametrize("raw", ["", "\n\n", "# Only a heading\n", "---\ntitle: A\n---\n", "<!-- later -->"])
def test_pages_without_a_word(raw: str) -> None:
    record = parse(raw).record
    assert (record.words, record.redirect) == (0, None)


def test_the_version_of_the_front_matter_wins_over_that_of_the_path() -> None:
    record = parse("---\nversion: 7\n---\n", "docs/v2/a.md").record
    assert (record.version, record.logical_id) == ("7", "docs/*/a.md")
    record = parse("---\nversion: 1.0\nlogical_id: leave\n---\n", "leave-old.md").record
    assert (record.version, record.logical_id) == ("1.0", "leave")
    record = parse("x", "docs/v2/a.md", version_from_path=False).record
    assert (record.version, record.logical_id) == (None, "docs/v2/a.md")


def test_problems_are_carried_and_the_rest_is_read() -> None:
    record = parse("---\ntitle: A\nreviewed: 2026-02-30\nreview_in: soon\nowner: B\n---\nText").record
    assert [problem.code for problem in record.problems] == [ProblemCode.BAD_DATE, ProblemCode.BAD_INTERVAL]
    assert (record.title, record.owner, record.reviewed_on, record.review_interval) == ("A", "B", None, None)


def test_an_alias_bomb_is_a_problem_and_nothing_more() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{key}: &{key} [{','.join([f'*{before}'] * 9)}]\n" for before, key in zip("abcdefgh", "bcdefghi", strict=True)
    )
    record = parse(f"---\n{bomb}title: A\n---\nText").record
    assert record.title == "A"
    assert {problem.code for problem in record.problems} == {ProblemCode.FRONT_MATTER_SYNTAX}


def test_the_metadata_digest_changes_with_what_the_chunks_say_and_with_nothing_else() -> None:
    base = parse("---\ntitle: A\n---\nText").record.meta_hash
    for other in ("title: B", "title: A\nowner: x", "title: A\nreviewed: 2026-01-01", "title: A\ntags: x"):
        assert parse(f"---\n{other}\n---\nText").record.meta_hash != base
    for same in ("title: A\nlayout: x", "layout: y\ntitle: A"):
        assert parse(f"---\n{same}\n---\nOther text").record.meta_hash == base
    assert parse("---\ntitle: A\n---\nText", "b.md").record.meta_hash != base


def test_the_recipe_changes_with_every_setting_that_shapes_a_parse() -> None:
    base = source().recipe
    others = [
        source(fields={"owner": ("team",)}),
        source(date_order=DateOrder.DMY),
        source(version_from_path=False),
        source(version_path_pattern="x"),
        source(metadata=("department",)),
    ]
    assert len({base, *(other.recipe for other in others)}) == 6
    assert source(exclude=("x",), max_file_bytes=5, git=False).recipe == base
    assert FileTreeSource("other", FileTreeOptions(root=Path("elsewhere"))).recipe == base


def test_a_parse_depends_on_the_bytes_alone() -> None:
    raw = "---\ntitle: A\n---\nText"
    assert parse(raw) == parse(raw)


def test_no_text_shows_in_a_representation() -> None:
    assert "secret" not in repr(parse("secret words"))


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        *((unit, "a.md") for unit in ("x", "word ", "`", "[", "](", "<!--", "# ", "\n")),
        ("<!", "a.html"),
        ("é", "a.rst"),
        ("<%", "a.html.md.erb"),
        ("{{", "a.md.j2"),
        ("{% raw %}", "a.md.liquid"),
    ],
)
def test_nine_million_bytes_of_nonsense_are_read(unit: str, name: str) -> None:
    raw = (unit * (9_000_000 // len(unit.encode()))).encode()
    assert parse(raw, name).record.size == len(raw)


ENDS = ("md", "html", "rst", "txt", "html.md.erb", "md.j2", "html.liquid", "mdx")
SIGNS = (
    "---",
    "+++",
    "...",
    "===",
    "```",
    "# ",
    "- ",
    "> ",
    "[",
    "]",
    "{",
    "}",
    "|",
    ":",
    "\\",
    '"',
    "'",
    "a",
    "1",
    "é",
)
BLANKS = ("\n", "---\n", "\r", "\t", " ", "\u2028", "\ufeff", "\x85", "\x0b", "\x00", "\x1b")
WORDS = (
    "title: ",
    "ms.date: ",
    "review_in: ",
    "owner: ",
    "&a ",
    "*a",
    "2026-02-30",
    "This page has moved",
    "moved to ",
)
TAGS = ("<!--", "-->", "<%", "%>", "{{", "}}", "{% raw %}", "<p>", "</p>", "<title>", "<a href=x>", "&#0;")
PIECES = st.lists(st.sampled_from((*SIGNS, *BLANKS, *WORDS, *TAGS)), max_size=30).map(lambda p: "".join(p).encode())


@settings(max_examples=400)
@given(st.one_of(st.binary(max_size=200), PIECES), st.sampled_from(ENDS))
@example(b"---\n- \xc2\x85\n---", "md")
def test_any_bytes_are_a_document_or_unreadable(raw: bytes, end: str) -> None:
    try:
        parsed = parse(raw, f"a.{end}")
    except UnreadableDocument:
        return
    record = parsed.record
    for text in (parsed.body, record.title, record.owner or "", record.redirect or "", *record.labels):
        assert "\x00" not in text
        text.encode("utf-8")
    assert record.title
    assert record.words >= 0
