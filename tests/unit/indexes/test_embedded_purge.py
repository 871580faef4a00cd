"""Physical erasure of the embedded index when others are at work, and where overwriting alone is not enough."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from governance.domain.chunks import Record
from governance.domain.errors import IndexUnreachable
from governance.domain.ports import IndexWriter
from governance.indexes.embedded import EmbeddedIndex, purge
from tests.byte_search import KINDS, count_found, every_kind, marked_record

HOLDER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute(sys.argv[2])
db.execute("SELECT count(*) FROM chunk").fetchone()
print("holding", flush=True)
sys.stdin.readline()
db.execute("ROLLBACK")
db.close()
"""
WRITER = """
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from governance.domain.chunks import Record
from governance.indexes.embedded import EmbeddedIndex
index = EmbeddedIndex("main", Path(sys.argv[1]), 60)
with closing(index.writer()) as writer, closing(index.reader()) as reader:
    number = 0
    while number < 5000 and not (number >= 30 and (index.path.parent / "stop").exists()):
        writer.put([Record(f"other-{number}", f"text {number} " * 50, {"n": number})])
        if number % 3 == 0:
            writer.delete([f"other-{number}"])
        for page in reader.stream():  # a pause in which the file is free for other writers
            pass
        number += 1
        if number in (1, 30):
            print("busy", flush=True)
print(number, flush=True)
"""


@pytest.fixture
def index(tmp_path: Path) -> EmbeddedIndex:
    return EmbeddedIndex("main", tmp_path / "index.db", busy_seconds=0.05)


def filled(writer: IndexWriter, count: int) -> tuple[list[str], list]:
    marked = [marked_record(f"id-{number}", number) for number in range(count)]
    writer.put([record for record, _ in marked])
    return [record.chunk_id for record, _ in marked], [needles for _, needles in marked]


@contextmanager
def started(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Give a process that has said its first word; it ends with the block."""
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout.readline()
            yield child
        finally:
            child.kill()


def test_an_open_reader_makes_a_purge_say_busy_and_not_done(index: EmbeddedIndex) -> None:
    paths = index.capabilities.scan_paths
    with closing(index.writer()) as writer:
        ids, needles = filled(writer, 200)
        assert count_found(paths, needles) == every_kind(200)
        with started(HOLDER, str(index.path), "BEGIN") as holder:
            writer.delete(ids)
            sizes = []
            for _ in range(3):
                report = writer.purge()
                assert not report.done
                assert [name for name, _ in report.steps] == ["checkpoint"]
                assert report.remaining == ("an open transaction of another connection keeps the write-ahead log",)
                sizes.append(report.bytes_after)
            assert len(set(sizes)) == 1, "trying again does not make the log longer"
            assert max(count_found(paths, needles).values()) > 0
            holder.communicate("go\n")
        report = writer.purge()
        assert report.done
        assert report.remaining == ()
        assert count_found(paths, needles) == every_kind(0)


def test_an_open_writer_makes_a_purge_say_busy_and_not_done(index: EmbeddedIndex) -> None:
    with closing(index.writer()) as writer:
        ids, needles = filled(writer, 50)
        writer.delete(ids)
        with started(HOLDER, str(index.path), "BEGIN IMMEDIATE") as holder:
            report = writer.purge()
            assert not report.done
            assert report.remaining
            holder.communicate("go\n")
        assert writer.purge().done
        assert count_found(index.capabilities.scan_paths, needles) == every_kind(0)


def test_a_reader_who_comes_between_the_steps_leaves_it_undone(
    index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(index.writer()) as writer:
        ids, needles = filled(writer, 50)
        writer.delete(ids)
        merge = purge._merge_words
        with ExitStack() as holders:

            def interrupted(session: object) -> int | None:
                holders.enter_context(started(HOLDER, str(index.path), "BEGIN"))
                return merge(session)

            monkeypatch.setattr(purge, "_merge_words", interrupted)
            report = writer.purge()
            monkeypatch.undo()
            assert [name for name, _ in report.steps] == ["checkpoint", "optimize", "rewrite", "checkpoint"]
            assert not report.done
        again = writer.purge()
        assert again.done
        assert [name for name, _ in again.steps] == ["checkpoint", "optimize", "checkpoint"], "nothing is written twice"
        assert count_found(index.capabilities.scan_paths, needles) == every_kind(0)


def test_another_process_may_write_during_a_purge(tmp_path: Path) -> None:
    index = EmbeddedIndex("main", tmp_path / "index.db", busy_seconds=60)
    with closing(index.writer()) as writer:
        ids, needles = filled(writer, 300)
        with started(WRITER, str(index.path)) as other:
            assert other.stdout.readline() == "busy\n"
            for start in range(0, 300, 100):
                writer.delete(ids[start : start + 100])
                assert writer.purge().done
                assert count_found(index.capabilities.scan_paths, needles[: start + 100]) == every_kind(0)
            (tmp_path / "stop").touch()
            written = int(other.communicate()[0])
        with closing(index.reader()) as reader:
            expected = {f"other-{number}" for number in range(written) if number % 3}
            assert {record.chunk_id for page in reader.stream() for record in page.records} == expected


def test_rebalanced_pages_keep_no_copy_of_what_was_deleted_later(index: EmbeddedIndex) -> None:
    """SQLite's secure_delete alone leaves copies behind when rows were moved before they were deleted."""
    chance = random.Random(5)  # noqa: S311 - the same moves every time
    alive: dict[str, object] = {}
    dead = []
    with closing(index.writer()) as writer:
        for turn in range(24):
            new = [
                marked_record(f"id-{chance.random()}", turn * 1000 + number, words=chance.choice((0, 1, 4, 60)))
                for number in range(120)
            ]
            writer.put([record for record, _ in new])
            alive.update((record.chunk_id, needles) for record, needles in new)
            replaced = chance.sample(sorted(alive), 25)
            writer.put([Record(chunk_id, "x" * chance.randrange(3000), {}) for chunk_id in replaced])
            dead += [alive.pop(chunk_id) for chunk_id in replaced]
            gone = chance.sample(sorted(alive), 60)
            writer.delete(gone)
            dead += [alive.pop(chunk_id) for chunk_id in gone]
        assert writer.purge().done
        found = count_found(index.capabilities.scan_paths, dead)
        del found["chunk_id"]  # those of replaced records are still in use
        assert set(found.values()) == {0}
        assert count_found(index.capabilities.scan_paths, list(alive.values())) == every_kind(len(alive))


def test_a_second_purge_with_nothing_to_erase_does_not_write_the_file_anew(index: EmbeddedIndex) -> None:
    with closing(index.writer()) as writer:
        ids, _ = filled(writer, 20)
        names = [name for name, _ in writer.purge().steps]
        assert "rewrite" not in names, "nothing was deleted yet"
        writer.delete(ids[:5])
        assert "rewrite" in [name for name, _ in writer.purge().steps]
        assert "rewrite" not in [name for name, _ in writer.purge().steps]
        writer.patch(ids[6:7], {"mail": None})
        assert "rewrite" in [name for name, _ in writer.purge().steps]
        writer.patch(ids[6:7], {"mail": None})
        assert "rewrite" not in [name for name, _ in writer.purge().steps], "that patch changed nothing"
        writer.put([Record(ids[7], None, {})])
        assert "rewrite" in [name for name, _ in writer.purge().steps]


def test_the_name_of_an_emptied_partition_goes_with_the_purge(index: EmbeddedIndex) -> None:
    name = "tenant of Aurelia Example-Person"
    with closing(index.writer(name)) as writer, closing(index.reader(name)) as reader:
        writer.put([Record("id", "text", {})])
        assert index.partitions() == ("", name)
        writer.delete(["id"])
        assert writer.purge().done
        assert index.partitions() == ("",)
        needle = marked_record("id", 1)[1]
        named = type(needle)(**dict.fromkeys(KINDS, name.encode()))
        assert count_found(index.capabilities.scan_paths, [named]) == every_kind(0)
        writer.put([Record("second", "text", {})])
        assert [record.chunk_id for page in reader.stream() for record in page.records] == ["second"]


def test_a_stream_goes_on_when_its_partition_is_emptied_purged_and_filled_again(index: EmbeddedIndex) -> None:
    with closing(index.writer("a")) as writer, closing(index.reader("a")) as reader:
        writer.put([Record(f"old-{number}", None, {}) for number in range(4)])
        pages = reader.stream(page=2)
        cursor = next(pages).next_cursor
        writer.delete([f"old-{number}" for number in range(4)])
        assert writer.purge().done
        writer.put([Record(f"new-{number}", None, {}) for number in range(4)])
        new = [f"new-{number}" for number in range(4)]
        assert [record.chunk_id for page in pages for record in page.records] == new
        assert [record.chunk_id for page in reader.stream(cursor) for record in page.records] == new


def test_a_large_file_is_written_anew_by_way_of_the_disk(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "MEMORY_LIMIT", 0)
    with closing(index.writer()) as writer:
        ids, needles = filled(writer, 100)
        writer.delete(ids[:50])
        assert writer.purge().done
        assert count_found(index.capabilities.scan_paths, needles[:50]) == every_kind(0)
        assert count_found(index.capabilities.scan_paths, needles[50:]) == every_kind(50)


def test_bytes_of_a_write_that_was_rolled_back_go_with_the_purge(index: EmbeddedIndex) -> None:
    """An interrupted batch that did not fit into memory has already been spilled into the log."""
    marked = [marked_record(f"id-{number}", number) for number in range(400)]
    needles = [needle for _, needle in marked]
    with closing(index.writer()) as writer, closing(index.writer()) as other:
        writer.put([Record("stay", "text", {})])
        with other._session.plain() as db:
            vectors = []
            db.execute("PRAGMA cache_size = 10")
            db.set_trace_callback(lambda sql: vectors.append(sql) if "INTO vector" in sql else None)
            db.set_progress_handler(lambda: len(vectors) > 300, 1)
        with pytest.raises(IndexUnreachable):
            other.put([record for record, _ in marked])
        assert count_found(index.capabilities.scan_paths, needles)["text"] > 0
        assert writer.purge().done
        assert count_found(index.capabilities.scan_paths, needles) == every_kind(0)
        with closing(index.reader()) as reader:
            assert reader.count().value == 1
