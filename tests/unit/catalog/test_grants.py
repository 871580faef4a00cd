"""The SQL for the program's login. What a server makes of it: test_catalog_grants.py."""

from __future__ import annotations

import json
import re

import pytest

from governance.catalog.grants import EVERYTHING, LESS, grants
from governance.catalog.tables import metadata
from governance.cli.main import run
from governance.domain.errors import InputError

_GRANT = re.compile(r'GRANT ([A-Z, ]+) ON TABLE "public"\."([a-z_]+)" TO "kbgov_app";')


def test_every_table_is_named_and_those_of_the_log_get_less() -> None:
    found = {table: rights for rights, table in _GRANT.findall(grants("kbgov_app"))}
    assert set(found) == {*metadata.tables, "alembic_version"}
    assert {table: rights for table, rights in found.items() if rights != EVERYTHING} == LESS
    assert set(LESS) - {"alembic_version"} <= set(metadata.tables)


def test_what_was_granted_before_is_taken_back_first() -> None:
    lines = grants("kbgov_app").splitlines()
    assert (lines[0], lines[-1]) == ("BEGIN;", "COMMIT;")
    for table in metadata.tables:
        revoked = lines.index(f'REVOKE ALL ON TABLE "public"."{table}" FROM "kbgov_app";')
        assert lines[revoked + 1].startswith("GRANT ")


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ('a"; DROP TABLE audit_entry; --', '"a""; DROP TABLE audit_entry; --"'),
        ("Mixed Case", '"Mixed Case"'),
        ("line\nend", '"line\nend"'),
        ("Prüfer", '"Prüfer"'),
        ("a\\b", '"a\\b"'),
        ("current_user", '"current_user"'),
        ("x" * 63, f'"{"x" * 63}"'),
    ],
)
def test_a_name_can_say_nothing_but_itself(name: str, quoted: str) -> None:
    plain = grants("application")
    assert grants(name) == plain.replace('"application"', quoted)
    assert grants("application", name) == plain.replace('"public"', quoted)


@pytest.mark.parametrize("name", ["", "x" * 64, "ü" * 32, "a\0b", "\ud800", "public", "none"])
def test_what_names_no_login_or_everybody_is_refused(name: str) -> None:
    with pytest.raises(InputError) as refused:
        grants(name)
    assert refused.value.item == "--application"
    assert refused.value.next_step


def test_the_command_prints_it_and_asks_no_database(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KBGOV_DATABASE_URL", "postgresql://nobody@nowhere.invalid/none")
    assert run(["db", "grants", "--application", "kbgov_app"]) == 0
    assert capsys.readouterr().out == grants("kbgov_app")
    assert run(["db", "grants", "--application", "kbgov_app", "--schema", "kb", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"sql": grants("kbgov_app", "kb")}
    assert run(["db", "grants", "--application", "public"]) == 2
    assert list(tmp_path.iterdir()) == []
