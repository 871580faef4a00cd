"""What the audit log costs: appending, verifying, proving, each against a bare loop or a named peer in the same run."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Column, Engine, MetaData, Table, Text, insert, select

from governance.catalog.engine import begin_read, begin_write
from governance.catalog.log import bodies
from governance.catalog.sql import streamed
from governance.catalog.tables import audit_entry
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.domain.events import Action, Event
from governance.domain.merkle import Frontier, leaf_hash, verify_inclusion
from governance.domain.values import digest_of
from governance.services.log_verify import Outcome, verify_catalog
from tests.log_rows import known_names

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]
MANY = int(os.environ.get("KBGOV_BENCH_ENTRIES", "200000"))
APPENDED, BATCH, ROUNDS = 20_000, 1000, 5
LEAST_OF_INSERT, LEAST_OF_READ, LEAST_FASTER = 0.4, 0.5, 100
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)

plain = Table("plain", MetaData(), Column("seq", BigInteger, primary_key=True), Column("body", Text, nullable=False))


def load() -> str:
    return Path("/proc/loadavg").read_text(encoding="ascii").rsplit(" ", 2)[0]


def events(start: int, count: int) -> list[Event]:
    actor = Actor(id="ann@example.com")
    return [
        Event(
            action=Action.INDEX_CHANGE_OBSERVED,
            at=NOW + timedelta(seconds=number),
            actor=actor,
            run_id=number // 100,
            intent_id=number,
            index="handbook",
            reason="put:ingest.new_body",
            outcome="done",
            counts={"chunks": 40, "failed": 0, "existed": 3},
            digest=digest_of(number),
        )
        for number in range(start, start + count)
    ]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def test_a_batched_append_costs_little_more_than_a_plain_insert(catalog_engine: Engine) -> None:
    catalog = Catalog(catalog_engine, known_names)
    with begin_write(catalog_engine) as connection:
        plain.create(connection)
    ratios = []
    for number in range(ROUNDS):
        first = number * APPENDED
        items = events(first, APPENDED)
        texts = bodies(items, first, known_names())

        def bare(first: int = first, texts: Sequence[str] = texts) -> None:
            for start in range(0, APPENDED, BATCH):
                rows = [{"seq": first + start + n, "body": body} for n, body in enumerate(texts[start : start + BATCH])]
                with begin_write(catalog_engine) as connection:
                    connection.execute(insert(plain), rows)

        def append(texts: Sequence[str] = texts) -> None:
            for start in range(0, APPENDED, BATCH):
                with catalog.write() as uow:
                    uow.log.append(texts[start : start + BATCH])

        def record(items: Sequence[Event] = items) -> None:
            for start in range(0, APPENDED, BATCH):
                with catalog.write() as uow:
                    for item in items[start : start + BATCH]:
                        uow.record(item)

        one = seconds(bare)
        ratios.append((one / seconds(append), one / seconds(record)))
    ratio, whole = (statistics.median(part) for part in zip(*ratios, strict=True))
    print(
        f"\nlog append {catalog_engine.dialect.name}: {ratio:.2f} of a plain INSERT (bound {LEAST_OF_INSERT})", end=""
    )
    print(f", {whole:.2f} from events, pseudonyms and JSON included (no bound)", end="")
    print(f"; {APPENDED} entries in batches of {BATCH}, {ROUNDS} rounds, load {load()}")
    assert ratio >= LEAST_OF_INSERT


@pytest.fixture
def filled(catalog_engine: Engine) -> Catalog:
    catalog = Catalog(catalog_engine, known_names)
    for start in range(0, MANY, 5000):
        with catalog.write() as uow:
            for item in events(start, 5000):
                uow.record(item)
    return catalog


def test_a_verification_is_half_as_fast_as_hashing_every_body_once(filled: Catalog) -> None:
    query = select(audit_entry.c.body).order_by(audit_entry.c.seq)

    def bare() -> None:
        with begin_read(filled.engine) as connection:
            for row in streamed(connection, query):
                sha256(b"\x00" + row.body.encode()).digest()

    def verify() -> None:
        assert verify_catalog(filled, [], []).outcome is Outcome.SELF_CONSISTENT

    ratios = [seconds(bare) / seconds(verify) for _ in range(ROUNDS)]
    ratio = statistics.median(ratios)
    took = seconds(verify)
    print(
        f"\nlog verify {filled.engine.dialect.name}: {ratio:.2f} of reading and hashing (bound {LEAST_OF_READ})", end=""
    )
    print(f", {MANY} entries in {took:.2f} s, load {load()}")
    assert ratio >= LEAST_OF_READ


def test_a_proof_is_a_hundred_times_as_fast_as_pymerkles_with_a_cold_cache(filled: Catalog, tmp_path: Path) -> None:
    if find_spec("pymerkle") is None:
        pytest.skip("pymerkle is not installed: pip install '.[bench]'")
    from pymerkle import SqliteTree  # noqa: PLC0415 - an extra

    from governance.services.log_prove import inclusion_path  # noqa: PLC0415 - beside its peer

    with filled.read() as uow:
        texts = [row.body.encode() for row in uow.log.entries(0, MANY)]
    peer_file = tmp_path / "peer.db"
    peer = SqliteTree(str(peer_file))
    peer.append_entries(texts)
    wanted = [MANY // 7 * number + number for number in range(1, 7)]

    def of_peer(index: int) -> None:
        peer.cache_clear()
        peer.prove_inclusion(index + 1, MANY)

    tree = Frontier()
    tree.extend([leaf_hash(text) for text in texts])
    for index in wanted:
        with filled.read() as uow:
            path = inclusion_path(uow.log, index, MANY)
        assert verify_inclusion(leaf_hash(texts[index]), index, MANY, path, tree.root)
    slow = statistics.median(seconds(lambda index=index: of_peer(index)) for index in wanted)
    with filled.read() as uow:  # the peer's connection is open as well
        fast = statistics.median(
            seconds(lambda index=index: inclusion_path(uow.log, index, MANY)) for index in wanted * 10
        )
    print(
        f"\nlog proof {filled.engine.dialect.name}: {fast * 1e6:.0f} us, {slow / fast:.0f} times as fast as pymerkle",
        end="",
    )
    print(f" ({slow * 1e3:.1f} ms, cold cache, {MANY} entries; bound {LEAST_FASTER}), load {load()}")
    assert slow / fast >= LEAST_FASTER
