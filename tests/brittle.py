"""A source, an index and a catalog that break when they are told to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.errors import IndexUnreachable, SourceUnavailable
from governance.domain.ports import Index, Listed
from governance.sources.files import FileTreeSource


class Crash(Exception):
    """The end of a process, as far as one process can play it."""


class Fault(NamedTuple):
    """What goes wrong at the n-th time.

    Attributes:
        what: "stream", "fetch", "partitions" of an index, "reread" of the source, "write" of the catalog.
        away: The index is only not to be reached, and the run goes on.

    """

    what: str
    where: str
    number: int
    away: bool


class Faults:
    """Lets one fault happen, once."""

    def __init__(self) -> None:
        self._armed: Fault | None = None
        self._passed = 0
        self.fired: Fault | None = None

    def arm(self, fault: Fault | None) -> None:
        self._armed, self._passed, self.fired = fault, 0, None

    def passing(self, what: str, where: str = "") -> None:
        fault = self._armed
        if fault is None or (fault.what, fault.where) != (what, where):
            return
        self._passed += 1
        if self._passed == fault.number:
            self._armed, self.fired = None, fault
            raise IndexUnreachable("the index is away", item=where) if fault.away else Crash(what)


class BrittleCatalog(Catalog):
    """Breaks before, in or after a write transaction."""

    faults: Faults

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        self.faults.passing("write")
        with super().write() as uow:
            yield uow
            self.faults.passing("write")
        self.faults.passing("write")


class BrittleReader:
    def __init__(self, reader: object, faults: Faults) -> None:
        self._reader = reader
        self._faults = faults

    def __getattr__(self, name: str) -> object:
        return getattr(self._reader, name)

    def stream(self, *args: object, **options: object) -> Iterator[object]:
        for page in self._reader.stream(*args, **options):
            self._faults.passing("stream", self._reader.name)
            yield page

    def fetch(self, *args: object, **options: object) -> object:
        self._faults.passing("fetch", self._reader.name)
        return self._reader.fetch(*args, **options)


class BrittleIndex:
    def __init__(self, index: Index, faults: Faults) -> None:
        self.inner = index
        self.name = index.name
        self._faults = faults

    def partitions(self) -> Sequence[str]:
        self._faults.passing("partitions", self.name)
        return self.inner.partitions()

    def reader(self, partition: str = "") -> BrittleReader:
        return BrittleReader(self.inner.reader(partition), self._faults)

    def writer(self, *given: object) -> object:
        return self.inner.writer(*given)


@dataclass
class MoodyListing:
    """A listing that shows what it is told to."""

    entries: list[Listed]
    complete: bool
    interruption: str | None = None

    def __iter__(self) -> Iterator[Listed]:
        return iter(self.entries)


class MoodySource(FileTreeSource):
    """Real files, of which a listing shows all, every second one ("half"), the first ("bare"), none, or breaks."""

    faults: Faults
    mood = "whole"

    def listing(self) -> MoodyListing:
        if self.mood == "broken":
            raise SourceUnavailable("the source is away", item=self.name)
        entries = list(super().listing())
        shown = {name for name, _ in seen_in(self.mood, [(entry.document, "") for entry in entries])}
        half = self.mood == "half"
        found = [entry for entry in entries if entry.document in shown]
        return MoodyListing(found, complete=not half, interruption="stopped" if half else None)

    def reread(self, listed: Listed) -> Listed:
        self.faults.passing("reread")
        return super().reread(listed)


def seen_in(mood: str, pages: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Give what a listing in this mood shows of pages in order."""
    return {"whole": pages, "half": pages[::2], "bare": pages[:1], "nothing": []}[mood]
