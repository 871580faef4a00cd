"""An index in memory, for tests: of this project and of those who build on it. Its content goes with the object."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Self

from governance.domain.chunks import (
    DEFAULT_VECTOR,
    BatchResult,
    Capabilities,
    Count,
    Hit,
    Metadata,
    Page,
    PurgeReport,
    Record,
    SearchMode,
    Where,
)
from governance.domain.errors import InputError
from governance.domain.ports import Fence, IndexReader, IndexWriter, unfenced
from governance.domain.values import Vector
from governance.indexes.encoding import (
    Encoded,
    NotStorable,
    decode_metadata,
    decode_vectors,
    encode_metadata,
    encode_records,
    is_unicode,
    merge_metadata,
)
from governance.indexes.matching import check_where, matches
from governance.indexes.nearest import Nearest, rows_per_block
from governance.indexes.options import refuse_unknown

_ABSENT = "no such record"
_CAPABILITIES = Capabilities(
    exact_count=True,
    resumable_cursor=True,
    search_modes=frozenset({SearchMode.FULL_TEXT}),
    retains=("this process's memory",),
)


@dataclass(slots=True)
class _Store:
    """The records of one partition.

    Attributes:
        records: By number, in ascending order; numbers are never used twice.
        numbers: Number by id.
        used: The highest number given so far.

    """

    records: dict[int, Encoded] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    used: int = 0

    def put(self, record: Encoded) -> None:
        if record.chunk_id not in self.numbers:
            self.used += 1
            self.numbers[record.chunk_id] = self.used
        self.records[self.numbers[record.chunk_id]] = record

    def after(self, number: int) -> Iterator[tuple[int, Encoded]]:
        """Give what came after the number, each as it is when its turn comes."""
        return ((at, self.records[at]) for at in range(number + 1, self.used + 1) if at in self.records)


class MemoryIndex:
    """An index in dictionaries. Ports of one object share its content; what they give out are copies.

    Writes are not safe between threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._stores: dict[str, _Store] = {}

    @classmethod
    def from_config(cls, name: str, options: Mapping[str, object], base: Path) -> Self:
        """Give an empty index.

        Raises:
            ConfigError: There is an option; this kind takes none.

        """
        del base
        refuse_unknown(name, options, frozenset())
        return cls(name)

    @property
    def name(self) -> str:
        """Name of the configured index."""
        return self._name

    def partitions(self) -> Sequence[str]:
        """Give "" and every other partition that holds a record."""
        return ("", *sorted(name for name, store in self._stores.items() if name and store.records))

    def reader(self, partition: str = "") -> IndexReader:
        """Open a reading port."""
        return MemoryReader(self._name, partition, self._store(partition))

    def writer(self, partition: str = "", fence: Fence = unfenced) -> IndexWriter:
        """Open a writing port."""
        return MemoryWriter(self._name, self._store(partition), fence)

    def _store(self, partition: str) -> _Store:
        if not is_unicode(partition):
            raise InputError("the name of a partition holds a lone surrogate", item="partition")
        return self._stores.setdefault(partition, _Store())


class _Port:
    """What both ports have: a store until they are closed."""

    def __init__(self, name: str, store: _Store) -> None:
        self._name = name
        self._open: _Store | None = store

    @property
    def _store(self) -> _Store:
        if self._open is None:
            raise InputError(f"the port to index '{self._name}' was closed", item=self._name)
        return self._open

    def close(self) -> None:
        """Let go of the store. A second call does nothing."""
        self._open = None


class MemoryReader(_Port):
    """Reads one partition."""

    def __init__(self, name: str, partition: str, store: _Store) -> None:
        super().__init__(name, store)
        self._partition = partition

    @property
    def name(self) -> str:
        """Name of the configured index."""
        return self._name

    @property
    def partition(self) -> str:
        """Tenant or namespace, "" where there is none."""
        return self._partition

    @property
    def capabilities(self) -> Capabilities:
        """What this index can do and show."""
        return _CAPABILITIES

    def stream(
        self, cursor: str | None = None, page: int = 1000, *, text: bool = True, vectors: bool = True
    ) -> Iterator[Page]:
        """Give every record in the order in which they came, from the cursor on.

        Raises:
            InputError: The cursor is not one of this index, or `page` is not positive.

        """
        if page < 1:
            raise InputError("the size of a page must be positive", item="page")
        if cursor is not None and not re.fullmatch(r"m1\.[0-9]{1,19}", cursor, re.ASCII):
            raise InputError(
                f"this is no cursor of index '{self._name}'",
                item=self._name,
                next_step="start from the beginning, without a cursor",
            )
        after = int(cursor[3:]) if cursor else 0
        return self._pages(after, page, text=text, vectors=vectors)

    def count(self, where: Where | None = None) -> Count:
        """Give the number of records, counted."""
        if where is None:
            return Count(len(self._store.records), exact=True)
        return Count(sum(1 for _ in self.select(where)), exact=True)

    def fetch(self, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        """Give the records that exist, in the order of the ids."""
        store = self._store
        present = [chunk_id for chunk_id in dict.fromkeys(ids) if chunk_id in store.numbers]
        return {chunk_id: _record(store.records[store.numbers[chunk_id]], vectors=vectors) for chunk_id in present}

    def select(self, where: Where, limit: int | None = None) -> Iterator[str]:
        """Give the ids that match, each once, in the order in which the records came.

        Raises:
            InputError: A condition's value does not fit its operator, or `limit` is negative.

        """
        check_where(where)
        if limit is not None and limit < 0:
            raise InputError("the limit must not be negative", item="limit")
        found = (
            record.chunk_id for _, record in self._store.after(0) if matches(where, decode_metadata(record.metadata))
        )
        return islice(found, limit)

    def nearest(
        self,
        vectors: Sequence[Vector],
        k: int,
        *,
        vector_name: str = DEFAULT_VECTOR,
        max_distance: float | None = None,
    ) -> list[list[Hit]]:
        """Give, per query vector, the k nearest records, exact.

        Raises:
            InputError: `k` is not positive, or a query holds NaN or infinity.

        """
        search = Nearest(vectors, k, max_distance)
        for dimension in search.dimensions:
            candidates = (
                (record.chunk_id, record.vectors[vector_name])
                for _, record in self._store.after(0)
                if len(record.vectors.get(vector_name, b"")) == 4 * dimension
            )
            while block := list(islice(candidates, rows_per_block(dimension))):
                search.offer([chunk_id for chunk_id, _ in block], [blob for _, blob in block], dimension)
        return search.hits()

    def search(self, query: str, k: int, *, mode: SearchMode = SearchMode.FULL_TEXT) -> list[Hit]:
        """Give the k best records that hold at least one of the words, rare words counting more; ties by id.

        A word is a run of letters, digits and underscores; case makes no difference.

        Raises:
            InputError: The mode is not full text, or `k` is not positive.

        """
        if mode not in _CAPABILITIES.search_modes:
            raise InputError(f"index '{self._name}' has no {mode.value} search", item=self._name)
        if k < 1:
            raise InputError("the number of results must be positive", item="k")
        wanted = _words(query)
        found = {record.chunk_id: wanted & _words(record.text or "") for _, record in self._store.after(0)}
        holders = Counter(word for words in found.values() for word in words)
        hits = [
            Hit(chunk_id, -sum(math.log1p(len(found) / holders[word]) for word in sorted(words)))
            for chunk_id, words in found.items()
            if words
        ]
        return sorted(hits, key=lambda hit: (hit.distance, hit.chunk_id))[:k]

    def _pages(self, after: int, size: int, *, text: bool, vectors: bool) -> Iterator[Page]:
        while rows := list(islice(self._store.after(after), size + 1)):
            given = rows[:size]
            after = given[-1][0]
            records = tuple(_record(record, text=text, vectors=vectors) for _, record in given)
            yield Page(records, f"m1.{after}" if len(rows) > size else None)
            if len(rows) <= size:
                return


class MemoryWriter(_Port):
    """Writes one partition."""

    def __init__(self, name: str, store: _Store, fence: Fence) -> None:
        super().__init__(name, store)
        self._fence = fence

    def put(self, records: Sequence[Record]) -> BatchResult:
        """Insert or replace whole records.

        What cannot be stored (a lone surrogate, metadata that is not JSON, a vector that is not float32 or not finite)
        is in `failed`, and its older version stays. Of records with one id the last counts.
        """
        store = self._store
        self._fence()
        encoded, failed = encode_records(records)
        existed = sum(record.chunk_id in store.numbers for record in encoded)
        for record in encoded:
            store.put(record)
        return BatchResult(requested=len(encoded) + len(failed), existed=existed, failed=failed)

    def patch(self, ids: Sequence[str], metadata: Metadata) -> BatchResult:
        """Merge top-level metadata keys into each record; None removes a key."""
        store = self._store
        self._fence()
        distinct = list(dict.fromkeys(ids))
        try:
            encode_metadata(metadata)
        except NotStorable as reason:
            return BatchResult(requested=len(distinct), failed=dict.fromkeys(distinct, str(reason)))
        present = [chunk_id for chunk_id in distinct if chunk_id in store.numbers]
        failed = {chunk_id: _ABSENT for chunk_id in distinct if chunk_id not in store.numbers}
        for chunk_id in present:
            record = store.records[store.numbers[chunk_id]]
            try:
                store.put(replace(record, metadata=merge_metadata(record.metadata, metadata)))
            except NotStorable as reason:
                failed[chunk_id] = str(reason)
        return BatchResult(requested=len(distinct), existed=len(present), failed=failed)

    def delete(self, ids: Sequence[str]) -> BatchResult:
        """Delete by id; absent ids are no failure."""
        store = self._store
        self._fence()
        distinct = set(ids)
        numbers = [store.numbers.pop(chunk_id) for chunk_id in distinct if chunk_id in store.numbers]
        for number in numbers:
            del store.records[number]
        return BatchResult(requested=len(distinct), existed=len(numbers))

    def purge(self, ids: Sequence[str] | None = None) -> PurgeReport:
        """Give a report that nothing was done: there is no file, and nobody can show what memory still holds."""
        del ids
        self._store  # noqa: B018 (a closed port answers nothing)
        return PurgeReport(done=True, remaining=_CAPABILITIES.retains)


def _record(record: Encoded, *, text: bool = True, vectors: bool = True) -> Record:
    return Record(
        record.chunk_id,
        record.text if text else None,
        decode_metadata(record.metadata),
        decode_vectors(record.vectors) if vectors else {},
    )


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
