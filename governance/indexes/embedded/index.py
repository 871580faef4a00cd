"""The configured embedded index: opens a port per partition."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

from governance.domain.chunks import Capabilities, Proof, PurgeKind, SearchMode
from governance.domain.errors import InputError
from governance.domain.ports import Fence, IndexReader, IndexWriter, unfenced
from governance.indexes.embedded.reader import EmbeddedReader
from governance.indexes.embedded.session import Session, files_of, open_session
from governance.indexes.embedded.writer import EmbeddedWriter
from governance.indexes.encoding import is_unicode
from governance.indexes.options import refuse_unknown, seconds_option, text_option

BUSY_SECONDS = 5.0


class EmbeddedIndex:
    """An index in one SQLite file.

    A reader on a missing file raises IndexUnreachable and creates nothing, so that a mistyped path is no empty index;
    the first writer creates the file (mode 0600) and the folders above it (mode 0700).

    A port belongs to the thread that opened it. Nobody in this process may open one of `scan_paths` and close it again
    while a port is open: closing drops this process's locks on the file (POSIX advisory locks). Scan after the ports
    are closed, or from another process.

    Args:
        name: Name of the configured index.
        path: The file; symbolic links are resolved once, here.
        busy_seconds: How long to wait for another process before saying busy.

    """

    def __init__(self, name: str, path: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        self._name = name
        self._path = Path(os.path.realpath(path))
        self._busy_seconds = busy_seconds

    @classmethod
    def from_config(cls, name: str, options: Mapping[str, object], base: Path) -> Self:
        """Give an index from its options: `path` (relative to `base`), `busy_seconds` (default 5).

        Raises:
            ConfigError: An option is unknown, missing or of the wrong kind.

        """
        refuse_unknown(name, options, {"path", "busy_seconds"})
        path = base / text_option(name, options, "path")
        return cls(name, path, seconds_option(name, options, "busy_seconds", BUSY_SECONDS))

    @property
    def name(self) -> str:
        """Name of the configured index."""
        return self._name

    @property
    def path(self) -> Path:
        """The index file."""
        return self._path

    @property
    def capabilities(self) -> Capabilities:
        """What this index can do and show."""
        return Capabilities(
            exact_count=True,
            resumable_cursor=True,
            search_modes=frozenset({SearchMode.FULL_TEXT}),
            purge_kind=PurgeKind.IN_PLACE,
            proof=Proof.BYTES,
            scan_paths=tuple(map(str, files_of(self._path))),
            retains=("backups and file system snapshots",),
        )

    def partitions(self) -> Sequence[str]:
        """Give "" and every other partition that holds or held a record since the last purge; ("",) without a file."""
        if not self._path.exists():
            return ("",)
        with closing(self._open(write=False)) as session, session.reading() as db:
            names = [name for (name,) in db.execute("SELECT name FROM part WHERE name <> '' ORDER BY name")]
        return ("", *names)

    def reader(self, partition: str = "") -> IndexReader:
        """Open a reading port.

        Raises:
            ConfigError: The path is no plain file, or on a network file system.
            IndexDataError: The file is damaged or not one of this program and version.
            IndexUnreachable: There is no file yet, or it cannot be opened.

        """
        _check_partition(partition)
        return EmbeddedReader(self._open(write=False), partition, self.capabilities)

    def writer(self, partition: str = "", fence: Fence = unfenced) -> IndexWriter:
        """Open a writing port; creates the file where there is none. Raises what `reader` raises."""
        _check_partition(partition)
        return EmbeddedWriter(self._open(write=True), partition, fence)

    def _open(self, *, write: bool) -> Session:
        return open_session(self._name, self._path, self._busy_seconds, write=write)


def _check_partition(partition: str) -> None:
    if not is_unicode(partition):
        raise InputError("the name of a partition holds a lone surrogate", item="partition")
