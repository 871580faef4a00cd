"""Some records of an index, enough to see how whoever filled it names things."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from governance.domain.chunks import Metadata
from governance.domain.ports import Index
from governance.services.doctor_index import SCRATCH

MOST_CHUNKS: Final = 5_000
MOST_PARTITIONS: Final = 50
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class SampledChunk:
    """One chunk without its text.

    Attributes:
        has_text: Whether the store keeps a text beside the metadata.

    """

    chunk_id: str
    metadata: Metadata = field(repr=False)
    has_text: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen of an index.

    Attributes:
        complete: Whether these are all of its chunks.

    """

    chunks: tuple[SampledChunk, ...]
    complete: bool

    @property
    def metadata(self) -> list[Metadata]:
        """The chunks' metadata."""
        return [chunk.metadata for chunk in self.chunks]


def sample_index(index: Index, *, most: int = MOST_CHUNKS, texts: bool = False) -> Sample:
    """Give the first chunks of every partition, about equally many of each, of at most 50 partitions.

    Args:
        index: What to look at; only read.
        most: About how many chunks.
        texts: Whether texts are asked for, so that `has_text` can be True.

    Raises:
        IndexUnreachable: It does not answer.
        IndexDataError: It is no index of that kind.

    """
    partitions = [name for name in index.partitions() if name != SCRATCH]
    looked_at = partitions[:MOST_PARTITIONS]
    share = max(1, most // max(1, len(looked_at)))
    chunks: list[SampledChunk] = []
    complete = len(looked_at) == len(partitions)
    for partition in looked_at:
        found = list(_first(index, partition, share + 1, texts=texts))
        complete = complete and len(found) <= share
        chunks += found[:share]
    return Sample(tuple(chunks), complete)


def _first(index: Index, partition: str, most: int, *, texts: bool) -> Iterator[SampledChunk]:
    reader = index.reader(partition)
    try:
        left = most
        for page in reader.stream(page=min(most, _PAGE), text=texts, vectors=False):
            for record in page.records[:left]:
                yield SampledChunk(record.chunk_id, record.metadata, bool(record.text))
            left -= len(page.records)
            if left <= 0:
                return
    finally:
        reader.close()
