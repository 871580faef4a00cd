"""What the embedded index says when the file, the disk or somebody else is in the way."""

from __future__ import annotations

import resource
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from governance.domain.chunks import Record
from governance.domain.errors import IndexUnreachable, InputError, TryAgain
from governance.domain.values import vector_of
from governance.indexes.embedded import EmbeddedIndex, rows

HOLDER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("holding", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def index(tmp_path: Path) -> EmbeddedIndex:
    return EmbeddedIndex("main", tmp_path / "index.db", busy_seconds=0.05)


def records(count: int) -> list[Record]:
    return [
        Record(f"id-{number}", f"text {number} " * 20, {"number": number}, {"default": vector_of([number, 1])})
        for number in range(count)
    ]


def content(index: EmbeddedIndex) -> dict[str, Record]:
    with closing(index.reader()) as reader:
        return {record.chunk_id: record for page in reader.stream() for record in page.records}


def test_a_second_writer_is_told_to_try_again_and_readers_go_on(index: EmbeddedIndex) -> None:
    with closing(index.writer()) as writer, closing(index.reader()) as reader:
        writer.put(records(5))
        command = [sys.executable, "-c", HOLDER, str(index.path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            holder.stdout.readline()
            for change in (
                lambda: writer.put(records(9)),
                lambda: writer.delete(["id-1"]),
                lambda: writer.patch(["id-1"], {"a": 1}),
            ):
                with pytest.raises(IndexUnreachable, match="busy") as caught:
                    change()
                assert caught.value.exit_code == TryAgain.exit_code == 75
            assert reader.count().value == 5
            assert len(list(reader.stream(page=2))) == 3
            holder.kill()
        writer.put(records(9))
        assert reader.count().value == 9


def test_a_full_disk_keeps_what_was_there_before_the_batch(index: EmbeddedIndex) -> None:
    with closing(index.writer()) as writer:
        writer.put(records(20))
        before = content(index)
        with writer._session.plain() as db:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            db.execute(f"PRAGMA max_page_count = {pages + 3}")
        with pytest.raises(IndexUnreachable, match="disk is full") as caught:
            writer.put([Record("id-3", "replaced", {}), Record("new", "secret " * 50_000, {})])
        assert caught.value.__cause__ is None
        assert "secret" not in str(caught.value)
        assert content(index) == before
        with writer._session.plain() as db:
            db.execute(f"PRAGMA max_page_count = {pages + 3000}")
        writer.put([Record("new", "secret " * 50_000, {})])
    assert len(content(index)) == 21


def test_a_file_that_may_not_grow_keeps_what_was_there(index: EmbeddedIndex) -> None:
    script = """
import resource, sys
from pathlib import Path
from governance.domain.chunks import Record
from governance.domain.errors import IndexUnreachable
from governance.indexes.embedded import EmbeddedIndex
writer = EmbeddedIndex("main", Path(sys.argv[1])).writer()
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
for change in (
    lambda: writer.put([Record(f"n-{i}", f"text {i} " * 500, {}) for i in range(2000)]),
    lambda: writer.delete([f"id-{i}" for i in range(400)]),
    writer.purge,
):
    try:
        change()
    except IndexUnreachable as error:
        print(error.message)
"""
    with closing(index.writer()) as writer:
        writer.put(records(400))
        writer.put([Record(f"big-{number}", "x" * 20_000, {}) for number in range(100)])
    before = content(index)
    done = subprocess.run([sys.executable, "-c", script, str(index.path)], capture_output=True, text=True, check=True)
    messages = done.stdout.splitlines()
    assert messages
    assert all("disk is full" in message or "cannot be read or written" in message for message in messages)
    after = content(index)
    assert {f"big-{number}" for number in range(100)} <= after.keys() <= before.keys()
    assert all(after[chunk_id] == before[chunk_id] for chunk_id in after)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1 << 20


def test_a_file_that_vanishes_in_the_middle_of_a_stream_is_reported(index: EmbeddedIndex) -> None:
    with closing(index.writer()) as writer:
        writer.put(records(30))
        with closing(index.reader()) as reader:
            pages = reader.stream(page=10)
            next(pages)
            index.path.rename(index.path.with_name("elsewhere.db"))
            with pytest.raises(IndexUnreachable, match="removed or replaced"):
                next(pages)
        with pytest.raises(IndexUnreachable, match="removed or replaced"):
            writer.put(records(1))
        index.path.with_name("elsewhere.db").rename(index.path)
        assert writer.put(records(31)).existed == 30


def test_another_file_in_its_place_is_not_written_to_unnoticed(index: EmbeddedIndex) -> None:
    with closing(index.writer()) as writer:
        writer.put(records(3))
        for path in map(Path, index.capabilities.scan_paths):
            path.rename(path.with_name(f"old-{path.name}"))
        with closing(index.writer()) as second:
            second.put(records(1))
        with pytest.raises(IndexUnreachable, match="removed or replaced"):
            writer.delete(["id-0"])
    assert content(index).keys() == {"id-0"}


def test_a_cursor_of_an_older_file_is_refused(index: EmbeddedIndex) -> None:
    with closing(index.writer()) as writer:
        writer.put(records(3))
        with closing(index.reader()) as reader:
            cursor = next(reader.stream(page=1)).next_cursor
            for spoiled in (f"{cursor}0" * 5, f" {cursor}", f"{cursor}\n", cursor[:-1] + "x", cursor.upper()):
                with pytest.raises(InputError):
                    reader.stream(spoiled)
    index.path.unlink()
    with closing(index.writer()) as writer:
        writer.put(records(3))
    with closing(index.reader()) as reader, pytest.raises(InputError, match="no cursor"):
        reader.stream(cursor)


def test_an_error_in_the_middle_of_a_batch_leaves_none_of_it(
    index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(index.writer()) as writer:
        writer.put(records(10))
        before = content(index)

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        for change in (
            lambda: writer.put([Record("id-1", "replaced", {}), Record("new", "text", {})]),
            lambda: writer.delete(["id-1", "id-2"]),
        ):
            monkeypatch.setattr("governance.indexes.embedded.words.forget", interrupted)
            with pytest.raises(KeyboardInterrupt):
                change()
            monkeypatch.undo()
            assert content(index) == before
        assert writer.delete(["id-1", "id-2"]).existed == 2


def test_a_page_of_very_long_texts_ends_early(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "PAGE_CHARACTERS", 100_000)
    with closing(index.writer()) as writer:
        writer.put([Record(f"id-{number:03}", "x" * 10_000, {"n": number}) for number in range(100)])
    with closing(index.reader()) as reader:
        pages = list(reader.stream())
        assert [len(page.records) for page in pages] == [11] * 9 + [1]
        assert [record.chunk_id for page in pages for record in page.records] == [f"id-{n:03}" for n in range(100)]
        assert pages[-1].next_cursor is None
        assert len(list(reader.stream(pages[2].next_cursor))) == 7
        assert len(list(reader.stream(text=False))) == 1


def test_between_pages_no_transaction_is_open(index: EmbeddedIndex) -> None:
    with closing(index.writer()) as writer, closing(index.reader()) as reader:
        writer.put(records(100))
        pages, ids = reader.stream(page=10), reader.select(_anything())
        next(pages)
        next(ids)
        writer.delete(["id-99"])
        assert writer.purge().done
        assert sum(len(page.records) for page in pages) == 89


def _anything() -> object:
    from governance.domain.chunks import Condition, Op, Where  # noqa: PLC0415

    return Where((Condition("number", Op.GT, -1),))


def test_the_full_text_table_agrees_with_the_records_after_every_kind_of_change(index: EmbeddedIndex) -> None:
    with closing(index.writer()) as writer:
        writer.put(records(50))
        writer.put([Record("id-1", None, {}), Record("id-2", "", {}), Record("id-3", "nul\0in it", {})])
        writer.put([Record("id-1", "back again", {}), Record("id-3", "x" * 100_000, {})])
        writer.patch(["id-4", "id-5"], {"a": "b"})
        writer.delete(["id-2", "id-6", "id-7"])
        with writer._session.writing() as db:
            db.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        assert writer.purge().done
        with writer._session.writing() as db:
            db.execute("INSERT INTO words (words) VALUES ('integrity-check')")
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
