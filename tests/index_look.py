"""An index in memory, a catalog, and one look after the other: what tests of looking at an index work with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from sqlalchemy import Engine, select

from governance.catalog.sightings import PartitionState
from governance.catalog.tables import chunk
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.domain.chunks import Metadata, Page, Record
from governance.domain.errors import IndexUnreachable
from governance.domain.keys import IndexLayout, KeyRule
from governance.domain.ports import IndexReader
from governance.domain.values import Json, Vector
from governance.indexes.memory import MemoryIndex
from governance.policy.model import ListingLimits
from governance.services.context import RunContext, unfenced
from governance.services.observe import World, index_parts
from governance.services.observe_index import PartitionSight, observe_partition
from tests.catalog_rows import HOUR, NOW
from tests.log_rows import known_names

DOCS = IndexLayout(keys=(("docs", KeyRule()),))
Deed = Callable[[], None]


def record(
    chunk_id: str, text: str = "Some words.", vectors: dict[str, Vector] | None = None, **metadata: Json
) -> Record:
    """Give a chunk of one.md, unless another source is said."""
    return Record(chunk_id, text, {"source": "one.md", **metadata}, vectors or {})


@dataclass
class Look:
    """An index and what the catalog makes of it. Each look comes an hour after the one before.

    Attributes:
        page: Records per page of a stream.

    """

    engine: Engine
    layout: IndexLayout = DOCS
    index: MemoryIndex = field(default_factory=lambda: MemoryIndex("main"))
    now: datetime = NOW
    page: int = 2

    def __post_init__(self) -> None:
        self.catalog = Catalog(self.engine, known_names)

    @property
    def world(self) -> World:
        names = dict.fromkeys(name for name, _ in self.layout.keys)
        limits = ListingLimits(absent_documents=10, absent_percent=10)
        return World(sources=names, indexes={"main": self.index}, layouts={"main": self.layout}, limits=limits)

    def context(self, fence: Callable[[object], None] = unfenced) -> RunContext:
        return RunContext(actor=Actor(id="tester"), run_id=1, clock=lambda: self.now, fence=fence)

    def put(self, *records: Record, partition: str = "") -> None:
        with closing(self.index.writer(partition)) as writer:
            assert not writer.put(records).failed

    def patch(self, ids: Sequence[str], metadata: Metadata) -> None:
        with closing(self.index.writer()) as writer:
            writer.patch(ids, metadata)

    def delete(self, *ids: str, partition: str = "") -> None:
        with closing(self.index.writer(partition)) as writer:
            writer.delete(ids)

    def look(
        self,
        reader: IndexReader | None = None,
        *,
        partition: str = "",
        vectors: bool = False,
        resume: bool = True,
        fence: Callable[[object], None] = unfenced,
    ) -> PartitionSight:
        self.now += HOUR
        parts = index_parts(self.catalog, self.world, "main")
        with closing(reader or self.index.reader(partition)) as port:
            return observe_partition(parts, port, self.context(fence), self.now, vectors=vectors, resume=resume)

    def chunks(self, *columns: str, partition: str = "") -> dict[str, object]:
        """Give columns of every chunk that the catalog has a row of, by id; of one column its values."""
        query = select(chunk).where(chunk.c.partition == partition).order_by(chunk.c.chunk_id)
        with self.catalog.read() as uow:
            rows = list(uow.connection.execute(query))
        found = {row.chunk_id: tuple(getattr(row, name) for name in columns) for row in rows}
        return {key: values[0] if len(columns) == 1 else values for key, values in found.items()}

    def states(self, partition: str = "") -> dict[str, object]:
        return self.chunks("state", partition=partition)

    def pass_state(self, partition: str = "") -> PartitionState:
        with self.catalog.read() as uow:
            return uow.sightings.state("main", partition)


class Between:
    """A reader of somebody's index; `deeds` are done by others before the pages of these numbers are given."""

    def __init__(self, reader: IndexReader, deeds: dict[int, Deed], *, size: int | None = None) -> None:
        self._reader = reader
        self._deeds = deeds
        self._size = size
        self.cursors: list[str | None] = []
        self.fetched: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._reader, name)

    def stream(self, cursor: str | None = None, page: int = 1000, **asked: bool) -> Iterator[Page]:
        self.cursors.append(cursor)
        for number, found in enumerate(self._reader.stream(cursor, self._size or page, **asked)):
            self._deeds.get(number, lambda: None)()
            yield found

    def fetch(self, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        self.fetched += ids
        return self._reader.fetch(ids, vectors=vectors)


class Showing(Between):
    """A reader of an index that gives whatever it likes: ids more than once, ids that nobody can store."""

    def __init__(self, reader: IndexReader, pages: Sequence[Sequence[Record]]) -> None:
        super().__init__(reader, {})
        self._pages = pages

    def stream(self, cursor: str | None = None, page: int = 1000, **asked: bool) -> Iterator[Page]:
        del page, asked
        self.cursors.append(cursor)
        start = int(cursor[1:]) if cursor else 0
        for number, records in islice(enumerate(self._pages, start=1), start, None):
            yield Page(tuple(records), f"p{number}" if number < len(self._pages) else None)

    def fetch(self, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        del vectors
        self.fetched += ids
        there = {item.chunk_id: item for records in self._pages for item in records}
        return {chunk_id: there[chunk_id] for chunk_id in ids if chunk_id in there}


def unreachable() -> None:
    """What a store says that stops answering."""
    raise IndexUnreachable("the index does not answer", item="main")


def without_resuming(reader: IndexReader) -> IndexReader:
    """Give a reader whose cursors do not outlive it."""

    class Forgetful(Between):
        @property
        def capabilities(self) -> object:
            return replace(reader.capabilities, resumable_cursor=False)

    return Forgetful(reader, {})
