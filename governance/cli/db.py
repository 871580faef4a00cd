"""`kbgov db upgrade|check|grants`."""

from __future__ import annotations

import click

from governance.catalog.grants import grants
from governance.catalog.migrate import RevisionCheck, check, require_current, upgrade
from governance.cli.options import Answer, Options, answering
from governance.cli.session import opened


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
    with opened(options, check_revision=False) as app:
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
    with opened(options, check_revision=False) as app:
        require_current(app.catalog.engine)
        found = check(app.catalog.engine)
        return _answer(app.database, found, found)


@command.command(
    "grants",
    short_help="Print the rights that the program's own login needs on PostgreSQL.",
    epilog="\b\nExample:\n  kbgov db grants --application kbgov_app | psql --set ON_ERROR_STOP=1 DATABASE",
)
@click.option("--application", required=True, metavar="ROLE", help="Login of the program, which owns no table.")
@click.option("--schema", default="public", show_default=True, metavar="NAME", help="Schema that the tables are in.")
@answering
def grants_(options: Options, application: str, schema: str) -> Answer:
    """Print the SQL that lets a login of PostgreSQL do what the program does and nothing else; no database is asked.

    Run it as the owner of the tables after each 'kbgov db upgrade'. The program's login can then read the audit log
    and append to it, and can neither change it nor take away what refuses changes.
    """
    del options
    sql = grants(application, schema)
    return Answer(payload={"sql": sql}, show=lambda screen: screen.text(sql))


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
