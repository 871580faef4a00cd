"""Which revision a database has, and what a program does about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from governance.catalog.engine import begin_write, create_catalog_engine
from governance.catalog.migrate import (
    HEAD,
    REVISIONS,
    RevisionCheck,
    RevisionState,
    check,
    migrations_folder,
    require_current,
    upgrade,
)
from governance.domain.errors import DatabaseRevisionError


def set_revision(engine: Engine, *revisions: str) -> None:
    with begin_write(engine) as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        for revision in revisions:
            connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:r)"), {"r": revision})


def test_the_program_knows_exactly_the_scripts_that_are_there_in_their_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert tuple(script.revision for script in reversed(scripts)) == REVISIONS
    assert scripts[0].revision == HEAD


def test_a_migrated_database_is_current(catalog_engine: Engine) -> None:
    assert check(catalog_engine) == RevisionCheck(HEAD)
    assert check(catalog_engine).state is RevisionState.OK
    assert check(catalog_engine).known
    require_current(catalog_engine)


def test_a_database_without_tables_is_empty_and_the_next_command_is_the_upgrade(blank_url: str) -> None:
    engine = create_catalog_engine(blank_url)
    assert check(engine).state is RevisionState.EMPTY
    with pytest.raises(DatabaseRevisionError) as refused:
        require_current(engine)
    assert refused.value.next_step == "kbgov db upgrade"
    assert refused.value.exit_code == 2
    engine.dispose()


def test_asking_about_a_file_that_is_not_there_does_not_create_it(tmp_path: Path) -> None:
    engine = create_catalog_engine(f"sqlite:///{tmp_path}/catalog.db")
    assert check(engine) == RevisionCheck(None)
    assert list(tmp_path.iterdir()) == []


def test_a_database_whose_revision_was_taken_back_counts_as_empty(catalog_engine: Engine) -> None:
    set_revision(catalog_engine)
    assert check(catalog_engine).state is RevisionState.EMPTY


def test_an_older_revision_asks_for_the_upgrade(catalog_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governance.catalog.migrate.REVISIONS", ("0000", *REVISIONS))
    set_revision(catalog_engine, "0000")
    assert check(catalog_engine).state is RevisionState.BEHIND
    with pytest.raises(DatabaseRevisionError, match="0000") as refused:
        require_current(catalog_engine)
    assert refused.value.next_step == "kbgov db upgrade"


@pytest.mark.parametrize("revisions", [("9999",), ("0001", "9999")])
def test_a_revision_from_the_future_is_refused_and_left_alone(
    catalog_engine: Engine, revisions: tuple[str, ...]
) -> None:
    set_revision(catalog_engine, *revisions)
    before = check(catalog_engine)
    assert (before.state, before.known) == (RevisionState.UNKNOWN, False)
    for ask in (require_current, upgrade):
        with pytest.raises(DatabaseRevisionError, match="does not know") as refused:
            ask(catalog_engine)
        assert "install a newer kb-governance" in (refused.value.next_step or "")
    assert check(catalog_engine) == before


def test_an_upgrade_of_a_current_database_changes_nothing(catalog_engine: Engine) -> None:
    assert upgrade(catalog_engine) == RevisionCheck(HEAD)


def test_memory_can_be_migrated_too() -> None:
    engine = create_catalog_engine("sqlite://")
    assert check(engine).state is RevisionState.EMPTY
    assert upgrade(engine).state is RevisionState.OK
    require_current(engine)
    engine.dispose()


def test_asking_for_the_revision_does_not_import_alembic(catalog_url: str, run_python) -> None:
    script = (
        "import sys\n"
        "from governance.catalog.engine import create_catalog_engine\n"
        "from governance.catalog.migrate import require_current\n"
        "engine = create_catalog_engine(sys.argv[1])\n"
        "require_current(engine)\n"
        "engine.dispose()\n"
        "print('alembic' in sys.modules)\n"
    )
    assert run_python(script, catalog_url) == "False\n"


def test_the_scripts_of_an_installed_package_come_before_those_of_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "governance"
    package.mkdir()
    monkeypatch.setattr("governance.catalog.migrate._PACKAGE", package)
    with pytest.raises(DatabaseRevisionError, match="scripts"):
        migrations_folder()
    for folder in (tmp_path / "migrations", package / "_migrations"):
        folder.mkdir()
        (folder / "env.py").touch()
        assert migrations_folder() == folder


def test_a_percent_sign_in_the_path_of_the_scripts_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "100%(here)s"
    moved.mkdir()
    (moved / "migrations").symlink_to(migrations_folder())
    monkeypatch.setattr("governance.catalog.migrate._PACKAGE", moved / "governance")
    engine = create_catalog_engine("sqlite://")
    assert upgrade(engine).state is RevisionState.OK
    engine.dispose()
