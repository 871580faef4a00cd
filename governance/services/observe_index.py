"""One look at a partition of an index: every chunk that is there, and which known ones are not.

What is asked is always the store, never a list of what was once written. The pass is cut into pages; each page's
changes and the cursor behind it are saved in one transaction, so that a pass that was killed goes on where it was.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final

from governance.catalog.chunks import ChunkRow
from governance.catalog.sightings import Differing, PartitionState, Sighting
from governance.catalog.sql import chunked
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.chunks import ChunkKey, ChunkState, Page, Record
from governance.domain.documents import DocumentState
from governance.domain.keys import ChunkFields
from governance.domain.ports import IndexReader
from governance.services.context import RunContext
from governance.services.keys import Resolver
from governance.services.recall import Hashes, Recall, among
from governance.services.sighting import head_of, row_of, sighting_of, storable, text_of
from governance.services.vectors import VectorFacts

PAGE: Final = 2000
SAVE_EVERY: Final = 10
"""Pages without a change after which the cursor is saved all the same."""
RESUME_WITHIN: Final = timedelta(hours=24)
"""An interrupted pass that is older begins anew: what it saw is no longer what is there."""
_LOOK_UP: Final = 1000
_NEWS: Final = 2 * RESUME_WITHIN
"""A pass may have begun that long before its end, and have known no document of since then."""
_RENEW_FIRST: Final = 5000
"""Chunks saved in one pass after which the database counts its rows anew; then at twice as many, and so on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexParts:
    """What a look at an index works with.

    Attributes:
        recipe: Digest of how chunks are attributed; another one means that all rows are made anew.
        document_state: Says what is known of a document, None for one that no listing has shown.

    """

    catalog: Catalog
    resolver: Resolver
    fields: ChunkFields
    recipe: str
    document_state: Callable[[str, str], DocumentState | None]


@dataclass(slots=True)
class PartitionSight:
    """What a look at a partition showed.

    Attributes:
        counts: chunks, added, changed, gone, unstorable (ids that no catalog can hold).
        repeated: Ids that the index gave more than once with different content, and how often.
        ghosts: Chunks that were deleted through the gate and are there as they were.
        vectors: What the vectors look like; None when they were not asked for.
        resumed: Whether the pass went on from an earlier one.

    """

    index: str
    partition: str
    counts: Counter[str] = field(default_factory=Counter)
    repeated: dict[str, int] = field(default_factory=dict)
    ghosts: int = 0
    vectors: VectorFacts | None = None
    resumed: bool = False

    def repeat(self, chunk_id: str) -> None:
        """Count one more time that an id was given."""
        self.repeated[chunk_id] = self.repeated.get(chunk_id, 1) + 1


class _Observer:
    """One pass."""

    def __init__(self, parts: IndexParts, reader: IndexReader, context: RunContext, state: PartitionState) -> None:
        self._parts = parts
        self._reader = reader
        self._context = context
        self._place = (reader.name, reader.partition)
        self._state = state
        self._moment = state.pass_started
        self._everything = state.recipe != parts.recipe
        self._recall = None if self._everything else self._known()
        self._seen = array("q")  # hashes of ids
        self._unsaved = 0
        self._saved = 0
        self._renew_at = _RENEW_FIRST

    def _known(self) -> Recall:
        with self._parts.catalog.read() as uow:
            return Recall(uow.sightings.prints(*self._place))

    def run(self, sight: PartitionSight, *, vectors: bool) -> None:
        pages = self._reader.stream(self._state.cursor, PAGE, text=True, vectors=vectors)
        for page in pages:
            if sight.vectors is not None:
                sight.vectors.add(filter(_is_storable, page.records), self._parts.fields)
            self._page(page, sight)
            self._context.progress(f"index {self._place[0]}", sight.counts["chunks"], None)
        self._finish(sight)

    def _page(self, page: Page, sight: PartitionSight) -> None:
        records, texts, seen = self._read(page.records, sight)
        differing = self._differing(seen)
        shown = {item.chunk_id: item.sighting for item in seen}
        again = self._given_before(differing, shown, resumed=sight.resumed)
        rows: list[ChunkRow] = []
        for item in differing:
            row = self._row(records[item.chunk_id], texts[item.chunk_id], shown[item.chunk_id])
            if self._is_ghost(row, item):
                sight.ghosts += 1
                continue
            if item.chunk_id in again:  # what was given first stays, so that the next look changes nothing
                sight.repeat(item.chunk_id)
                continue
            rows.append(row)
            if (change := _what_changed(row, item)) is not None:
                sight.counts[change] += 1
        self._turn(seen, differing, rows, page.next_cursor)
        sight.counts["chunks"] += len(records)

    def _differing(self, seen: Sequence[Sighting]) -> list[Differing]:
        """Give what the catalog does not know so; all of it where the rows are made anew."""
        unlike = seen if self._recall is None else self._recall.unlike(seen)
        if not unlike:
            return []
        with self._parts.catalog.read() as uow:
            differing = uow.sightings.differing(*self._place, unlike)
        return _with_the_rest(differing, seen) if self._everything else differing

    def _given_before(self, differing: Sequence[Differing], shown: Mapping[str, str], *, resumed: bool) -> set[str]:
        """Give the chunks that this pass has shown before with another content."""
        others = {
            hash(item.chunk_id): item
            for item in differing
            if item.state is ChunkState.PRESENT
            and item.sighting
            and head_of(item.sighting) != head_of(shown[item.chunk_id])
        }
        if not others:
            return set()
        again = {others[value].chunk_id for value in among(self._seen, others)}
        if resumed:  # what the interrupted pass showed is known by its moment alone
            again |= {item.chunk_id for item in others.values() if item.seen_from == self._moment}
        return again

    def _read(
        self, page: Sequence[Record], sight: PartitionSight
    ) -> tuple[dict[str, Record], dict[str, str], list[Sighting]]:
        records: dict[str, Record] = {}
        texts: dict[str, str] = {}
        seen: dict[str, Sighting] = {}
        for record in page:
            if not _is_storable(record):
                sight.counts["unstorable"] += 1
                continue
            text = text_of(record, self._parts.fields)
            sighting = sighting_of(record, text)
            earlier = seen.setdefault(record.chunk_id, sighting)
            if head_of(earlier.sighting) != head_of(sighting.sighting):
                sight.repeat(record.chunk_id)
            records.setdefault(record.chunk_id, record)
            texts.setdefault(record.chunk_id, text)
        return records, texts, list(seen.values())

    def _row(self, record: Record, text: str, sighting: str) -> ChunkRow:
        found = self._parts.resolver.resolve(record.metadata)
        return row_of(self._place, record, text, sighting, found, self._parts.fields)

    def _is_ghost(self, row: ChunkRow, item: Differing) -> bool:
        """Say whether a deleted chunk is there unchanged although nobody can have brought it back.

        It stays what the catalog takes it for.
        """
        if item.state is not ChunkState.DELETED:
            return False
        if item.sighting and head_of(item.sighting) != head_of(row.sighting):
            return False
        return self._parts.document_state(row.source, row.document) is not DocumentState.PRESENT

    def _turn(
        self, seen: Sequence[Sighting], differing: Sequence[Differing], rows: Sequence[ChunkRow], cursor: str | None
    ) -> None:
        """Remember a page that was looked at, and save it with the cursor behind it where that is due."""
        self._seen.extend(map(hash, map(itemgetter(0), seen)))
        if self._recall is not None:
            for item in differing:
                if item.state is ChunkState.PRESENT and item.sighting is not None:
                    self._recall.strike(Sighting(item.chunk_id, item.sighting))
        self._unsaved += 1
        if rows or self._unsaved >= SAVE_EVERY:
            self._save(rows, cursor)

    def _save(self, rows: Sequence[ChunkRow], cursor: str | None) -> None:
        self._saved += len(rows)
        with self._parts.catalog.write() as uow:
            self._context.fence(uow)
            uow.chunks.save(rows, self._now)
            uow.sightings.save_state(replace(self._state, cursor=cursor))
            if self._saved >= self._renew_at:
                uow.sightings.renew_statistics()
                self._renew_at = 2 * self._saved
        self._unsaved = 0

    def _finish(self, sight: PartitionSight) -> None:
        present, missing, absent = self._missing()
        with self._parts.catalog.write() as uow:
            self._context.fence(uow)
            uow.chunks.mark_gone([ChunkKey(*self._place, chunk_id) for chunk_id in missing], self._now)
            uow.chunks.forget([ChunkKey(*self._place, chunk_id) for chunk_id in absent])
            self._attribute_again(uow)
            uow.sightings.save_state(
                replace(
                    self._state,
                    recipe=self._parts.recipe,
                    cursor=None,
                    pass_started=None,
                    pass_recipe="",
                    completed_at=self._context.clock(),
                    chunks=present,
                )
            )
        sight.counts["gone"] = len(missing)
        if sight.resumed:
            sight.counts["chunks"] = present + sight.ghosts

    def _missing(self) -> tuple[int, list[str], list[str]]:
        """Give how many chunks are there, which known ones are not, and of which the deletion is confirmed."""
        seen = Hashes(self._seen)
        with self._parts.catalog.read() as uow:
            known = uow.sightings.counts(*self._place)
            deleted = uow.chunks.deleted(*self._place) if known[ChunkState.DELETED] else {}
            tombs = self._absent(chunk_id for chunk_id in deleted if hash(chunk_id) not in seen)
            present = known[ChunkState.PRESENT]
            if present == len(seen) and not deleted:  # all that was seen is known as present
                return present, [], []
            unseen = (chunk_id for chunk_id in uow.sightings.ids(*self._place) if hash(chunk_id) not in seen)
            missing = self._absent(unseen)
        return present - len(missing), missing, tombs

    def _absent(self, ids: Iterator[str]) -> list[str]:
        """Give those that the store, asked once more, has not: others may write while a stream is read."""
        absent: list[str] = []
        for piece in chunked(ids, _LOOK_UP):
            there = self._reader.fetch(piece)
            absent += [chunk_id for chunk_id in piece if chunk_id not in there]
        return absent

    def _attribute_again(self, uow: UnitOfWork) -> None:
        """Give chunks whose document nobody knew another chance: it may be known by now."""
        since, resolver = self._state.completed_at, self._parts.resolver
        if since is not None and not uow.sightings.listed_since(resolver.sources, since - _NEWS):
            return
        for chunk_id, key in uow.chunks.unattributed(*self._place):
            found = resolver.resolve_key(key) if key else None
            if found is not None and found.source:
                uow.chunks.attribute(*self._place, chunk_id, found.source, found.document)
        for stranger in uow.sightings.strangers(*self._place):
            found = resolver.settled(*stranger)
            if found is not None:
                uow.sightings.rename(*self._place, stranger, (found.source, found.document))

    @property
    def _now(self) -> datetime:
        if self._moment is None:
            raise ValueError("a pass that has not begun")
        return self._moment


def observe_partition(
    parts: IndexParts, reader: IndexReader, context: RunContext, now: datetime, *, vectors: bool, resume: bool
) -> PartitionSight:
    """Bring the catalog to what one partition of an index shows.

    Args:
        parts: What it works with.
        reader: The partition.
        context: The run.
        now: When the pass began.
        vectors: Look at the vectors as well; such a pass is never resumed, for its counts are kept nowhere.
        resume: Go on with an interrupted pass.

    Raises:
        IndexUnreachable: The index stopped answering; the next pass goes on.

    """
    place = (reader.name, reader.partition)
    with parts.catalog.read() as uow:
        state = uow.sightings.state(*place)
    resumed = resume and not vectors and _can_resume(state, parts, reader, now)
    if not resumed:
        state = replace(state, cursor=None, pass_started=now, pass_recipe=parts.recipe)
        with parts.catalog.write() as uow:
            context.fence(uow)
            uow.sightings.save_state(state)
    sight = PartitionSight(*place, vectors=VectorFacts() if vectors else None, resumed=resumed)
    _Observer(parts, reader, context, state).run(sight, vectors=vectors)
    return sight


def _can_resume(state: PartitionState, parts: IndexParts, reader: IndexReader, now: datetime) -> bool:
    return (
        state.pass_started is not None
        and state.cursor is not None
        and state.pass_recipe == parts.recipe
        and reader.capabilities.resumable_cursor
        and now - state.pass_started < RESUME_WITHIN
    )


def _with_the_rest(differing: Sequence[Differing], seen: Sequence[Sighting]) -> list[Differing]:
    """Add the chunks that are as the catalog knows them: their rows are made anew."""
    known = {item.chunk_id for item in differing}
    rest = [Differing(item.chunk_id, ChunkState.PRESENT, item.sighting, None) for item in seen]
    return [*differing, *(item for item in rest if item.chunk_id not in known)]


def _is_storable(record: Record) -> bool:
    return storable(record.chunk_id)


def _what_changed(row: ChunkRow, item: Differing) -> str | None:
    """Give what is counted of a chunk; nothing where its mark alone is another, or no stream has shown it yet."""
    if item.state is not ChunkState.PRESENT:
        return "added"
    return "changed" if item.sighting and head_of(item.sighting) != head_of(row.sighting) else None


def readers(index_partitions: Sequence[str], open_reader: Callable[[str], IndexReader]) -> Iterator[IndexReader]:
    """Open the partitions one after the other; each is closed before the next is opened."""
    for partition in index_partitions:
        reader = open_reader(partition)
        try:
            yield reader
        finally:
            reader.close()
