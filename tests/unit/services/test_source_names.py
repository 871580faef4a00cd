from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from governance.domain.documents import Document, ParsedDocument, ProblemCode
from governance.domain.ports import Listed, UnreadableDocument
from governance.services.source_names import MOST_PARSED, known_documents


@dataclass
class Pages:
    """A source whose documents have these addresses, by path; it counts how many were opened."""

    addresses: dict[str, str]
    opened: list[str] = field(default_factory=list)
    name: str = "pages"
    recipe: str = ""

    def listing(self) -> Iterator[Listed]:
        for path in self.addresses:
            bad = ProblemCode.NO_ACCESS if path.startswith("bad") else None
            yield Listed(path, "" if bad else "0", unreadable=bad, raw=None if bad else b"")

    def reread(self, listed: Listed) -> Listed:
        return listed

    def parse(self, listed: Listed) -> ParsedDocument:
        self.opened.append(listed.document)
        if listed.document.startswith("odd"):
            raise UnreadableDocument(ProblemCode.NOT_UTF8)
        record = Document(
            source=self.name,
            document=listed.document,
            uri=self.addresses[listed.document],
            title="",
            raw_hash="0",
            body_hash="0",
            meta_hash="0",
            size=0,
            words=0,
        )
        return ParsedDocument(record=record, body="")


@pytest.mark.parametrize("path", ["bad.md", "odd.md", "fine.md"])
def test_every_document_is_known_by_its_path_even_one_that_cannot_be_read(path: str) -> None:
    pages = Pages({path: path})
    assert known_documents(pages, pages.listing()).path_of(path) == path  # type: ignore[arg-type]  # a plain iterator


def test_a_source_without_addresses_of_its_own_is_only_probed() -> None:
    pages = Pages({f"{n}.md": f"{n}.md" for n in range(500)})
    assert len(known_documents(pages, pages.listing())) == 500
    assert len(pages.opened) == 20


def test_addresses_that_differ_from_the_paths_are_all_read_up_to_a_bound() -> None:
    pages = Pages({str(n): f"https://wiki/{n}" for n in range(MOST_PARSED + 100)})
    known = known_documents(pages, pages.listing())
    assert known.path_of("https://wiki/400") == "400"
    assert len(pages.opened) == MOST_PARSED
