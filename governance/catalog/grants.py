"""What the program's login may do on PostgreSQL, where another one owns the tables: SQL from the tables' own list.

The owner can do anything, also take away the triggers that refuse to change the log. A login that owns nothing and has
these rights alone cannot: it reads and appends entries and checkpoints, and moves the head. A table that nobody has
thought of here gets the rights that the program needs on tables of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from governance.catalog.tables import metadata
from governance.domain.errors import InputError

LONGEST_NAME: Final = 63
"""Bytes of a name; PostgreSQL cuts longer ones, and so takes them for another's."""
EVERYTHING: Final = "SELECT, INSERT, UPDATE, DELETE"
LESS: Final[Mapping[str, str]] = {
    "audit_entry": "SELECT, INSERT",
    "audit_checkpoint": "SELECT, INSERT",
    "audit_head": "SELECT, UPDATE",
    "event": "SELECT",  # what was recorded before there was a log
    "alembic_version": "SELECT",
}
"""Tables on which the program needs less than everything. None gets TRUNCATE, REFERENCES or TRIGGER."""
_EVERYBODY: Final = frozenset({"public", "none"})
"""Words that PostgreSQL takes for no login even in quotation marks: `GRANT ... TO "public"` is a grant to everybody."""


def grants(application: str, schema: str = "public") -> str:
    """Give the SQL that gives the program's login what it needs and nothing else.

    It is for the owner of the tables to run, again after every upgrade, and says the same each time.

    Args:
        application: Name of the login; it exists, owns nothing and is no member of the owner.
        schema: Where the tables are.

    Raises:
        InputError: A name is none that PostgreSQL can take.

    """
    login, place = _quoted(application, "--application"), _quoted(schema, "--schema")
    if application in _EVERYBODY:
        raise InputError(
            "this word stands for everybody or nobody, not for a login",
            item="--application",
            next_step="create a login for the program and name that",
        )
    return "\n".join(["BEGIN;", *_statements(login, place), "COMMIT;", ""])


def _statements(login: str, schema: str) -> Iterator[str]:
    tables = [*sorted(metadata.tables), "alembic_version"]
    yield f"GRANT USAGE ON SCHEMA {schema} TO {login};"
    yield f"REVOKE CREATE ON SCHEMA {schema} FROM {login};"
    for table in tables:
        name = f'{schema}."{table}"'
        yield f"REVOKE ALL ON TABLE {name} FROM {login};"
        yield f"GRANT {LESS.get(table, EVERYTHING)} ON TABLE {name} TO {login};"
    for sequence in _sequences():
        name = f'{schema}."{sequence}"'
        yield f"REVOKE ALL ON SEQUENCE {name} FROM {login};"
        yield f"GRANT USAGE ON SEQUENCE {name} TO {login};"


def _sequences() -> Iterator[str]:
    """Give the sequences that number rows which the program adds."""
    for name, table in sorted(metadata.tables.items()):
        column = table.autoincrement_column
        if column is not None and column.autoincrement is True and "INSERT" in LESS.get(name, EVERYTHING):
            yield f"{name}_{column.name}_seq"


def _quoted(name: str, item: str) -> str:
    """Give a name as SQL writes it, whatever letters it has."""
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= LONGEST_NAME or "\0" in name:
        raise InputError(
            f"a name of PostgreSQL has 1 to {LONGEST_NAME} bytes and no NUL character",
            item=item,
            next_step="use the name as \\du and \\dn of psql show it",
        )
    return '"' + name.replace('"', '""') + '"'
