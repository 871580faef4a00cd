"""kill -9 at 20 moments of a deletion and purge through the write gate: on both catalogs the next run finishes it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.deletion import CONTEXT, DOOMED, KEPT, PLACE, delete_and_purge, record
from tests.knowledge_base import KnowledgeBase

CHILD = Path(__file__).with_name("gate_child.py")
MOMENTS = 20


def needles(ids: list[str]) -> list[bytes]:
    records = [record(key) for key in ids]
    texts = [f"needle-{item.chunk_id}".encode() for item in records]
    notes = [f"remark-{item.chunk_id}".encode() for item in records]
    return texts + notes + [bytes(item.vectors["default"])[:16] for item in records]


def found(base: KnowledgeBase, ids: list[str]) -> int:
    base.gate.close()  # closing a file that SQLite has open here would drop this process's locks on it
    files = [file.read_bytes() for file in base.index_path.parent.glob("index.db*")]
    return sum(any(needle in file for file in files) for needle in needles(ids))


def lay_out(folder: Path, url: str) -> KnowledgeBase:
    base = KnowledgeBase(folder / "pages", folder / "index.db", url)
    base.gate.put(CONTEXT, PLACE, [record(key) for key in [*DOOMED, *KEPT]], "test")
    return base


def child(base: KnowledgeBase, moment: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHILD), str(base.root.parent), base.catalog_url, str(moment), "purge"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.crash
@pytest.mark.parametrize("part", range(2))
def test_a_killed_purge_is_finished_by_the_next(part: int, tmp_path: Path, spare_catalog_urls: Iterator[str]) -> None:
    calm = lay_out(tmp_path / "calm", next(spare_catalog_urls))
    assert found(calm, DOOMED) == 3 * len(DOOMED)
    undisturbed = child(calm, 0)
    assert undisturbed.returncode == 0, undisturbed.stderr
    moments = int(undisturbed.stdout)
    expected = {key: item.text for key, item in calm.records().items()}
    for number in range(part, MOMENTS, 2):
        kill_at = 1 + number * (moments - 1) // (MOMENTS - 1)
        base = lay_out(tmp_path / f"killed-{number}", next(spare_catalog_urls))
        killed = child(base, kill_at)
        assert killed.returncode == -signal.SIGKILL, (kill_at, killed.stderr)
        assert delete_and_purge(base).done, kill_at
        assert {key: item.text for key, item in base.records().items()} == expected, kill_at
        assert found(base, DOOMED) == 0, kill_at
        assert found(base, KEPT) == 3 * len(KEPT), kill_at
        assert base.unaccounted() == [], kill_at
        base.close()
    calm.close()
