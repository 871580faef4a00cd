"""A second ingest of an unchanged tree, against a bare loop that reads and hashes each file plus one index listing."""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.knowledge_base import KnowledgeBase

pytestmark = pytest.mark.benchmark
FILES = 10_000
ROUNDS = 5


def bare_loop(base: KnowledgeBase) -> None:
    for folder, _, names in os.walk(base.root):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:  # noqa: PTH118, PTH123 - as bare as it gets
                hashlib.sha256(file.read()).hexdigest()
    reader = base.index.reader()
    for page in reader.stream(page=2000, text=False, vectors=False):
        for record in page.records:
            _ = record.chunk_id
    reader.close()


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.mark.timeout(1800)
def test_second_ingest_of_an_unchanged_tree(tmp_path: Path, sqlite_template: Path) -> None:
    catalog = tmp_path / "catalog.db"
    shutil.copy(sqlite_template, catalog)
    base = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", f"sqlite:///{catalog}")
    for number in range(FILES):
        body = "\n\n".join(f"Paragraph {number}.{line} has words of its own." * 4 for line in range(8))
        base.page(
            f"{number // 200:03}/page-{number:05}.md", body, title=f"Page {number}", last_reviewed_on="2026-01-01"
        )
    first = timed(base.ingest)
    seconds = {"bare": [], "ingest": []}
    for _ in range(ROUNDS):
        seconds["bare"].append(timed(lambda: bare_loop(base)))
        seconds["ingest"].append(timed(base.ingest))
    bare, ingest = (statistics.median(seconds[name]) for name in ("bare", "ingest"))
    print(
        f"\nsecond ingest of {FILES} unchanged files: {ingest / bare:.2f}x the bare loop (bound 2.00); "
        f"bare {bare:.2f} s, ingest {ingest:.2f} s, first ingest {first:.1f} s, load {os.getloadavg()[0]:.1f}"
    )
    base.close()
    assert ingest / bare <= 2.0
