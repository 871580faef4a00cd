"""What one entry of the log says: codes, counts and pseudonyms, from a list of what is allowed and nothing else.

The bytes are canonical JSON as RFC 8785 gives them, which for ASCII keys, short whole numbers and no floats is what
`json.dumps` prints with sorted keys and no blanks. A field that says nothing is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from governance.domain.events import Event
from governance.domain.pseudonyms import Kind, Pseudonyms
from governance.domain.values import Json

VERSION: Final = 1
NONCE_BYTES: Final = 16
"""Random bytes in every entry: without them, whoever has an entry's hash could guess what it says."""
LARGEST: Final = 2**53
"""Whole numbers from here on are not the same in every reader of JSON."""

_CODE: Final = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,99}")
_COMMAND: Final = re.compile(r"[a-z]+(?:[ -][a-z]+){0,3}")
_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_KEY: Final = re.compile(r"[a-z]+:[0-9a-f]{8}")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_PSEUDONYM: Final = re.compile(r"h1:[0-9a-f]{8}:[0-9a-f]{64}")
_COUNTED: Final = frozenset({"chunks", "failed", "existed", "documents", "findings"})
"""Names of counts that come often: they are codes."""
_NONCE: Final = re.compile(r"[0-9a-f]{32}")


def _matches(pattern: re.Pattern[str]) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def is_count(value: Json) -> bool:
    """Say whether a value is a whole number that every reader of JSON reads alike."""
    return type(value) is int and 0 <= value < LARGEST


def _are_counts(value: Json) -> bool:
    return isinstance(value, Mapping) and all(_CODE.fullmatch(name) and is_count(item) for name, item in value.items())


ALLOWED: Final[Mapping[str, Callable[[Json], bool]]] = {
    "action": _matches(_CODE),
    "actor": _matches(_PSEUDONYM),
    "actor_kind": _matches(_CODE),
    "at": _matches(_MOMENT),
    "command": _matches(_COMMAND),
    "counts": _are_counts,
    "digest": _matches(_PSEUDONYM),
    "identity": _matches(_CODE),
    "index": _matches(_NAME),
    "intent": is_count,
    "key": _matches(_KEY),
    "nonce": _matches(_NONCE),
    "object": _matches(_PSEUDONYM),
    "outcome": _matches(_CODE),
    "partition": _matches(_PSEUDONYM),
    "policy": _matches(_SHA256),
    "reason": _matches(_CODE),
    "run": is_count,
    "seq": is_count,
    "v": is_count,
}
"""Every field that an entry may have, with what its value must look like."""


class _Frame(NamedTuple):
    """The parts of a body that come again and again, checked and written once."""

    who: str
    command: str
    where: str
    key: str
    what: str


class EntryWriter:
    """Writes bodies under one set of keys.

    A body is put together from pieces, in the order of the keys: every value is one of a form that JSON writes as it
    stands.

    Args:
        names: Gives the pseudonyms.

    """

    def __init__(self, names: Pseudonyms) -> None:
        self._names = names
        self._frames: dict[tuple[str, ...], _Frame] = {}

    def body(self, event: Event, seq: int, nonce: str) -> str:
        """Give an entry's text; ASCII.

        Args:
            event: What is told; its names are replaced by pseudonyms.
            seq: The entry's place in the log, from 0.
            nonce: NONCE_BYTES random bytes, in hexadecimal digits.

        Raises:
            ValueError: A value is not of the form that its field must have: nothing of it may get into the log.

        """
        frame, about = self._frame(event), event.about
        digest = f'"digest":"{self._names.of(Kind.DIGEST, event.digest)}",' if event.digest else ""
        thing = f'"object":"{self._names.of(about.kind, about.name)}",' if about is not None else ""
        return (
            f"{{{frame.who}{_at(event.at)}{frame.command}{_counts(event.counts)}{digest}{frame.where}"
            f'{_number("intent", event.intent_id)}{frame.key}"nonce":"{nonce}",{thing}{frame.what}'
            f'{_number("run", event.run_id)}"seq":{seq},"v":{VERSION}}}'
        )

    def _frame(self, event: Event) -> _Frame:
        actor = event.actor
        asked = (
            *(event.action, actor.id, actor.kind, actor.identity, event.command, event.index),
            *(event.key, event.outcome, event.partition, event.policy, event.reason),
        )
        found = self._frames.get(asked)
        if found is None:
            found = self._frames[asked] = self._made(event)
        return found

    def _made(self, event: Event) -> _Frame:
        actor, partition = event.actor, event.partition
        who = _piece("actor", self._names.of(Kind.ACTOR, actor.id))
        where = _piece("partition", self._names.of(Kind.PARTITION, partition)) if partition else ""
        why = _piece("policy", event.policy) + _piece("reason", event.reason)
        return _Frame(
            who=_piece("action", event.action.value) + who + _piece("actor_kind", actor.kind.value),
            command=_piece("command", event.command),
            where=_piece("identity", actor.identity.value) + _piece("index", event.index),
            key=_piece("key", event.key),
            what=_piece("outcome", event.outcome) + where + why,
        )


def _piece(field: str, value: str) -> str:
    """Give a field with its value, "" where it says nothing."""
    if value and not ALLOWED[field](value):
        raise _not_allowed(field)
    return f'"{field}":"{value}",' if value else ""


def _at(moment: datetime) -> str:
    text = (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat(timespec="microseconds")
    return f'"at":"{text[:26]}Z",'


def _number(field: str, value: int | None) -> str:
    if value is None:
        return ""
    if not is_count(value):
        raise _not_allowed(field)
    return f'"{field}":{value},'


def _counts(counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    for name, count in counts.items():
        if not ((name in _COUNTED or _CODE.fullmatch(name)) and is_count(count)):
            raise _not_allowed("counts")
    return '"counts":{' + ",".join([f'"{name}":{counts[name]}' for name in sorted(counts)]) + "},"


def _not_allowed(field: str) -> ValueError:
    return ValueError(f"what the field {field} of an event holds is not allowed in the log")
