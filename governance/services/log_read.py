"""`kbgov log list|show`: what the entries say, with the names of who acted as far as they are kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from fnmatch import fnmatchcase
from itertools import islice
from typing import Final

from governance.catalog.log import StoredEntry
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.errors import InputError, LogInconsistent
from governance.domain.events import document_thing
from governance.domain.log_entry import ALLOWED
from governance.domain.merkle import HASH_BYTES
from governance.domain.pseudonyms import Kind, Pseudonyms
from governance.domain.values import Json

MOST: Final = 50
"""Entries that a list shows when nobody says how many."""


_NEEDED: Final = ("seq", "at", "action", "actor")
"""What lists show of every entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries are asked for; None asks for nothing.

    Attributes:
        action: Glob over actions ("finding.*").
        actor: Name of who acted.
        since: First day, in the configured time zone.
        until: Last day.
        document: Path of the document that an entry is about.
        limit: At most so many, the newest ones.

    """

    action: str | None = None
    actor: str | None = None
    run: int | None = None
    outcome: str | None = None
    reason: str | None = None
    since: date | None = None
    until: date | None = None
    document: str | None = None
    limit: int = MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEntry:
    """An entry as people see it.

    Attributes:
        body: What it says.
        actor: Name of who acted; None where nobody can tell any more.

    """

    body: Mapping[str, Json]
    actor: str | None

    def as_json(self) -> dict[str, Json]:
        """Give the body with the name beside it."""
        return {**self.body, "actor_name": self.actor}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDetail:
    """One entry with all that is known of it.

    Attributes:
        raw: The body to the letter.
        leaf: Its hash, in hexadecimal digits.
        signed: Size of the smallest checkpoint that covers it; None when none does.
        anchored: By anchor: whether the anchor has taken a checkpoint that covers it.

    """

    entry: ShownEntry
    raw: str
    leaf: str
    signed: int | None
    anchored: Mapping[str, bool]


def list_entries(catalog: Catalog, names: Callable[[], Pseudonyms], wanted: Wanted, zone: tzinfo) -> list[ShownEntry]:
    """Give the newest entries that are asked for, the oldest of them first.

    Args:
        catalog: Where the log is.
        names: Gives the keys of pseudonyms; asked for only when something is looked for by its name.
        wanted: What is asked for.
        zone: Whose calendar days count.

    """
    with catalog.read() as uow:
        fits = _filter(uow, names, wanted, zone)
        fitting = (body for body in map(_body, uow.log.backwards()) if fits(body))
        found = list(islice(fitting, min(wanted.limit, sys.maxsize)))
        return _with_names(uow, reversed(found))


def show_entry(catalog: Catalog, seq: int) -> EntryDetail:
    """Give one entry.

    Raises:
        InputError: There is none of this number.

    """
    with catalog.read() as uow:
        row = uow.log.entry(seq)
        if row is None:
            raise InputError(
                "the log has no entry of this number", item=str(seq), next_step="kbgov log list shows the numbers"
            )
        (entry,) = _with_names(uow, [_body(row)])
        sizes = [item.size for item in uow.checkpoints.every() if item.size > seq]
        anchored = {name: item.size > seq for name, item in uow.anchors.every().items()}
    return EntryDetail(
        entry=entry,
        raw=row.body,
        leaf=row.hashes[:HASH_BYTES].hex(),
        signed=min(sizes, default=None),
        anchored=anchored,
    )


def _filter(
    uow: UnitOfWork, names: Callable[[], Pseudonyms], wanted: Wanted, zone: tzinfo
) -> Callable[[Mapping[str, Json]], bool]:
    tests: list[Callable[[Mapping[str, Json]], bool]] = []
    for field in ("run", "outcome", "reason"):
        value = getattr(wanted, field)
        if value is not None:
            tests.append(lambda body, field=field, value=value: body.get(field) == value)  # type: ignore[misc]
    if wanted.action is not None:
        glob = wanted.action
        tests.append(lambda body: fnmatchcase(str(body["action"]), glob))
    if wanted.actor is not None:
        actors = names().every(Kind.ACTOR, wanted.actor)
        tests.append(lambda body: body["actor"] in actors)
    if wanted.document is not None:
        things = _things(uow, names(), wanted.document)
        tests.append(lambda body: body.get("object") in things)
    if wanted.since is not None or wanted.until is not None:
        first, last = wanted.since or date.min, wanted.until or date.max
        tests.append(lambda body: first <= datetime.fromisoformat(str(body["at"])).astimezone(zone).date() <= last)
    return lambda body: all(test(body) for test in tests)


def _things(uow: UnitOfWork, names: Pseudonyms, document: str) -> frozenset[str]:
    """Give what stands for a path in the log, whatever source it belongs to, and for every finding about it."""
    sources = {item.source for item in uow.documents.named(document)} | {state.source for state in uow.sources.states()}
    found: set[str] = set()
    for source in sources:
        thing = document_thing(source, document)
        found |= names.every(thing.kind, thing.name)
    for fingerprint in uow.findings.about(document):
        found |= names.every(Kind.FINDING, fingerprint)
    return frozenset(found)


def _body(row: StoredEntry) -> Mapping[str, Json]:
    try:
        body: Json = json.loads(row.body) if _is_row(row) else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, Mapping) or not all(name in body and ALLOWED[name](body[name]) for name in _NEEDED):
        raise LogInconsistent(
            f"entry {row.seq} cannot be read", item="audit log", next_step="kbgov log verify tells what is wrong"
        )
    return body


def _is_row(row: StoredEntry) -> bool:
    """Say whether a row holds what it should: SQLite takes any value in any column."""
    return [type(value) for value in row] == [int, str, bytes]


def _with_names(uow: UnitOfWork, bodies: Iterable[Mapping[str, Json]]) -> list[ShownEntry]:
    found = list(bodies)
    names = uow.log.names_of(str(body["actor"]) for body in found)
    return [ShownEntry(body=body, actor=names.get(str(body["actor"]))) for body in found]
