"""Takes in how often chunks were retrieved: the whole file or nothing of it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple, Protocol, TypeVar

from governance.catalog.retrievals import KnownPlace, Loaded
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actors import Role
from governance.domain.chunks import ChunkKey, ChunkState
from governance.domain.errors import InputError
from governance.domain.events import Action, Event
from governance.domain.words import suggestion
from governance.services.context import RunContext
from governance.services.retrieval_file import LONGEST_PARTITION, MOST, Counted, read_counts, refuse
from governance.services.runs import Desk, recorded_run

Name = TypeVar("Name")
COMMAND: Final = "damage"
_TOGETHER: Final = 5_000
"""Lines that are looked up and stored at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """What is loaded, and where it belongs.

    Attributes:
        indexes: Names of the configured indexes.
        index: The index that every line is about, where lines do not say it; None when they do.
        partition: The same for the partition.
        add: Add to what was loaded before instead of replacing it.

    """

    indexes: Collection[str]
    index: str | None = None
    partition: str | None = None
    add: bool = False


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What came of it.

    Attributes:
        lines: Lines with a count.
        retrievals: Their sum.
        loaded: What the catalog has now.

    """

    run_id: int
    lines: int
    retrievals: int
    loaded: Loaded


def load_counts(desk: Desk, lines: Iterable[bytes], request: LoadRequest) -> LoadResult:
    """Store how often chunks were retrieved, in one transaction.

    What was loaded before goes, unless it is to be added to: all of it, or that of the index and partition which the
    request names. The same chunk twice adds up. A line that does not say where its chunk is belongs where the catalog
    knows a chunk of that id; where it knows none, the count is kept and called unknown.

    Raises:
        InputError: Something in the file cannot be used (it names the line), or the request's index is none.
        RoleRefused: The actor is no steward.
        LockHeld: Another load is under way.

    """
    desk.actor.require(Role.STEWARD)
    _check(request)
    digest = hashlib.sha256()
    with recorded_run(desk, COMMAND, locks=(COMMAND,)) as run:
        now = desk.clock()
        with desk.catalog.write() as uow:
            run.context.fence(uow)
            if not request.add:
                uow.retrievals.clear(request.index, request.partition)
            loader = _Loader(uow, request, now)
            for batch in _batches(read_counts(_digested(lines, digest))):
                loader.take(batch)
                run.context.progress("counts", loader.lines, None)
            loaded = uow.retrievals.loaded()
            uow.record(_event(run.context, now, loader, digest.hexdigest()))
        run.counts = {"retrievals": loader.retrievals, "chunks": loaded.chunks, "unknown": loaded.unknown}
    return LoadResult(run.context.run_id, loader.lines, loader.retrievals, loaded)


class Digest(Protocol):
    """What bytes are added to."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""


class _Said(NamedTuple):
    """How a line names its chunk; None for what it does not say."""

    index_name: str | None
    partition: str | None
    chunk_id: str


class _Sum(NamedTuple):
    """What lines about one chunk come to, and the first of them."""

    retrievals: int
    line: int


@dataclass(slots=True)
class _Loader:
    """Stores lines, some thousand at a time."""

    uow: UnitOfWork
    request: LoadRequest
    now: datetime
    lines: int = 0
    retrievals: int = 0

    def take(self, batch: Sequence[Counted]) -> None:
        """Add the counts of some lines to what is stored."""
        said: dict[_Said, _Sum] = {}
        for item in batch:
            _add(said, self._said(item), item.retrievals, item.line)
        sums: dict[ChunkKey, _Sum] = {}
        for key, total in zip(self._keys(said), said.values(), strict=True):
            _add(sums, key, total.retrievals, total.line)
        before = self.uow.retrievals.counts(sums)
        for key, count in before.items():
            _add(sums, key, count, sums[key].line)
        self.uow.retrievals.save({key: total.retrievals for key, total in sums.items()}, self.now)
        self.lines += len(batch)
        self.retrievals += sum(item.retrievals for item in batch)

    def _said(self, item: Counted) -> _Said:
        request = self.request
        if item.index is not None and item.index not in request.indexes:
            refuse(item.line, "it names an index that is not configured")
        if request.index not in {None, item.index or request.index}:
            refuse(item.line, "it names another index than --index")
        if request.partition not in {None, item.partition or request.partition}:
            refuse(item.line, "it names another partition than --partition")
        return _Said(item.index or request.index, item.partition or request.partition, item.chunk_id)

    def _keys(self, said: Mapping[_Said, _Sum]) -> Iterator[ChunkKey]:
        open_ids = [name.chunk_id for name in said if name.index_name is None or name.partition is None]
        places: dict[str, list[KnownPlace]] = {}
        for found in self.uow.retrievals.places(list(dict.fromkeys(open_ids))):
            places.setdefault(found.key.chunk_id, []).append(found)
        for name, total in said.items():
            yield self._key(name, places.get(name.chunk_id, ()), total.line)

    def _key(self, name: _Said, places: Sequence[KnownPlace], line: int) -> ChunkKey:
        if name.index_name is not None and name.partition is not None:
            return ChunkKey(name.index_name, name.partition, name.chunk_id)
        fitting = [
            place
            for place in places
            if name.index_name in {None, place.key.index} and name.partition in {None, place.key.partition}
        ]
        fitting = [place for place in fitting if place.state is ChunkState.PRESENT] or fitting
        if len(fitting) > 1:
            refuse(
                line,
                "several indexes or partitions have a chunk of this id",
                "say which: --index NAME, --partition NAME, or columns index and partition; nothing was loaded",
            )
        if fitting:
            return fitting[0].key
        index = next(iter(self.request.indexes)) if len(self.request.indexes) == 1 else ""
        return ChunkKey(name.index_name or index, name.partition or "", name.chunk_id)


def _check(request: LoadRequest) -> None:
    if request.index is not None and request.index not in request.indexes:
        known = suggestion(request.index, request.indexes) if request.indexes else "no index is configured"
        raise InputError("there is no index of this name", item=request.index, next_step=known)
    partition = request.partition
    if partition is not None and (not partition or "\0" in partition or len(partition.encode()) > LONGEST_PARTITION):
        raise InputError(
            f"a partition's name has 1 to {LONGEST_PARTITION} bytes", item="--partition", next_step="correct the name"
        )


def _add(sums: dict[Name, _Sum], key: Name, retrievals: int, line: int) -> None:
    """Add to a sum; the line is the one to blame when that becomes too much."""
    before = sums.get(key)
    total = retrievals + (before.retrievals if before else 0)
    if total > MOST:
        refuse(line, f"the counts of its chunk add up to more than {MOST:,}")
    sums[key] = _Sum(total, before.line if before else line)


def _digested(lines: Iterable[bytes], digest: Digest) -> Iterator[bytes]:
    for line in lines:
        digest.update(line)
        yield line


def _batches(items: Iterator[Counted]) -> Iterator[Sequence[Counted]]:
    while batch := list(islice(items, _TOGETHER)):
        yield batch


def _event(context: RunContext, now: datetime, loader: _Loader, digest: str) -> Event:
    """Tell of the load; the digest is the file's own."""
    return Event(
        action=Action.RETRIEVALS_LOADED,
        at=now,
        actor=context.actor,
        run_id=context.run_id,
        index=loader.request.index or "",
        partition=loader.request.partition or "",
        reason="added" if loader.request.add else "replaced",
        outcome="done",
        counts={"lines": loader.lines, "retrievals": loader.retrievals},
        digest=digest,
    )
