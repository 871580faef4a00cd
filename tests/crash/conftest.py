"""Fixtures for tests that kill processes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.conftest import sqlite_url
from tests.crash.drifted import Drifted, Hours


@pytest.fixture
def copied(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Drifted, str], Drifted]]:
    """Give a function that copies a knowledge base, its catalog included, and lets go of the one that it copies."""
    with ExitStack() as stack:

        def copy(base: Drifted, name: str) -> Drifted:
            base.close()  # PostgreSQL copies only what nobody is connected to
            folder = shutil.copytree(base.folder, tmp_path / name)
            url = make_url(base.url)
            if url.drivername == "sqlite":
                file = shutil.copy(str(url.database), tmp_path / f"{name}.db")
                return Drifted(folder, sqlite_url(file), base.kind, Hours(base.clock.hour))
            databases = request.getfixturevalue("postgres_databases")
            other = stack.enter_context(databases.one(url.database))
            return Drifted(folder, other, base.kind, Hours(base.clock.hour))

        yield copy
