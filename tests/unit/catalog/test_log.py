"""The audit log in the database: what is appended, when, and what is given back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, MetaData, delete, func, select, text, update

from governance.catalog.engine import begin_read, begin_write, create_catalog_engine
from governance.catalog.failures import ConstraintViolated
from governance.catalog.log_marks import StoredCheckpoint
from governance.catalog.migrate import RevisionState, check, migrations_folder, upgrade
from governance.catalog.tables import audit_entry, audit_head, audit_name, event
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.actors import Actor, Identity
from governance.domain.errors import ConfigError, KbgovError, LogInconsistent
from governance.domain.events import Action, Event, Thing
from governance.domain.log_entry import ALLOWED, NONCE_BYTES
from governance.domain.merkle import EMPTY_ROOT, Frontier, frontier_subtrees, leaf_hash, node_hash
from governance.domain.pseudonyms import Kind, PseudonymKey, Pseudonyms
from governance.domain.values import canonical_json, digest_of, sha256_hex
from tests.kept_log import NOW, as_owner, fail, happened, set_head, sqlite_copy, write
from tests.log_attacks import drop_triggers
from tests.log_rows import KEY, digest_pseudonym, known_names

EARLIER = {
    "at": datetime(2026, 3, 1, 8, 30, 15, 123456, tzinfo=UTC),
    "action": "run.finished",
    "actor": "Ann Smith",
    "actor_kind": "person",
    "identity": "asserted",
    "run_id": 3,
    "intent_id": None,
    "index_name": "main",
    "partition": "acmé",
    "reason": "",
    "outcome": "done",
    "counts": {"chunks": 5},
    "digest": "d" * 64,
}
EARLIER_DIGEST_AT = {**EARLIER, "at": "2026-03-01T08:30:15.123456Z"}


@pytest.fixture
def catalog(catalog_engine: Engine) -> Catalog:
    return Catalog(catalog_engine, known_names)


def stored(catalog: Catalog) -> list[dict[str, Any]]:
    with catalog.read() as uow:
        return [json.loads(row.body) for row in uow.log.entries()]


def told(catalog: Catalog) -> list[tuple[str, Any]]:
    return [(body["action"], body.get("run")) for body in stored(catalog)]


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, to the letter."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(naive_root(leaves[:half]), naive_root(leaves[half:]))


def fork(catalog: Catalog, names: Pseudonyms) -> Catalog:
    """Give the same database under other keys."""
    return Catalog(catalog.engine, lambda: names)


def change(uow: UnitOfWork, *events: Event, then: Callable[[], None] = lambda: None) -> None:
    """Do something that the log is to tell of."""
    assert uow.policy_sets.adopt("a" * 64, "{}", NOW)
    for item in events:
        uow.record(item)
    then()


def refuse_to_change(catalog: Catalog, kind: type[Exception], match: str, *events: Event) -> Exception:
    """Have a change fail because of what is to be told of it; neither is stored."""
    before, recorded = stored(catalog), catalog.recorded
    with pytest.raises(kind, match=match) as caught, catalog.write() as uow:
        change(uow, *events)
    with catalog.read() as uow:
        assert uow.policy_sets.starting("") == []
    assert (stored(catalog), catalog.recorded) == (before, recorded)
    return caught.value


# Appending


def test_entries_stand_in_the_order_in_which_they_were_recorded_from_zero_on(catalog: Catalog) -> None:
    with catalog.write() as uow:
        for number in (3, 1, 2):
            uow.record(happened(number))
        assert uow.log.waiting == 3
        assert list(uow.log.entries()) == []
        assert uow.log.head().size == 0
    with catalog.write() as uow:
        uow.record(happened(7))
    bodies = stored(catalog)
    assert [body["seq"] for body in bodies] == [0, 1, 2, 3, 4]
    assert told(catalog) == [
        ("log.began", None),
        ("run.started", 3),
        ("run.started", 1),
        ("run.started", 2),
        ("run.started", 7),
    ]
    with catalog.read() as uow:
        assert [row.seq for row in uow.log.entries()] == [0, 1, 2, 3, 4]
        assert uow.log.extent() == (5, 5)


@pytest.mark.parametrize("sizes", [(1,), (2, 3, 5), (63, 64, 65), (100, 1, 90)])
def test_the_tree_over_what_is_stored_is_that_of_the_bodies(catalog: Catalog, sizes: tuple[int, ...]) -> None:
    """Batches of every kind: smaller and larger than what goes into the tree one by one."""
    for size in sizes:
        write(catalog, size)
    with catalog.read() as uow:
        rows, head = list(uow.log.entries()), uow.log.head()
    leaves = [leaf_hash(row.body.encode("ascii")) for row in rows]
    frontier = Frontier()
    assert [row.hashes for row in rows] == [frontier.append(leaf) for leaf in leaves]
    assert head == (sum(sizes) + 1, frontier.to_bytes())
    assert Frontier.from_bytes(*head).root == naive_root(leaves)


def test_bodies_are_canonical_and_no_two_nonces_are_alike(catalog: Catalog) -> None:
    write(catalog, 50)
    with catalog.read() as uow:
        bodies = [row.body for row in uow.log.entries()]
    fields = [json.loads(body) for body in bodies]
    assert [canonical_json(one).decode() for one in fields] == bodies
    assert all(ALLOWED[name](value) for one in fields for name, value in one.items())
    assert len({one["nonce"] for one in fields}) == 51
    assert {len(one["nonce"]) for one in fields} == {2 * NONCE_BYTES}


def test_entries_speak_of_names_by_pseudonyms_alone(catalog: Catalog) -> None:
    names, ann = known_names(), Actor(id="Ann Smith")
    with catalog.write() as uow:
        uow.record(
            happened(actor=ann, partition="Tenant of Ann", about=Thing(Kind.DOCUMENT, "hr\0ann.md"), digest="a" * 64)
        )
    began, body = stored(catalog)
    assert body["actor"] == began["actor"] == names.of(Kind.ACTOR, "Ann Smith")
    assert body["partition"] == names.of(Kind.PARTITION, "Tenant of Ann")
    assert body["object"] == names.of(Kind.DOCUMENT, "hr\0ann.md")
    with catalog.read() as uow:
        assert "nn" not in "".join(row.body for row in uow.log.entries())


def test_nothing_recorded_writes_nothing_and_needs_no_key(catalog_engine: Engine) -> None:
    asked = []

    def names() -> Pseudonyms:
        asked.append(1)
        raise ConfigError("there is no key")

    catalog = Catalog(catalog_engine, names)
    with catalog.write() as uow:
        assert uow.policy_sets.adopt("a" * 64, "{}", NOW)
    with catalog.read() as uow:
        assert uow.log.head() == (0, b"")
        assert uow.log.extent() == (0, 0)
        assert list(uow.log.rows()) == []
    assert asked == []
    assert catalog.recorded == 0


def test_what_was_written_is_counted_with_the_first_entry_and_only_once_it_is_stored(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.record(happened(1))
        uow.record(happened(2))
        assert catalog.recorded == 0
    assert catalog.recorded == 3
    with pytest.raises(InterruptedError), catalog.write() as uow:
        change(uow, happened(3), then=fail)
    with catalog.write():
        pass
    assert catalog.recorded == 3
    write(catalog, 4)
    assert catalog.recorded == 7


# What leaves nothing


def test_a_transaction_that_fails_leaves_no_entry_and_no_name(catalog: Catalog) -> None:
    write(catalog, 2)

    def flush_and_fail(uow: UnitOfWork) -> None:
        change(uow, happened(9, actor=Actor(id="bo")))
        assert uow.log.flush() == 1
        fail()

    with pytest.raises(InterruptedError), catalog.write() as uow:
        flush_and_fail(uow)
    assert [body["seq"] for body in stored(catalog)] == [0, 1, 2]
    with catalog.read() as uow:
        assert uow.log.head().size == 3
        assert uow.log.names_of([known_names().of(Kind.ACTOR, "bo")]) == {}
        assert uow.policy_sets.starting("") == []
    write(catalog, 1)
    assert [body["seq"] for body in stored(catalog)] == [0, 1, 2, 3]


def test_what_is_taken_back_inside_a_transaction_is_not_told(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.record(happened(1))
        with uow.undone():
            uow.record(happened(2))
            uow.record(happened(3))
            with uow.undone():
                uow.record(happened(4))
            assert uow.log.waiting == 3
        with pytest.raises(InterruptedError), uow.undone():
            change(uow, happened(5), then=fail)
        uow.record(happened(6))
    assert told(catalog) == [("log.began", None), ("run.started", 1), ("run.started", 6)]


def test_a_preview_leaves_no_entry(catalog: Catalog) -> None:
    with catalog.scratch() as uow:
        uow.record(happened(1))
    with catalog.write() as uow, uow.undone():
        uow.record(happened(2))
    assert stored(catalog) == []
    assert catalog.recorded == 0
    with catalog.read() as uow:
        assert uow.log.head() == (0, b"")


def test_without_a_key_neither_the_entry_nor_the_change_is_stored(catalog_engine: Engine) -> None:
    def without() -> Pseudonyms:
        raise ConfigError("there is no audit key")

    catalog = Catalog(catalog_engine, without)
    refuse_to_change(catalog, ConfigError, "no audit key", happened(1))
    with catalog.write() as uow:
        assert uow.policy_sets.adopt("a" * 64, "{}", NOW)


def test_what_is_not_allowed_in_the_log_takes_its_change_with_it(catalog: Catalog) -> None:
    told_of = happened(1), happened(2, reason="Ann asked for it")
    refuse_to_change(catalog, ValueError, "the field reason of an event", *told_of)
    assert stored(catalog) == []


# The first entry


def began_with(engine: Engine, *rows: dict[str, Any]) -> dict[str, Any]:
    """Give the first entry of a log that begins behind such earlier events."""
    if rows:
        with begin_write(engine) as connection:
            connection.execute(event.insert(), list(rows))
    catalog = Catalog(engine, known_names)
    write(catalog, 1)
    return stored(catalog)[0]


def test_a_log_with_nothing_before_it_says_so_in_its_first_entry(catalog_engine: Engine) -> None:
    began = began_with(catalog_engine)
    assert (began["action"], began["counts"], began["outcome"]) == ("log.began", {"earlier_events": 0}, "done")
    assert (began["seq"], began["at"]) == (0, "2026-11-21T09:00:00.000000Z")
    assert "digest" not in began


def test_the_first_entry_counts_what_came_before_and_holds_a_digest_that_can_be_computed(
    catalog_engine: Engine,
) -> None:
    began = began_with(catalog_engine, EARLIER, {**EARLIER, "run_id": 4})
    first = digest_of(["", {**EARLIER_DIGEST_AT, "seq": 1}])
    assert began["counts"] == {"earlier_events": 2}
    assert began["digest"] == digest_pseudonym(digest_of([first, {**EARLIER_DIGEST_AT, "run_id": 4, "seq": 2}]))


@pytest.mark.parametrize(
    "changed",
    [
        {"actor": "Bo"},
        {"counts": {"chunks": 6}},
        {"at": datetime(2026, 3, 1, 8, 30, 15, 123457, tzinfo=UTC)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_the_digest_of_what_came_before_changes_with_every_column(
    spare_catalog_urls: Iterator[str], changed: dict[str, Any]
) -> None:
    digests = set()
    for rows in ([EARLIER, EARLIER], [{**EARLIER, **changed}, EARLIER]):
        engine = create_catalog_engine(next(spare_catalog_urls))
        digests.add(began_with(engine, *rows)["digest"])
        engine.dispose()
    assert len(digests) == 2


def test_events_of_the_revision_before_the_log_are_kept_and_counted(blank_url: str) -> None:
    engine = create_catalog_engine(blank_url)
    rows = [{**EARLIER, "run_id": number} for number in range(3)]
    with begin_write(engine) as connection:
        to_revision(connection, "0003")
        tables = MetaData()
        tables.reflect(connection)
        naive = connection.dialect.name == "sqlite"
        kept = [{**row, "at": row["at"].replace(tzinfo=None)} if naive else row for row in rows]
        connection.execute(tables.tables["event"].insert(), kept)
    assert check(engine).state is RevisionState.BEHIND
    assert upgrade(engine).state is RevisionState.OK
    with begin_read(engine) as connection:
        found = [dict(row._mapping) for row in connection.execute(select(event).order_by(event.c.seq))]
    assert found == [{**row, "seq": number} for number, row in enumerate(rows, 1)]
    catalog = Catalog(engine, known_names)
    with catalog.read() as uow:
        assert uow.log.head() == (0, b"")
    write(catalog, 1)
    assert stored(catalog)[0]["counts"] == {"earlier_events": 3}
    with begin_read(engine) as connection:
        assert connection.execute(select(func.count()).select_from(event)).scalar_one() == 3
    engine.dispose()


def to_revision(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


# A damaged head


@pytest.mark.parametrize(
    "values",
    [
        {"frontier": b""},
        {"frontier": b"x" * 31},
        {"frontier": b"x" * 96},
        {"size": 7},
        {"size": -3},
        {"size": 2**63 - 1, "frontier": bytes(63 * 32)},
    ],
    ids=["none", "cut", "too many", "too few", "negative", "endless"],
)
def test_nothing_is_appended_to_a_log_whose_head_does_not_fit_its_size(
    catalog: Catalog, values: dict[str, object]
) -> None:
    write(catalog, 4)
    set_head(catalog.engine, **values)
    refuse_to_append(catalog)


def test_nothing_is_appended_to_a_log_without_a_head(catalog: Catalog) -> None:
    write(catalog, 4)
    with as_owner(catalog.engine) as connection:
        connection.execute(delete(audit_head))
    refuse_to_append(catalog)
    with pytest.raises(LogInconsistent, match="the row of its head is gone"), catalog.read() as uow:
        uow.log.head()


def refuse_to_append(catalog: Catalog) -> None:
    error = refuse_to_change(catalog, LogInconsistent, "the audit log is damaged", happened(9))
    assert error.exit_code == 5
    assert "kbgov log verify" in error.next_step


def test_nothing_is_appended_behind_a_head_that_holds_something_else(sqlite_template: Path, tmp_path: Path) -> None:
    """SQLite takes any value in any column."""
    catalog = Catalog(create_catalog_engine(sqlite_copy(sqlite_template, tmp_path)), known_names)
    write(catalog, 4)
    drop_triggers(catalog.engine)
    for column in ("size = 'abc'", "size = 4.5", "size = 5, frontier = 'abc'", "frontier = 1000000000000"):
        with begin_write(catalog.engine) as connection:
            connection.execute(text(f"UPDATE audit_head SET {column}"))
        refuse_to_append(catalog)
    catalog.close()


def test_a_head_that_was_set_back_forks_nothing(catalog: Catalog) -> None:
    write(catalog, 4)
    with catalog.read() as uow:
        hashes = [row.hashes for row in uow.log.entries()]
    set_head(catalog.engine, size=2, frontier=hashes[1][32:64])
    refuse_to_change(catalog, ConstraintViolated, "refused a row", happened(9))


def test_a_careless_statement_that_would_rewrite_the_log_is_refused(catalog: Catalog) -> None:
    write(catalog, 3)
    with catalog.write() as uow:
        uow.checkpoints.add(StoredCheckpoint(size=4, note="note", signed_at=NOW))
    for statement in (
        "UPDATE audit_entry SET body = '{}' WHERE seq = 1",
        "DELETE FROM audit_entry WHERE seq = 1",
        "UPDATE audit_head SET size = 1",
        "DELETE FROM audit_head",
        "UPDATE audit_checkpoint SET note = ''",
        "DELETE FROM audit_checkpoint",
    ):
        with pytest.raises(KbgovError), begin_write(catalog.engine) as connection:
            connection.execute(text(statement))
    with catalog.read() as uow:
        assert (uow.log.extent(), uow.log.head().size, len(uow.checkpoints.every())) == ((4, 4), 4, 1)


# Reading


def test_entries_can_be_read_in_part_backwards_and_one_by_one(catalog: Catalog) -> None:
    write(catalog, 9)
    with catalog.read() as uow:
        whole = list(uow.log.entries())
        assert [tuple(row) for row in uow.log.rows()] == whole
        assert list(uow.log.entries(3)) == whole[3:]
        assert list(uow.log.entries(3, 7)) == whole[3:7]
        assert list(uow.log.entries(stop=2)) == whole[:2]
        assert list(uow.log.entries(10)) == list(uow.log.entries(4, 4)) == []
        assert list(uow.log.backwards()) == whole[::-1]
        assert uow.log.entry(4) == whole[4]
        assert uow.log.entry(10) is uow.log.entry(-1) is None
        assert {type(value) for row in whole for value in row} == {int, str, bytes}


def test_more_entries_than_are_fetched_at_a_time_come_in_order(catalog: Catalog) -> None:
    write(catalog, 2100)
    with catalog.read() as uow:
        numbers = [row.seq for row in uow.log.entries()]
        assert numbers == list(range(2101))
        assert [row.seq for row in uow.log.backwards()] == numbers[::-1]
        newest = uow.log.backwards()
        assert next(newest).seq == 2100
        newest.close()
        assert uow.log.extent() == (2101, 2101)


def test_the_extent_tells_of_gaps(catalog: Catalog) -> None:
    write(catalog, 9)
    with as_owner(catalog.engine) as connection:
        connection.execute(delete(audit_entry).where(audit_entry.c.seq.in_([2, 3, 9])))
    with catalog.read() as uow:
        assert uow.log.extent() == (7, 9)


def test_hashes_of_subtrees_are_where_the_tree_puts_them(catalog: Catalog) -> None:
    write(catalog, 12)
    with catalog.read() as uow:
        leaves = [leaf_hash(row.body.encode()) for row in uow.log.entries()]
        wanted = [(level, index) for level in range(4) for index in range(13 >> level)]
        found = uow.log.hashes_of(wanted)
        assert uow.log.hashes_of([]) == {}
    assert found == {
        (level, index): naive_root(leaves[index << level : (index + 1) << level]) for level, index in wanted
    }


def test_more_subtrees_than_fit_in_one_statement_are_found(catalog: Catalog) -> None:
    write(catalog, 1100)
    wanted = [(0, index) for index in range(1101)]
    with catalog.read() as uow:
        assert list(uow.log.hashes_of(wanted)) == wanted


def test_a_subtree_that_is_not_complete_has_no_hash(catalog: Catalog) -> None:
    write(catalog, 12)
    with catalog.read() as uow:
        for level, index in ((0, 13), (1, 6), (4, 0), (40, 0)):
            with pytest.raises(LogInconsistent, match=f"the hash of subtree {index} of level {level} is not there"):
                uow.log.hashes_of([(0, 1), (level, index)])


def test_a_hash_that_was_cut_is_not_there(catalog: Catalog) -> None:
    write(catalog, 3)
    drop_triggers(catalog.engine)
    for hashes in (b"x" * 63, b"x" * 31, b""):
        with begin_write(catalog.engine) as connection:
            connection.execute(update(audit_entry).where(audit_entry.c.seq == 1).values(hashes=hashes))
        with catalog.read() as uow:
            assert len(uow.log.hashes_of([(0, 2), (0, 3), (2, 0)])) == 3
            with pytest.raises(LogInconsistent, match="the hash of subtree 0 of level 1"):
                uow.log.hashes_of(frontier_subtrees(2))


# Names


def test_the_name_of_an_actor_is_kept_once_for_each_key(catalog: Catalog) -> None:
    newer = Pseudonyms([KEY, PseudonymKey("99999999", bytes(32))])
    for one in (catalog, catalog, fork(catalog, newer)):
        with one.write() as uow:
            for name in ("ann", "bo", "ann"):
                uow.record(happened(1, actor=Actor(id=name)))
    with begin_read(catalog.engine) as connection:
        rows = connection.execute(select(audit_name.c.pseudonym, audit_name.c.name)).all()
    kept = [(names.of(Kind.ACTOR, name), name) for names in (known_names(), newer) for name in ("ann", "bo")]
    assert sorted(rows) == sorted(kept)


def test_who_is_meant_can_be_told_as_long_as_the_name_is_kept(catalog: Catalog) -> None:
    newer = Pseudonyms([KEY, PseudonymKey("99999999", bytes(32))])
    for one in (catalog, fork(catalog, newer)):
        with one.write() as uow:
            uow.record(happened(1, actor=Actor(id="ann")))
    old, new = known_names().of(Kind.ACTOR, "ann"), newer.of(Kind.ACTOR, "ann")
    unknown = known_names().of(Kind.ACTOR, "cy")
    with catalog.write() as uow:
        assert uow.log.names_of([old, new, unknown, old]) == {old: "ann", new: "ann"}
        assert uow.log.names_of([]) == {}
        before = [row.body for row in uow.log.entries()]
        uow.log.forget_names(KEY.key_id)
        assert uow.log.names_of([old, new]) == {new: "ann"}
        assert [row.body for row in uow.log.entries()] == before


def test_a_name_that_somebody_merely_claimed_is_not_kept(catalog: Catalog) -> None:
    """It may be anything, even a secret that was typed in the wrong place."""
    claimed = Actor(id="typed by mistake", identity=Identity.CLAIMED)
    with catalog.write() as uow:
        uow.record(happened(1, action=Action.COMMAND_REFUSED, actor=claimed))
    of = known_names().of(Kind.ACTOR, claimed.id)
    assert stored(catalog)[1]["actor"] == of
    with catalog.read() as uow:
        assert uow.log.names_of([of]) == {}


def test_many_names_are_found_at_once(catalog: Catalog) -> None:
    with catalog.write() as uow:
        for number in range(1200):
            uow.record(happened(number, actor=Actor(id=f"actor {number}")))
    names = known_names()
    wanted = {names.of(Kind.ACTOR, f"actor {number}"): f"actor {number}" for number in range(1200)}
    with catalog.read() as uow:
        assert uow.log.names_of(wanted) == wanted


def test_entries_under_a_key_are_counted_by_any_pseudonym_in_them(catalog: Catalog) -> None:
    other = Pseudonyms([KEY, PseudonymKey("99999999", bytes(32))])
    write(catalog, 3)
    with fork(catalog, other).write() as uow:
        uow.record(happened(1, partition="x", digest="y"))
        uow.record(happened(2, reason="h1:0a1b2c3d", key="audit:0a1b2c3d"))
    with catalog.read() as uow:
        assert uow.log.named_under(KEY.key_id) == 4
        assert uow.log.named_under("99999999") == 2
        assert uow.log.named_under("00000000") == 0


def test_a_digest_in_the_log_is_keyed_so_that_nobody_can_guess_what_it_is_over(catalog: Catalog) -> None:
    plain = sha256_hex(b"ann.md")
    with catalog.write() as uow:
        uow.record(happened(1, digest=plain, action=Action.DOCUMENTS_REMOVED))
    assert stored(catalog)[1]["digest"] == digest_pseudonym(plain)
    with catalog.read() as uow:
        assert plain not in "".join(row.body for row in uow.log.entries())
