"""Pure decisions of an ingest: which chunks to write, patch and delete."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from governance.domain.chunks import Metadata
from governance.domain.documents import Document
from governance.domain.values import Json, sha256_hex, text_hash
from governance.services.chunking import Piece
from governance.services.survey import SeenChunk


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChunk:
    """A chunk that a document should have in the index."""

    chunk_id: str
    text: str
    body_hash: str
    position: int
    metadata: Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentChange:
    """What has to happen in the index for one document.

    Attributes:
        put: Chunks whose text the index does not have.
        patches: (ids, metadata) for chunks that stay but say something else beside their text.
        delete: Ids of chunks of older versions.
        chunks: All chunks of the new version.

    """

    document: Document
    put: tuple[PlannedChunk, ...]
    patches: tuple[tuple[tuple[str, ...], Metadata], ...]
    delete: tuple[str, ...]
    chunks: tuple[PlannedChunk, ...]

    @property
    def nothing_to_do(self) -> bool:
        """True when the index already has it all."""
        return not (self.put or self.patches or self.delete)


def chunk_id(source: str, document: str, body_hash: str, occurrence: int) -> str:
    """Give a chunk's id: a UUID that stays while its text stays, wherever the text moves in the document.

    A UUID because some stores take nothing else. The new version of a changed chunk has another id, so that
    it can stand beside the old one until all of the document's new chunks are in.
    """
    name = "\0".join((source, document, body_hash, str(occurrence)))
    return str(uuid.UUID(bytes=bytes.fromhex(sha256_hex(name.encode("utf-8", "surrogatepass")))[:16], version=5))


def identified(source: str, document: str, pieces: Sequence[Piece]) -> list[tuple[str, str, Piece]]:
    """Give (chunk id, body hash, piece) of the chunks that a document should have, in order."""
    found: list[tuple[str, str, Piece]] = []
    seen: dict[str, int] = {}
    for piece in pieces:
        body_hash = text_hash(piece.text)
        occurrence = seen.get(body_hash, 0)
        seen[body_hash] = occurrence + 1
        found.append((chunk_id(source, document, body_hash, occurrence), body_hash, piece))
    return found


def shared_metadata(document: Document, embedder: str) -> dict[str, str | None]:
    """Give what stands beside every chunk of a document; None removes a key that an earlier version had."""
    return {
        "kb_source": document.source,
        "kb_document": document.document,
        "kb_embedder": embedder,
        "kb_meta_hash": document.meta_hash,
        "title": document.title,
        "uri": document.uri,
        "owner": document.owner,
        "reviewed_on": document.reviewed_on.isoformat() if document.reviewed_on else None,
        "review_interval": document.review_interval,
        "version": document.version,
        "labels": ", ".join(document.labels) or None,
    }


def plan_chunks(document: Document, pieces: Sequence[Piece], embedder: str) -> tuple[PlannedChunk, ...]:
    """Give the chunks that a document should have."""
    shared = {key: value for key, value in shared_metadata(document, embedder).items() if value is not None}
    planned = []
    for position, (key, body_hash, piece) in enumerate(identified(document.source, document.document, pieces)):
        own: dict[str, Json] = {
            "kb_body_hash": body_hash,
            "kb_position": position,
            "heading": " > ".join(piece.headings),
        }
        planned.append(
            PlannedChunk(chunk_id=key, text=piece.text, body_hash=body_hash, position=position, metadata=shared | own)
        )
    return tuple(planned)


def plan_document(
    document: Document,
    planned: tuple[PlannedChunk, ...],
    seen: Mapping[str, SeenChunk],
    cataloged: Iterable[str],
    embedder: str,
) -> DocumentChange:
    """Compare what a document should have in the index with what a listing of the index showed."""
    wanted = {chunk.chunk_id for chunk in planned}
    stale = [c.chunk_id for c in planned if c.chunk_id in seen and seen[c.chunk_id].meta_hash != document.meta_hash]
    patches: list[tuple[tuple[str, ...], Metadata]] = []
    if stale:
        patches.append((tuple(stale), shared_metadata(document, embedder)))
    for chunk in planned:
        there, heading = seen.get(chunk.chunk_id), chunk.metadata["heading"]
        if there is not None and (there.position, there.heading) != (chunk.position, heading):
            patches.append(((chunk.chunk_id,), {"kb_position": chunk.position, "heading": heading}))
    return DocumentChange(
        document=document,
        put=tuple(chunk for chunk in planned if chunk.chunk_id not in seen),
        patches=tuple(patches),
        delete=tuple(sorted((set(seen) | set(cataloged)) - wanted)),
        chunks=planned,
    )


def seen_digest(seen: Mapping[str, SeenChunk]) -> str:
    """Give a digest over a document's chunks as a listing showed them: their ids, and what stands beside them."""
    return _digest(seen, {chunk.meta_hash for chunk in seen.values()})


def planned_digest(document: Document, planned: Sequence[PlannedChunk]) -> str:
    """Give the digest that `seen_digest` gives once the index has these chunks."""
    return _digest([chunk.chunk_id for chunk in planned], {document.meta_hash} if planned else set())


def _digest(ids: Iterable[str], meta_hashes: set[str]) -> str:
    # Straight to the hash: this is asked for every document of every ingest.
    return sha256(
        (" ".join(sorted(ids)) + "|" + " ".join(sorted(meta_hashes))).encode("utf-8", "surrogatepass")
    ).hexdigest()
