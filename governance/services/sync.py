"""`kbgov sync`: one look at sources and indexes as a recorded run. It writes the catalog and changes nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from governance.domain.actors import Role
from governance.domain.values import Json
from governance.services.context import RunContext
from governance.services.keys import pseudo_source
from governance.services.met import Met, note_met
from governance.services.observe import DAMAGED, Observer, Seen, World, partitions_of
from governance.services.observe_index import PartitionSight
from governance.services.observe_source import SourceSight
from governance.services.runs import Desk, place_lock, recorded_run

_OF_SOURCE = ("seen", "added", "changed", "unchanged", "failed", "suspect", "gone")
_OF_PARTITION = ("chunks", "added", "changed", "gone")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What a look showed.

    Attributes:
        documents: Documents that the catalog knows to be there now, of the sources and indexes that were looked at.

    """

    seen: Seen
    documents: int

    @property
    def failed(self) -> int:
        """Number of documents that could not be read."""
        return sum(item.counts["failed"] for item in self.seen.sources.values())

    @property
    def refused(self) -> list[SourceSight]:
        """Sources whose listing was not believed."""
        return [item for item in self.seen.sources.values() if item.refused is not None]

    @property
    def incomplete(self) -> bool:
        """Whether something was not seen to its end, beside what was refused."""
        interrupted = any(item.interruption for item in self.seen.sources.values())
        return bool(self.failed or interrupted or self.seen.unavailable or self.seen.unreachable)

    @property
    def silent(self) -> bool:
        """Whether an index did not answer, which a later try may mend."""
        return any(why != DAMAGED for why in self.seen.unreachable.values())

    def total(self, name: str) -> int:
        """Give how many documents and chunks together were added, changed, gone or suspect."""
        of_sources = sum(item.counts[name] for item in self.seen.sources.values())
        return of_sources + sum(item.counts[name] for item in self.seen.partitions)

    def as_json(self) -> dict[str, Json]:
        """Give the contract's object."""
        sources = [_source_json(item) for item in self.seen.sources.values()]
        sources += [{"source": name, "error": "unavailable"} for name in sorted(self.seen.unavailable)]
        indexes = [_partition_json(item) for item in self.seen.partitions]
        indexes += [
            {"index": name, "partition": "", "error": DAMAGED if why == DAMAGED else "unreachable"}
            for name, why in sorted(self.seen.unreachable.items())
        ]
        return {
            "sources": sources,
            "indexes": indexes,
            "documents": self.documents,
            "chunks": sum(item.counts["chunks"] for item in self.seen.partitions),
            **{name: self.total(name) for name in ("added", "changed", "gone", "suspect")},
            "refused": _refusal(self.refused[0]) if self.refused else None,
        }


def sync(desk: Desk, world: World, *, sources: Sequence[str], indexes: Sequence[str]) -> SyncReport:
    """Bring the catalog to what sources and indexes show; what cannot be reached is said, and the rest is done.

    Raises:
        RoleRefused: The actor is no operator.
        LockHeld: Another process is at one of them.

    """
    desk.actor.require(Role.OPERATOR)
    seen = Seen()
    places = partitions_of(world, sorted(indexes), seen)
    locks = [*(f"source:{name}" for name in sorted(sources)), *(place_lock(*place) for place in places)]
    with recorded_run(desk, "sync", locks=locks) as run:
        observer = Observer(desk.catalog, world, run.context, desk.clock(), vectors=False)
        observer.look(sorted(sources), places, seen)
        _note(desk, run.context, seen, sources)
        with desk.catalog.read() as uow:
            counted = sum(uow.documents.present(name) for name in _counted(sources, indexes))
        report = SyncReport(seen=seen, documents=counted)
        run.counts = {name: value for name, value in report.as_json().items() if isinstance(value, int)}
        run.state = "refused" if report.refused else "done"
    return report


def _counted(sources: Sequence[str], indexes: Sequence[str]) -> list[str]:
    return [*sources, *(pseudo_source(name) for name in indexes)]


def _note(desk: Desk, context: RunContext, seen: Seen, sources: Sequence[str]) -> None:
    met = Met(sources=sources, repeated=seen.repeated, unreachable=seen.unreachable, resumed=seen.resumed)
    note_met(desk, context, met)


def _source_json(item: SourceSight) -> dict[str, Json]:
    counts = {name: item.counts[name] for name in _OF_SOURCE}
    return {"source": item.source, **counts, "refused": _refusal(item), "interruption": item.interruption}


def _refusal(item: SourceSight) -> dict[str, Json] | None:
    found = item.refused
    return {"reason": found.reason, "seen": found.seen, "known": found.known} if found else None


def _partition_json(item: PartitionSight) -> dict[str, Json]:
    counts = {name: item.counts[name] for name in _OF_PARTITION}
    return {"index": item.index, "partition": item.partition, **counts, "resumed": item.resumed}
