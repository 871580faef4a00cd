"""Policy sets by name: those in files, and those that the catalog remembers by their digests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from governance.catalog.records import KnownSet
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import LOOKING
from governance.domain.errors import InputError
from governance.domain.values import Json, rfc3339
from governance.policy.loader import dump_canonical, dump_policies, load_policies, parse_stored
from governance.policy.model import PolicySet
from governance.services.runs import Desk

SHORTEST: Final = 8
"""Digits of a digest that are enough, where only one set begins so."""
_DIGITS: Final = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSet:
    """A policy set for people.

    Attributes:
        current: Whether it is the one that the configuration names now.
        first_used: When a run first obeyed it; None when none has.
        text: The set as one policy file.

    """

    digest: str
    current: bool
    first_used: datetime | None
    text: str

    def as_json(self) -> dict[str, Json]:
        """Give what `kbgov policy show --json` prints."""
        used = rfc3339(self.first_used) if self.first_used else None
        return {"digest": self.digest, "current": self.current, "first_used": used, "text": self.text}


def show_set(desk: Desk, digest: str | None = None) -> ShownSet:
    """Give the current policy set, or one that was in force once.

    Raises:
        InputError: No set, or more than one, has a digest that begins so.

    """
    desk.actor.require(*LOOKING)
    current = desk.policies
    if digest is None or (_DIGITS.fullmatch(digest) and current.digest.startswith(digest)):
        with desk.catalog.read() as uow:
            known = uow.policy_sets.starting(digest or current.digest)
        if not {item.digest for item in known} - {current.digest}:
            used = next((item.first_used for item in known), None)
            return ShownSet(digest=current.digest, current=True, first_used=used, text=dump_policies(current))
    found = _known(desk.catalog, digest or "")
    return ShownSet(digest=found.digest, current=False, first_used=found.first_used, text=dump_canonical(found.body))


def named_set(catalog: Catalog, name: str) -> PolicySet:
    """Give the policies of a file, of a folder, or of a digest of the catalog.

    Raises:
        InputError: There is nothing of this name.
        PolicyError: A file cannot be used, or a set of an earlier version says what this one does not read.

    """
    path = Path(name)
    if path.exists() or not _DIGITS.fullmatch(name):
        return load_policies([path])
    found = _known(catalog, name)
    return parse_stored(found.body, f"set {found.digest[:SHORTEST]}")


def _known(catalog: Catalog, beginning: str) -> KnownSet:
    if not _DIGITS.fullmatch(beginning):
        raise InputError(
            f"this is no digest of a policy set: at least its first {SHORTEST} digits are needed",
            item=beginning,
            next_step="kbgov audit run --json prints policy_digest; findings carry it too",
        )
    with catalog.read() as uow:
        found = uow.policy_sets.starting(beginning)
    if len(found) == 1:
        return found[0]
    several = ", ".join(item.digest[: SHORTEST * 2] for item in found[:5])
    raise InputError(
        f"{len(found)} policy sets begin like this" if found else "no policy set of the catalog has this digest",
        item=beginning,
        next_step=f"type more of it: {several}" if found else "kbgov audit run --json prints policy_digest",
    )
