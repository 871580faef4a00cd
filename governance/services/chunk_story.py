"""What a chunk was on a day: from which document, in which version, in which state, with which open findings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import groupby
from typing import Protocol, TypeVar

from governance.catalog.chunks import ChunkMoment
from governance.catalog.documents import DocumentMoment
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actors import LOOKING
from governance.domain.chunks import ChunkKey
from governance.domain.errors import IndexUnreachable, InputError
from governance.domain.findings import Finding
from governance.domain.values import Json, rfc3339, text_hash
from governance.services.damage import abouts
from governance.services.decisions import by_urgency
from governance.services.findings import LIVE
from governance.services.keys import pseudo_source
from governance.services.observe import World
from governance.services.runs import Desk
from governance.services.sighting import text_of


class StoryState(StrEnum):
    """What a chunk was at the end of a day.

    The first three are the catalog's own. NOT_YET_SEEN: nobody had looked yet, or it was not there when somebody did.
    FORGOTTEN: it is known no more since its absence was confirmed, or since other chunks took its place.
    """

    PRESENT = "present"
    GONE = "gone"
    DELETED = "deleted"
    NOT_YET_SEEN = "not_yet_seen"
    FORGOTTEN = "forgotten"


class Today(StrEnum):
    """What the index has under the same id at present."""

    SAME = "same"
    OTHER_TEXT = "other_text"
    ABSENT = "absent"
    UNREACHABLE = "unreachable"
    NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryRequest:
    """What is asked.

    Attributes:
        chunk_id: Matched exactly.
        at: The day at whose end; None for now.
        index: Only there; None for everywhere.
        partition: Only there; None for everywhere.
        with_text: Read the text from the index as well.

    """

    chunk_id: str
    at: date | None = None
    index: str | None = None
    partition: str | None = None
    with_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceStory:
    """What a chunk was in one partition of one index.

    Attributes:
        since: Since when it was in this state; None while it was not seen yet.
        until: When that ended, or will have ended, as known now; None when it still holds.
        then: What it was; what it was last where it is forgotten; None while it was not seen yet.
        document: What its document was at the same moment; None when it has none that was listed by then.
        findings: Open on that day, those that name the chunk first, then those about its document.
        today: What the index has now; None unless it was present.
        text: Its text, where that was asked for and the index still has the one of that day.

    """

    index: str
    partition: str
    state: StoryState
    since: datetime | None
    until: datetime | None
    then: ChunkMoment | None
    document: DocumentMoment | None = None
    findings: tuple[Finding, ...] = ()
    today: Today | None = None
    text: str | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Json]:
        """Give the object for this place; the text only where there is one."""
        then = self.then
        own_source = pseudo_source(self.index)
        body: dict[str, Json] = {
            "index": self.index,
            "partition": self.partition,
            "state": self.state.value,
            "since": _moment(self.since),
            "until": _moment(self.until),
            "source": then.source if then and then.source not in {"", own_source} else None,
            "document": (then.document or None) if then else None,
            "position": then.position if then and then.position >= 0 else None,
            "body_hash": then.body_hash if then else None,
            "document_then": _document_json(self.document) if self.document else None,
            "findings": [item.as_json() for item in self.findings],
            "today": self.today.value if self.today else None,
        }
        return body if self.text is None else {**body, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStory:
    """What a chunk was at the end of a day, wherever its id is known."""

    chunk_id: str
    at: date
    places: tuple[PlaceStory, ...]

    def as_json(self) -> dict[str, Json]:
        """Give the whole answer."""
        return {
            "chunk_id": self.chunk_id,
            "at": self.at.isoformat(),
            "places": [place.as_json() for place in self.places],
        }


class _Span(Protocol):
    @property
    def seen_from(self) -> datetime: ...

    @property
    def seen_until(self) -> datetime | None: ...


S = TypeVar("S", bound=_Span)


def chunk_story(desk: Desk, world: World, request: StoryRequest, zone: tzinfo) -> ChunkStory:
    """Say what a chunk was at the end of a day in a time zone, and whether its index still has that very text.

    Raises:
        InputError: No chunk of this id is known, or not there, or the day has not come.

    """
    desk.actor.require(*LOOKING)
    day = request.at or desk.today
    if day > desk.today:
        raise InputError("this day has not come", item=day.isoformat(), next_step="give today or an earlier day")
    end = datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
    with desk.catalog.read() as uow:
        places = [_story(uow, moments, end) for moments in _asked(uow, request)]
        findings = [item for item in uow.findings.listed(day) if item.period.status in LIVE]
    told = tuple(_with_today(world, _with_findings(place, findings), request) for place in places)
    return ChunkStory(chunk_id=request.chunk_id, at=day, places=told)


def _asked(uow: UnitOfWork, request: StoryRequest) -> list[list[ChunkMoment]]:
    """Give all that is known of the chunk, place by place, in the order of index and partition."""
    known = uow.chunks.moments(request.chunk_id)
    if not known:
        raise InputError(
            "no chunk with this id is known", item=request.chunk_id, next_step="kbgov sync looks at the indexes"
        )
    found = [
        item
        for item in known
        if request.index in {None, item.index_name} and request.partition in {None, item.partition}
    ]
    if not found:
        places = sorted({(item.index_name, item.partition) for item in known})
        listed = ", ".join(f"{index}/{partition}" if partition else index for index, partition in places)
        raise InputError(
            "this chunk is known, but not there", item=request.chunk_id, next_step=f"it is known in {listed}"
        )
    return [list(group) for _, group in groupby(found, key=lambda item: (item.index_name, item.partition))]


def _story(uow: UnitOfWork, moments: Sequence[ChunkMoment], end: datetime) -> PlaceStory:
    index, partition = moments[0].index_name, moments[0].partition
    earlier = [item for item in moments if item.seen_from < end]
    later = next((item.seen_from for item in moments if item.seen_from >= end), None)
    if not earlier:
        state = StoryState.NOT_YET_SEEN
        return PlaceStory(index=index, partition=partition, state=state, since=None, until=later, then=None)
    last = earlier[-1]
    holds = _holds(last, end)
    return PlaceStory(
        index=index,
        partition=partition,
        state=StoryState(last.state.value) if holds else StoryState.FORGOTTEN,
        since=last.seen_from if holds else last.seen_until,
        until=last.seen_until if holds else later,
        then=last,
        document=_at(uow.documents.moments(last.source, last.document), end) if last.source else None,
    )


def _at(moments: Sequence[S], end: datetime) -> S | None:
    """Give what held just before a moment."""
    return next((item for item in reversed(moments) if item.seen_from < end and _holds(item, end)), None)


def _holds(item: _Span, end: datetime) -> bool:
    return item.seen_until is None or item.seen_until >= end


def _with_findings(place: PlaceStory, findings: Sequence[Finding]) -> PlaceStory:
    if place.then is None:
        return place
    ranked = [(rank, item) for item in findings if (rank := _rank(item, place.then)) is not None]
    ordered = sorted(ranked, key=lambda pair: (pair[0], by_urgency(pair[1])))
    return replace(place, findings=tuple(item for _, item in ordered))


def _rank(finding: Finding, then: ChunkMoment) -> int | None:
    """Give 0 for a finding that names the chunk, 1 for one about its document, None for one about something else."""
    key = ChunkKey(then.index_name, then.partition, then.chunk_id)
    where, speaks_of = finding.place, abouts(finding)
    here = where.index == then.index_name and where.partition in {"", then.partition}
    named = finding.period.evidence.get("chunks")
    listed = isinstance(named, Sequence) and not isinstance(named, str) and then.chunk_id in named
    if any(about.chunk == key for about in speaks_of) or (here and listed):
        return 0
    if where.chunk_id or not then.document:
        return None
    if (here or not where.index) and (where.source, where.document) == (then.source, then.document):
        return 1
    of_pairs = [
        about
        for about in speaks_of
        if about.chunk is None
        and (about.source, about.document) == (then.source, then.document)
        and (about.indexes is None or then.index_name in about.indexes)
    ]
    return 1 if of_pairs and (here or not where.index) else None


def _with_today(world: World, place: PlaceStory, request: StoryRequest) -> PlaceStory:
    if place.then is None or place.state is not StoryState.PRESENT:
        return place
    today, text = _look(world, place.then)
    return replace(place, today=today, text=text if request.with_text and today is Today.SAME else None)


def _look(world: World, then: ChunkMoment) -> tuple[Today, str]:
    """Give what the index has under the id now, and its text."""
    if then.index_name not in world.indexes:
        return Today.NOT_CONFIGURED, ""
    try:
        with closing(world.indexes[then.index_name].reader(then.partition)) as reader:
            record = reader.fetch([then.chunk_id]).get(then.chunk_id)
    except IndexUnreachable:
        return Today.UNREACHABLE, ""
    if record is None:
        return Today.ABSENT, ""
    text = text_of(record, world.layouts[then.index_name].fields)
    return (Today.SAME if text_hash(text) == then.body_hash else Today.OTHER_TEXT), text


def _document_json(item: DocumentMoment) -> dict[str, Json]:
    return {
        "state": item.state.value,
        "raw_hash": item.raw_hash,
        "body_hash": item.body_hash,
        "version": item.version,
        "reviewed_on": item.reviewed_on.isoformat() if item.reviewed_on else None,
        "changed_on": item.changed_on.isoformat() if item.changed_on else None,
        "since": _moment(item.seen_from),
        "until": _moment(item.seen_until),
    }


def _moment(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None
