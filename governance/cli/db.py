"""`kbgov db upgrade|check`."""

from __future__ import annotations

import click

from governance.bootstrap import open_app
from governance.catalog.migrate import RevisionCheck, check, require_current, upgrade
from governance.cli.options import Answer, Options, answering
from governance.domain.actors import Role


@click.group(
    "db", short_help="Create, upgrade or check the catalog's database.", epilog="\b\nExample:\n  kbgov db check"
)
def command() -> None:
    """Create, upgrade or check the catalog's database."""


@command.command(
    "upgrade",
    short_help="Bring the tables to this version.",
    epilog="\b\nExample:\n  kbgov db upgrade",
)
@answering
def upgrade_(options: Options) -> Answer:
    """Create the catalog's tables, or bring them to this version. Changes nothing when they are."""
    with open_app(options.config, check_revision=False) as app:
        app.actor.require(Role.ADMIN)
        before = check(app.catalog.engine)
        after = upgrade(app.catalog.engine)
        return _answer(app.database, after, before)


@command.command(
    "check",
    short_help="Say which revision the tables have.",
    epilog="\b\nExample:\n  kbgov db check --json",
)
@answering
def check_(options: Options) -> Answer:
    """Say which revision the catalog's tables have; exit code 2 when it is not this version's."""
    with open_app(options.config, check_revision=False) as app:
        require_current(app.catalog.engine)
        found = check(app.catalog.engine)
        return _answer(app.database, found, found)


def _answer(database: str, found: RevisionCheck, before: RevisionCheck) -> Answer:
    changed = found.current != before.current
    word = f"upgraded from {before.current or 'nothing'} to {found.current}" if changed else f"is at {found.current}"
    return Answer(
        payload={
            "database": database,
            "revision": found.current,
            "head": found.head,
            "state": found.state.value,
            "upgraded": changed,
        },
        show=lambda screen: screen.line(f"The catalog {word}, as this version needs it: {database}"),
    )
