"""Physical erasure: after it, no byte of a deleted or replaced record is in the file or its write-ahead log.

Overwriting what is deleted (`secure_delete`) is not enough. When a B-tree is rebalanced, SQLite leaves copies of moved
rows in the unused part of a page, and nothing overwrites those when the row itself goes later; and the full-text index
keeps the words of deleted rows until its segments are merged. So the full-text index is merged into one segment, the
file is written anew from what is in it (VACUUM), and the log is folded into it and cut to nothing.

A first look at the log comes before all that: as long as a reader holds it, writing the file anew would only make
it longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from governance.domain.chunks import PurgeReport
from governance.indexes.embedded.session import IndexBusy, Session, files_of

MEMORY_LIMIT = 256 << 20
"""A file up to this size is written anew by way of memory, a larger one by way of a temporary file of live records."""

_READER = "an open transaction of another connection keeps the write-ahead log"
_WRITER = "another process is writing; deleted words may still be in the full-text index"


def purge(session: Session) -> PurgeReport:
    """Give what was done; `done` is False when another connection is in the way.

    Raises:
        IndexUnreachable: The disk is full or the file cannot be written; nothing deleted comes back.

    """
    before = _size(session.path)
    steps: list[tuple[str, float]] = []
    remaining = _steps(session, steps)
    return PurgeReport(
        done=remaining is None,
        steps=tuple(steps),
        bytes_before=before,
        bytes_after=_size(session.path),
        remaining=() if remaining is None else (remaining,),
    )


def _steps(session: Session, steps: list[tuple[str, float]]) -> str | None:
    """Give who is in the way, None when everything was done."""
    try:
        with _timed(steps, "checkpoint"):
            if not _fold_log(session):
                return _READER
        with _timed(steps, "optimize"):
            removals = _merge_words(session)
        if removals is not None:
            with _timed(steps, "rewrite"):
                _rewrite(session, removals)
        with _timed(steps, "checkpoint"):
            return None if _fold_log(session) else _READER
    except IndexBusy:
        return _WRITER


@contextmanager
def _timed(steps: list[tuple[str, float]], name: str) -> Iterator[None]:
    start = perf_counter()
    try:
        yield
    finally:
        steps.append((name, perf_counter() - start))


def _fold_log(session: Session) -> bool:
    """Move the log into the file and cut it to nothing; give whether nobody was in the way."""
    with session.plain() as db:
        busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _merge_words(session: Session) -> int | None:
    """Drop deleted words and empty partitions; give the count of removals seen, None when all were purged before."""
    with session.writing() as db:
        removals, purged = db.execute("SELECT removals, purged FROM meta").fetchone()
        if removals == purged:
            return None
        db.execute("INSERT INTO words (words) VALUES ('optimize')")
        db.execute("DELETE FROM part WHERE NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.part = part.no)")
    return int(removals)


def _rewrite(session: Session, removals: int) -> None:
    """Write the file anew from its live content, and remember up to which removal that was."""
    with session.plain() as db:
        if session.path.stat().st_size > MEMORY_LIMIT:
            db.execute("PRAGMA temp_store = FILE")
        db.execute("VACUUM")
        db.execute("PRAGMA temp_store = MEMORY")
    with session.writing() as db:
        db.execute("UPDATE meta SET purged = ?", (removals,))


def _size(path: Path) -> int:
    return sum(part.stat().st_size for part in files_of(path) if part.exists())
