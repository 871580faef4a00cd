from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select

from governance.catalog.chunks import ChunkRow
from governance.catalog.pauses import Pause
from governance.catalog.tables import chunk, intent
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.actions import Deed
from governance.domain.actors import Actor, Role
from governance.domain.chunks import BatchResult, Metadata, PurgeReport, Record
from governance.domain.errors import IndexUnreachable, LimitExceeded, LockHeld, Paused, Refused, RoleRefused
from governance.domain.ports import Fence, unfenced
from governance.domain.pseudonyms import Kind
from governance.domain.values import digest_of
from governance.guard import Guard
from governance.policy.model import ActionLimit, Limits
from governance.services.context import RunContext
from governance.services.gate import WriteGate
from tests.log_rows import digest_pseudonym, known_names, log_rows

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PLACE = ("main", "tenant")
RECORDS = [Record("c1", "one", {}), Record("c2", "two", {})]


class Store:
    """An index of one partition that tells a witness of every call before it has any effect."""

    name = "main"

    def __init__(self, witness: Callable[[str], None] = lambda _call: None) -> None:
        self.rows: dict[str, Record] = {}
        self.calls: list[str] = []
        self.refuses: frozenset[str] = frozenset()
        self.breaks: str | None = None
        self.busy = False
        self.opened = 0
        self.closed = 0
        self._witness = witness

    def partitions(self) -> Sequence[str]:
        return ("tenant",)

    def reader(self, partition: str = "") -> Store:
        assert partition == "tenant"
        return self

    def writer(self, partition: str = "", fence: Fence = unfenced) -> Store:  # noqa: ARG002 - has no transactions
        assert partition == "tenant"
        self.opened += 1
        return self

    def fetch(self, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        del vectors
        return {one: self.rows[one] for one in ids if one in self.rows}

    def put(self, records: Sequence[Record]) -> BatchResult:
        self._called("put")
        self.rows |= {record.chunk_id: record for record in records if record.chunk_id not in self.refuses}
        self._breaks_after("put")
        return self._result([record.chunk_id for record in records])

    def patch(self, ids: Sequence[str], metadata: Metadata) -> BatchResult:
        del metadata
        self._called("patch")
        return self._result(ids)

    def delete(self, ids: Sequence[str]) -> BatchResult:
        self._called("delete")
        for one in ids:
            if one not in self.refuses:
                self.rows.pop(one, None)
        self._breaks_after("delete")
        return self._result(ids)

    def purge(self, ids: Sequence[str] | None = None) -> PurgeReport:
        del ids
        self._called("purge")
        return PurgeReport(done=not self.busy, steps=(("checkpoint", 0.1),))

    def close(self) -> None:
        self.closed += 1

    def _called(self, name: str) -> None:
        self._witness(name)
        self.calls.append(name)
        if self.breaks == f"before {name}":
            raise IndexUnreachable("no answer", item="main")

    def _breaks_after(self, name: str) -> None:
        if self.breaks == f"after {name}":
            raise IndexUnreachable("no answer", item="main")

    def _result(self, ids: Sequence[str]) -> BatchResult:
        return BatchResult(requested=len(ids), existed=0, failed={one: "refused" for one in ids if one in self.refuses})


class Bench:
    """A gate over a catalog and a store, and what it left in the catalog."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.catalog = Catalog(engine, known_names)
        self.store = Store()
        self.gate = WriteGate(self.catalog, {"main": self.store}, Guard())
        self.context = context_of(Actor(id="ada"))

    def events(self) -> list[tuple[str, str, str, dict[str, int]]]:
        with self.engine.connect() as connection:
            return log_rows(connection, "action", "reason", "outcome", "counts")

    def intents(self) -> list[tuple[str, list[str], str | None]]:
        columns = (intent.c.kind, intent.c.chunk_ids, intent.c.outcome)
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(select(*columns).order_by(intent.c.intent_id))]

    def chunks(self) -> list[str]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(chunk.c.chunk_id).order_by(chunk.c.chunk_id)).scalars())


def context_of(actor: Actor, fence: Callable[[UnitOfWork], None] = lambda _uow: None) -> RunContext:
    return RunContext(actor=actor, run_id=7, clock=lambda: NOW, fence=fence)


def save(uow: UnitOfWork, result: BatchResult) -> None:
    rows = [
        ChunkRow(
            index_name="main",
            partition="tenant",
            chunk_id=record.chunk_id,
            source="docs",
            document="a.md",
            position=0,
            body_hash="b",
            meta_hash="m",
        )
        for record in RECORDS
        if record.chunk_id not in result.failed
    ]
    uow.chunks.save(rows, NOW)


@pytest.fixture
def bench(catalog_engine: Engine) -> Bench:
    return Bench(catalog_engine)


def test_the_intent_is_committed_before_the_call_and_has_no_outcome_yet(catalog_engine: Engine) -> None:
    bench = Bench(catalog_engine)
    seen: list[tuple[object, object]] = []
    store = Store(lambda _call: seen.append((bench.intents(), bench.events())))
    WriteGate(bench.catalog, {"main": store}, Guard()).put(bench.context, PLACE, RECORDS, "ingest.new_body")
    assert seen == [
        (
            [("put", ["c1", "c2"], None)],
            [("index.change_intended", "put:ingest.new_body", "", {"chunks": 2})],
        )
    ]


def test_the_outcome_is_recorded_with_the_business_change_and_the_ids_are_dropped(bench: Bench) -> None:
    result = bench.gate.put(bench.context, PLACE, RECORDS, "ingest.new_body", save)
    assert result.requested == 2
    assert bench.chunks() == ["c1", "c2"]
    assert bench.intents() == [("put", [], "done")]
    assert bench.events()[1] == (
        "index.change_observed",
        "put:ingest.new_body",
        "done",
        {"chunks": 2, "failed": 0, "existed": 0},
    )


def test_both_events_name_actor_run_place_and_the_digest_of_the_ids(bench: Bench) -> None:
    bench.gate.delete(bench.context, PLACE, ["c2", "c1"], "source.gone")
    with bench.engine.connect() as connection:
        rows = log_rows(connection, "actor", "identity", "run", "index", "partition", "digest")
        intents = log_rows(connection, "intent")
    partition, digest = known_names().of(Kind.PARTITION, "tenant"), digest_pseudonym(digest_of(["c1", "c2"]))
    assert rows == [("ada", "asserted", 7, "main", partition, digest)] * 2
    assert len(set(intents)) == 1


def test_a_business_change_that_fails_leaves_neither_itself_nor_an_outcome(bench: Bench) -> None:
    def then(uow: UnitOfWork, result: BatchResult) -> None:
        save(uow, result)
        raise LockHeld("the lease was lost")

    with pytest.raises(LockHeld):
        bench.gate.put(bench.context, PLACE, RECORDS, "ingest.new_body", then)
    assert bench.chunks() == []
    assert bench.intents() == [("put", ["c1", "c2"], None)]
    assert [row[0] for row in bench.events()] == ["index.change_intended"]


@pytest.mark.parametrize(("when", "present"), [("before", 0), ("after", 2)])
def test_a_change_without_an_answer_is_unknown_and_the_next_run_looks_what_became_of_it(
    bench: Bench, when: str, present: int
) -> None:
    bench.store.breaks = f"{when} put"
    with pytest.raises(IndexUnreachable):
        bench.gate.put(bench.context, PLACE, RECORDS, "ingest.new_body", save)
    assert bench.intents() == [("put", ["c1", "c2"], None)]
    assert bench.chunks() == []
    bench.store.breaks = None
    next_run = WriteGate(bench.catalog, {"main": bench.store}, Guard())
    assert next_run.recover(bench.context, PLACE) == 1
    assert bench.intents() == [("put", [], "unknown")]
    assert bench.events()[-1] == (
        "index.change_unknown",
        "put:ingest.new_body",
        "unknown",
        {"chunks": 2, "present": present, "absent": 2 - present},
    )
    assert next_run.recover(bench.context, PLACE) == 0
    assert len(bench.events()) == 2


def test_recovery_looks_at_its_own_place_only(bench: Bench) -> None:
    bench.store.breaks = "before delete"
    with pytest.raises(IndexUnreachable):
        bench.gate.delete(bench.context, PLACE, ["c1"], "source.gone")
    assert bench.gate.recover(bench.context, ("main", "other")) == 0
    assert bench.gate.recover(bench.context, ("other", "tenant")) == 0
    assert bench.intents() == [("delete", ["c1"], None)]


def test_what_somebody_without_the_role_asks_for_is_neither_announced_nor_done(bench: Bench) -> None:
    reader = context_of(Actor(id="rex", roles=frozenset({Role.READER, Role.STEWARD})))
    for call in (
        lambda: bench.gate.put(reader, PLACE, RECORDS, "ingest.new_body", save),
        lambda: bench.gate.patch(reader, PLACE, [(["c1"], {"a": 1})], "ingest.new_metadata"),
        lambda: bench.gate.delete(reader, PLACE, ["c1"], "source.gone"),
        lambda: bench.gate.purge(reader, PLACE, "purge"),
    ):
        with pytest.raises(RoleRefused):
            call()
    assert (bench.store.calls, bench.store.opened) == ([], 0)
    assert (bench.intents(), bench.events(), bench.chunks()) == ([], [], [])


def test_a_change_that_names_no_chunk_is_refused(bench: Bench) -> None:
    with pytest.raises(Refused, match="names no chunk"):
        bench.gate.delete(bench.context, PLACE, [], "source.gone")
    assert (bench.store.calls, bench.intents(), bench.events()) == ([], [], [])


def test_a_lost_lease_stops_the_change_before_it_is_announced(bench: Bench) -> None:
    def lost(_uow: UnitOfWork) -> None:
        raise LockHeld("the lease was lost")

    with pytest.raises(LockHeld):
        bench.gate.put(context_of(Actor(id="ada"), lost), PLACE, RECORDS, "ingest.new_body")
    assert (bench.store.calls, bench.intents(), bench.events()) == ([], [], [])


def test_what_the_store_did_not_take_is_counted_and_the_outcome_is_partial(bench: Bench) -> None:
    bench.store.refuses = frozenset({"c2"})
    result = bench.gate.put(bench.context, PLACE, RECORDS, "ingest.new_body", save)
    assert result.failed == {"c2": "refused"}
    assert bench.chunks() == ["c1"]
    assert bench.intents() == [("put", [], "partial")]
    assert bench.events()[1][2:] == ("partial", {"chunks": 2, "failed": 1, "existed": 0})


def test_patches_of_several_groups_are_one_batch_with_each_id_counted_once(bench: Bench) -> None:
    bench.store.refuses = frozenset({"c3"})
    groups = [(["c1", "c2"], {"owner": "x"}), (["c2", "c3"], {"kb_position": 1})]
    result = bench.gate.patch(bench.context, PLACE, groups, "ingest.new_metadata")
    assert bench.store.calls == ["patch", "patch"]
    assert (result.requested, result.existed, set(result.failed)) == (3, 2, {"c3"})
    assert [row[2:] for row in bench.events()] == [
        ("", {"chunks": 3}),
        ("partial", {"chunks": 3, "failed": 1, "existed": 2}),
    ]


@pytest.mark.parametrize(("busy", "outcome"), [(False, "done"), (True, "busy")])
def test_a_purge_names_no_chunk_and_says_busy_when_the_bytes_may_still_be_there(
    bench: Bench, *, busy: bool, outcome: str
) -> None:
    bench.store.busy = busy
    report = bench.gate.purge(bench.context, PLACE, "purge")
    assert report.done is not busy
    assert bench.intents() == [("purge", [], outcome)]
    assert [row[2] for row in bench.events()] == ["", outcome]


def test_one_writer_per_place_is_opened_and_closed_once(bench: Bench) -> None:
    for _ in range(3):
        bench.gate.put(bench.context, PLACE, RECORDS, "ingest.new_body")
    bench.gate.close()
    bench.gate.close()
    assert (bench.store.opened, bench.store.closed) == (1, 1)


def pause(bench: Bench) -> None:
    with bench.catalog.write() as uow:
        uow.pauses.begin(Pause(reason="planned-work", actor="bo", since=NOW))


def resume(bench: Bench) -> None:
    with bench.catalog.write() as uow:
        uow.pauses.end()


def test_while_changes_are_paused_none_is_announced_or_made(bench: Bench) -> None:
    permit = bench.gate.permit(bench.context, Deed.DELETE, {"main": 1}, 1)
    before = bench.events()
    pause(bench)
    for call in (
        lambda: bench.gate.prepare(PLACE),
        lambda: bench.gate.put(bench.context, PLACE, RECORDS, "ingest.new_body", save),
        lambda: bench.gate.patch(bench.context, PLACE, [(["c1"], {"a": 1})], "ingest.new_metadata"),
        lambda: bench.gate.delete(bench.context, PLACE, ["c1"], "source.gone"),
        lambda: bench.gate.delete(bench.context, PLACE, ["c1"], "drift.orphan", permit=permit),
        lambda: bench.gate.purge(bench.context, PLACE, "purge"),
        lambda: bench.gate.permit(bench.context, Deed.DELETE, {"main": 1}, 1),
        bench.gate.require_open,
    ):
        with pytest.raises(Paused, match="since 2026-03-02T09:00:00Z by bo \\(planned-work\\)"):
            call()
    assert (bench.store.calls, bench.store.opened) == ([], 0)
    assert (bench.intents(), bench.events(), bench.chunks()) == ([], before, [])
    assert permit.left("main") == 1
    resume(bench)
    bench.gate.put(bench.context, PLACE, RECORDS, "ingest.new_body", save)
    assert bench.chunks() == ["c1", "c2"]


def test_a_pause_that_comes_while_a_change_is_made_lets_it_end_and_stops_the_next(catalog_engine: Engine) -> None:
    bench = Bench(catalog_engine)
    store = Store(lambda _call: pause(bench))
    gate = WriteGate(bench.catalog, {"main": store}, Guard())
    gate.put(bench.context, PLACE, RECORDS, "ingest.new_body", save)
    assert bench.intents() == [("put", [], "done")]
    with pytest.raises(Paused):
        gate.put(bench.context, PLACE, RECORDS, "ingest.new_body", save)
    assert bench.intents() == [("put", [], "done")]


def test_what_was_left_open_is_looked_into_while_changes_are_paused(bench: Bench) -> None:
    bench.store.breaks = "after put"
    with pytest.raises(IndexUnreachable):
        bench.gate.put(bench.context, PLACE, RECORDS, "ingest.new_body")
    pause(bench)
    assert bench.gate.recover(bench.context, PLACE) == 1
    assert bench.intents() == [("put", [], "unknown")]


def limited(bench: Bench, items: int, percent: int) -> WriteGate:
    limit = ActionLimit(max_items=items, max_percent=percent)
    bench.gate.put(bench.context, PLACE, RECORDS, "ingest.new_body", save)
    return WriteGate(bench.catalog, {"main": bench.store}, Guard(), lambda: Limits(actions={Deed.DELETE: limit}))


def test_a_deletion_that_nothing_else_holds_back_needs_a_permit(bench: Bench) -> None:
    gate = limited(bench, 2, 100)
    before = bench.events()
    with pytest.raises(LimitExceeded, match="without a permit"):
        gate.delete(bench.context, PLACE, ["c1"], "drift.orphan")
    assert (bench.store.calls, bench.events()) == (["put"], before)
    permit = gate.permit(bench.context, Deed.DELETE, {"main": 2})
    gate.delete(bench.context, PLACE, ["c1"], "drift.orphan", permit=permit)
    with pytest.raises(LimitExceeded, match="1 are left"):
        gate.delete(bench.context, PLACE, ["c2", "c3"], "drift.orphan", permit=permit)
    assert bench.store.rows.keys() == {"c2"}
    assert [row[0] for row in bench.intents()] == ["put", "delete"]
    gate.delete(bench.context, PLACE, ["c2"], "drift.orphan", permit=permit)
    assert permit.left("main") == 0


def test_a_permit_is_refused_before_anything_and_the_refusal_is_an_event(bench: Bench) -> None:
    gate = limited(bench, 100, 50)
    assert gate.permit(bench.context, Deed.DELETE, {"main": 1}).left("main") == 1
    assert len(bench.events()) == 2
    with pytest.raises(LimitExceeded, match="2 of 2 chunks \\(100 %\\) in main") as refused:
        gate.permit(bench.context, Deed.DELETE, {"main": 2})
    assert refused.value.item == "limits.delete.max_percent"
    with pytest.raises(LimitExceeded, match="which is 2 and not the 3"):
        gate.permit(bench.context, Deed.DELETE, {"main": 2}, 3)
    assert gate.permit(bench.context, Deed.DELETE, {"main": 2}, 2).left("main") == 2
    counts = {"planned": 2, "present": 2}
    assert bench.events()[2:] == [
        ("limit.refused", "limits.delete.max_percent", "refused", counts),
        ("limit.refused", "limits.delete", "refused", counts),
        ("limit.confirmed", "limits.delete", "done", counts),
    ]


def test_the_share_is_of_what_the_catalog_knows_to_be_in_that_very_index(bench: Bench) -> None:
    gate = limited(bench, 100, 50)
    with bench.catalog.write() as uow:
        others = [
            ChunkRow(
                index_name="other",
                partition="",
                chunk_id=f"o{number}",
                source="docs",
                document="a.md",
                position=0,
                body_hash="b",
                meta_hash="m",
            )
            for number in range(100)
        ]
        uow.chunks.save(others, NOW)
        assert (uow.chunks.count("main"), uow.chunks.count("other"), uow.chunks.count()) == (2, 100, 102)
    with pytest.raises(LimitExceeded):
        gate.permit(bench.context, Deed.DELETE, {"main": 2})
    assert gate.permit(bench.context, Deed.DELETE, {"other": 2}).left("other") == 2


def test_a_deed_that_nobody_limited_needs_the_number(bench: Bench) -> None:
    for deed in (Deed.QUARANTINE, Deed.REDACT, Deed.ERASE):
        with pytest.raises(LimitExceeded):
            bench.gate.permit(bench.context, deed, {"main": 1})
        assert bench.gate.permit(bench.context, deed, {"main": 1}, 1).left("main") == 1


def test_what_changes_nothing_needs_no_leave(bench: Bench) -> None:
    pause(bench)
    reader = context_of(Actor(id="rex", roles=frozenset({Role.READER})))
    assert bench.gate.permit(reader, Deed.DELETE, {"main": 0}, 5).left("main") == 0
    assert bench.gate.permit(reader, Deed.ERASE, {}).left("main") == 0
    assert bench.events() == []


def test_a_permit_is_for_those_who_may_change_an_index(bench: Bench) -> None:
    reader = context_of(Actor(id="rex", roles=frozenset({Role.READER, Role.STEWARD})))
    with pytest.raises(RoleRefused):
        bench.gate.permit(reader, Deed.DELETE, {"main": 1}, 1)
    assert bench.events() == []
