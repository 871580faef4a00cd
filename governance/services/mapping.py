"""Whether what an index calls documents and what their source calls them meet at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.documents import Document, DocumentState
from governance.services.listing import without_facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """How many names meet.

    Attributes:
        paths: Documents of the source that have text.
        met_paths: Those of them that chunks of the index belong to, or belonged to once.
        keys: Documents that chunks of the index speak of.
        met_keys: Those of them that a listing of the source has ever shown.

    """

    source: str
    index: str
    paths: int
    met_paths: int
    keys: int
    met_keys: int

    @property
    def meets(self) -> bool:
        """False when fewer than half of either side meet: then a missing document says nothing about the index."""
        return self.met_paths * 2 >= self.paths and self.met_keys * 2 >= self.keys


def map_source(uow: UnitOfWork, source: str, index: str, now: datetime, *, believed: bool) -> Mapped:
    """Count what meets. Where names meet, documents that the index alone speaks of are noted as suspect.

    They are noted only after a complete listing lacked them; the next complete one that does makes them gone.
    """
    documents = {item.document: item for item in uow.documents.in_any_state(source)}
    ever, present = (uow.chunks.names(index, source, present=flag) for flag in (False, True))
    listed = {name for name, item in documents.items() if _has_text(item)}
    if len(listed & ever) * 2 < len(listed):
        # Chunks of which nothing more was to be said are forgotten; that they were there once still shows the names.
        ever |= uow.chunks.past_names(index, source)
    keys = present | _stray_keys(uow, index)
    found = Mapped(
        source=source,
        index=index,
        paths=len(listed),
        met_paths=len(listed & ever),
        keys=len(keys),
        met_keys=sum(name in documents and bool(documents[name].raw_hash) for name in keys),
    )
    strangers = sorted(present - documents.keys())
    if believed and found.meets and strangers:
        rows = [replace(without_facts(source, name), state=DocumentState.SUSPECT) for name in strangers]
        uow.documents.save(rows, now)
    return found


def _has_text(item: Document) -> bool:
    present = item.state is DocumentState.PRESENT and item.unreadable is None and item.raw_hash != ""
    return present and item.words != 0


def _stray_keys(uow: UnitOfWork, index: str) -> set[str]:
    """Give the keys that no source's rule took, where the index has one source alone: they were meant for it."""
    if len(uow.chunks.sources(index)) > 1:
        return set()
    return {key for place in uow.chunks.places() if place[0] == index for _, key in uow.chunks.unattributed(*place)} - {
        ""
    }
