"""How much may be changed at once: an action that would change more is refused whole, before its first change.

After `max-resources` and `max-resources-percent` of cloud-custodian: the refusal names what was selected and of how
many, and only whoever types the number goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from governance.domain.actions import Deed
from governance.domain.errors import LimitExceeded
from governance.domain.events import Change
from governance.policy.model import ActionLimit

OF_THEIR_OWN: Final = frozenset({"ingest.old_body", "source.gone", "doctor.scratch"})
"""Reasons of deletions that need no permit, for something else holds them back.

Our ingester deletes what it has just replaced, and what two complete listings lacked that `limits.listing` let pass;
the doctor deletes the one record that it has put itself.
"""
DELETING: Final = frozenset({Deed.DELETE, Deed.ERASE})
"""Deeds whose permits allow to delete."""
DONE: Final[Mapping[Deed, str]] = {
    Deed.DELETE: "deleted",
    Deed.QUARANTINE: "quarantined",
    Deed.REDACT: "redacted",
    Deed.ERASE: "erased",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much of one index is to be changed.

    Attributes:
        planned: Chunks that are to be changed.
        present: Chunks that the catalog knows to be there.

    """

    index: str
    planned: int
    present: int

    @property
    def percent(self) -> int:
        """The share, rounded up, so that it never looks smaller than it is; of nothing any number is all of it."""
        return -(-100 * self.planned // self.present) if self.present else 100

    def exceeds(self, max_percent: int) -> bool:
        """Say whether the share is larger than allowed, to the chunk and without rounding."""
        return 100 * self.planned > max_percent * self.present


class Ruling(StrEnum):
    """Why an action may be done, or may not."""

    NOTHING = "nothing"
    WITHIN = "within"
    CONFIRMED = "confirmed"
    TOO_MANY = "max_items"
    TOO_LARGE_A_SHARE = "max_percent"
    OTHER_NUMBER = "other_number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether an action may be done.

    Attributes:
        extents: What it would change, by index.
        limit: What the policies allow.
        confirmed: The number that was typed; None when there was none.

    """

    ruling: Ruling
    deed: Deed
    extents: tuple[Extent, ...]
    limit: ActionLimit
    confirmed: int | None

    @property
    def allowed(self) -> bool:
        """Whether it may be done."""
        return self.ruling in {Ruling.NOTHING, Ruling.WITHIN, Ruling.CONFIRMED}

    @property
    def planned(self) -> int:
        """Chunks that would be changed, in all indexes together."""
        return sum(item.planned for item in self.extents)

    @property
    def key(self) -> str:
        """The key of the policy file that decides ("limits.delete.max_items")."""
        which = f".{self.ruling.value}" if self.ruling in {Ruling.TOO_MANY, Ruling.TOO_LARGE_A_SHARE} else ""
        return f"limits.{self.deed.value}{which}"

    @property
    def reason(self) -> str:
        """The verdict in words: what would be changed of how much, and what is allowed."""
        would = f"{_places(self.extents)} would be {DONE[self.deed]}"
        if self.ruling is Ruling.NOTHING:
            return f"nothing would be {DONE[self.deed]}"
        if self.ruling is Ruling.OTHER_NUMBER:
            return f"{would}, which is {self.planned} and not the {self.confirmed} of --confirm-count"
        allowed = f"{self.limit.max_items} at once and {self.limit.max_percent} percent of an index"
        return f"{would}, and limits.{self.deed.value} allows {allowed}"

    def require(self) -> None:
        """Raise LimitExceeded unless it may be done."""
        if self.allowed:
            return
        raise LimitExceeded(
            f"{self.reason}; none was {DONE[self.deed]}",
            item=self.key,
            next_step=f"see that this is meant; then type it again with --confirm-count {self.planned} to go on",
            counts={item.index: {"planned": item.planned, "present": item.present} for item in self.extents},
        )


def judge(deed: Deed, extents: Sequence[Extent], limit: ActionLimit, confirmed: int | None) -> Verdict:
    """Say whether an action may be done.

    `max_items` holds for the action as a whole, `max_percent` in each of its indexes. A typed number counts only when
    it is the very number of chunks, and then no limit does: whoever typed another one means another action.

    Args:
        deed: What would be done.
        extents: How much of each index.
        limit: What the policies allow.
        confirmed: The number that was typed; None when there was none.

    """
    touched = tuple(item for item in extents if item.planned)
    ruling = _ruling(touched, limit, confirmed)
    return Verdict(ruling=ruling, deed=deed, extents=touched, limit=limit, confirmed=confirmed)


def _ruling(extents: Sequence[Extent], limit: ActionLimit, confirmed: int | None) -> Ruling:
    planned = sum(item.planned for item in extents)
    if not planned:
        return Ruling.NOTHING
    if confirmed is not None and confirmed != planned:
        return Ruling.OTHER_NUMBER
    over = _over(extents, limit, planned)
    if over is None:
        return Ruling.WITHIN
    return over if confirmed is None else Ruling.CONFIRMED


def _over(extents: Sequence[Extent], limit: ActionLimit, planned: int) -> Ruling | None:
    """Give the limit that is exceeded; None when none is."""
    if planned > limit.max_items:
        return Ruling.TOO_MANY
    return Ruling.TOO_LARGE_A_SHARE if any(item.exceeds(limit.max_percent) for item in extents) else None


def _places(extents: Sequence[Extent]) -> str:
    parts = [f"{item.planned} of {item.present} chunks ({item.percent} %) in {item.index}" for item in extents]
    return ", ".join(parts)


class Permit:
    """How many chunks an action may still change, by index. `WriteGate.permit` alone gives one out.

    Args:
        deed: What is allowed.
        planned: How many chunks of each index.

    """

    def __init__(self, deed: Deed, planned: Mapping[str, int]) -> None:
        self.deed = deed
        self._left = dict(planned)

    def left(self, index: str) -> int:
        """Give how many chunks of an index may still be changed."""
        return self._left.get(index, 0)

    def take(self, index: str, count: int) -> None:
        """Use some of it up.

        Raises:
            LimitExceeded: It is not for so many; nothing was used up.

        """
        if count > self.left(index):
            raise LimitExceeded(
                f"{count} chunks of index {index} were to be {DONE[self.deed]} where {self.left(index)} are left of"
                " what was permitted; nothing more was changed",
                item=f"limits.{self.deed.value}",
                next_step="plan it again",
            )
        self._left[index] -= count


def draw(permit: Permit | None, change: Change) -> None:
    """Take a deletion off its permit.

    Raises:
        LimitExceeded: It has none, one for another deed, or one for less.

    """
    if change.reason in OF_THEIR_OWN:
        return
    if permit is None or permit.deed not in DELETING:
        raise LimitExceeded(
            f"a deletion of {len(change.chunk_ids)} chunks in index {change.index} was asked for without a permit"
            "; nothing was deleted",
            item=change.reason,
            next_step="ask the write gate for a permit before the first change",
        )
    permit.take(change.index, len(change.chunk_ids))
