from __future__ import annotations

import getpass
import importlib.metadata
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from governance import bootstrap
from governance.bootstrap import BUILT_IN, ByName, actor_name, adapter, open_app
from governance.domain.actors import Identity, Role
from governance.domain.errors import ConfigError, DatabaseRevisionError, InputError
from tests.command_line import InProcess


@pytest.fixture
def kbgov(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    made = InProcess(tmp_path, capsys, monkeypatch)
    made.page("a.md")
    assert made("init", "--source", "docs").code == 0
    return made


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, names in BUILT_IN.items() for name in names])
def test_adapters_are_found_without_installed_metadata(monkeypatch: pytest.MonkeyPatch, group: str, name: str) -> None:
    monkeypatch.setattr(bootstrap, "entry_points", lambda **_: [])
    made = adapter(group, name)
    assert f"{made.__module__}:{made.__name__}".startswith(group)


def test_an_entry_point_wins_over_what_is_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = importlib.metadata.EntryPoint("embedded", "collections:Counter", "governance.indexes")
    monkeypatch.setattr(bootstrap, "entry_points", lambda **_: [entry])
    assert adapter("governance.indexes", "embedded").__name__ == "Counter"


def test_an_adapter_that_cannot_be_imported_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for target in ("no.such.module:Thing", "collections:Nothing"):
        entry = importlib.metadata.EntryPoint("embedded", target, "governance.indexes")
        monkeypatch.setattr(bootstrap, "entry_points", lambda entry=entry, **_: [entry])
        with pytest.raises(ConfigError, match="cannot be imported"):
            adapter("governance.indexes", "embedded")


def test_things_by_name_are_made_once_and_only_when_asked_for() -> None:
    made: list[str] = []
    things = ByName({"a": 1, "b": 2}, lambda name: made.append(name) or name.upper())
    assert (list(things), len(things), "a" in things, "c" in things) == (["a", "b"], 2, True, False)
    assert made == ["a"]
    assert things["a"] == things["a"] == "A"
    assert made == ["a"]
    with pytest.raises(KeyError):
        _ = things["c"]


def test_who_acts_is_said_by_the_environment_or_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    assert actor_name({}) == actor_name({"KBGOV_ACTOR": "  "}) == "ann"
    assert actor_name({"KBGOV_ACTOR": "bea@example.com"}) == "bea@example.com"


@pytest.mark.parametrize("error", [OSError, KeyError, ImportError])
def test_a_user_without_a_name_acts_by_number(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def nameless() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert actor_name({}).startswith("uid-")


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "x" * 201])
def test_a_name_that_cannot_be_printed_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        actor_name({"KBGOV_ACTOR": name})


@pytest.mark.usefixtures("kbgov")
def test_the_operator_holds_every_role_and_is_only_asserted() -> None:
    with open_app(None, env={"KBGOV_ACTOR": "ann"}) as app:
        assert app.actor.roles == frozenset(Role)
        assert app.actor.identity is Identity.ASSERTED


@pytest.mark.usefixtures("kbgov")
def test_today_is_a_day_of_the_configured_zone() -> None:
    def clock() -> datetime:
        return datetime(2026, 11, 15, 20, 0, tzinfo=UTC)

    with open_app(None, env={}, clock=clock) as app:
        assert app.today == date(2026, 11, 15)
    with open_app(None, env={"KBGOV_TIMEZONE": "Asia/Tokyo"}, clock=clock) as app:
        assert app.today == app.desk.today == date(2026, 11, 16)


def test_a_catalog_that_is_not_ready_is_not_opened(kbgov: InProcess) -> None:
    (kbgov.folder / "kbgov.db").unlink()
    with pytest.raises(DatabaseRevisionError), open_app(None, env={}):
        pass
    with open_app(None, env={}, check_revision=False) as app:
        assert list(app.sources) == ["docs"]
    assert not (kbgov.folder / "kbgov.db").exists()


def test_settings_of_a_source_reach_it(kbgov: InProcess) -> None:
    for name in ("b.txt", "drafts/c.md"):
        kbgov.page(name)
    with open_app(None, env={"KBGOV_SOURCES__DOCS__PATTERNS": '["*.txt"]'}) as app:
        assert [entry.document for entry in app.sources["docs"].listing()] == ["b.txt"]
    with open_app(None, env={"KBGOV_SOURCES__DOCS__EXCLUDE": '["drafts/"]'}) as app:
        assert [entry.document for entry in app.sources["docs"].listing()] == ["a.md", "b.txt"]
    with open_app(None, env={}) as plain, open_app(None, env={"KBGOV_SOURCES__DOCS__DATE_ORDER": "dmy"}) as other:
        assert plain.sources["docs"].recipe != other.sources["docs"].recipe


def test_where_a_source_goes_must_be_clear(kbgov: InProcess) -> None:
    config = kbgov.folder / "kbgov.toml"
    config.write_text(config.read_text().replace('index = "main"\n', ""))
    with open_app(None, env={}) as app:
        assert app.jobs()[0].place == ("main", "")
    config.write_text(config.read_text() + '\n[indexes.second]\npath = "second.db"\n')
    with open_app(None, env={}) as app:
        assert app.jobs(index="second")[0].place == ("second", "")
        with pytest.raises(InputError, match="which index"):
            app.jobs()


def test_a_next_step_carries_the_configuration_that_was_typed(kbgov: InProcess) -> None:
    (kbgov.folder / "kbgov.db").unlink()
    for typed in (("--config", "kbgov.toml"), ("--config=kbgov.toml",)):
        error = kbgov("ingest", "--json", *typed).json["error"]
        assert error["next"] == "kbgov db upgrade --config kbgov.toml"
    assert kbgov("ingest", "--json").json["error"]["next"] == "kbgov db upgrade"


def somebody_elses(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE theirs (value TEXT)")
        db.commit()


def a_catalog_whose_revision_was_lost(file: Path) -> None:
    (file.parent / "kbgov.db").rename(file)
    with closing(sqlite3.connect(file)) as db:
        db.execute("DELETE FROM alembic_version")
        db.commit()


def the_index(file: Path) -> None:
    with open_app(None, env={}) as app:
        app.index("main").writer().close()
    (file.parent / "main-index.db").rename(file)


@pytest.mark.parametrize("make", [somebody_elses, a_catalog_whose_revision_was_lost, the_index])
def test_a_database_that_is_no_catalog_is_refused_and_left_alone(kbgov: InProcess, make) -> None:
    file = kbgov.folder / "other.db"
    make(file)
    before = file.read_bytes()
    kbgov.env.setenv("KBGOV_DATABASE_URL", "sqlite:///other.db")
    for command in (("ingest",), ("audit", "run"), ("findings", "list"), ("db", "check"), ("db", "upgrade")):
        result = kbgov(*command, "--json")
        assert (result.code, result.json["error"]["code"]) == (2, "database_revision"), command
        assert "not a catalog of kbgov" in result.json["error"]["message"]
        assert result.json["error"]["next"].startswith("set database_url to another file")
    assert file.read_bytes() == before
    assert not list(kbgov.folder.glob("other.db-*"))


def test_an_audit_before_the_first_ingest_names_the_command_with_the_configuration(kbgov: InProcess) -> None:
    out = kbgov("audit", "run", "--config", "kbgov.toml").out
    assert "main: the index did not answer; next: kbgov doctor --config kbgov.toml" in out
    assert "next: kbgov doctor\n" in kbgov("audit", "run").out
    alone = kbgov("audit", "run", "--only", "freshness", "--config", "kbgov.toml").out
    assert "docs: as listed just now" in alone


def test_an_audit_of_what_nobody_has_listed_names_the_command_with_the_configuration(kbgov: InProcess) -> None:
    out = kbgov("audit", "run", "--only", "freshness", "--config", "kbgov.toml").out
    assert "docs: never listed to its end, so little is known of it; next: kbgov sync --config kbgov.toml" in out
    assert "next: kbgov sync\n" in kbgov("audit", "run", "--only", "freshness").out
