"""Leases inside one process: who gets them, what they say, what the token decides."""

from __future__ import annotations

import os
import socket
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, event, insert, select, update

from governance.catalog.engine import begin_read, begin_write, create_catalog_engine
from governance.catalog.leases import HeldLease, LeaseLost, acquire
from governance.catalog.migrate import upgrade
from governance.catalog.tables import lease, policy_set
from governance.domain.errors import CatalogUnreachable, LockHeld

NAME = "ingest:handbook"
ELSEWHERE = {"host": "elsewhere", "pid": 42, "started": "another-boot:1:1"}


def row(engine: Engine):
    with begin_read(engine) as connection:
        return connection.execute(select(lease).where(lease.c.name == NAME)).one()


def change(engine: Engine, **values: object) -> None:
    with begin_write(engine) as connection:
        connection.execute(update(lease).where(lease.c.name == NAME).values(**values))


def write_late(engine: Engine, held: HeldLease) -> None:
    with begin_write(engine) as connection:
        connection.execute(
            insert(policy_set).values(digest="late", body="", first_used=datetime(2026, 1, 1, tzinfo=UTC))
        )
        held.check(connection)


def test_a_second_taker_is_told_who_holds_it_since_when_and_what_to_do(catalog_engine: Engine) -> None:
    with acquire(catalog_engine, NAME), pytest.raises(LockHeld) as held:
        acquire(catalog_engine, NAME)
    since = datetime.fromtimestamp(row(catalog_engine).acquired, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert held.value.message == (
        f"Another process is at the same work: process {os.getpid()} on {socket.gethostname()} since {since}"
    )
    assert held.value.as_json()["item"] == NAME
    assert "try again" in (held.value.next_step or "")
    assert held.value.exit_code == 75


def test_each_acquisition_has_a_higher_token_and_another_owner_and_the_row_stays(catalog_engine: Engine) -> None:
    tokens, owners = [], set()
    for _ in range(5):
        with acquire(catalog_engine, NAME) as held:
            tokens.append(held.token)
            owners.add(row(catalog_engine).owner)
    assert tokens == [1, 2, 3, 4, 5]
    assert len(owners) == 5
    assert (row(catalog_engine).token, row(catalog_engine).expires) == (5, 0.0)


def test_names_do_not_hinder_one_another(catalog_engine: Engine) -> None:
    with acquire(catalog_engine, NAME), acquire(catalog_engine, "another"):
        pass


def test_a_lease_is_given_back_on_an_exception_and_only_once(catalog_engine: Engine) -> None:
    with pytest.raises(LookupError), acquire(catalog_engine, NAME) as first:
        raise LookupError
    second = acquire(catalog_engine, NAME)
    first.release()
    with pytest.raises(LockHeld):
        acquire(catalog_engine, NAME)
    second.release()
    second.release()
    assert not second.lost
    acquire(catalog_engine, NAME).release()


def test_a_holder_elsewhere_is_believed_until_its_lease_has_run_out(catalog_engine: Engine) -> None:
    acquire(catalog_engine, NAME).release()
    change(catalog_engine, owner="somebody", expires=4e9, **ELSEWHERE)  # the year 2096: the clock was set back
    acquire(catalog_engine, NAME).release()
    held = acquire(catalog_engine, NAME, 3600)
    change(catalog_engine, **ELSEWHERE)
    with pytest.raises(LockHeld, match="process 42 on elsewhere"):
        acquire(catalog_engine, NAME)
    change(catalog_engine, expires=1.0)
    with acquire(catalog_engine, NAME) as successor:
        assert successor.token == held.token + 1
    held.release()


def test_a_dead_process_of_this_machine_is_succeeded_at_once(catalog_engine: Engine) -> None:
    held = acquire(catalog_engine, NAME, 3600)
    world = row(catalog_engine).started.rpartition(":")[0]
    change(catalog_engine, started=f"{world}:1")  # the number has gone to another process since
    with acquire(catalog_engine, NAME) as successor:
        assert successor.token == held.token + 1
    held.release()


def test_whoever_was_succeeded_can_neither_commit_nor_give_back_the_successors_lease(catalog_engine: Engine) -> None:
    first = acquire(catalog_engine, NAME, 3600)
    change(catalog_engine, expires=1.0)
    second = acquire(catalog_engine, NAME, 3600)
    with pytest.raises(LeaseLost, match=f"process {os.getpid()}"):
        write_late(catalog_engine, first)
    assert first.lost
    first.release()
    with begin_write(catalog_engine) as connection:
        second.check(connection)
        assert connection.execute(select(policy_set)).all() == []
    assert not second.lost
    second.release()


def test_a_lease_that_ran_out_and_that_nobody_took_is_still_ours_and_is_renewed(catalog_engine: Engine) -> None:
    with acquire(catalog_engine, NAME, 3600) as held:
        change(catalog_engine, expires=1.0)
        with begin_write(catalog_engine) as connection:
            held.check(connection)
        with pytest.raises(LockHeld):
            acquire(catalog_engine, NAME)


def test_nobody_can_take_over_between_the_check_and_the_commit(catalog_url: str) -> None:
    engine, other = create_catalog_engine(catalog_url), create_catalog_engine(catalog_url, busy_timeout=0.05)
    held = acquire(engine, NAME, 3600)
    change(engine, expires=1.0)
    with begin_write(engine) as connection:
        held.check(connection)
        with pytest.raises(CatalogUnreachable):
            acquire(other, NAME)
    with pytest.raises(LockHeld):
        acquire(other, NAME)
    held.release()
    engine.dispose()
    other.dispose()


def test_the_heartbeat_keeps_the_lease_beyond_its_time(catalog_engine: Engine) -> None:
    with acquire(catalog_engine, NAME, 0.3) as held:
        first = row(catalog_engine).expires
        while row(catalog_engine).expires < first + 0.6:
            assert not held.lost
        assert row(catalog_engine).token == held.token


def test_the_heartbeat_notices_a_takeover(catalog_engine: Engine) -> None:
    held = acquire(catalog_engine, NAME, 0.3)
    change(catalog_engine, owner="somebody", token=held.token + 1, **ELSEWHERE)
    assert held._lost.wait(60)
    assert held.lost
    held.release()
    assert row(catalog_engine).owner == "somebody"


def test_the_heartbeat_goes_on_after_the_database_was_busy(catalog_url: str) -> None:
    engine, other = create_catalog_engine(catalog_url, busy_timeout=0.05), create_catalog_engine(catalog_url)
    failed = threading.Event()
    event.listen(engine, "handle_error", lambda _: failed.set())
    with acquire(engine, NAME, 0.3) as held:
        with begin_write(other) as connection:
            connection.execute(update(lease).values(pid=1))
            assert failed.wait(60)
        first = row(other).expires
        while row(other).expires == first:
            assert not held.lost
    engine.dispose()
    other.dispose()


def test_no_thread_is_left_after_the_release(catalog_engine: Engine) -> None:
    with acquire(catalog_engine, NAME):
        assert f"lease {NAME}" in {thread.name for thread in threading.enumerate()}
    assert f"lease {NAME}" not in {thread.name for thread in threading.enumerate()}


def test_of_many_threads_that_want_it_at_once_one_gets_it(catalog_url: str) -> None:
    engines = [create_catalog_engine(catalog_url) for _ in range(6)]
    start, got, refused = threading.Barrier(len(engines)), [], []

    def want(engine: Engine) -> None:
        start.wait()
        try:
            got.append(acquire(engine, NAME))
        except LockHeld as held:
            refused.append(held)

    threads = [threading.Thread(target=want, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 5)
    got[0].release()
    for engine in engines:
        engine.dispose()


def test_memory_needs_no_heartbeat() -> None:
    engine = create_catalog_engine("sqlite://")
    upgrade(engine)
    with acquire(engine, NAME) as held, begin_write(engine) as connection:
        held.check(connection)
        assert isinstance(held, HeldLease)
    engine.dispose()


def test_a_release_while_the_database_is_away_is_silent(catalog_url: str) -> None:
    engine, other = create_catalog_engine(catalog_url, busy_timeout=0.05), create_catalog_engine(catalog_url)
    held = acquire(engine, NAME)
    with begin_write(other) as connection:
        connection.execute(update(lease).values(pid=1))
        held.release()
    assert row(other).expires > 0
    engine.dispose()
    other.dispose()


@pytest.mark.parametrize(("name", "ttl"), [("", 1.0), ("x" * 201, 1.0), ("x", 0.0), ("x", -1.0), ("x", 3601.0)])
def test_a_name_or_time_out_of_range_is_a_mistake_of_the_caller(catalog_engine: Engine, name: str, ttl: float) -> None:
    with pytest.raises(ValueError, match="lease"):
        acquire(catalog_engine, name, ttl)
