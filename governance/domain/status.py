"""What a chunk's metadata says of its state, for a retriever to filter by, and which findings make which state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from governance.domain.findings import FindingKind
from governance.domain.values import Json

STATUS_FIELD: Final = "kb_status"
REVIEW_DUE_FIELD: Final = "kb_review_due"
_UNKNOWN: Final = "?"


class ChunkStatus(StrEnum):
    """The state of a chunk, strongest first: of several that apply, the strongest is the one that is said."""

    RESTRICTED = "restricted"
    QUARANTINED = "quarantined"
    STALE = "stale"
    DUE_SOON = "due_soon"
    FRESH = "fresh"

    @property
    def rank(self) -> int:
        """4 for restricted down to 0 for fresh."""
        return _RANKS[self]


_RANKS: Final[Mapping[ChunkStatus, int]] = {status: rank for rank, status in enumerate(reversed(ChunkStatus))}
_WORDS: Final = frozenset(status.value for status in ChunkStatus)

_MADE_BY: Final[Mapping[FindingKind, ChunkStatus]] = {
    FindingKind.OVERDUE: ChunkStatus.STALE,
    FindingKind.CONTENT: ChunkStatus.STALE,
    FindingKind.ORPHAN: ChunkStatus.STALE,
    FindingKind.GHOST: ChunkStatus.STALE,
    FindingKind.DUE_SOON: ChunkStatus.DUE_SOON,
}


def strongest(statuses: Iterable[ChunkStatus]) -> ChunkStatus:
    """Give the strongest of the states; without any, a chunk is fresh."""
    return max(statuses, key=lambda status: status.rank, default=ChunkStatus.FRESH)


def status_of_kind(kind: FindingKind) -> ChunkStatus | None:
    """Give the state that an open finding of this kind puts the chunks at its place into; None for no state.

    `freshness.superseded` makes none: its place is the newest version, which is right, and the older ones are
    named in its evidence alone.
    """
    return _MADE_BY.get(kind)


@dataclass(frozen=True, slots=True)
class Mark:
    """What the metadata of a chunk is to say.

    Attributes:
        review_due: Day on which its document's next review is due; None where it has none.

    """

    status: ChunkStatus
    review_due: date | None = None

    def as_metadata(self) -> dict[str, Json]:
        """Give the fields as an index takes them; a due day of None removes its field."""
        return {
            STATUS_FIELD: self.status.value,
            REVIEW_DUE_FIELD: self.review_due.isoformat() if self.review_due else None,
        }

    @property
    def text(self) -> str:
        """The mark as one short text, such as "stale|2026-03-01" or "fresh|": what `read_mark` gives of it."""
        return f"{self.status.value}|{self.review_due.isoformat() if self.review_due else ''}"


def read_mark(metadata: Mapping[str, Json]) -> str:
    """Give what a chunk's metadata says now, in the form of `Mark.text`, to see whether it has to be patched.

    A field that is absent or None is empty, so a chunk without a mark gives "|". Anything that no mark holds, such as
    a number, an unknown word or a day in another form, is "?": it differs from every mark, and is not repeated.
    """
    return f"{_said(metadata.get(STATUS_FIELD), _is_status)}|{_said(metadata.get(REVIEW_DUE_FIELD), _is_day)}"


def rank_in(mark: str) -> int:
    """Give the rank of the state that a mark says; -1 when it says none that is known."""
    status = mark.partition("|")[0]
    return ChunkStatus(status).rank if status in _WORDS else -1


def _said(value: Json, known: Callable[[str], bool]) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, str) and known(value) else _UNKNOWN


def _is_status(word: str) -> bool:
    return word in _WORDS


def _is_day(word: str) -> bool:
    try:
        return date.fromisoformat(word).isoformat() == word
    except ValueError:
        return False
