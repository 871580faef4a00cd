"""Runs one ingest, or one deletion with its purge, in a process of its own and kills it at the n-th moment.

Usage: gate_child.py FOLDER CATALOG_URL MOMENT ingest|purge. With moment 0 nothing is killed and the number of moments
is printed. A moment is: before and after each transaction of the catalog, before and after each mutating call of the
index, and for a purge each SQL statement of the index.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.ports import IndexWriter
from governance.indexes.embedded import session
from tests.crash.deletion import delete_and_purge
from tests.knowledge_base import KnowledgeBase

counted = 0
kill_at = int(sys.argv[3])


def moment() -> None:
    global counted  # noqa: PLW0603 - one counter per process is the point
    counted += 1
    if counted == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """A writer whose mutating calls are moments."""

    def __init__(self, writer: IndexWriter) -> None:
        self._writer = writer

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self._writer, name)
        if name not in {"put", "patch", "delete", "purge"}:
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            moment()
            result = method(*args, **kwargs)
            moment()
            return result

        return call


@contextmanager
def watched_write(self: Catalog) -> Iterator[UnitOfWork]:
    moment()
    with plain_write(self) as uow:
        yield uow
        moment()
    moment()


class WatchedConnection(sqlite3.Connection):
    """A connection of the index whose statements are moments."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_trace_callback(lambda _statement: moment())


def watch_statements() -> None:
    connect = sqlite3.connect
    session.sqlite3.connect = lambda *arguments, **options: connect(*arguments, **options, factory=WatchedConnection)


plain_write = Catalog.write
Catalog.write = watched_write
if sys.argv[4] == "purge":
    watch_statements()
base = KnowledgeBase(Path(sys.argv[1]) / "pages", Path(sys.argv[1]) / "index.db", sys.argv[2])
open_writer = base.index.writer
base.index.writer = lambda *given: Watched(open_writer(*given))
if sys.argv[4] == "purge":
    delete_and_purge(base)
else:
    base.ingest()
base.close()
print(counted)
