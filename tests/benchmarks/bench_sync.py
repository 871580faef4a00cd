"""What a look at an unchanged index costs the catalog, against writing every row again and against a bare read.

`KBGOV_BENCH_CHUNKS=1000000` runs the same with a million rows, which takes minutes. `test_a_whole_sync` is for the
note alone and has no bound.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from governance.catalog.chunks import ChunkRow
from governance.catalog.engine import begin_read, begin_write
from governance.catalog.sightings import PartitionState, Sighting
from governance.catalog.sql import chunked
from governance.catalog.tables import UtcDateTime, chunk
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.domain.chunks import Record
from governance.domain.keys import ChunkFields, IndexLayout, KeyRule
from governance.domain.values import vector_of
from governance.indexes.embedded import EmbeddedIndex
from governance.services.context import RunContext
from governance.services.keys import Resolver
from governance.services.observe_index import PAGE, IndexParts, PartitionSight, _Observer
from tests.catalog_rows import document
from tests.command_line import environment
from tests.log_rows import known_names

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]
MANY = int(os.environ.get("KBGOV_BENCH_CHUNKS", "200000"))
FEW = MANY // 4
WHOLE = 200_000
BATCH = 5000
ROUNDS = 5
LEAST_FASTER = 4.0
MOST_OF_A_READ = 2.0
MOST_GROWTH_MB = 40
MOST_BYTES_PER_CHUNK = 60
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)

lean = Table(
    "lean",
    MetaData(),
    Column("chunk_id", String(32), primary_key=True),
    Column("sighting", String(80), nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)
"""The least that a sync by upsert could do with: what is not seen any more has an older moment."""

MEMORY = """
import re, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from bench_sync import look, sightings
from governance.catalog.engine import create_catalog_engine
from governance.catalog.unit_of_work import Catalog
from governance.domain.pseudonyms import throwaway

def peak_mb():  # of this process alone: getrusage would count what it inherited from its parent
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

catalog = Catalog(create_catalog_engine(sys.argv[1]), throwaway)
partition, count = sys.argv[2], int(sys.argv[3])
look(catalog, "warm", sightings(2000))  # imports and caches
before = peak_mb()
look(catalog, partition, sightings(count))
print(peak_mb() - before)
"""

SYNC = """
import re, sys, time
from pathlib import Path
from governance.cli.main import run
start = time.perf_counter()
code = run(["sync", "--json"])
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
print(f"{code} {time.perf_counter() - start} {peak}", file=sys.stderr)
"""


def sightings(count: int) -> Iterator[Sighting]:
    """Give what a stream would show, as new objects each time: nothing of them is hashed yet."""
    for number in range(count):
        digest = hashlib.sha256(b"%d" % number).hexdigest()
        yield Sighting(digest[:32], digest[32:] + "|")


def name_of(number: int) -> str:
    return f"handbook/part-{number // 100:04}/page-{number:06}.md"


def chunk_rows(partition: str, count: int) -> Iterator[dict[str, object]]:
    """Give whole rows of the catalog."""
    moments = {"first_seen": NOW, "seen_from": NOW, "gone_at": None, "mark_written": ""}
    for number, seen in enumerate(sightings(count)):
        row = ChunkRow(
            index_name="main",
            partition=partition,
            chunk_id=seen.chunk_id,
            source="docs",
            document=name_of(number // 9),
            position=number % 9,
            body_hash=seen.chunk_id * 2,
            meta_hash=seen.chunk_id,
            sighting=seen.sighting,
            words=120,
            anchor=seen.chunk_id[:16],
            inner_hash=seen.chunk_id,
        )
        yield asdict(row) | {"state": row.state.value} | moments


class Nobody:
    """Stands for the index: what it shows is given, and nothing is missing that could be asked for."""

    def __init__(self, partition: str) -> None:
        self.name, self.partition = "main", partition


def look(catalog: Catalog, partition: str, seen: Iterator[Sighting]) -> PartitionSight:
    """Do what `observe_partition` does with the catalog, given what the index showed."""
    parts = IndexParts(
        catalog=catalog,
        resolver=Resolver("main", IndexLayout(keys=(("docs", KeyRule()),)), {}, ["docs"]),
        fields=ChunkFields(),
        recipe="recipe",
        document_state=lambda _source, _document: None,
    )
    context = RunContext(actor=Actor(id="tester"), run_id=1, clock=lambda: NOW)
    state = PartitionState(index_name="main", partition=partition, recipe="recipe", pass_started=NOW, completed_at=NOW)
    sight = PartitionSight("main", partition)
    observer = _Observer(parts, Nobody(partition), context, state)
    for page in chunked(seen, PAGE):
        differing = observer._differing(page)
        observer._turn(page, differing, [], "cursor")
        sight.counts["differing"] += len(differing)
    observer._finish(sight)
    return sight


def upsert_all(connection: Connection, table: Table, rows: Iterator[dict[str, object]]) -> None:
    """Write every row again, in batches of 5,000."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    keys = [column.name for column in table.primary_key]
    statement = make(table)
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
    for batch in chunked(rows, BATCH):
        connection.execute(statement, batch)


@pytest.fixture
def filled(catalog_engine: Engine) -> Engine:
    """Give a catalog that knows many chunks of one partition and fewer of another."""
    with begin_write(catalog_engine) as connection:
        lean.create(connection)
        for partition, count in (("", MANY), ("few", FEW), ("warm", 2000)):
            for batch in chunked(chunk_rows(partition, count), BATCH):
                connection.execute(insert(chunk), batch)
    with Catalog(catalog_engine, known_names).write() as uow:
        documents = [document(name_of(number)) for number in range(MANY // 9 + 1)]
        uow.documents.save(documents, NOW - timedelta(days=30))
    if catalog_engine.dialect.name == "postgresql":
        with begin_write(catalog_engine) as connection:  # the test server has no autovacuum that would do it
            connection.execute(text("ANALYZE"))
    return catalog_engine


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def checked_look(catalog: Catalog, seen: Iterator[Sighting]) -> None:
    sight = look(catalog, "", seen)
    assert (sight.counts["differing"], sight.counts["gone"]) == (0, 0)


def bare_read(engine: Engine) -> None:
    """Read ids and hashes into a dict, the quickest way that SQLAlchemy Core has."""
    query = select(chunk.c.chunk_id, chunk.c.sighting).where(chunk.c.index_name == "main", chunk.c.partition == "")
    with begin_read(engine) as connection:
        known = {row[0]: row[1] for row in connection.execute(query)}
    assert len(known) == MANY


def lean_upsert(engine: Engine, rows: Sequence[dict[str, object]]) -> None:
    with begin_write(engine) as connection:
        upsert_all(connection, lean, iter(rows))
        gone = connection.execute(select(lean.c.chunk_id).where(lean.c.seen_at < NOW)).all()
    assert gone == []


def whole_upsert(engine: Engine, rows: Sequence[dict[str, object]]) -> None:
    with begin_write(engine) as connection:
        upsert_all(connection, chunk, iter(rows))


def test_a_look_at_unchanged_chunks(filled: Engine) -> None:
    kind, catalog = filled.dialect.name, Catalog(filled, known_names)
    taken: dict[str, list[float]] = {"bare": [], "ours": [], "lean": [], "whole": []}
    for _ in range(ROUNDS):
        taken["bare"].append(seconds(lambda: bare_read(filled)))
        seen = iter(list(sightings(MANY)))
        taken["ours"].append(seconds(lambda items=seen: checked_look(catalog, items)))
        del seen
    rows = [{"chunk_id": item[0], "sighting": item[1], "seen_at": NOW} for item in sightings(MANY)]
    lean_upsert(filled, rows)
    taken["lean"] = [seconds(lambda: lean_upsert(filled, rows)) for _ in range(3)]
    rows = list(chunk_rows("", MANY))
    taken["whole"] = [seconds(lambda: whole_upsert(filled, rows))]
    bare, ours, small, whole = (min(taken[name]) for name in taken)
    usual = statistics.median(taken["ours"]) / statistics.median(taken["bare"])
    print(
        f"\n{kind}: a look at {MANY} unchanged chunks takes {ours:.2f} s, {MANY / ours:,.0f} per second; "
        f"{usual:.2f}x a bare read by median, "
        f"{ours / bare:.2f}x by minimum ({bare:.2f} s, bound {MOST_OF_A_READ:.2f}); "
        f"{whole / ours:.1f}x as fast as an upsert of every row ({whole:.1f} s, bound {LEAST_FASTER:.1f} on SQLite), "
        f"{small / ours:.1f}x as fast as one into a table of ids and hashes ({small:.2f} s); "
        f"load {os.getloadavg()[0]:.1f}"
    )
    assert ours / bare <= MOST_OF_A_READ
    assert kind != "sqlite" or whole / ours >= LEAST_FASTER


def test_memory_of_a_look(filled: Engine) -> None:
    url = filled.url.render_as_string(hide_password=False)
    growth = {}
    for partition, count in (("few", FEW), ("", MANY)):
        command = [sys.executable, "-c", MEMORY, url, partition, str(count), str(Path(__file__).parent)]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
        growth[count] = float(done.stdout)
    per_chunk = (growth[MANY] - growth[FEW]) * 2**20 / (MANY - FEW)
    print(
        f"\n{filled.dialect.name}: the process grew by {growth[FEW]:.1f} MB over {FEW} chunks and by "
        f"{growth[MANY]:.1f} MB over {MANY} (bound {MOST_GROWTH_MB} MB), {per_chunk:.0f} bytes per chunk; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    assert growth[MANY] < MOST_GROWTH_MB
    assert per_chunk < MOST_BYTES_PER_CHUNK


def filled_index(path: Path, documents: Sequence[str], each: int) -> None:
    """Fill an index as another pipeline would: chunks of about 800 characters."""
    words = [f"word{number}" for number in range(4999)]
    vector = {"default": vector_of([0.6, 0.8])}
    with closing(EmbeddedIndex("main", path).writer()) as writer:
        for number, name in enumerate(documents):
            records = []
            for position in range(each):
                start = hash((number, position)) % 4000
                body = " ".join(words[(start + step * 7) % 4999] for step in range(92))
                metadata = {"source": f"/app/docs/{name}", "title": f"Page {number}", "page": position}
                records.append(
                    Record(hashlib.sha256(f"{number}/{position}".encode()).hexdigest()[:32], body, metadata, vector)
                )
            writer.put(records)


def test_a_whole_sync(tmp_path: Path, blank_url: str) -> None:
    """Print what has no bound: `kbgov sync` of a foreign index, first and again."""
    names = [f"part-{number // 100}/page-{number}.md" for number in range(2000)]
    for name in names:
        page = tmp_path / "docs" / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"# {name}\n\nA page of its own.", encoding="utf-8")
    filled_index(tmp_path / "index.db", names, WHOLE // len(names))
    env = environment(KBGOV_DATABASE_URL=blank_url)
    command = [sys.executable, "-m", "governance.cli", "init", "--source", "docs", "--from-index", "sqlite:///index.db"]
    subprocess.run(command, cwd=tmp_path, env=env, check=True, stdout=subprocess.DEVNULL)
    for which in ("first", "second"):
        done = subprocess.run(
            [sys.executable, "-c", SYNC], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout)
        code, seconds, peak = done.stderr.split()[-3:]
        print(
            f"\n{blank_url.partition(':')[0]}, {which} kbgov sync of {found['chunks']} chunks: {float(seconds):.1f} s, "
            f"{found['chunks'] / float(seconds):,.0f} chunks per second, process {float(peak):.0f} MB, exit {code}, "
            f"{found['added']} added, {found['changed']} changed; load {os.getloadavg()[0]:.1f}"
        )
        assert found["chunks"] == WHOLE
