"""What this project asks of the outside: indexes, sources, embedders, runners. Implementations live floors above."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from governance.domain.chunks import (
    DEFAULT_VECTOR,
    BatchResult,
    Capabilities,
    ChunkKey,
    Count,
    Hit,
    Metadata,
    Page,
    PurgeReport,
    Record,
    SearchMode,
    Where,
)
from governance.domain.documents import ParsedDocument, ProblemCode
from governance.domain.values import Json, Vector


class IndexReader(Protocol):
    """Reading one partition of one index. Every method may raise IndexUnreachable."""

    @property
    def name(self) -> str:
        """Name of the configured index."""

    @property
    def partition(self) -> str:
        """Tenant or namespace, "" where there is none."""

    @property
    def capabilities(self) -> Capabilities:
        """What this index can do and show."""

    def stream(
        self, cursor: str | None = None, page: int = 1000, *, text: bool = True, vectors: bool = True
    ) -> Iterator[Page]:
        """Give every record, page by page, from the cursor on.

        A record that is there during the whole stream is given at least once, whatever others write meanwhile;
        resuming from a page's `next_cursor` repeats and skips nothing. An empty index gives no page
        or one empty page.

        Raises:
            InputError: The cursor is not one of this index, or `page` is not positive.

        """

    def count(self, where: Where | None = None) -> Count:
        """Give the number of records, of all or of those that match."""

    def fetch(self, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        """Give the records that exist; absent ids are absent from the answer, never an error."""

    def select(self, where: Where, limit: int | None = None) -> Iterator[str]:
        """Give the ids that match, each once, in a stable order."""

    def nearest(
        self,
        vectors: Sequence[Vector],
        k: int,
        *,
        vector_name: str = DEFAULT_VECTOR,
        max_distance: float | None = None,
    ) -> list[list[Hit]]:
        """Give, per query vector, the k nearest records by cosine distance, nearest first, ties by id.

        Records without that vector, or whose length differs, are no candidates. A zero vector has
        distance 1 to everything.
        """

    def search(self, query: str, k: int, *, mode: SearchMode = SearchMode.FULL_TEXT) -> list[Hit]:
        """Give the k best records for the words of `query`; any text is a valid query.

        Raises:
            InputError: This index has no such search (see `capabilities.search_modes`).

        """

    def close(self) -> None:
        """Let go of the connection. A second call does nothing."""


class IndexWriter(Protocol):
    """Changing one partition of one index. Only the write gate calls these."""

    def put(self, records: Sequence[Record]) -> BatchResult:
        """Insert or replace whole records, all of the batch or none where the store can."""

    def patch(self, ids: Sequence[str], metadata: Metadata) -> BatchResult:
        """Merge top-level metadata keys into each record; None removes a key. Absent ids are in `failed`."""

    def delete(self, ids: Sequence[str]) -> BatchResult:
        """Delete by id; idempotent, absent ids are no failure. An empty list does nothing."""

    def purge(self, ids: Sequence[str] | None = None) -> PurgeReport:
        """Erase the bytes of records deleted before, as far as the store can; `ids` narrows where that helps."""

    def close(self) -> None:
        """Let go of the connection. A second call does nothing."""


Fence = Callable[[], None]
"""Raises when the caller may not write any more."""


def unfenced() -> None:
    """Let every change pass: for a caller that nobody else can succeed."""


class Index(Protocol):
    """A configured index: opens one port per partition. Audits open readers, only the write gate opens a writer."""

    @property
    def name(self) -> str:
        """Name of the configured index."""

    def partitions(self) -> Sequence[str]:
        """Give the partitions in a stable order; ("",) where the store has none."""

    def reader(self, partition: str = "") -> IndexReader:
        """Open a reading port."""

    def writer(self, partition: str = "", fence: Fence = unfenced) -> IndexWriter:
        """Open a writing port.

        `fence` is called inside the store's own transaction before anything is put, patched or deleted, or right
        before the call where the store has no transactions; when it raises, nothing is changed. So a process
        that was paused until another one took its work over cannot undo what that one did.
        """


class Embedder(Protocol):
    """Turns texts into vectors, the same text always into the same vector."""

    @property
    def identity(self) -> str:
        """Name, version and settings: vectors of different identities cannot be mixed."""

    @property
    def dimension(self) -> int:
        """Length of each vector."""

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Give one vector per text, in order."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a source's listing, before anything is parsed.

    Attributes:
        document: Path relative to the root, forward slashes.
        unreadable: Why it cannot be read, if so; `raw_hash` is then "".
        changed_on: Day of the last change by the source's own history.
        created_on: First day of the source's own history of it.
        raw: The bytes that were hashed, so that parsing never sees another version than the hash did.
            None when unreadable, and once somebody who keeps many entries has dropped it.

    """

    document: str
    raw_hash: str
    changed_on: date | None = None
    unreadable: ProblemCode | None = None
    raw: bytes | None = field(default=None, repr=False)
    created_on: date | None = None


class Listing(Protocol):
    """One pass over a source. Iterate first; then `complete` says whether nothing was skipped."""

    def __iter__(self) -> Iterator[Listed]:
        """Give every document once, ordered by path."""

    @property
    def complete(self) -> bool:
        """True when the pass saw everything: only then may an absent document be believed absent."""

    @property
    def interruption(self) -> str | None:
        """Why the pass is incomplete, in words without personal data."""


class Source(Protocol):
    """Where documents come from."""

    @property
    def name(self) -> str:
        """Name of the configured source."""

    @property
    def recipe(self) -> str:
        """Digest of everything beside the bytes that shapes a parse (field mapping, reader version)."""

    def listing(self) -> Listing:
        """Start a pass. Raises SourceUnavailable when the root cannot be read."""

    def reread(self, listed: Listed) -> Listed:
        """Read a listed document again, with its bytes: what changed since the listing is seen as it is now."""

    def parse(self, listed: Listed) -> ParsedDocument:
        """Turn a listed document's bytes into facts and text. Raises UnreadableDocument."""


class UnreadableDocument(Exception):
    """One document cannot be read; the run goes on. Carries the code that its finding quotes."""

    def __init__(self, code: ProblemCode) -> None:
        super().__init__(code.value)
        self.code = code


@dataclass(frozen=True, slots=True)
class Signature:
    """What a set-wise detector remembers of one chunk; derived personal data, so it goes when the chunk goes.

    Attributes:
        scheme: Detector and version of how the signature is made.
        key: What members of one group share.
        value: What tells them apart.
        document: (source, document) of the chunk.

    """

    scheme: str
    key: str
    value: str
    chunk: ChunkKey
    source: str
    document: str


class SignatureStore(Protocol):
    """Memory of set-wise detectors. The catalog implements it."""

    def put(self, signatures: Iterable[Signature]) -> None:
        """Remember; the same (scheme, key, chunk) again replaces."""

    def candidates(self, scheme: str) -> Iterator[tuple[str, Sequence[Signature]]]:
        """Give, ordered by key, each key that more than one distinct value was put for, with all its signatures."""

    def forget(self, chunks: Iterable[ChunkKey]) -> None:
        """Drop everything about these chunks, in the transaction that removes them."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A piece of work over an index: names data, carries none.

    Attributes:
        cursor: Where to start, None for the beginning.

    """

    index: str
    partition: str
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PartResult:
    """What came of one piece: counts that add up, and rows in the task's own shape."""

    part: Partition
    counts: Mapping[str, int]
    rows: Sequence[tuple[Json, ...]] = ()


class Workspace(Protocol):
    """What a task may open, wherever it runs."""

    def reader(self, index: str, partition: str) -> IndexReader:
        """Open a reading port."""


Task = Callable[[Workspace, Partition, Mapping[str, Json]], PartResult]
"""A module-level function, idempotent, so that any runner can name it and repeat it."""


class Runner(Protocol):
    """Runs tasks over partitions: serial here; processes and engines later, without touching services."""

    def map(self, task: Task, parts: Iterable[Partition], params: Mapping[str, Json]) -> Iterator[PartResult]:
        """Give one result per part; the order is the runner's own."""


class Anchor(Protocol):
    """A place outside the database that takes checkpoints of the log, so that they cannot be rewritten with it."""

    @property
    def name(self) -> str:
        """Name of the configured anchor."""

    def publish(self, note: str) -> None:
        """Hand a signed checkpoint over. One that is there already is not added again.

        Raises:
            AnchorFailed: It was not taken, or nobody knows.

        """

    def notes(self) -> Sequence[str] | None:
        """Give the signed checkpoints that were taken, the oldest first; None where they cannot be read back.

        Raises:
            AnchorFailed: They should be readable and are not.

        """
