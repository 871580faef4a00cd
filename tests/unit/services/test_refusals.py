from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from governance.catalog.engine import begin_write, create_catalog_engine
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor, ActorKind, Identity, Role
from governance.domain.errors import CatalogUnreachable, ConfigError, NotAuthenticated, Paused, Refused, RoleRefused
from governance.domain.pseudonyms import Pseudonyms
from governance.services.refusals import record_refusal
from tests.log_rows import known_names, log_bodies, log_rows

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
ADA = Actor(id="ada@example.com", kind=ActorKind.JOB, roles=frozenset({Role.READER}), identity=Identity.AUTHENTICATED)
CLAIMED = Actor(id="eve@example.com", roles=frozenset(), identity=Identity.CLAIMED)
PLANTED = "the page security/vpn.md of ada@example.com"


@pytest.mark.parametrize(
    ("refused", "actor", "code"),
    [
        (RoleRefused(PLANTED, item=PLANTED), ADA, "role"),
        (NotAuthenticated(PLANTED, item=PLANTED), CLAIMED, "not_authenticated"),
        (Paused(PLANTED, item=PLANTED, next_step=PLANTED), ADA, "paused"),
    ],
)
def test_a_refusal_is_an_entry_with_code_command_and_actor(
    catalog_engine: Engine, refused: Refused, actor: Actor, code: str
) -> None:
    catalog = Catalog(catalog_engine, known_names)
    shown = None if actor is CLAIMED else actor.id  # a claim may be anything, even a secret: its name is not kept
    assert record_refusal(catalog, refused, actor, "audit run", now=NOW)
    with catalog.read() as uow:
        fields = ("action", "actor", "actor_kind", "identity", "command", "reason", "outcome", "at")
        assert log_rows(uow.connection, *fields) == [
            (
                *("command.refused", shown, actor.kind.value, actor.identity.value),
                *("audit run", code, "refused", "2026-11-21T09:00:00.000000Z"),
            )
        ]
        assert "example.com" not in str(log_bodies(uow.connection))
        assert "vpn" not in str(log_bodies(uow.connection))


def test_a_catalog_without_tables_hides_no_refusal_and_is_not_made(tmp_path: Path) -> None:
    catalog = Catalog(create_catalog_engine(f"sqlite:///{tmp_path}/none.db"), known_names)
    assert not record_refusal(catalog, RoleRefused("no"), ADA, "ingest", now=NOW)
    catalog.close()
    assert list(tmp_path.iterdir()) == []


def test_a_catalog_of_another_version_is_not_written_to(catalog_engine: Engine) -> None:
    with begin_write(catalog_engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    catalog = Catalog(catalog_engine, known_names)
    assert not record_refusal(catalog, RoleRefused("no"), ADA, "ingest", now=NOW)
    with catalog.read() as uow:
        assert log_bodies(uow.connection) == []


def test_a_missing_key_of_the_log_hides_no_refusal(catalog_engine: Engine) -> None:
    def without() -> Pseudonyms:
        raise ConfigError("there is no key")

    catalog = Catalog(catalog_engine, without)
    assert not record_refusal(catalog, RoleRefused("no"), ADA, "ingest", now=NOW)
    with catalog.read() as uow:
        assert log_bodies(uow.connection) == []


def test_a_catalog_that_is_busy_hides_no_refusal(catalog_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_catalog: Catalog) -> None:
        raise CatalogUnreachable("another process is writing")

    monkeypatch.setattr(Catalog, "write", busy)
    assert not record_refusal(Catalog(catalog_engine, known_names), RoleRefused("no"), ADA, "ingest", now=NOW)
