"""Attacks on an audit log by somebody who owns its database: the triggers are gone, every row can be written.

Each attack leaves the database as a careful attacker would: after "rebuild" the tree, the head and the numbers fit
together again, and checkpoints that would give it away are deleted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select, text, update

from governance.catalog.engine import begin_write
from governance.catalog.tables import audit_checkpoint, audit_entry, audit_head
from governance.domain.merkle import Frontier, leaf_hash
from governance.domain.values import canonical_json

VICTIM = 120
"""The entry that somebody wants changed or gone."""
OTHER = 130


@dataclass(frozen=True)
class Attack:
    """What somebody does to the log.

    Attributes:
        caught_alone: Whether the database alone gives it away.
        spares_beginning: Whether the first entries stay as they are, so that an old checkpoint still fits.

    """

    name: str
    run: Callable[[Connection], None]
    caught_alone: bool = False
    spares_beginning: bool = False


def drop_triggers(engine: Engine) -> None:
    """Take away what refuses changes, as the owner of the database can."""
    with begin_write(engine) as connection:
        if connection.dialect.name == "sqlite":
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in names:
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("DROP FUNCTION audit_log_refuse() CASCADE"))


def bodies_of(connection: Connection) -> list[str]:
    return list(connection.execute(select(audit_entry.c.body).order_by(audit_entry.c.seq)).scalars())


def forged(body: str, **changed: object) -> str:
    """Give a body that says something else, in the form in which bodies stand."""
    return canonical_json({**json.loads(body), **changed}).decode()


def rebuild(connection: Connection, bodies: Sequence[str], *, keep_checkpoints: int = 0) -> None:
    """Write another log that fits together, as a whole."""
    numbered = [forged(body, seq=seq) for seq, body in enumerate(bodies)]
    frontier = Frontier()
    hashes = frontier.extend([leaf_hash(body.encode()) for body in numbered])
    connection.execute(delete(audit_entry))
    connection.execute(
        insert(audit_entry),
        [{"seq": seq, "body": body, "hashes": hashes[seq]} for seq, body in enumerate(numbered)],
    )
    connection.execute(update(audit_head).values(size=frontier.size, frontier=frontier.to_bytes()))
    connection.execute(delete(audit_checkpoint).where(audit_checkpoint.c.size > keep_checkpoints))


def _set_body(connection: Connection, seq: int, body: str, hashes: bytes | None = None) -> None:
    values = {"body": body} if hashes is None else {"body": body, "hashes": hashes}
    connection.execute(update(audit_entry).where(audit_entry.c.seq == seq).values(**values))


def change_body(connection: Connection) -> None:
    _set_body(connection, VICTIM, forged(bodies_of(connection)[VICTIM], outcome="refused"))


def change_body_and_leaf(connection: Connection) -> None:
    body = forged(bodies_of(connection)[VICTIM], outcome="refused")
    stored = connection.execute(select(audit_entry.c.hashes).where(audit_entry.c.seq == VICTIM)).scalar_one()
    _set_body(connection, VICTIM, body, leaf_hash(body.encode()) + bytes(stored)[32:])


def delete_a_row(connection: Connection) -> None:
    connection.execute(delete(audit_entry).where(audit_entry.c.seq == VICTIM))


def delete_and_renumber(connection: Connection) -> None:
    bodies = bodies_of(connection)
    rebuild(connection, bodies[:VICTIM] + bodies[VICTIM + 1 :])


def swap(connection: Connection) -> None:
    bodies = bodies_of(connection)
    bodies[VICTIM], bodies[OTHER] = bodies[OTHER], bodies[VICTIM]
    rebuild(connection, bodies)


def rewrite(connection: Connection) -> None:
    bodies = bodies_of(connection)
    bodies[VICTIM] = forged(bodies[VICTIM], outcome="refused")
    rebuild(connection, bodies)


def insert_one(connection: Connection) -> None:
    bodies = bodies_of(connection)
    rebuild(connection, [*bodies[:VICTIM], forged(bodies[VICTIM], outcome="refused"), *bodies[VICTIM:]])


def cut_the_tail(connection: Connection) -> None:
    rebuild(connection, bodies_of(connection)[:-10], keep_checkpoints=200)


def cut_and_add_as_many(connection: Connection) -> None:
    bodies = bodies_of(connection)
    tail = [forged(body, outcome="refused") for body in bodies[-10:]]
    rebuild(connection, bodies[:-10] + tail, keep_checkpoints=200)


ATTACKS = (
    Attack("change a body", change_body, caught_alone=True),
    Attack("change a body and its leaf hash", change_body_and_leaf, caught_alone=True),
    Attack("delete a row", delete_a_row, caught_alone=True),
    Attack("delete, renumber and rebuild", delete_and_renumber),
    Attack("swap two and rebuild", swap),
    Attack("rewrite and rebuild", rewrite),
    Attack("insert and rebuild", insert_one),
    Attack("cut the tail and rebuild", cut_the_tail, spares_beginning=True),
    Attack("cut the tail and add as many", cut_and_add_as_many, spares_beginning=True),
)
