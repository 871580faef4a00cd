"""What is to be said of a small knowledge base, worked out naively: dictionaries, and texts looked up as they are.

It knows two phases, half listings and what earlier looks showed, and nothing of how the services find that out. Its
pages are made of words that occur once, so that whether a text stands in a page is one search for a substring.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Self, TypeAlias

KINDS = frozenset(f"drift.{name}" for name in ("missing", "orphan", "content", "uncovered", "ghost", "mapping"))
UNCOVERED_PERCENT = 10
Finding: TypeAlias = tuple[str, str, str, str]
"""(kind, index, document, chunk id)."""


@dataclass(frozen=True)
class Limits:
    """When a complete listing is refused: more pages absent than both say."""

    pages: int
    percent: int


@dataclass(frozen=True)
class Shown:
    """What a listing showed."""

    pages: Mapping[str, str]
    complete: bool


@dataclass(frozen=True)
class Chunk:
    """A chunk as it lies in an index. `document` is "" when its key is none of the source's."""

    key: str
    document: str
    text: str
    own: bool


@dataclass(frozen=True)
class Row:
    """A chunk as the looks up to now showed it.

    `arrived` is the look that first showed it with this text, after an absence again. `streamed` is False as long as
    only our ingester spoke of it.
    """

    chunk: Chunk
    state: str
    arrived: int
    streamed: bool = True


@dataclass(frozen=True)
class Known:
    """A page as the listings up to now showed it; `text` is None while only an index speaks of it."""

    state: str
    text: str | None


@dataclass(frozen=True)
class Judged:
    """A page against its chunks.

    `about` is what was compared, None when that no longer counts; `found` are the (chunk id, arrival) of the chunks
    that this comparison or an earlier one found in the page; `holed` is when a repair left holes, and how many words
    were uncovered before.
    """

    about: tuple[str, frozenset[tuple[str, Row]]] | None
    found: frozenset[tuple[str, int]]
    empty: bool
    wrong: tuple[str, ...]
    missing: tuple[str, ...]
    uncovered: int
    is_uncovered: bool
    holed: tuple[int, int] | None


@dataclass
class View:
    """One index in one look. Of `unlooked` pages nothing can be said now."""

    meets: bool = True
    unlooked: set[str] = field(default_factory=set)
    orphans: dict[str, list[str]] = field(default_factory=dict)
    ghosts: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """A line of a plan of repair; `fact` is the text that it speaks of."""

    op: str
    by: str
    index: str
    document: str
    chunk_id: str
    reason: str
    fact: str
    again: tuple[str, ...] = ()


class Look:
    """What one look showed: the indexes that could be compared, and whether absence was believed."""

    def __init__(self, *, believed: bool) -> None:
        self.believed = believed
        self.views: dict[str, View] = {}

    @property
    def unlooked(self) -> set[str]:
        return set().union(*(view.unlooked for view in self.views.values()))


def stands(text: str, page: str) -> bool:
    """Say whether the text's words stand in the page, one after the other."""
    return f" {' '.join(text.split())} " in f" {' '.join(page.split())} "


def covered(page: str, texts: Collection[str]) -> set[int]:
    """Give the places of the page's words that these texts cover: where they stand, else by runs of five words."""
    words = page.split()
    found: set[int] = set()
    for text in texts:
        size = len(text.split())
        length = size if stands(text, page) else min(5, size)
        for at in range(len(words) - length + 1):
            if stands(" ".join(words[at : at + length]), text):
                found.update(range(at, at + length))
    return found


def inner(text: str) -> str:
    """Give a chunk without its first and last word, which a splitter may have cut."""
    words = text.split()
    return " ".join(words[1:-1] if len(words) > 2 else words)


class Model:
    """All that is known, and what is to be said; our ingester fills the index `ours` alone."""

    def __init__(self, indexes: Collection[str], ours: str, limits: Limits) -> None:
        self.ours = ours
        self.limits = limits
        self.pages: dict[str, Known] = {}
        self.rows: dict[str, dict[str, Row]] = {index: {} for index in indexes}
        self.looked: dict[str, dict[str, Row]] = {index: {} for index in indexes}
        self.ever: dict[str, set[str]] = {index: set() for index in indexes}
        self.judged: dict[str, dict[str, Judged]] = {index: {} for index in indexes}
        self.begun: dict[str, int | None] = dict.fromkeys(indexes)
        self.ingested: dict[str, str] = {}
        self.open: frozenset[Finding] = frozenset()

    def copy(self) -> Self:
        other = copy(self)
        other.pages, other.begun, other.ingested = dict(self.pages), dict(self.begun), dict(self.ingested)
        other.rows, other.looked, other.judged = (
            {index: dict(items) for index, items in each.items()} for each in (self.rows, self.looked, self.judged)
        )
        other.ever = {index: set(names) for index, names in self.ever.items()}
        return other

    # Looking

    def list_source(self, shown: Shown | None) -> bool:
        """Take in a listing, None when there was none; say whether what it lacks is believed to be absent."""
        if shown is None or self.is_refused(shown):
            return False
        for name, text in shown.pages.items():
            self.pages[name] = Known("present", text)
        if shown.complete:
            for name, known in list(self.pages.items()):
                if name not in shown.pages:
                    self.pages[name] = replace(known, state="suspect" if known.state == "present" else "gone")
        return shown.complete

    def is_refused(self, shown: Shown) -> bool:
        living = [name for name, known in self.pages.items() if known.state != "gone" and known.text is not None]
        absent = sum(name not in shown.pages for name in living)
        too_many = absent > self.limits.pages and absent * 100 > len(living) * self.limits.percent
        return shown.complete and (not shown.pages or too_many)

    def look_at(self, index: str, chunks: Mapping[str, Chunk], moment: int) -> None:
        """Take in all chunks of an index."""
        rows = self.rows[index]
        for chunk_id, chunk in chunks.items():
            known = rows.get(chunk_id)
            if known is None or not self._is_ghost(known, chunk):
                rows[chunk_id] = self._seen(known, chunk, moment)
        for chunk_id, known in list(rows.items()):
            if chunk_id not in chunks and known.state == "deleted":
                del rows[chunk_id]
            elif chunk_id not in chunks and known.state == "present":
                rows[chunk_id] = replace(known, state="gone")
        self.ever[index] |= {row.chunk.document for row in rows.values()} - {""}
        self.looked[index] = dict(rows)
        self.begun[index] = None

    @staticmethod
    def _seen(known: Row | None, chunk: Chunk, moment: int) -> Row:
        same = known is not None and known.state == "present" and known.chunk == chunk
        return Row(chunk, "present", known.arrived if same and known else moment)

    def _is_ghost(self, known: Row, chunk: Chunk) -> bool:
        if known.state != "deleted" or (known.streamed and known.chunk != chunk):
            return False
        page = self.pages.get(chunk.document)
        return page is None or page.state != "present"

    def map_names(self, index: str, *, believed: bool) -> bool:
        """Say whether names meet; where they do, remember pages that the index alone speaks of."""
        rows = [row for row in self.rows[index].values() if row.state == "present"]
        named = {row.chunk.document for row in rows if row.chunk.document}
        keys = named | {row.chunk.key for row in rows if not row.chunk.document}
        listed = {name for name, known in self.pages.items() if known.state == "present"}
        meeting = sum(name in self.pages and self.pages[name].text is not None for name in keys)
        meets = len(listed & self.ever[index]) * 2 >= len(listed) and meeting * 2 >= len(keys)
        if meets and believed:
            for name in named - self.pages.keys():
                self.pages[name] = Known("suspect", None)
        return meets

    def look(
        self,
        shown: Shown | None,
        disk: Mapping[str, str],
        chunks: Mapping[str, Mapping[str, Chunk]],
        moment: int,
        *,
        away: Collection[str] = (),
        compare: bool = True,
    ) -> Look:
        """Look at everything but the indexes that are away, and compare."""
        look = Look(believed=self.list_source(shown))
        meets: dict[str, bool] = {}
        for index in sorted(set(chunks) - set(away)):
            started = None if compare else self.begun[index]
            self.look_at(index, chunks[index], moment if started is None else started)
            meets[index] = self.map_names(index, believed=look.believed)
        if compare and shown is not None:
            for index, met in meets.items():
                look.views[index] = self._compared(index, disk)
                look.views[index].meets = met
        return look

    # Comparing

    def _compared(self, index: str, disk: Mapping[str, str]) -> View:
        view = View()
        for name, known in sorted(self.pages.items()):
            rows = {key: row for key, row in self.rows[index].items() if row.chunk.document == name}
            if known.state == "gone":
                for state, found in (("present", view.orphans), ("deleted", view.ghosts)):
                    found[name] = sorted(key for key, row in rows.items() if row.state == state)
            elif known.state == "suspect" or known.text is None:
                view.unlooked.add(name)
            else:
                self._judge(index, name, known.text, rows, disk, view)
        return view

    def _judge(
        self, index: str, name: str, text: str, rows: Mapping[str, Row], disk: Mapping[str, str], view: View
    ) -> None:
        before = self.judged[index].get(name)
        if before is not None and before.about == (text, frozenset(rows.items())):
            return
        if disk.get(name) != text:
            view.unlooked.add(name)
            return
        judged, settled = judge(text, rows, before)
        for chunk_id in settled:
            del self.rows[index][chunk_id]
        left = frozenset((key, row) for key, row in rows.items() if key not in settled)
        self.judged[index][name] = replace(judged, about=(text, left))

    # Saying

    def audit(
        self,
        shown: Shown | None,
        disk: Mapping[str, str],
        chunks: Mapping[str, Mapping[str, Chunk]],
        moment: int,
        away: Collection[str] = (),
    ) -> None:
        """Look, and say what there is to say; what nobody could look at stays as it was said."""
        look = self.look(shown, disk, chunks, moment, away=away)
        said: set[Finding] = set()
        for index in chunks:
            view = look.views.get(index)
            before = {finding for finding in self.open if finding[1] == index}
            if view is None:
                said |= before
            else:
                said |= {finding for finding in before if finding[2] in view.unlooked}
                said |= set(self._said(index, view))
        self.open = frozenset(said)

    def _said(self, index: str, view: View) -> Iterator[Finding]:
        if not view.meets:
            yield "drift.mapping", index, "", ""
        for name, judged in self._present(index, view):
            if view.meets:
                for chunk_id in [""] if judged.empty else judged.missing:
                    yield "drift.missing", index, name, chunk_id
            if judged.wrong:
                yield "drift.content", index, name, ""
            elif not judged.empty and not judged.missing and judged.is_uncovered:
                yield "drift.uncovered", index, name, ""
        for kind, found in (("drift.orphan", view.orphans), ("drift.ghost", view.ghosts)):
            for name, ids in found.items() if view.meets else ():
                if ids:
                    yield kind, index, name, ""

    def _present(self, index: str, view: View) -> Iterator[tuple[str, Judged]]:
        for name, known in self.pages.items():
            if known.state == "present" and name not in view.unlooked:
                yield name, self.judged[index][name]

    def doubled(self) -> frozenset[Finding]:
        """Give what is said of chunks that nobody brings back, because the page is covered without them.

        Of two ways of cutting that one look showed side by side, either may have been given up.
        """
        return frozenset(finding for finding in self.open if finding[3] and self._is_doubled(*finding[1:]))

    def _is_doubled(self, index: str, name: str, chunk_id: str) -> bool:
        rows = [row for row in self.rows[index].values() if row.chunk.document == name and row.state == "present"]
        return is_doubled(str(self.pages[name].text), self.rows[index][chunk_id], rows)

    # Repairing

    def plans(self, look: Look) -> list[frozenset[Item]]:
        """Give what a plan may say after a look.

        A chunk that was found in its page once is wrong for certain when it is not there any more. Of others, it may
        seem that the pipeline never copied them word by word: those may then be left to it, all of them.
        """
        return [frozenset(self._plan(look, sure=sure)) for sure in (False, True)]

    def _plan(self, look: Look, *, sure: bool) -> Iterator[Item]:
        for index, view in look.views.items():
            for item in self._plan_index(index, view, believed=look.believed):
                if not sure or item.reason != "drift.content" or item.op != "delete" or self._was_right(item):
                    yield item

    def _was_right(self, item: Item) -> bool:
        arrived = self.rows[item.index][item.chunk_id].arrived
        return (item.chunk_id, arrived) in self.judged[item.index][item.document].found

    def _plan_index(self, index: str, view: View, *, believed: bool) -> Iterator[Item]:
        rows = self.rows[index]
        own = index == self.ours and bool(rows or self.ingested)
        for name, judged in self._present(index, view):
            if believed and not own:
                for chunk_id in judged.wrong:
                    text = rows[chunk_id].chunk.text
                    yield Item("delete", "kbgov", index, name, chunk_id, "drift.content", text)
            reason = _why(judged, meets=view.meets)
            if reason:
                by, again = ("kbgov", judged.wrong) if own else ("pipeline", ())
                yield Item("index", by, index, name, "", reason, str(self.pages[name].text), again)
        for kind, found in (("drift.orphan", view.orphans), ("drift.ghost", view.ghosts)):
            for name, ids in found.items() if view.meets and believed else ():
                # What no listing ever showed may be somebody else's.
                for chunk_id in ids if kind == "drift.ghost" or self.pages[name].text is not None else ():
                    yield Item("delete", "kbgov", index, name, chunk_id, kind, rows[chunk_id].chunk.text)

    def deleted(self, items: Collection[Item], moment: int) -> None:
        """Take in that the deletions of a plan were done."""
        for item in items:
            if item.op == "delete":
                rows = self.rows[item.index]
                rows[item.chunk_id] = replace(rows[item.chunk_id], state="deleted")
                if item.reason == "drift.content":
                    judged = self.judged[item.index]
                    before = judged[item.document]
                    holed = (moment, before.holed[1] if before.holed else before.uncovered)
                    judged[item.document] = replace(before, about=None, holed=holed)

    # Ingesting

    def ingest(
        self,
        shown: Shown | None,
        before: Mapping[str, Chunk],
        after: Mapping[str, Chunk],
        moment: int,
        only: Collection[str] | None = None,
    ) -> None:
        """Take in what our ingester did, given what lay in its index before and after."""
        if shown is None or (only is None and self.is_refused(shown)):
            return
        gone: set[str] = set()
        if only is None:
            changed = {name for name, text in shown.pages.items() if self._has_changed(name, text, before)}
            gone = self._gone(shown, {chunk.document for chunk in before.values()})
            for chunk_id, row in list(self.rows[self.ours].items()):
                if row.state == "deleted" and chunk_id not in before:
                    del self.rows[self.ours][chunk_id]
        else:
            changed = shown.pages.keys() & set(only)
            self.pages |= {name: Known("present", shown.pages[name]) for name in changed}
        self._written(changed, gone, after, moment)
        self.ever[self.ours] |= changed
        kept = {name: text for name, text in self.ingested.items() if name not in gone}
        self.ingested = kept | {name: shown.pages[name] for name in changed}

    def _gone(self, shown: Shown, held: Collection[str]) -> set[str]:
        """Take in a listing; give the pages whose chunks go."""
        earlier = dict(self.pages)
        self.list_source(shown)
        gone = {name for name, known in self.pages.items() if known.state == "gone"} if shown.complete else set()
        return {name for name in gone if earlier[name].state == "suspect" or name in held}

    def _written(
        self, changed: Collection[str], gone: Collection[str], after: Mapping[str, Chunk], moment: int
    ) -> None:
        rows = self.rows[self.ours]
        for chunk_id, row in list(rows.items()):
            touched = row.chunk.document in changed or row.chunk.document in gone
            if touched and row.state == "present" and chunk_id not in after:
                rows[chunk_id] = replace(row, state="deleted")
        for chunk_id, chunk in after.items():
            known = rows.get(chunk_id)
            if chunk.document in changed and (known is None or known.state != "present" or known.chunk != chunk):
                rows[chunk_id] = Row(chunk, "present", moment, streamed=False)

    def _has_changed(self, name: str, text: str, before: Mapping[str, Chunk]) -> bool:
        known = self.pages.get(name)
        there = sorted(chunk.text for chunk in before.values() if chunk.document == name)
        as_ingested = self.ingested.get(name) == text and there == sorted(text.split("\n\n"))
        return known is None or known.state == "gone" or known.text != text or not as_ingested


def judge(text: str, rows: Mapping[str, Row], before: Judged | None) -> tuple[Judged, set[str]]:
    """Hold a page against its chunks; give also the chunks that are gone and of which nothing is to be said."""
    holed = before.holed if before else None
    there = {key: row for key, row in rows.items() if row.state == "present"}
    gone = {key: row for key, row in rows.items() if row.state == "gone"}
    missing = {key for key, row in gone.items() if is_missing(text, row, list(there.values()))}
    words = len(text.split())
    uncovered = words - len(covered(text, [row.chunk.text for row in there.values()]))
    if holed is not None:
        newer = any(row.arrived > holed[0] for row in there.values())
        holed = None if not uncovered or (newer and uncovered <= holed[1]) else holed
    wrong = {key for key, row in there.items() if not stands(row.chunk.text, text)}
    right = frozenset((key, row.arrived) for key, row in there.items() if key not in wrong)
    judged = Judged(
        about=None,
        found=right | (before.found if before else frozenset()),
        empty=not there,
        wrong=tuple(sorted(wrong)),
        missing=tuple(sorted(missing)),
        uncovered=uncovered,
        is_uncovered=uncovered * 100 > (UNCOVERED_PERCENT if holed is None else 0) * words,
        holed=holed,
    )
    return judged, gone.keys() - missing


def is_missing(text: str, row: Row, there: Collection[Row]) -> bool:
    """Say whether a chunk that is gone is needed: its text stands in the page, and no copy or newer chunk has it."""
    if row.chunk.own:
        return row.chunk.text in text.split("\n\n")
    kept = inner(row.chunk.text)
    if any(other.chunk.text == row.chunk.text for other in there):
        return False
    newer = covered(text, [other.chunk.text for other in there if other.arrived > row.arrived])
    return stands(kept, text) and not covered(text, [kept]) <= newer


def is_doubled(text: str, row: Row, there: Collection[Row]) -> bool:
    """Say whether all that a chunk holds stands in others, of whatever age: the page was once cut in two ways."""
    return covered(text, [inner(row.chunk.text)]) <= covered(text, [other.chunk.text for other in there])


def _why(judged: Judged, *, meets: bool) -> str:
    if judged.empty:
        return "drift.missing" if meets else ""
    if judged.wrong:
        return "drift.content"
    if judged.missing and meets:
        return "drift.missing"
    return "drift.uncovered" if judged.is_uncovered else ""
