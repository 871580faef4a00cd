"""kill -9 in the middle of deleting and purging: the next purge ends clean, and what was to stay has stayed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from governance.domain.chunks import Condition, Op, Record, Where
from governance.indexes.embedded import EmbeddedIndex
from tests.byte_search import Needles, count_found, every_kind, marked_record

CHILD = Path(__file__).with_name("purge_child.py")
DELETING, PURGING = 10, 16
PARTS = 4
COUNT = 450


def lay_out(path: Path) -> tuple[dict[str, Record], list[Needles]]:
    """Fill an index; give the records that shall stay, and what shall not be found afterwards."""
    marked = [marked_record(f"id-{number}", number, words=2) for number in range(COUNT)]
    stay, doomed, batch = {}, [], []
    for number, (record, needles) in enumerate(marked):
        if number % 3 == 0:
            doomed.append(needles)
            batch.append(replace(record, metadata={**record.metadata, "doomed": number % 9 // 3}))
        else:
            stay[record.chunk_id] = record
            batch.append(record)
    with closing(EmbeddedIndex("main", path).writer()) as writer:
        for start in range(0, COUNT, 50):
            writer.put(batch[start : start + 50])
    return stay, doomed


def child(path: Path, moment: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHILD), str(path), str(moment)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def content(index: EmbeddedIndex) -> dict[str, Record]:
    with closing(index.reader()) as reader:
        return {record.chunk_id: record for page in reader.stream(page=100) for record in page.records}


def spread(first: int, last: int, count: int) -> list[int]:
    """Give numbers from first to last, evenly apart."""
    return [first + number * (last - first) // (count - 1) for number in range(count)]


@pytest.mark.crash
@pytest.mark.parametrize("part", range(PARTS))
def test_a_killed_purge_is_finished_by_the_next(part: int, tmp_path: Path) -> None:
    stay, doomed = lay_out(tmp_path / "index.db")
    index = EmbeddedIndex("main", tmp_path / "index.db")
    assert count_found(index.capabilities.scan_paths, doomed) == every_kind(len(doomed))
    shutil.copy(tmp_path / "index.db", tmp_path / "calm.db")
    calm = child(tmp_path / "calm.db", 0)
    assert calm.returncode == 0, calm.stderr
    deleted, purged = map(int, calm.stdout.split())
    moments = [*spread(1, deleted, DELETING), *spread(deleted + 1, purged, PURGING)]
    assert len(set(moments)) == DELETING + PURGING
    for kill_at in moments[part::PARTS]:
        place = tmp_path / f"killed-{kill_at}"
        place.mkdir()
        shutil.copy(tmp_path / "index.db", place / "index.db")
        killed = child(place / "index.db", kill_at)
        assert killed.returncode == -signal.SIGKILL, (kill_at, killed.stderr)
        finish(EmbeddedIndex("main", place / "index.db"), stay, doomed, kill_at)


def finish(index: EmbeddedIndex, stay: dict[str, Record], doomed: list[Needles], kill_at: int) -> None:
    """Do what the next run does, and look at everything."""
    found = content(index)
    assert {chunk_id: found[chunk_id] for chunk_id in stay} == stay, kill_at
    assert all("doomed" in record.metadata for chunk_id, record in found.items() if chunk_id not in stay)
    with closing(index.writer()) as writer, closing(index.reader()) as reader:
        writer.delete(list(reader.select(Where((Condition("doomed", Op.GT, -1),)))))
        assert writer.purge().done, kill_at
        assert content(index) == stay, kill_at
        assert reader.count().value == len(stay), kill_at
        assert {hit.chunk_id for hit in reader.search("common", COUNT)} == stay.keys(), kill_at
        assert count_found(index.capabilities.scan_paths, doomed) == every_kind(0), kill_at
        with writer._session.writing() as db:
            db.execute("INSERT INTO words (words) VALUES ('integrity-check')")
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], kill_at
