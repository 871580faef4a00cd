"""The adapters that the contract suite runs against. A new one is a line in `ADAPTERS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from governance.domain.ports import Index
from governance.indexes.embedded import EmbeddedIndex
from governance.indexes.memory import MemoryIndex


@dataclass(frozen=True)
class Adapter:
    """A way to make a fresh, empty index.

    Attributes:
        make: Gives a new empty index; the folder is the test's own and empty.
        partitions: Names that a test may use; fewer than two where the store has none.

    """

    name: str
    make: Callable[[Path], Index]
    partitions: tuple[str, ...] = ("", "tenant-a", "Mandant Ä")


ADAPTERS = (
    Adapter("embedded", lambda folder: EmbeddedIndex.from_config("main", {"path": "index.db"}, folder)),
    Adapter("memory", lambda folder: MemoryIndex.from_config("main", {}, folder)),
)
