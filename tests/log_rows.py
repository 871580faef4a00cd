"""What tests read of the audit log, and the keys that it is written with there."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select

from governance.catalog.tables import audit_entry, audit_name
from governance.domain.pseudonyms import Kind, PseudonymKey, Pseudonyms

KEY = PseudonymKey("0a1b2c3d", bytes(range(32)))
ABSENT = {"counts": {}, "intent": None, "run": None}


def known_names() -> Pseudonyms:
    """Give pseudonyms under a key that every test knows."""
    return Pseudonyms([KEY])


def digest_pseudonym(digest: str) -> str:
    """Give what stands for a digest in the log of a test."""
    return known_names().of(Kind.DIGEST, digest)


def log_bodies(connection: Connection, *actions: str) -> list[dict[str, Any]]:
    """Give what the entries say, in order; the first one, which speaks of the log itself, is left out."""
    rows = connection.execute(select(audit_entry.c.body).order_by(audit_entry.c.seq)).scalars()
    found = [json.loads(body) for body in rows][1:]
    return [body for body in found if not actions or body["action"] in actions]


def log_rows(connection: Connection, *fields: str) -> list[tuple[Any, ...]]:
    """Give fields of every entry, in order: "" where an entry has none, an actor by their name."""
    names = dict(connection.execute(select(audit_name.c.pseudonym, audit_name.c.name)).all())
    return [
        tuple(
            names.get(body["actor"]) if field == "actor" else body.get(field, ABSENT.get(field, "")) for field in fields
        )
        for body in log_bodies(connection)
    ]
