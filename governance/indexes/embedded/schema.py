"""The tables of the index file, and how a file is known to be one.

A record's `seq` holds its partition's number in the upper bits, so that a partition is one range of the table and a
stream is one walk along it. Numbers are never used twice: a cursor cannot come to mean another record. The wide columns
come last, because SQLite reads a row only as far as it is asked to.

The full-text table keeps no text of its own (external content); it must be told the old text before a record changes.
"""

from __future__ import annotations

import secrets
import sqlite3
from typing import NamedTuple

APPLICATION_ID = 0x6B62_6978
VERSION = 1
PAGE_SIZE = 8192
PARTITION_SHIFT = 40

_DDL = """
-- removals counts what left bytes behind, purged how much of that was erased since.
CREATE TABLE meta (file_id TEXT NOT NULL, parts INTEGER NOT NULL, removals INTEGER NOT NULL, purged INTEGER NOT NULL);
CREATE TABLE part (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, used INTEGER NOT NULL);
CREATE TABLE chunk (
    seq INTEGER PRIMARY KEY,
    part INTEGER NOT NULL,
    chunk_id TEXT NOT NULL,
    metadata TEXT NOT NULL,
    vector BLOB,
    text TEXT,
    UNIQUE (part, chunk_id)
);
CREATE TABLE vector (seq INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, UNIQUE (seq, name));
CREATE VIRTUAL TABLE words USING fts5(
    text, content='chunk', content_rowid='seq', tokenize='unicode61 remove_diacritics 2'
);
"""


class Span(NamedTuple):
    """The range of `seq` that a partition owns, both ends exclusive."""

    low: int
    high: int

    @property
    def number(self) -> int:
        """Number of the partition."""
        return self.low >> PARTITION_SHIFT

    def after(self, seq: int | None) -> Span:
        """Give what is left of the range after a record; all of it when the record is not of this range."""
        return Span(seq, self.high) if seq is not None and self.low < seq < self.high else self


def span_of(number: int) -> Span:
    """Give the range of a partition's number."""
    return Span(number << PARTITION_SHIFT, (number + 1) << PARTITION_SHIFT)


def add_partition(db: sqlite3.Connection, partition: str) -> Span:
    """Give the range of a partition that is not there yet."""
    (number,) = db.execute("SELECT parts FROM meta").fetchone()
    db.execute("UPDATE meta SET parts = parts + 1")
    db.execute("INSERT INTO part (no, name, used) VALUES (?, ?, 0)", (number, partition))
    return span_of(number)


def take_numbers(db: sqlite3.Connection, span: Span, count: int) -> range:
    """Give numbers for new records of a partition."""
    (used,) = db.execute("SELECT used FROM part WHERE no = ?", (span.number,)).fetchone()
    db.execute("UPDATE part SET used = used + ? WHERE no = ?", (count, span.number))
    return range(span.low + used + 1, span.low + used + 1 + count)


def is_new(db: sqlite3.Connection) -> bool:
    """Give whether nobody has written anything into the file yet."""
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return not tables and version_of(db) == (0, 0)


def version_of(db: sqlite3.Connection) -> tuple[int, int]:
    """Give the file's application id and the version of its tables."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return application, version


def create(db: sqlite3.Connection) -> None:
    """Create the tables, all or none."""
    db.execute("BEGIN IMMEDIATE")
    for statement in _DDL.strip().removesuffix(";").split(";\n"):
        db.execute(statement)
    db.execute("INSERT INTO meta VALUES (?, 0, 0, 0)", (secrets.token_hex(8),))
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("COMMIT")


def find_span(db: sqlite3.Connection, partition: str) -> Span | None:
    """Give a partition's range, None when it holds nothing."""
    row = db.execute("SELECT no FROM part WHERE name = ?", (partition,)).fetchone()
    return span_of(row[0]) if row else None


def note_removal(db: sqlite3.Connection) -> None:
    """Remember that bytes of a record were replaced or deleted, so that the next purge has work to do."""
    db.execute("UPDATE meta SET removals = removals + 1")
