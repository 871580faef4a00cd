"""Documents of an index that no source stands behind: what its own metadata says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Final

from governance.catalog.chunks import DocumentChunk
from governance.catalog.documents import KnownDocument
from governance.catalog.unit_of_work import Catalog
from governance.domain.chunks import ChunkState, Metadata, Record
from governance.domain.documents import DayOrigin, Document, DocumentState, Problem, ProblemCode
from governance.domain.keys import ChunkFields
from governance.domain.ports import Index, IndexReader
from governance.domain.values import Json, digest_of
from governance.policy.yaml_reader import ListNode, MapNode, Node, Scalar
from governance.services.context import RunContext
from governance.services.keys import pseudo_source
from governance.services.sighting import plain, text_of
from governance.sources.dates import read_day
from governance.sources.frontmatter import FrontMatter
from governance.sources.mapping import facts_of
from governance.sources.wording import clean

VERSION: Final = 2
BATCH: Final = 200
"""Documents whose chunks are read together."""
_OURS: Final = ("title", "owner", "reviewed_on", "review_interval", "version", "labels")
_LONGEST: Final = 2000
_LARGEST: Final = 1e15


def observe_documents(catalog: Catalog, index: Index, fields: ChunkFields, context: RunContext, now: datetime) -> int:
    """Bring the catalog's documents to what the chunks of an index say of them; give how many changed.

    A document's facts are those beside its first chunk, by position, then by id. One without chunks is gone: the
    index itself is all there is to ask.
    """
    source = pseudo_source(index.name)
    with catalog.read() as uow:
        known = uow.documents.known(source)
        groups = (
            (name, present)
            for name, chunks in uow.chunks.by_document(index.name, source)
            if (present := [item for item in chunks if item.state == ChunkState.PRESENT.value])
        )
        seen: set[str] = set()
        fresh: list[tuple[str, list[DocumentChunk], str]] = []
        changed = 0
        for name, chunks in groups:
            seen.add(name)
            digest = _digest(chunks, fields)
            if not _is_known(known.get(name), digest):
                fresh.append((name, chunks, digest))
            if len(fresh) >= BATCH:
                changed += _save(catalog, index, fields, context, fresh, now)
                fresh = []
    changed += _save(catalog, index, fields, context, fresh, now)
    gone = [name for name, item in known.items() if name not in seen and item.state is not DocumentState.GONE]
    with catalog.write() as uow:
        context.fence(uow)
        uow.documents.mark(source, sorted(gone), DocumentState.GONE, now)
    return changed + len(gone)


def _is_known(item: KnownDocument | None, digest: str) -> bool:
    return item is not None and item.raw_hash == digest and item.state is DocumentState.PRESENT


def _digest(chunks: Sequence[DocumentChunk], fields: ChunkFields) -> str:
    rows: list[Json] = [
        [item.partition, item.chunk_id, item.position, item.body_hash, item.meta_hash] for item in chunks
    ]
    return digest_of([VERSION, asdict(fields), rows])


def _body_digest(chunks: Sequence[DocumentChunk]) -> str:
    rows: list[Json] = [[item.position, item.body_hash] for item in chunks]
    return digest_of(rows)


def _save(
    catalog: Catalog,
    index: Index,
    fields: ChunkFields,
    context: RunContext,
    fresh: Sequence[tuple[str, Sequence[DocumentChunk], str]],
    now: datetime,
) -> int:
    if not fresh:
        return 0
    records = _records(index, [chunk for _, chunks, _ in fresh for chunk in chunks])
    source = pseudo_source(index.name)
    documents = [_document(source, name, chunks, digest, records, fields) for name, chunks, digest in fresh]
    with catalog.write() as uow:
        context.fence(uow)
        uow.documents.save(documents, now)
    return len(documents)


def _records(index: Index, chunks: Sequence[DocumentChunk]) -> dict[tuple[str, str], Record]:
    found: dict[tuple[str, str], Record] = {}
    for partition in sorted({item.partition for item in chunks}):
        reader = index.reader(partition)
        try:
            found |= dict(
                _fetched(reader, partition, [item.chunk_id for item in chunks if item.partition == partition])
            )
        finally:
            reader.close()
    return found


def _fetched(reader: IndexReader, partition: str, ids: Sequence[str]) -> Iterator[tuple[tuple[str, str], Record]]:
    for start in range(0, len(ids), 1000):
        for chunk_id, record in reader.fetch(ids[start : start + 1000]).items():
            yield (partition, chunk_id), record


def _document(
    source: str,
    name: str,
    chunks: Sequence[DocumentChunk],
    digest: str,
    records: Mapping[tuple[str, str], Record],
    fields: ChunkFields,
) -> Document:
    ordered = sorted(chunks, key=lambda item: (item.position < 0, item.position, item.chunk_id, item.partition))
    found = [record for item in ordered if (record := records.get((item.partition, item.chunk_id))) is not None]
    metadata: Metadata = found[0].metadata if found else {}
    facts = facts_of(
        FrontMatter(body="", values={our: Scalar(_text(metadata, key), 0, quoted=True) for our, key in _keys(fields)}),
        {our: [our] for our in _OURS},
    )
    further = facts_of(FrontMatter(body="", values=_attributes(metadata, fields)), {}, None, fields.metadata)
    changed_on, bad = _day(metadata, fields.modified, "modified")
    created_on, unread = _day(metadata, fields.created, "created_on")
    problems = (*facts.problems, *further.problems, *bad, *unread)
    words = sum(len(text_of(record, fields).split()) for record in found)
    document = Document(
        source=source,
        document=name,
        uri=_text(metadata, fields.uri) or name,
        title=facts.title or name,
        raw_hash=digest,
        body_hash=_body_digest(ordered),
        meta_hash="",
        size=0,
        words=words,
        owner=facts.owner,
        changed_on=changed_on,
        created_on=created_on,
        created_from=DayOrigin.DOCUMENT if created_on else None,
        reviewed_on=facts.reviewed_on,
        review_interval=facts.review_interval,
        logical_id=name,
        version=facts.version,
        labels=facts.labels or _labels(metadata, fields),
        attributes=further.attributes,
        problems=tuple(replace(problem, line=None) for problem in problems),
    )
    return replace(document, meta_hash=digest_of([document.title, document.owner, document.uri, document.version]))


def _keys(fields: ChunkFields) -> Iterator[tuple[str, str]]:
    for our in _OURS:
        key: str | None = getattr(fields, our)
        if key is not None:
            yield our, key


def _day(metadata: Metadata, key: str | None, name: str) -> tuple[date | None, tuple[Problem, ...]]:
    """Give the day that a field holds, or the problem that `name` has."""
    written = _text(metadata, key)
    if not written:
        return None, ()
    try:
        return read_day(written), ()
    except ValueError:
        return None, (Problem(ProblemCode.BAD_DATE, name),)


def _attributes(metadata: Metadata, fields: ChunkFields) -> dict[str, Node]:
    """Give the values of the fields that the configuration names, as front matter's reader would have."""
    return {key: _node(metadata[key]) for key in fields.metadata if key in metadata}


def _node(value: Json) -> Node:
    if isinstance(value, list | tuple):
        return ListNode(tuple(map(_node, value)), 0)
    if isinstance(value, Mapping):
        return MapNode({"": Scalar("", 0, quoted=True)}, {}, 0)
    return Scalar(str(value).lower() if isinstance(value, bool) else _said(value), 0, quoted=True)


def _labels(metadata: Metadata, fields: ChunkFields) -> tuple[str, ...]:
    value = metadata.get(fields.labels) if fields.labels else None
    listed = value if isinstance(value, list | tuple) else ()
    labels = (clean(item[:_LONGEST]) for item in listed if isinstance(item, str))
    return tuple(dict.fromkeys(label for label in labels if label))


def _text(metadata: Metadata, key: str | None) -> str:
    return _said(metadata.get(key) if key else None)


def _said(value: Json) -> str:
    if isinstance(value, str):
        return plain(value[:_LONGEST])
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        return ""  # also what is not a number: tables are full of it where nothing is known
    return str(value)
