"""What a purge of every index leaves, as far as the index says it can be shown."""

from __future__ import annotations

import pytest

from governance.domain.chunks import Condition, Op, Proof, PurgeKind, Record, Where
from governance.domain.ports import IndexReader, IndexWriter
from tests.byte_search import Needles, count_found, every_kind, marked_record


def fill(writer: IndexWriter, numbers: range) -> tuple[list[Record], list[Needles]]:
    marked = [marked_record(f"id-{number:05}", number) for number in numbers]
    records, needles = [record for record, _ in marked], [needle for _, needle in marked]
    for start in range(0, len(records), 250):
        assert writer.put(records[start : start + 250]).failed == {}
    return records, needles


def scan_paths(reader: IndexReader) -> tuple[str, ...]:
    if reader.capabilities.proof is not Proof.BYTES:
        pytest.skip("this store promises no proof by bytes")
    return reader.capabilities.scan_paths


def test_purge_keeps_what_is_alive(reader: IndexReader, writer: IndexWriter) -> None:
    records, _ = fill(writer, range(60))
    writer.delete([record.chunk_id for record in records[::3]])
    report = writer.purge()
    assert report.done
    alive = {record.chunk_id: record for number, record in enumerate(records) if number % 3}
    found = reader.fetch([record.chunk_id for record in records], vectors=True)
    assert found == alive
    assert {
        hit.chunk_id for mode in reader.capabilities.search_modes for hit in reader.search("common", 99, mode=mode)
    } in (
        set(),
        set(alive),
    )


def test_purge_of_an_empty_index_is_done_and_can_be_repeated(writer: IndexWriter, reader: IndexReader) -> None:
    assert writer.purge().done
    assert writer.purge([]).done
    assert writer.purge(["nobody", "\ud800"]).done
    assert reader.count().value == 0


def test_purge_says_what_it_did(reader: IndexReader, writer: IndexWriter) -> None:
    records, _ = fill(writer, range(300))
    writer.delete([record.chunk_id for record in records[:200]])
    report = writer.purge([record.chunk_id for record in records[:200]])
    assert report.done
    assert all(seconds >= 0 for _, seconds in report.steps)
    if reader.capabilities.purge_kind is PurgeKind.IN_PLACE:
        assert report.steps
    if reader.capabilities.scan_paths:
        assert report.bytes_after < report.bytes_before


def test_after_a_purge_no_byte_of_200_deleted_chunks_is_left(reader: IndexReader, writer: IndexWriter) -> None:
    paths = scan_paths(reader)
    records, needles = fill(writer, range(2000))
    by_id = list(range(0, 1000, 10))
    chosen = Where((Condition("seed", Op.IN, tuple(range(1000, 2000, 10))),))
    by_filter = list(range(1000, 2000, 10))
    doomed = [needles[number] for number in (*by_id, *by_filter)]
    assert count_found(paths, doomed) == every_kind(200), "the control: all are found before"
    writer.delete([records[number].chunk_id for number in by_id])
    selected = list(reader.select(chosen))
    assert selected == [records[number].chunk_id for number in by_filter]
    writer.delete(selected)
    assert list(reader.select(chosen)) == []
    assert writer.purge().done
    assert count_found(paths, doomed) == every_kind(0)
    alive = [needles[number] for number in range(2000) if number % 10]
    assert count_found(paths, alive) == every_kind(1800)


def test_after_a_purge_no_byte_of_replaced_records_is_left(reader: IndexReader, writer: IndexWriter) -> None:
    paths = scan_paths(reader)
    records, needles = fill(writer, range(300))
    assert count_found(paths, needles) == every_kind(300)
    writer.put([Record(record.chunk_id, "short", {}) for record in records[:100]])
    writer.put([Record(record.chunk_id, "long " * 2000, {"a": "b" * 500}) for record in records[100:200]])
    assert writer.purge().done
    gone = count_found(paths, needles[:200])
    assert gone.pop("chunk_id") == 200, "the ids are still in use"
    assert set(gone.values()) == {0}
    assert count_found(paths, needles[200:]) == every_kind(100)


def test_after_a_purge_no_byte_of_patched_metadata_is_left(reader: IndexReader, writer: IndexWriter) -> None:
    paths = scan_paths(reader)
    records, needles = fill(writer, range(200))
    ids = [record.chunk_id for record in records]
    writer.patch(ids[:100], {"mail": None})
    writer.patch(ids[100:], {"mail": "replaced by something longer than before: " + "x" * 300})
    assert writer.purge().done
    assert count_found(paths, needles) == {**every_kind(200), "metadata": 0}


def test_what_was_deleted_before_a_put_of_the_same_id_is_erased_too(reader: IndexReader, writer: IndexWriter) -> None:
    paths = scan_paths(reader)
    records, needles = fill(writer, range(50))
    writer.delete([record.chunk_id for record in records])
    writer.put([Record(record.chunk_id, "new", {}) for record in records])
    assert writer.purge().done
    assert count_found(paths, needles) == {**every_kind(0), "chunk_id": 50}
