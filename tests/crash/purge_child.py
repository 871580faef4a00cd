"""Deletes and purges, and kills itself at a given moment. Run by test_purge_kill.py.

Arguments: the index file, the moment (0: never; then the numbers of the moments before the purge and of all are
printed). A moment is the start of an SQL statement or 100 steps of SQLite's virtual machine within one, so that VACUUM
and the full-text merge are cut in two as well.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path

from governance.domain.chunks import Condition, Op, Where
from governance.indexes.embedded import EmbeddedIndex, session

KILL_AT = int(sys.argv[2])
passed = 0


def moment(*_: object) -> int:
    global passed  # noqa: PLW0603 - a counter in a script
    passed += 1
    if passed == KILL_AT:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0


class WatchedConnection(sqlite3.Connection):
    """Counts moments."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.set_trace_callback(moment)
        self.set_progress_handler(moment, 100)


def main() -> None:
    connect = sqlite3.connect
    session.sqlite3.connect = lambda *arguments, **options: connect(*arguments, **options, factory=WatchedConnection)
    index = EmbeddedIndex("main", Path(sys.argv[1]))
    writer, reader = index.writer(), index.reader()
    for third in range(3):
        writer.delete(list(reader.select(Where((Condition("doomed", Op.EQ, third),)))))
    deleted = passed
    assert writer.purge().done
    reader.close()
    writer.close()
    print(deleted, passed)


if __name__ == "__main__":
    main()
