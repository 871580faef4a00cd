from __future__ import annotations

import hashlib

import pytest

from governance.domain.documents import ParsedDocument
from governance.domain.ports import Listed
from governance.sources.files import FileTreeSource
from governance.sources.options import FileTreeOptions
from governance.sources.pages import more_than, page_of


def parse(raw: bytes, document: str, tmp_path: object) -> ParsedDocument:
    source = FileTreeSource("pages", FileTreeOptions(root=tmp_path))
    return source.parse(Listed(document, hashlib.sha256(raw).hexdigest(), raw=raw))


@pytest.mark.parametrize(
    ("document", "raw", "full"),
    [
        ("a.md", b"# Words\r\n\r\nand more\r\n", None),
        ("a.md", b"\xef\xbb\xbfwords\n\n", None),
        ("a.md", b"", None),
        ("a.md", b"---\ntitle: T\n---\nwords\r\n", "---\ntitle: T\n---\nwords\n"),
        ("a.md.erb", b"one <%= two %> three", "one <%= two %> three"),
        ("a.md.erb", b"one three", None),
        ("a.html", b"<p>words</p>", "<p>words</p>"),
    ],
)
def test_the_full_text_of_a_file_is_given_where_it_is_more_than_the_body(
    document: str, raw: bytes, full: str | None, tmp_path: object
) -> None:
    parsed = parse(raw, document, tmp_path)
    assert parsed.full_text == full
    assert parsed.body == parsed.body.strip()


def test_blank_space_at_the_ends_is_no_more() -> None:
    assert more_than("a", "\n a\n") is None
    assert more_than("a b", "a  b") == "a  b"


def test_where_a_page_sends_its_readers_is_said_by_its_author_first() -> None:
    page = page_of("a.html", '<meta http-equiv="refresh" content="0; url=/new"><p>This page has moved to /other</p>')
    assert (page.redirect("/said"), page.redirect(""), page.redirect(None)) == ("/said", "", "/new")
    assert page_of("a.md", "Moved to <https://new/>.").redirect(None) == "https://new/"
    assert page_of("a.md", "words").redirect(None) is None
