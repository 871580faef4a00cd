"""One chunk as a stream showed it: its digest, and the row that the catalog keeps of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final

from governance.catalog.chunks import SIGHTING_DIGEST, ChunkRow
from governance.catalog.sightings import Sighting
from governance.detectors.texts import VERSION as PRINT_VERSION
from governance.detectors.texts import print_of
from governance.domain.chunks import Metadata, Record
from governance.domain.keys import ChunkFields
from governance.domain.status import REVIEW_DUE_FIELD, STATUS_FIELD, read_mark
from governance.domain.values import Json, text_hash
from governance.services.keys import LONGEST_KEY, Attribution

RECIPE: Final = f"sighting/2 print/{PRINT_VERSION}"
"""Raised when the same record would be cataloged otherwise, so that all are looked at again."""
_MARKS: Final = frozenset({STATUS_FIELD, REVIEW_DUE_FIELD})
_MODEL: Final = re.compile(r"(?!.*[0-9]{9})[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,99}")
"""What a model, or a vector, may be called in a finding; whatever else stands there may be personal."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_NO_POSITION: Final = -1
_LARGEST_POSITION: Final = 2**31 - 1


def text_of(record: Record, fields: ChunkFields) -> str:
    """Give a chunk's text: its own, else what the configured field holds; "" when there is none."""
    if record.text is not None:
        return record.text
    value = record.metadata.get(fields.text) if fields.text else None
    return value if isinstance(value, str) else ""


def sighting_of(record: Record, text: str) -> Sighting:
    """Give the digest over text and metadata, with what we may have written there kept apart behind it."""
    metadata = record.metadata
    mark = "|"
    if not _MARKS.isdisjoint(metadata):
        mark = read_mark(metadata)
        metadata = {key: value for key, value in metadata.items() if key not in _MARKS}
    head = text.encode("utf-8", "surrogatepass")
    # No canonical_json: a store may give numbers that JSON lacks (NaN), and two chunks in four have the same keys.
    beside = json.dumps(metadata, sort_keys=True, separators=(",", ":"), default=str).encode("ascii")
    digest = hashlib.sha256(b"%d\0%b%b" % (len(head), head, beside)).hexdigest()
    return Sighting(record.chunk_id, digest[:SIGHTING_DIGEST] + mark)


def storable(chunk_id: str) -> bool:
    """Say whether a catalog can hold an id: no NUL, no lone surrogate, and short enough for an index of PostgreSQL."""
    if "\0" in chunk_id or len(chunk_id) > LONGEST_KEY:
        return False
    if chunk_id.isascii():
        return True
    try:
        return len(chunk_id.encode("utf-8")) <= LONGEST_KEY
    except UnicodeEncodeError:
        return False


def plain(text: str) -> str:
    """Give a text without what a database refuses: NUL and lone surrogates become question marks."""
    if text.isascii():
        return text.replace("\0", "?")
    return text.replace("\0", "?").encode("utf-8", "replace").decode("utf-8")


def head_of(sighting: str) -> str:
    """Give what stands for text and metadata."""
    return sighting[:SIGHTING_DIGEST]


def mark_in(sighting: str) -> str:
    """Give the mark of a sighting; "" for one that no stream has shown."""
    return sighting[SIGHTING_DIGEST:]


def row_of(
    place: tuple[str, str], record: Record, text: str, sighting: str, found: Attribution, fields: ChunkFields
) -> ChunkRow:
    """Give what the catalog keeps of a chunk."""
    metadata = record.metadata
    body = print_of(text)
    cited = bool(found.source) or any(_text(metadata, name) for name in (fields.title, fields.uri))
    return ChunkRow(
        index_name=place[0],
        partition=place[1],
        chunk_id=record.chunk_id,
        source=found.source,
        document=found.document,
        position=_position(metadata, "kb_position" if found.own else fields.position),
        body_hash=text_hash(text),
        meta_hash=_meta_hash(metadata, sighting, own=found.own),
        sighting=sighting,
        made_by=model_name(_text(metadata, "kb_embedder")) if found.own else "",
        words=body.words,
        anchor=body.anchor,
        inner_hash=body.inner,
        citable=cited,
    )


def model_of(metadata: Metadata, fields: ChunkFields) -> str:
    """Give which model is said to have made a chunk's vectors; "" when nothing says it."""
    return model_name(_text(metadata, fields.model) or _text(metadata, "kb_embedder"))


def model_name(text: str) -> str:
    """Give what a model or a vector is called, "other" for what looks like no such name, "" for none."""
    return text if not text or _MODEL.fullmatch(text) else "other"


def _meta_hash(metadata: Metadata, sighting: str, *, own: bool) -> str:
    """Give what our ingester wrote, else the digest that the sighting has."""
    ours = _text(metadata, "kb_meta_hash") if own else ""
    return ours if _HASH.fullmatch(ours) else sighting[:SIGHTING_DIGEST]


def _position(metadata: Metadata, field: str | None) -> int:
    value = metadata.get(field) if field else None
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_POSITION
    return int(value) if usable and isinstance(value, int) else _NO_POSITION


def _text(metadata: Mapping[str, Json], field: str | None) -> str:
    value = metadata.get(field) if field else None
    return plain(value[:200]) if isinstance(value, str) and value.strip() else ""
