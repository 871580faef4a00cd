"""From the values of a manifest's line to a document's facts and text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from governance.domain.documents import DayOrigin, Document, ParsedDocument, Problem, ProblemCode
from governance.domain.ports import Listed, UnreadableDocument
from governance.domain.values import Json, text_hash
from governance.policy.yaml_reader import BadNode, ListNode, MapNode, Node, Scalar
from governance.sources.frontmatter import FrontMatter
from governance.sources.manifest_line import ATTRIBUTES, NO_KEY, created_on, day_of, values_of
from governance.sources.mapping import facts_of
from governance.sources.options import DateOrder
from governance.sources.pages import Page, meta_hash_of, more_than, page_of, with_line_feeds
from governance.sources.wording import clean, shortened

_FIELDS: Final = {
    field: (field,) for field in ("title", "owner", "reviewed_on", "review_interval", "version", "labels")
}
_OTHERS: Final = ("uri", "modified", "created", "content_hash", "text")
_MOMENTS: Final = {"modified": "modified", "created": "created_on"}
"""Keys that hold a moment, and what a problem calls them."""
_SHA256: Final = re.compile(r"[0-9A-Fa-f]{64}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def parse_entry(source: str, listed: Listed, order: DateOrder | None, metadata: Sequence[str] = ()) -> ParsedDocument:
    """Give what the line says of its document.

    Dates, intervals, owners, labels and attributes are read as in front matter. A text is read as that of a file
    whose name is the id. Where there is none, the given hash stands for it.

    Raises:
        UnreadableDocument: Nothing was read, or the text holds what is no character.

    """
    values = values_of(_raw_of(listed))
    text = _text_of(values)
    page = None if text is None else page_of(listed.document, text)
    front = FrontMatter("", {key: _node(values[key]) for key in _FIELDS if key in values})
    facts = facts_of(front, _FIELDS, order)
    further = facts_of(FrontMatter("", _attributes(values)), {}, None, metadata)
    created = created_on(values)
    record = Document(
        source=source,
        document=listed.document,
        uri=clean(_string(values, "uri")) or listed.document,
        title=facts.title or (page and page.title) or shortened(clean(listed.document)),
        raw_hash=listed.raw_hash,
        body_hash=_given_hash(_string(values, "content_hash")) if text is None else text_hash(text.strip()),
        meta_hash="",
        size=0 if text is None else len(text.encode("utf-8")),
        words=page.words if page else None,
        redirect=page.redirect(None) if page else None,
        owner=facts.owner,
        changed_on=listed.changed_on,
        created_on=created,
        created_from=DayOrigin.DOCUMENT if created else None,
        reviewed_on=facts.reviewed_on,
        review_interval=facts.review_interval,
        logical_id=listed.document,
        version=facts.version,
        labels=facts.labels,
        attributes=further.attributes,
        problems=_sorted(
            {*_problems(values), *(replace(item, line=None) for item in (*facts.problems, *further.problems))}
        ),
    )
    return _with_text(replace(record, meta_hash=meta_hash_of(record)), page, text)


def _with_text(record: Document, page: Page | None, text: str | None) -> ParsedDocument:
    if page is None or text is None:
        return ParsedDocument(record=record, body=None)
    return ParsedDocument(record=record, body=page.body, full_text=more_than(page.body, text))


def _raw_of(listed: Listed) -> bytes:
    if listed.unreadable is not None:
        raise UnreadableDocument(listed.unreadable)
    if listed.raw is None:
        raise UnreadableDocument(ProblemCode.NO_ACCESS)
    return listed.raw


def _text_of(values: Mapping[str, Json]) -> str | None:
    text = values.get("text")
    if not isinstance(text, str):
        return None
    if "\0" in text:
        raise UnreadableDocument(ProblemCode.NUL_BYTE)
    if _SURROGATE.search(text):
        raise UnreadableDocument(ProblemCode.NOT_UTF8)
    return with_line_feeds(text.removeprefix("\ufeff"))


def _given_hash(given: str) -> str:
    """Give a SHA-256 as it is, in small letters, and of any other mark its own."""
    bare = given.strip()
    return bare.lower() if _SHA256.fullmatch(bare) else text_hash(bare)


def _string(values: Mapping[str, Json], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""


def _node(value: Json) -> Node:
    """Give a value as front matter's reader would have."""
    if isinstance(value, str):
        return Scalar(value, 0, quoted=True)
    if isinstance(value, list):
        return ListNode(tuple(map(_node, value)), 0)
    return BadNode("duplicate_key", 0) if value is NO_KEY else _NESTED


_NESTED: Final = MapNode({"": Scalar("", 0, quoted=True)}, {}, 0)


def _problems(values: Mapping[str, Json]) -> Iterator[Problem]:
    """Give what is wrong with the values that front matter does not have."""
    for key in _OTHERS:
        value = values.get(key)
        if isinstance(value, bool):
            code = ProblemCode.FRONT_MATTER_SYNTAX if value is NO_KEY else ProblemCode.NOT_A_SCALAR
            yield Problem(code, _MOMENTS.get(key, key))
    for key, name in _MOMENTS.items():
        try:
            if moment := _string(values, key).strip():
                day_of(moment)
        except ValueError:
            yield Problem(ProblemCode.BAD_DATE, name)


def _attributes(values: Mapping[str, Json]) -> dict[str, Node]:
    """Give the values of the keys that the configuration names, as front matter's reader would have."""
    found = values.get(ATTRIBUTES)
    return {key: _node(value) for key, value in found.items()} if isinstance(found, Mapping) else {}


def _sorted(problems: set[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.code, problem.field or "")))
