"""A page as its readers see it, wherever its text comes from."""

from __future__ import annotations

from dataclasses import dataclass, field

from governance.domain.documents import Document
from governance.domain.values import digest_of
from governance.sources.htmltext import html_to_text
from governance.sources.markup import Kind, Outline, kind_of, outline, without_template_tags
from governance.sources.stubs import moved_to
from governance.sources.wording import clean, shortened


@dataclass(frozen=True, slots=True)
class Page:
    """A text without what only programs read.

    Attributes:
        body: Template tags and, of a page of HTML, its markup off; nothing blank at both ends.
        title: The first heading that says something, else what HTML calls its title.
        words: Words outside headings and template tags.
        refresh: Where a page of HTML sends its readers.

    """

    body: str = field(repr=False)
    parts: Outline = field(repr=False)
    title: str | None
    words: int
    refresh: str | None

    def redirect(self, said: str | None) -> str | None:
        """Say where the page sends its readers: as `said`, else by a refresh, else by its words; see `moved_to`."""
        target = next((target for target in (said, self.refresh) if target is not None), None)
        return moved_to(self.parts.prose, self.words) if target is None else target


def page_of(document: str, text: str) -> Page:
    r"""Read a text whose line ends are `\n`; the end of the document's name says how."""
    kind, template = kind_of(document)
    body = without_template_tags(text, template).strip()
    if kind is not Kind.HTML:
        parts = outline(body, kind)
        return Page(body, parts, parts.heading, parts.words(), None)
    page = html_to_text(body)
    parts = outline(page.text, Kind.MARKDOWN)
    title = parts.heading or (shortened(clean(page.title)) if page.title else None)
    return Page(page.text, parts, title, parts.words(), page.refresh)


def with_line_feeds(text: str) -> str:
    r"""Give the text with every line ending in `\n`."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def more_than(body: str, text: str) -> str | None:
    """Give the text where it holds more than the body, blank space at its ends aside; else None."""
    return None if text.strip() == body else text


def meta_hash_of(record: Document) -> str:
    """Digest what the chunks' metadata says about the document."""
    return digest_of(
        {
            "title": record.title,
            "owner": record.owner,
            "reviewed_on": record.reviewed_on.isoformat() if record.reviewed_on else None,
            "review_interval": record.review_interval,
            "version": record.version,
            "labels": list(record.labels),
            "uri": record.uri,
            "logical_id": record.logical_id,
            "redirect": record.redirect,
        }
    )
