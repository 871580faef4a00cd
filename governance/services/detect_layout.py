"""Recognizes who filled an index, and which metadata field says what.

The marks of the libraries and the order in which they are tested were measured on what they really write. LangChain
leaves none in most stores: `source` beside a text may as well be somebody's own habit, so it is never held for certain.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from governance.domain.chunks import Metadata
from governance.domain.errors import InputError
from governance.domain.keys import ChunkFields
from governance.domain.values import Json
from governance.domain.words import shown, suggestion
from governance.services.index_sample import SampledChunk
from governance.services.keys import DEFAULT_FIELDS, key_text

KBGOV: Final = "kbgov"
LLAMAINDEX: Final = "llamaindex"
HAYSTACK: Final = "haystack"
LANGCHAIN: Final = "langchain"
CUSTOM: Final = "custom"
LAYOUTS: Final = (KBGOV, LLAMAINDEX, HAYSTACK, LANGCHAIN, CUSTOM)
"""In the order in which they are tested."""

CERTAIN: Final = 1.0
BY_IDS: Final = 0.9
"""Ids and numbers as Haystack's splitter writes them; nothing says so by name."""
BY_SPLITTER: Final = 0.7
BY_HABIT: Final = 0.5
GUESSED: Final = 0.4

_COMMON: Final = 0.1
"""A field counts when so many of the chunks have it."""
_HALF: Final = 0.5
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_DAY: Final = re.compile(r"\d{4}-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\b(?:19|20)\d\d\b")
_LIKE_A_PATH: Final = re.compile(r"[^\s/\\][/\\][^\s/\\]|\.[A-Za-z]{1,5}\Z")
_EPOCH: Final = 100_000_000
_LONGEST_NODE: Final = 1_000_000

HABITS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "title": ("title", "doc_title", "page_title", "file_name", "filename", "name"),
        "uri": ("uri", "url", "source_url", "link", "permalink", "web_url", "href", "source"),
        "owner": ("owner", "author", "authors", "maintainer", "created_by", "last_modified_by"),
        "reviewed_on": ("reviewed_on", "last_reviewed_on", "last_reviewed", "reviewed", "review_date"),
        "review_interval": ("review_interval", "review_in", "review_every"),
        "modified": (
            *("last_modified", "last_modified_date", "modified", "modified_at", "last_modified_at", "updated_at"),
            *("last_updated", "updated", "lastmod", "moddate", "mtime"),
        ),
        "version": ("version", "doc_version", "product_version"),
        "labels": ("labels", "tags", "keywords", "categories", "category"),
        "position": ("kb_position", "chunk_index", "split_id", "position", "start_index", "chunk_number"),
        "model": ("kb_embedder", "embedding_model", "embedder", "model_name", "model"),
    }
)
"""By our field: what pipelines call it, the most telling name first. `date` is left out: it may be any day."""
_TEXTS: Final = ("text", "page_content", "content", "chunk_text", "body")


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedLayout:
    """Who filled an index, as far as a sample shows.

    Attributes:
        name: One of `LAYOUTS`.
        confidence: Share of the chunks with this layout's mark, 0 to 1, less where the mark is only a habit.
        text: Metadata field with the text; None where the store keeps it beside the metadata.
        document: Field that names the document; None when none was found.
        fields: By our field: what it is called there.

    """

    name: str
    confidence: float
    text: str | None
    document: str | None
    fields: Mapping[str, str]

    def as_json(self) -> dict[str, Json]:
        """Give the contract's object."""
        return {
            "name": self.name,
            "confidence": round(self.confidence, 2),
            "text": self.text,
            "document": self.document,
            "fields": dict(self.fields),
        }

    def with_document(self, field: str | None) -> DetectedLayout:
        """Give the same with another field for the document."""
        return replace(self, document=field)


def check_layout_name(name: str) -> None:
    """Let the name of a layout pass.

    Raises:
        InputError: There is no such layout.

    """
    if name not in LAYOUTS:
        raise InputError(f"there is no layout {shown(name)}", item="--layout", next_step=suggestion(name, LAYOUTS))


def detect_layout(chunks: Sequence[SampledChunk], name: str | None = None) -> DetectedLayout:
    """Give the layout that most of the chunks bear the mark of; of equally likely ones the first of `LAYOUTS`.

    Args:
        chunks: A sample.
        name: The layout that it is said to be; the confidence still says what the sample shows.

    """
    likely = {each: _confidence(each, chunks) for each in LAYOUTS}
    chosen = name or max(LAYOUTS, key=lambda each: likely[each])
    metadata = [chunk.metadata for chunk in chunks]
    if chosen == KBGOV:
        return DetectedLayout(
            name=KBGOV, confidence=likely[KBGOV], text=None, document="kb_document", fields=_of_our_own()
        )
    return DetectedLayout(
        name=chosen,
        confidence=likely[chosen],
        text=_text_field(chunks),
        document=_document_field(chosen, metadata),
        fields=_fields(metadata),
    )


def _confidence(name: str, chunks: Sequence[SampledChunk]) -> float:
    return sum(_MARKS[name](chunk) for chunk in chunks) / len(chunks) if chunks else 0.0


def _kbgov(chunk: SampledChunk) -> float:
    found = chunk.metadata
    ours = isinstance(found.get("kb_source"), str) and isinstance(found.get("kb_document"), str)
    return CERTAIN if ours and "kb_embedder" in found else 0.0


def _llamaindex(chunk: SampledChunk) -> float:
    found = chunk.metadata
    parent = found.get("ref_doc_id")
    if "_node_type" not in found or not (parent == found.get("doc_id") == found.get("document_id")):
        return 0.0
    node = _object(found.get("_node_content"))
    return CERTAIN if {"id_", "relationships", "class_name"} <= node.keys() else 0.0


def _object(value: Json) -> Mapping[str, Json]:
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str) or len(value) > _LONGEST_NODE:
        return {}
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _haystack(chunk: SampledChunk) -> float:
    found = chunk.metadata
    original, source, split = found.get("_original_id"), found.get("source_id"), found.get("split_id")
    if isinstance(original, str) and chunk.chunk_id == str(uuid.uuid5(uuid.NAMESPACE_DNS, original)):
        return CERTAIN
    hashed = isinstance(source, str) and _HASH.fullmatch(source) is not None
    numbered = isinstance(split, int | float) and not isinstance(split, bool)
    return BY_IDS if hashed and numbered else 0.0


def _langchain(chunk: SampledChunk) -> float:
    found = chunk.metadata
    if "kb_source" in found or "_node_content" in found or "split_id" in found:
        return 0.0
    if key_text(found.get("source")) is None or not (chunk.has_text or any(name in found for name in _TEXTS)):
        return 0.0
    return BY_SPLITTER if isinstance(found.get("start_index"), int | float) else BY_HABIT


def _custom(chunk: SampledChunk) -> float:
    del chunk
    return GUESSED


_MARKS: Final[Mapping[str, Callable[[SampledChunk], float]]] = MappingProxyType(
    {KBGOV: _kbgov, LLAMAINDEX: _llamaindex, HAYSTACK: _haystack, LANGCHAIN: _langchain, CUSTOM: _custom}
)
_DOCUMENTS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        # The readers' own path first: the ids are made up by the library unless somebody has set them.
        LLAMAINDEX: ("file_path", "source", "path", "url", "ref_doc_id"),
        HAYSTACK: ("file_path", "source", "path", "url", "source_id"),
        LANGCHAIN: ("source", "file_path", "path", "url", "doc_id"),
        CUSTOM: DEFAULT_FIELDS,
    }
)


def _document_field(layout: str, sample: Sequence[Metadata]) -> str | None:
    """Give the field that names the document: a habitual one that most chunks have, else one that looks like paths."""
    names = _DOCUMENTS[layout]
    values = {name: [key for metadata in sample if (key := key_text(metadata.get(name)))] for name in names}
    usual = [name for name in names if len(values[name]) > _HALF * len(sample)]
    telling = [name for name in usual if len(set(values[name])) > 1 or len(sample) == 1]
    # A field with one value for all of many chunks names a place rather than a page.
    return next(iter(telling), None) or _like_paths(sample) or next(iter(usual), None)


def _like_paths(sample: Sequence[Metadata]) -> str | None:
    """Give the field most of whose values look like paths, else like addresses; of several the one with most values."""
    values: dict[str, list[str]] = {}
    for metadata in sample:
        for name, value in metadata.items():
            key = key_text(value)
            if key is not None and not name.startswith("_") and _LIKE_A_PATH.search(key):
                values.setdefault(name, []).append(key)
    usual = [name for name in sorted(values) if len(values[name]) > _HALF * len(sample) and len(set(values[name])) > 1]
    return max(usual, key=lambda name: ("://" not in values[name][0], len(set(values[name]))), default=None)


def _text_field(chunks: Sequence[SampledChunk]) -> str | None:
    if any(chunk.has_text for chunk in chunks):
        return None
    return _first_common(_TEXTS, [chunk.metadata for chunk in chunks], _is_text)


def _fields(sample: Sequence[Metadata]) -> dict[str, str]:
    found = {ours: _first_common(names, sample, _CHECKS.get(ours, _is_said)) for ours, names in HABITS.items()}
    return {ours: name for ours, name in found.items() if name is not None}


def _first_common(names: Sequence[str], sample: Sequence[Metadata], fits: Callable[[str, Json], bool]) -> str | None:
    least = max(1.0, _COMMON * len(sample))
    return next((name for name in names if sum(fits(name, each.get(name)) for each in sample) >= least), None)


def _is_said(name: str, value: Json) -> bool:
    del name
    return value not in (None, "", [], {}) and not isinstance(value, bool)


def _is_text(name: str, value: Json) -> bool:
    del name
    return isinstance(value, str) and bool(value.strip())


def _is_day(name: str, value: Json) -> bool:
    del name
    if isinstance(value, str):
        return _DAY.search(value[:64]) is not None
    return isinstance(value, int | float) and not isinstance(value, bool) and value > _EPOCH


def _is_address(name: str, value: Json) -> bool:
    return isinstance(value, str) and bool(value) and (name == "uri" or "://" in value)


_CHECKS: Final[Mapping[str, Callable[[str, Json], bool]]] = MappingProxyType(
    {"uri": _is_address, "reviewed_on": _is_day, "modified": _is_day, "title": _is_text}
)


def _of_our_own() -> dict[str, str]:
    ours = ChunkFields()
    named = {name: getattr(ours, name) for name in HABITS}
    named |= {"position": "kb_position", "model": "kb_embedder"}
    return {name: field for name, field in named.items() if field is not None}
