"""What a command may look at, and one look at all of it: sources first, then what the indexes have of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

from governance.catalog.unit_of_work import Catalog
from governance.domain.documents import DocumentState
from governance.domain.errors import IndexDataError, IndexUnreachable, SourceUnavailable
from governance.domain.keys import IndexLayout
from governance.domain.ports import Index, Source
from governance.domain.values import Json, digest_of
from governance.policy.model import ListingLimits
from governance.services import sighting
from governance.services.context import RunContext
from governance.services.keys import Known, Resolver
from governance.services.listing import note_interruption
from governance.services.mapping import Mapped, map_source
from governance.services.observe_documents import observe_documents
from governance.services.observe_index import IndexParts, PartitionSight, observe_partition
from governance.services.observe_source import SourceSight, observe_source

NO_LOOK: Final = (IndexUnreachable, IndexDataError)
"""What ends the look at one index and not the run: it does not answer, or it holds what cannot be right."""
DAMAGED: Final = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is configured, as far as it can be looked at.

    Attributes:
        layouts: How each index is read, by its name.
        chunk_characters: How our own ingester cuts.

    """

    sources: Mapping[str, Source]
    indexes: Mapping[str, Index]
    layouts: Mapping[str, IndexLayout]
    limits: ListingLimits
    chunk_characters: int = 1000

    def fed_by(self, source: str) -> list[str]:
        """Give the indexes that hold documents of a source, by name."""
        return [name for name in sorted(self.indexes) if source in dict(self.layouts[name].keys)]

    def sources_of(self, indexes: Sequence[str]) -> list[str]:
        """Give the sources that go into any of these indexes, by name."""
        return sorted({name for index in indexes for name, _ in self.layouts[index].keys})


@dataclass(slots=True)
class Seen:
    """What a look showed.

    Attributes:
        sources: By name; those that could be listed.
        unavailable: Sources that could not be listed at all.
        partitions: In the order in which they were looked at.
        unreachable: Indexes that did not answer, or not to the end, and why in one word; one that answered with what
            cannot be right is "damaged".
        mapped: How the names of each (source, index) meet.

    """

    sources: dict[str, SourceSight] = field(default_factory=dict)
    unavailable: set[str] = field(default_factory=set)
    partitions: list[PartitionSight] = field(default_factory=list)
    unreachable: dict[str, str] = field(default_factory=dict)
    mapped: dict[tuple[str, str], Mapped] = field(default_factory=dict)

    def believed(self, source: str) -> bool:
        """Say whether the source was listed completely just now, so that what it lacks is absent."""
        sight = self.sources.get(source)
        return sight is not None and sight.refused is None and sight.interruption is None

    def note(self, index: str, error: IndexUnreachable | IndexDataError, step: str) -> None:
        """Note that an index could not be looked at to the end, and at which step."""
        self.unreachable[index] = DAMAGED if isinstance(error, IndexDataError) else step

    @property
    def repeated(self) -> dict[tuple[str, str], Mapping[str, int]]:
        """Ids that an index gave more than once with different content, by place."""
        return {(item.index, item.partition): item.repeated for item in self.partitions}

    @property
    def resumed(self) -> set[tuple[str, str]]:
        """Places that were looked at from the middle on, where an earlier look had been interrupted."""
        return {(item.index, item.partition) for item in self.partitions if item.resumed}


def partitions_of(world: World, indexes: Sequence[str], seen: Seen) -> list[tuple[str, str]]:
    """Give the partitions of the indexes; an index that does not answer is noted."""
    places: list[tuple[str, str]] = []
    for name in indexes:
        try:
            places += [(name, partition) for partition in world.indexes[name].partitions()]
        except NO_LOOK as error:
            seen.note(name, error, "partitions")
    return places


class Observer:
    """One look, in one run.

    Args:
        catalog: Where what is seen is written.
        world: What there is to look at.
        context: The run.
        now: When the look began.
        vectors: Look at the vectors as well.

    """

    def __init__(self, catalog: Catalog, world: World, context: RunContext, now: datetime, *, vectors: bool) -> None:
        self._catalog = catalog
        self._world = world
        self._context = context
        self._now = now
        self._vectors = vectors

    def look(self, sources: Sequence[str], places: Sequence[tuple[str, str]], seen: Seen) -> Seen:
        """Look at sources, then at partitions of indexes, and bring the catalog to what they show.

        What cannot be reached is noted in `seen`, and the rest is done.

        Raises:
            LockHeld: Another process took the work over.

        """
        for name in sources:
            self._source(name, seen)
        for name in sorted({index for index, _ in places}):
            try:
                self._index(name, [partition for index, partition in places if index == name], seen)
            except NO_LOOK as error:
                seen.note(name, error, "stream")
        return seen

    def _source(self, name: str, seen: Seen) -> None:
        source = self._world.sources[name]
        try:
            seen.sources[name] = observe_source(self._catalog, source, self._world.limits, self._context, self._now)
        except SourceUnavailable:
            seen.unavailable.add(name)
            with self._catalog.write() as uow:
                self._context.fence(uow)
                note_interruption(uow, source, "the source could not be listed at all", self._now)

    def _index(self, name: str, partitions: Sequence[str], seen: Seen) -> None:
        index, layout = self._world.indexes[name], self._world.layouts[name]
        parts = index_parts(self._catalog, self._world, name)
        for partition in partitions:
            with closing(index.reader(partition)) as reader:
                seen.partitions.append(
                    observe_partition(
                        parts, reader, self._context, self._now, vectors=self._vectors, resume=not self._vectors
                    )
                )
        if not layout.keys:
            observe_documents(self._catalog, index, layout.fields, self._context, self._now)
        for source, _ in layout.keys:
            with self._catalog.write() as uow:
                self._context.fence(uow)
                found = map_source(uow, source, name, self._now, believed=seen.believed(source))
            seen.mapped[source, name] = found


def index_parts(catalog: Catalog, world: World, name: str) -> IndexParts:
    """Give what a look at an index works with: how its chunks find their documents."""
    layout = world.layouts[name]
    with catalog.read() as uow:
        known = {source: Known(uow.documents.addresses(source)) for source, _ in layout.keys}
    resolver = Resolver(name, layout, known, sorted(world.sources))
    rules: Json = {source: _rule(rule) for source, rule in layout.keys}
    return IndexParts(
        catalog=catalog,
        resolver=resolver,
        fields=layout.fields,
        recipe=digest_of([sighting.RECIPE, asdict(layout.fields), rules, sorted(world.sources)]),
        document_state=_states(catalog),
    )


def _rule(rule: object) -> dict[str, str]:
    return {name: str(getattr(rule, name)) for name in ("field", "url_decode", "strip_prefix", "pattern", "case")}


def _states(catalog: Catalog) -> Callable[[str, str], DocumentState | None]:
    """Give what looks up a document's state; a source's states are read when one is first asked for."""
    by_source: dict[str, dict[str, DocumentState]] = {}

    def state(source: str, document: str) -> DocumentState | None:
        if source not in by_source:
            with catalog.read() as uow:
                by_source[source] = {name: item.state for name, item in uow.documents.known(source).items()}
        return by_source[source].get(document)

    return state
