"""Leases between real processes that run, die and are paused."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest
from sqlalchemy import Engine, select

from governance.catalog.engine import begin_read, begin_write
from governance.catalog.leases import HeldLease, acquire
from governance.catalog.tables import policy_set
from governance.domain.errors import LockHeld

pytestmark = pytest.mark.crash

Starter = Callable[..., Popen[str]]

HOLD = """
import sys
from datetime import UTC, datetime
from sqlalchemy import insert
from governance.catalog.engine import begin_write, create_catalog_engine
from governance.catalog.leases import LeaseLost, acquire
from governance.catalog.tables import policy_set
engine = create_catalog_engine(sys.argv[1])
held = acquire(engine, "work", float(sys.argv[2]))
print(held.token, flush=True)
sys.stdin.readline()
try:
    with begin_write(engine) as connection:
        connection.execute(insert(policy_set).values(digest="late", body="", first_used=datetime.now(UTC)))
        held.check(connection)
    print("committed")
except LeaseLost as lost:
    print("fenced", lost.exit_code, held.lost)
held.release()
engine.dispose()
"""

CONTEND = """
import sys
from pathlib import Path
from governance.catalog.engine import begin_write, create_catalog_engine
from governance.catalog.leases import acquire
from governance.domain.errors import LockHeld
engine, marker, left = create_catalog_engine(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
while left:
    try:
        with acquire(engine, "work") as held:
            marker.touch(exist_ok=False)
            with begin_write(engine) as connection:
                held.check(connection)
            print(held.token)
            marker.unlink()
            left -= 1
    except LockHeld:
        continue
engine.dispose()
"""


def keep_trying(engine: Engine) -> HeldLease:
    """Take the lease as soon as it can be had."""
    while True:
        try:
            return acquire(engine, "work")
        except LockHeld:
            continue


def test_processes_that_contend_for_it_hold_it_one_at_a_time(
    catalog_url: str, catalog_engine: Engine, tmp_path: Path, started_python: Starter
) -> None:
    children = [started_python(CONTEND, catalog_url, str(tmp_path / "marker"), "8") for _ in range(4)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    answers = [child.communicate() for child in children]
    assert [complaint for _, complaint in answers] == [""] * 4
    tokens = [[int(token) for token in printed.split()] for printed, _ in answers]
    assert all(each == sorted(each) for each in tokens)
    assert sorted(token for each in tokens for token in each) == list(range(1, 33))
    with acquire(catalog_engine, "work") as held:
        assert held.token == 33


def test_a_killed_holder_is_succeeded_at_once_however_long_its_lease(
    catalog_url: str, catalog_engine: Engine, started_python: Starter
) -> None:
    for token in (1, 3, 5):
        child = started_python(HOLD, catalog_url, "3600")
        assert child.stdout.readline() == f"{token}\n"
        with pytest.raises(LockHeld, match=f"process {child.pid}"):
            acquire(catalog_engine, "work")
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        with acquire(catalog_engine, "work") as successor:
            assert successor.token == token + 1


def test_a_holder_that_was_paused_beyond_its_lease_is_succeeded_and_cannot_commit(
    catalog_url: str, catalog_engine: Engine, started_python: Starter
) -> None:
    child = started_python(HOLD, catalog_url, "3")  # its first sign of life is due after a second
    assert child.stdout.readline() == "1\n"
    child.send_signal(signal.SIGSTOP)
    with pytest.raises(LockHeld):
        acquire(catalog_engine, "work")  # paused is not dead
    with keep_trying(catalog_engine) as successor:
        assert successor.token == 2
        child.send_signal(signal.SIGCONT)
        printed, complaint = child.communicate("go on\n")
        assert (printed, complaint) == ("fenced 75 True\n", "")
        with begin_write(catalog_engine) as connection:
            successor.check(connection)
    with begin_read(catalog_engine) as connection:
        assert connection.execute(select(policy_set)).all() == []


def test_a_holder_that_was_paused_and_not_succeeded_goes_on(
    catalog_url: str, catalog_engine: Engine, started_python: Starter
) -> None:
    child = started_python(HOLD, catalog_url, "0.001")  # has run out before the answer is read
    assert child.stdout.readline() == "1\n"
    assert child.communicate("go on\n") == ("committed\n", "")
    with acquire(catalog_engine, "work") as successor:
        assert successor.token == 2
