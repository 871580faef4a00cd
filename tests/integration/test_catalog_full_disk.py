"""A disk that is full while the catalog is written: it is said, and nothing that was stored is lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, func, insert, select

from governance.catalog.engine import begin_read, begin_write
from governance.catalog.tables import policy_set
from governance.domain.errors import CatalogUnreachable

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
SQLITE = pytest.mark.parametrize("catalog_url", ["sqlite"], indirect=True)

ON_A_TINY_DISK = """
import sys
from datetime import UTC, datetime
from sqlalchemy import func, insert, select
from governance.catalog.engine import begin_read, begin_write, create_catalog_engine
from governance.catalog.migrate import upgrade
from governance.catalog.tables import policy_set
from governance.domain.errors import CatalogUnreachable
engine = create_catalog_engine(f"sqlite:///{sys.argv[1]}/catalog.db")
upgrade(engine)
stored, failure = 0, None
while failure is None:
    try:
        with begin_write(engine) as connection:
            values = {"digest": str(stored), "body": "x" * 20_000, "first_used": datetime(2026, 1, 1, tzinfo=UTC)}
            connection.execute(insert(policy_set).values(values))
        stored += 1
    except CatalogUnreachable as full:
        failure = full
engine.dispose()
engine = create_catalog_engine(f"sqlite:///{sys.argv[1]}/catalog.db")
with begin_read(engine) as connection:
    assert connection.execute(select(func.count()).select_from(policy_set)).scalar_one() == stored
    assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
engine.dispose()
print(failure.exit_code, stored > 10, failure.message)
"""


def put(connection: Connection, digest: str, size: int = 10) -> None:
    connection.execute(insert(policy_set).values(digest=digest, body="x" * size, first_used=MOMENT))


def put_two(engine: Engine) -> None:
    with begin_write(engine) as connection:
        put(connection, "small")
        put(connection, "large", 100_000)


@pytest.fixture
def cramped(catalog_engine: Engine) -> Iterator[dict[str, int]]:
    """Let SQLite believe that the disk has room for so many pages."""
    room = {"pages": 0}

    @event.listens_for(catalog_engine, "begin")
    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {room['pages'] or 2**30}")

    yield room
    event.remove(catalog_engine, "begin", limit)


@SQLITE
def test_when_the_disk_is_full_the_whole_unit_of_work_is_taken_back_and_later_goes_through(
    catalog_engine: Engine, cramped: dict[str, int]
) -> None:
    with begin_write(catalog_engine) as connection:
        put(connection, "before")
    with begin_read(catalog_engine) as connection:
        cramped["pages"] = connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 2
    with pytest.raises(CatalogUnreachable, match="full") as full:
        put_two(catalog_engine)
    assert full.value.exit_code == 75
    assert "free some space" in (full.value.next_step or "")
    with begin_read(catalog_engine) as connection:
        assert connection.execute(select(policy_set.c.digest)).scalars().all() == ["before"]
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    cramped["pages"] = 0
    put_two(catalog_engine)
    with begin_read(catalog_engine) as connection:
        assert connection.execute(select(func.count()).select_from(policy_set)).scalar_one() == 3


def test_on_a_real_disk_of_one_megabyte_everything_that_was_committed_is_still_there(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare(1) is not there, so no small disk can be made")
    checkout = Path(__file__).parents[2]
    mount = 'mount -t tmpfs -o size=1m none "$1" && cd "$2" && exec "$3" -c "$4" "$1"'
    script = ["sh", "-c", mount, "sh", str(tmp_path), str(checkout), sys.executable, ON_A_TINY_DISK]
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", *script], capture_output=True, text=True, check=False
    )
    if done.returncode != 0 and ("unshare" in done.stderr or "mount" in done.stderr) and not done.stdout:
        pytest.skip(f"no small disk can be made here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("75 True The ")
