"""Keyed digests that stand for names, so that the log can speak of somebody without naming them.

A plain digest of a name is no protection: whoever has a list of names can try them all. With a key that is not in the
database only the holder of the key can, and nobody any more once it is destroyed.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

SECRET_BYTES: Final = 32
SCHEME: Final = "h1"
"""HMAC-SHA256 over the kind of thing, a zero byte and the name, as UTF-8."""


class Kind(StrEnum):
    """What a name is a name of; the same name of another kind gets another pseudonym."""

    ACTOR = "actor"
    PARTITION = "partition"
    DOCUMENT = "document"
    CHUNK = "chunk"
    FINDING = "finding"
    SUBJECT = "subject"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class PseudonymKey:
    """A key of one family.

    Attributes:
        key_id: Eight hexadecimal digits that say which key it is, and nothing else about it.
        secret: 32 random bytes.

    """

    key_id: str
    secret: bytes = field(repr=False)


class Pseudonyms:
    """Gives pseudonyms under the newest of several keys, and recognizes those of the older ones.

    Args:
        keys: The oldest first; at least one.

    """

    def __init__(self, keys: Sequence[PseudonymKey]) -> None:
        if not keys:
            raise ValueError("pseudonyms need a key")
        self._keys = tuple(keys)
        self._beginning = f"{SCHEME}:{self.key_id}:"
        self._begun: dict[Kind, hmac.HMAC] = {}

    @property
    def key_id(self) -> str:
        """Which key new pseudonyms are made with."""
        return self._keys[-1].key_id

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Which keys there are, the oldest first."""
        return tuple(key.key_id for key in self._keys)

    def of(self, kind: Kind, name: str) -> str:
        """Give the pseudonym of a name under the newest key: "h1:<key id>:<64 hexadecimal digits>"."""
        begun = self._begun.get(kind)
        if begun is None:
            begun = self._begun[kind] = hmac.new(self._keys[-1].secret, _prefix(kind), "sha256")
        made = begun.copy()  # twice as fast as one that is made from the key each time
        made.update(name.encode("utf-8", "surrogatepass"))
        return f"{self._beginning}{made.hexdigest()}"

    def every(self, kind: Kind, name: str) -> frozenset[str]:
        """Give the pseudonyms of a name under all keys that are left, for looking it up."""
        return frozenset(_under(key, kind, name) for key in self._keys)


def throwaway() -> Pseudonyms:
    """Give pseudonyms under a new random key, for a catalog that is thrown away before anybody asks who was meant."""
    return Pseudonyms([PseudonymKey("00000000", secrets.token_bytes(SECRET_BYTES))])


NameKeys: TypeAlias = Callable[[], Pseudonyms]
"""Gives the keys when they are first needed: whoever only reads needs none."""


def key_of(pseudonym: str) -> str:
    """Give the id of the key that a pseudonym was made with."""
    return pseudonym.split(":", 2)[1]


def _under(key: PseudonymKey, kind: Kind, name: str) -> str:
    message = _prefix(kind) + name.encode("utf-8", "surrogatepass")
    return f"{SCHEME}:{key.key_id}:{hmac.digest(key.secret, message, 'sha256').hex()}"


def _prefix(kind: Kind) -> bytes:
    return kind.value.encode("ascii") + b"\0"
