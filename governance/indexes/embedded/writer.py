"""Changing one partition of the index file. Every batch is one transaction, long ones several."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from governance.domain.chunks import DEFAULT_VECTOR, BatchResult, Metadata, PurgeReport, Record
from governance.domain.errors import IndexDataError
from governance.domain.ports import Fence
from governance.indexes.embedded import schema, words
from governance.indexes.embedded.purge import purge
from governance.indexes.embedded.rows import find_numbers, groups, marks, possible
from governance.indexes.embedded.session import Session, build_again
from governance.indexes.encoding import Encoded, NotStorable, encode_metadata, encode_records, merge_metadata

_ABSENT = "no such record"


class EmbeddedWriter:
    """Writes one partition; writers of several processes take turns, and one that waits too long is told so."""

    def __init__(self, session: Session, partition: str, fence: Fence) -> None:
        self._session = session
        self._partition = partition
        self._fence = fence

    def put(self, records: Sequence[Record]) -> BatchResult:
        """Insert or replace whole records: all that can be stored, or none.

        What cannot be stored (a lone surrogate, metadata that is not JSON, a vector that is not float32 or not finite)
        is in `failed`, and its older version stays. Of records with one id the last counts.
        """
        encoded, failed = encode_records(records)
        existed = 0
        if encoded:
            with self._writing() as db:
                existed = self._store(db, {record.chunk_id: record for record in encoded})
        return BatchResult(requested=len(encoded) + len(failed), existed=existed, failed=failed)

    def patch(self, ids: Sequence[str], metadata: Metadata) -> BatchResult:
        """Merge top-level metadata keys into each record; None removes a key. 500 ids are one transaction."""
        distinct = list(dict.fromkeys(ids))
        try:
            encode_metadata(metadata)
        except NotStorable as reason:
            return BatchResult(requested=len(distinct), failed=dict.fromkeys(distinct, str(reason)))
        failed, existed = dict.fromkeys(distinct, _ABSENT), 0
        for group in groups(possible(distinct)):
            with self._writing() as db:
                present, refused = self._merge(db, group, metadata)
            existed += len(present)
            for chunk_id in present:
                del failed[chunk_id]
            failed.update(refused)
        return BatchResult(requested=len(distinct), existed=existed, failed=failed)

    def delete(self, ids: Sequence[str]) -> BatchResult:
        """Delete by id, 500 in one transaction; absent ids are no failure."""
        existed = 0
        for group in groups(possible(ids)):
            with self._writing() as db:
                existed += self._remove(db, group)
        return BatchResult(requested=len(set(ids)), existed=existed)

    def purge(self, ids: Sequence[str] | None = None) -> PurgeReport:
        """Erase the bytes of everything deleted or replaced before, whatever the ids, in all partitions.

        Not done while another connection is in a transaction; waits for it as long as for any lock.
        """
        del ids
        return purge(self._session)

    def close(self) -> None:
        """Let go of the connection. A second call does nothing."""
        self._session.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        # Asked while the file is locked: whoever takes the work over after this waits for what is done here.
        with self._session.writing() as db:
            self._fence()
            yield db

    def _store(self, db: sqlite3.Connection, records: dict[str, Encoded]) -> int:
        span = schema.find_span(db, self._partition) or schema.add_partition(db, self._partition)
        old = find_numbers(db, span, records)
        if old:
            schema.note_removal(db)
            words.forget(db, list(old.values()))
            db.executemany("DELETE FROM vector WHERE seq = ?", [(seq,) for seq in old.values()])
        new = [chunk_id for chunk_id in records if chunk_id not in old]
        numbers = {**old, **dict(zip(new, schema.take_numbers(db, span, len(new)), strict=True))}
        db.executemany(
            "INSERT INTO chunk (seq, part, chunk_id, metadata, vector, text) VALUES (?, ?, ?, ?, ?, ?)",
            [(numbers[chunk_id], span.number, chunk_id, *_wide(records[chunk_id])) for chunk_id in new],
        )
        db.executemany(
            "UPDATE chunk SET metadata = ?, vector = ?, text = ? WHERE seq = ?",
            [(*_wide(records[chunk_id]), seq) for chunk_id, seq in old.items()],
        )
        db.executemany(
            "INSERT INTO vector (seq, name, value) VALUES (?, ?, ?)",
            [
                (numbers[chunk_id], name, value)
                for chunk_id, record in records.items()
                for name, value in record.vectors.items()
                if name != DEFAULT_VECTOR
            ],
        )
        texts = [(numbers[chunk_id], record.text) for chunk_id, record in records.items() if record.text is not None]
        db.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", texts)
        return len(old)

    def _merge(
        self, db: sqlite3.Connection, ids: Sequence[str], metadata: Metadata
    ) -> tuple[Collection[str], dict[str, str]]:
        """Give the ids that exist, and why some of these were not patched."""
        span = schema.find_span(db, self._partition)
        numbers = find_numbers(db, span, ids) if span else {}
        query = f"SELECT seq, metadata FROM chunk WHERE seq IN ({marks(numbers.values())})"  # noqa: S608 (own words)
        stored = dict(db.execute(query, tuple(numbers.values())).fetchall())
        refused: dict[str, str] = {}
        changed = []
        for chunk_id, seq in numbers.items():
            try:
                merged = self._merged(stored[seq], metadata)
            except NotStorable as reason:
                refused[chunk_id] = str(reason)
                continue
            if merged != stored[seq]:
                changed.append((merged, seq))
        if changed:
            schema.note_removal(db)
            db.executemany("UPDATE chunk SET metadata = ? WHERE seq = ?", changed)
        return numbers.keys(), refused

    def _merged(self, stored: str, metadata: Metadata) -> str:
        try:
            return merge_metadata(stored, metadata)
        except (TypeError, ValueError):
            name = self._session.name
            raise IndexDataError(
                f"index '{name}' holds metadata that this program did not write",
                item=name,
                next_step=build_again(name),
            ) from None

    def _remove(self, db: sqlite3.Connection, ids: Sequence[str]) -> int:
        span = schema.find_span(db, self._partition)
        numbers = list(find_numbers(db, span, ids).values()) if span else []
        if numbers:
            schema.note_removal(db)
            words.forget(db, numbers)
            db.execute(f"DELETE FROM vector WHERE seq IN ({marks(numbers)})", numbers)  # noqa: S608 (own words)
            db.execute(f"DELETE FROM chunk WHERE seq IN ({marks(numbers)})", numbers)  # noqa: S608
        return len(numbers)


def _wide(record: Encoded) -> tuple[str, bytes | None, str | None]:
    return record.metadata, record.vectors.get(DEFAULT_VECTOR), record.text
