"""The three families of keys, and how their files are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, Self

SUFFIX: Final = ".key"
LAST_NUMBER: Final = 9999
_FILE: Final = re.compile(r"(signing|audit|suppression)-([0-9]{4})-([0-9a-f]{8})\.key", re.ASCII)


class Family(StrEnum):
    """What a key is for.

    SIGNING signs checkpoints (Ed25519). AUDIT makes the pseudonyms of the log, and may be destroyed, after which nobody
    can tell any more who they stand for. SUPPRESSION recognizes what was erased when it comes back, and must live on.
    """

    SIGNING = "signing"
    AUDIT = "audit"
    SUPPRESSION = "suppression"

    @property
    def variable(self) -> str:
        """The environment's variable that wins over the files; with `_FILE` behind it, it names a file."""
        return f"KBGOV_KEY_{self.name}"


class FileName(NamedTuple):
    """What the name of a key's file says: `audit-0002-1a2b3c4d.key`. The highest number is the current key."""

    family: Family
    number: int
    key_id: str

    def __str__(self) -> str:
        """Give the name."""
        return f"{self.family}-{self.number:04d}-{self.key_id}{SUFFIX}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a name; None when it is none of a key's file."""
        found = _FILE.fullmatch(text)
        if found is None or int(found[2]) == 0:
            return None
        return cls(Family(found[1]), int(found[2]), found[3])


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """A key that is there, without its secret.

    Attributes:
        number: The highest of a family is its current key.
        where: The file, or the variable of the environment.
        created: When its file was written; None for one from the environment.

    """

    family: Family
    key_id: str
    number: int
    where: str
    created: datetime | None

    @property
    def name(self) -> str:
        """What the log calls it: "audit:1a2b3c4d"."""
        return f"{self.family}:{self.key_id}"

    @property
    def file_name(self) -> FileName:
        """What its file is called, wherever it comes from."""
        return FileName(self.family, self.number, self.key_id)
