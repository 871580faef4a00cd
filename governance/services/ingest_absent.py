"""What happens to documents that a complete listing lacks: suspect first, gone at the second time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from governance.catalog.documents import KnownDocument
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.documents import DocumentState
from governance.domain.events import Action, Event
from governance.domain.values import digest_of
from governance.services.context import RunContext
from governance.services.ingest_write import IngestParts, Tally, delete_chunks
from governance.services.listing import without_facts
from governance.services.survey import Survey


@dataclass(frozen=True, slots=True)
class Absent:
    """Documents of the catalog or the index that a complete listing lacks.

    Attributes:
        suspect: Missing for the first time: only noted.
        gone: Missing again: their chunks go.
        strangers: In the index under this source's name, unknown to the catalog; noted as suspect.

    """

    suspect: tuple[str, ...]
    gone: tuple[str, ...]
    strangers: tuple[str, ...]


def judge_absent(listed: Collection[str], known: Mapping[str, KnownDocument], in_index: Collection[str]) -> Absent:
    """Sort absent documents by what may be believed of them."""
    absent = sorted(name for name in known if name not in listed)
    return Absent(
        suspect=tuple(name for name in absent if known[name].state is DocumentState.PRESENT),
        gone=tuple(
            name
            for name in absent
            if known[name].state is DocumentState.SUSPECT
            or (known[name].state is DocumentState.GONE and name in in_index)
        ),
        strangers=tuple(sorted(name for name in in_index if name not in listed and name not in known)),
    )


def handle_absent(parts: IngestParts, context: RunContext, absent: Absent, present: Survey, tally: Tally) -> None:
    """Remove the chunks of documents that are gone and note those that are suspect."""
    source, place, now = parts.source.name, parts.place, context.clock()
    with parts.catalog.read() as uow:
        cataloged = uow.chunks.ids_of(*place, source, absent.gone)
    ids = [
        chunk_id
        for name in absent.gone
        for chunk_id in sorted(cataloged.get(name, set()) | set(present.chunks.get(name, {})))
    ]
    delete_chunks(parts.gate, context, place, ids, "source.gone", tally)
    with parts.catalog.write() as uow:
        context.fence(uow)
        uow.documents.mark(source, absent.suspect, DocumentState.SUSPECT, now)
        uow.documents.mark(source, absent.gone, DocumentState.GONE, now)
        strangers = [replace(without_facts(source, name), state=DocumentState.SUSPECT) for name in absent.strangers]
        uow.documents.save(strangers, now)
        uow.chunks.remove_indexed(*place, source, absent.gone)
        _record(uow, context, place, Action.DOCUMENTS_ABSENT, absent.suspect + absent.strangers)
        _record(uow, context, place, Action.DOCUMENTS_REMOVED, absent.gone)
    tally.documents["removed"] += len(absent.gone)


def _record(
    uow: UnitOfWork, context: RunContext, place: tuple[str, str], action: Action, names: tuple[str, ...]
) -> None:
    if names:
        uow.record(
            Event(
                action=action,
                at=context.clock(),
                actor=context.actor,
                run_id=context.run_id,
                index=place[0],
                partition=place[1],
                outcome="done",
                counts={"documents": len(names)},
                digest=digest_of(sorted(names)),
            )
        )
