"""Streaming the embedded index against a bare loop over the same file, and what it costs in memory."""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from governance.domain.chunks import Record
from governance.domain.values import sha256_hex, vector_from_bytes
from governance.embedders.hashed import HashedEmbedder
from governance.indexes.embedded import EmbeddedIndex

pytestmark = pytest.mark.benchmark
COMPARED, MANY = 40_000, 200_000
DIMENSION = 384
PAGE = 1000
ROUNDS = 9
LEAST_RATIO = 0.70
MOST_GROWTH_MB = 300

STREAM = """
import re, sys
from pathlib import Path
from governance.indexes.embedded import EmbeddedIndex

def peak_mb():  # of this process alone: getrusage would count what it inherited from its parent
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

reader = EmbeddedIndex("main", Path(sys.argv[1])).reader()
before = peak_mb()
records = sum(len(page.records) for page in reader.stream())
print(records, peak_mb() - before)
"""


def records(count: int) -> Iterator[Record]:
    """Give chunks of about 1,000 characters with the metadata that an ingest writes."""
    rng = np.random.default_rng(1)
    words = np.array([f"word{number}" for number in range(5000)])
    for number in range(count):
        text = " ".join(words[rng.integers(0, 5000, 115)])
        yield Record(
            f"{number:032x}",
            text,
            {
                "source": "pages",
                "document": f"handbook/part-{number // 900}/page-{number // 9}.md",
                "title": f"Page {number // 9}",
                "heading": "How to ask for it",
                "position": number % 9,
                "owner": "docs-team",
                "last_reviewed_on": "2026-05-31",
                "review_in": "6 months",
                "body_hash": sha256_hex(text.encode()),
            },
            {"default": vector_from_bytes(rng.random(DIMENSION, dtype=np.float32).tobytes())},
        )


def filled(path: Path, count: int) -> EmbeddedIndex:
    index = EmbeddedIndex("main", path)
    with closing(index.writer()) as writer:
        batch = []
        for record in records(count):
            batch.append(record)
            if len(batch) == PAGE:
                writer.put(batch)
                batch = []
    return index


def bare_loop(db: sqlite3.Connection) -> int:
    """Read the same pages by key, decode the metadata and view the vectors; keep nothing."""
    query = "SELECT seq, chunk_id, metadata, vector, text FROM chunk WHERE seq > ? ORDER BY seq LIMIT ?"
    seen, last = 0, -1
    while rows := db.execute(query, (last, PAGE)).fetchall():
        for _, _, metadata, vector, _ in rows:
            json.loads(metadata)
            memoryview(vector).cast("f")
        last = rows[-1][0]
        seen += len(rows)
    return seen


def timed(work: Callable[[], int], expected: int) -> float:
    start = time.perf_counter()
    assert work() == expected
    return time.perf_counter() - start


@pytest.mark.timeout(1800)
def test_streaming_against_a_bare_loop(tmp_path: Path) -> None:
    index = filled(tmp_path / "index.db", COMPARED)
    bare, stream = [], []
    with closing(sqlite3.connect(index.path)) as db, closing(index.reader()) as reader:
        for _ in range(ROUNDS):
            bare.append(timed(lambda: bare_loop(db), COMPARED))
            stream.append(timed(lambda: sum(len(page.records) for page in reader.stream(page=PAGE)), COMPARED))
    ratio = statistics.median(bare) / statistics.median(stream)
    print(
        f"\nstreaming {COMPARED} x {DIMENSION} with texts: {100 * ratio:.0f} % of the bare loop's speed "
        f"(bound {100 * LEAST_RATIO:.0f} %); medians of {ROUNDS}: bare {statistics.median(bare):.3f} s, "
        f"stream {statistics.median(stream):.3f} s; load {os.getloadavg()[0]:.1f}"
    )
    assert ratio >= LEAST_RATIO


@pytest.mark.timeout(1800)
def test_memory_while_streaming(tmp_path: Path) -> None:
    index = filled(tmp_path / "index.db", MANY)
    command = [sys.executable, "-c", STREAM, str(index.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seen, growth = done.stdout.split()
    print(
        f"\nstreaming {MANY} x {DIMENSION} from a file of {index.path.stat().st_size >> 20} MB: "
        f"the process grew by {float(growth):.0f} MB (bound {MOST_GROWTH_MB} MB); load {os.getloadavg()[0]:.1f}"
    )
    assert int(seen) == MANY
    assert float(growth) < MOST_GROWTH_MB


@pytest.mark.timeout(1800)
def test_speed_of_the_rest(tmp_path: Path) -> None:
    """Print what has no bound: putting, one exact query, deleting 1 %, purging, embedding."""
    index = EmbeddedIndex("main", tmp_path / "index.db")
    given = list(records(COMPARED))
    queries = [record.vectors["default"] for record in given[:10]]
    figures = {}

    def measure(name: str, work: Callable[[], object]) -> None:
        start = time.perf_counter()
        work()
        figures[name] = time.perf_counter() - start

    with closing(index.writer()) as writer, closing(index.reader()) as reader:
        measure("put", lambda: [writer.put(given[at : at + PAGE]) for at in range(0, COMPARED, PAGE)])
        measure("1 query", lambda: reader.nearest(queries[:1], 10))
        measure("10 queries", lambda: reader.nearest(queries, 10))
        measure("words", lambda: reader.search("word17 word4711", 10))
        measure("delete 1 %", lambda: writer.delete([record.chunk_id for record in given[::100]]))
        measure("purge", writer.purge)
    texts = [record.text for record in given[:3000]]
    measure("embed", lambda: HashedEmbedder().embed(texts))
    figures["embedded per second"] = len(texts) / figures.pop("embed")
    print(
        f"\n{COMPARED} x {DIMENSION}, seconds: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
    )
