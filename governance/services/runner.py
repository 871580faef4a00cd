"""Runners: how work over partitions of indexes is carried out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from governance.domain.ports import Index, IndexReader, Partition, PartResult, Task, Workspace
from governance.domain.values import Json


class OpenIndexes:
    """A workspace over the indexes of this process."""

    def __init__(self, indexes: Mapping[str, Index]) -> None:
        self._indexes = indexes

    def reader(self, index: str, partition: str) -> IndexReader:
        """Open a reading port."""
        return self._indexes[index].reader(partition)


class SerialRunner:
    """Does one part after the other, in the order given."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def map(self, task: Task, parts: Iterable[Partition], params: Mapping[str, Json]) -> Iterator[PartResult]:
        """Give one result per part, in order."""
        return (task(self._workspace, part, params) for part in parts)
