"""A knowledge base in which things happen one after the other, each held against the model at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import select

from governance.catalog.tables import chunk, comparison, document, partition_state
from governance.catalog.unit_of_work import Catalog
from governance.detectors.base import Word
from governance.domain.actors import Actor
from governance.domain.chunks import Record
from governance.domain.errors import PlanChanged, SourceUnavailable
from governance.domain.findings import FindingStatus
from governance.domain.keys import IndexLayout, KeyRule
from governance.domain.values import text_hash
from governance.embedders.hashed import HashedEmbedder
from governance.guard import Guard
from governance.indexes.memory import MemoryIndex
from governance.policy.model import ListingLimits
from governance.services.audit import AuditRequest, AuditResult, audit
from governance.services.gate import WriteGate
from governance.services.ingest import IngestJob
from governance.services.ingesting import run_ingest
from governance.services.observe import World
from governance.services.repair import Repairer, plan_repair
from governance.services.repair_items import RepairItem
from governance.services.runner import OpenIndexes, SerialRunner
from governance.services.runs import Desk
from governance.services.sync import SyncReport, sync
from governance.sources.options import FileTreeOptions
from tests.brittle import BrittleCatalog, BrittleIndex, Crash, Fault, Faults, MoodySource, seen_in
from tests.drift_model import KINDS, Chunk, Finding, Item, Limits, Model, Shown, stands
from tests.knowledge_base import DELETE_ALL, NOW, TODAY, shipped_set

MAIN, OURS = "main", "ours"
PREFIX = "/app/docs/"
PAGES = [f"p{number}.md" for number in range(5)]
LIMITS = ListingLimits(absent_documents=2, absent_percent=50)
PARAGRAPH = 10
"""Words of a paragraph."""
CHARACTERS = 100
"""So long may our ingester's chunks be: one paragraph is, two are not."""
SPLITTERS = [(10, 0), (4, 0), (12, 2), (14, 4)]
"""(words, overlap). With up to 14 words, one that differs is more than the share that a rewriting splitter may have."""
SYLLABLES = [consonant + vowel for consonant in "qxz" for vowel in "aeiou"]


Chunks: TypeAlias = Mapping[str, Mapping[str, Chunk]]
"""By index, by id."""


class Base:
    """A folder of pages, an index that a foreign pipeline fills and one that our ingester does."""

    def __init__(self, catalog: BrittleCatalog, folder: Path) -> None:
        self.folder = folder
        self.faults = catalog.faults = Faults()
        self.catalog = catalog
        self.minute = 0
        self.source = MoodySource("pages", FileTreeOptions(root=folder, git=False))
        self.source.faults = self.faults
        self.indexes = {name: BrittleIndex(MemoryIndex(name), self.faults) for name in (MAIN, OURS)}
        self.gate = WriteGate(catalog, self.indexes, Guard(), lambda: DELETE_ALL)
        self.runner = SerialRunner(OpenIndexes(self.indexes))
        self.embedder = HashedEmbedder(8)
        self.policies = shipped_set()
        foreign = IndexLayout(keys=(("pages", KeyRule(field="source", strip_prefix=PREFIX)),))
        self.world = World(
            sources={"pages": self.source},
            indexes=self.indexes,
            layouts={MAIN: foreign, OURS: IndexLayout(keys=(("pages", KeyRule()),))},
            limits=LIMITS,
            chunk_characters=CHARACTERS,
        )

    @property
    def desk(self) -> Desk:
        return Desk(
            catalog=self.catalog,
            actor=Actor(id="tester"),
            clock=lambda: NOW + timedelta(minutes=self.minute),
            today=TODAY,
            policies=self.policies,
        )

    @property
    def repairer(self) -> Repairer:
        return Repairer(self.desk, self.world, self.gate, self.runner, self.embedder)

    def audit(self) -> AuditResult:
        return audit(self.desk, AuditRequest(words=(Word.DRIFT,), sources=["pages"], as_of=TODAY), self.world)

    def sync(self) -> SyncReport:
        return sync(self.desk, self.world, sources=["pages"], indexes=[MAIN, OURS])

    def ingest(self) -> None:
        job = IngestJob(
            source=self.source,
            place=(OURS, ""),
            embedder=self.embedder,
            chunk_characters=CHARACTERS,
            limits=LIMITS,
        )
        run_ingest(self.desk, self.gate, self.runner, job)

    def disk(self) -> dict[str, str]:
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(self.folder.iterdir())}

    def shown(self, mood: str) -> Shown | None:
        if mood == "broken":
            return None
        return Shown(dict(seen_in(mood, sorted(self.disk().items()))), complete=mood != "half")

    def records(self, index: str) -> dict[str, Record]:
        reader = self.indexes[index].inner.reader()
        return {record.chunk_id: record for page in reader.stream() for record in page.records}

    def chunks(self) -> dict[str, dict[str, Chunk]]:
        return {name: {key: as_chunk(item) for key, item in self.records(name).items()} for name in self.indexes}

    def put(self, index: str, records: Sequence[Record]) -> None:
        self.indexes[index].inner.writer().put(records)

    def remove(self, index: str, ids: Sequence[str]) -> None:
        self.indexes[index].inner.writer().delete(ids)


def as_chunk(record: Record) -> Chunk:
    own = "kb_document" in record.metadata
    key = str(record.metadata["kb_document" if own else "source"])
    name = key if own else key.removeprefix(PREFIX) if key.startswith(PREFIX) else ""
    return Chunk(key, name, str(record.text), own)


@dataclass(frozen=True)
class Observed:
    """What the catalog holds, as far as the model speaks of it."""

    pages: Mapping[str, tuple[str, str]]
    rows: Mapping[str, Mapping[str, tuple[str, str, str, bool]]]
    bases: Mapping[tuple[str, str], str]
    begun: Mapping[str, int | None]
    open: frozenset[Finding]

    @classmethod
    def of(cls, catalog: Catalog) -> Observed:
        with catalog.read() as uow:
            pages = uow.connection.execute(select(document)).all()
            chunks = uow.connection.execute(select(chunk)).all()
            bases = uow.connection.execute(select(comparison)).all()
            passes = {row.index_name: row for row in uow.connection.execute(select(partition_state))}
            found = [item for item in uow.findings.listed(None) if item.kind.value in KINDS]
        rows = {
            index: {
                row.chunk_id: (row.state, row.document, row.body_hash, row.sighting != "")
                for row in chunks
                if row.index_name == index
            }
            for index in (MAIN, OURS)
        }
        begun = {
            index: minute_of(passes[index].pass_started) if index in passes and passes[index].cursor else None
            for index in (MAIN, OURS)
        }
        return cls(
            pages={row.document: (row.state, row.raw_hash) for row in pages},
            rows=rows,
            bases={(row.index_name, row.document): row.basis for row in bases},
            begun=begun,
            open=frozenset(
                (item.kind.value, item.place.index, item.place.document, item.place.chunk_id)
                for item in found
                if item.period.status is FindingStatus.OPEN
            ),
        )


def minute_of(moment: datetime) -> int:
    return round((moment - NOW).total_seconds() / 60)


def as_observed(model: Model) -> Observed:
    """Give what the catalog has to hold when the model is right."""
    return Observed(
        pages={name: (known.state, text_hash(known.text) if known.text else "") for name, known in model.pages.items()},
        rows={index: row_facts(rows) for index, rows in model.rows.items()},
        bases={},
        begun=model.begun,
        open=model.open,
    )


def row_facts(rows: Mapping[str, object]) -> dict[str, tuple[str, str, str, bool]]:
    return {
        key: (row.state, row.chunk.document or row.chunk.key, text_hash(row.chunk.text), row.streamed)
        for key, row in rows.items()
    }


@dataclass
class Plan:
    """A plan of repair, the pages that it could say nothing about, and how far it is."""

    items: frozenset[Item]
    unlooked: Collection[str]
    state: str = "planned"

    def may_go_on(self, current: Collection[Item], chunks: Chunks, *, believed: bool) -> bool:
        """Say whether what a plan would say now is what this one says, or what is left of it."""
        deletions = [item for item in self.items if item.op == "delete"]
        if deletions and not believed:
            return False
        if self.state == "planned":
            return current == self.items
        left = {identity(item) for item in current}
        spared = [
            item
            for item in deletions
            if identity(item) not in left and item.chunk_id in chunks[item.index]
            if chunks[item.index][item.chunk_id].text == item.fact
        ]
        return left <= {identity(item) for item in self.items} and not spared


class History:
    """Lets things happen, and holds what is said against the model."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.model = Model((MAIN, OURS), OURS, Limits(LIMITS.absent_documents, LIMITS.absent_percent))
        self.numbers = itertools.count()
        self.texts: dict[str, list[str]] = {name: [] for name in PAGES}
        self.past: dict[str, dict[tuple[str, str], Record]] = {MAIN: {}, OURS: {}}
        self.plans: dict[str, Plan] = {}
        self.last_plan = ""

    # Words that occur once

    def word(self) -> str:
        number, syllables = next(self.numbers), []
        for _ in range(4):
            number, at = divmod(number, len(SYLLABLES))
            syllables.append(SYLLABLES[at])
        return "".join(syllables)

    def figure(self) -> str:
        return str(1000 + next(self.numbers))

    def paragraph(self) -> str:
        words = [self.word() for _ in range(PARAGRAPH)]
        words[next(self.numbers) % PARAGRAPH] = self.figure()
        return " ".join(words)

    # The source

    def write(self, name: str, text: str) -> None:
        self.texts[name].append(text)
        (self.base.folder / name).write_text(text, encoding="utf-8")

    def create(self, name: str, paragraphs: int) -> None:
        self.write(name, "\n\n".join(self.paragraph() for _ in range(paragraphs)))

    def edit(self, name: str, how: str, at: int) -> None:
        path = self.base.folder / name
        if not path.exists():
            return
        paragraphs = [part.split() for part in path.read_text(encoding="utf-8").split("\n\n")]
        part = paragraphs[at % len(paragraphs)]
        place = next(number for number, word in enumerate(part) if word.isdigit())
        if how == "number":
            part[place] = self.figure()
        elif how == "word":
            part[(place + 1 + at % (PARAGRAPH - 1)) % PARAGRAPH] = self.word()
        elif how == "add":
            paragraphs.insert(at % (len(paragraphs) + 1), self.paragraph().split())
        elif how == "drop" and len(paragraphs) > 1:
            paragraphs.remove(part)
        elif how == "rewrite":
            paragraphs = [self.paragraph().split() for _ in paragraphs]
        self.write(name, "\n\n".join(" ".join(words) for words in paragraphs))

    def undo(self, name: str) -> None:
        """Bring back what a page said before its last edit."""
        if (self.base.folder / name).exists() and len(self.texts[name]) > 1:
            self.write(name, self.texts[name][-2])

    def take(self, name: str) -> None:
        (self.base.folder / name).unlink(missing_ok=True)

    def restore(self, name: str) -> None:
        if not (self.base.folder / name).exists():
            if self.texts[name]:
                self.write(name, self.texts[name][-1])
            else:
                self.create(name, 3)

    # The foreign pipeline, and accidents

    def index(
        self, name: str, splitter: int = 0, *, by_place: bool = True, tail: int = 0, keep: bool = False, under: str = ""
    ) -> None:
        """Cut a page and put the chunks, in place of those of before or beside them."""
        path = self.base.folder / name
        if not path.exists():
            return
        if not keep:
            self.forget(name)
        words = path.read_text(encoding="utf-8").split()
        words = words[:-tail] if tail and len(words) > 2 * PARAGRAPH else words
        size, overlap = SPLITTERS[splitter % len(SPLITTERS)]
        starts = range(0, max(1, len(words) - overlap), size - overlap)
        pieces = [" ".join(words[start : start + size]) for start in starts]
        ids = [f"{under}{name}#{number if by_place else text_hash(piece)[:16]}" for number, piece in enumerate(pieces)]
        vectors = self.base.embedder.embed(pieces)
        self.base.put(
            MAIN,
            [
                Record(key, piece, {"source": (under or PREFIX) + name}, {"default": vector})
                for key, piece, vector in zip(ids, pieces, vectors, strict=True)
            ],
        )

    def forget(self, name: str, prefix: str = PREFIX) -> None:
        keys = [key for key, item in self.base.chunks()[MAIN].items() if item.key == prefix + name]
        self.base.remove(MAIN, keys)

    def lose(self, index: str, at: int) -> None:
        """Delete one chunk behind everybody's back."""
        keys = sorted(self.base.records(index))
        if keys:
            self.base.remove(index, [keys[at % len(keys)]])

    def bring_back(self, index: str, at: int) -> None:
        """Put a chunk back that lay in the index once."""
        there = self.base.records(index)
        past = [item for (key, _), item in sorted(self.past[index].items(), key=lambda one: one[0]) if key not in there]
        if past:
            self.base.put(index, [past[at % len(past)]])

    def remember(self) -> None:
        for index in (MAIN, OURS):
            for key, record in self.base.records(index).items():
                self.past[index].setdefault((key, str(record.text)), record)

    # kbgov

    def ingest(self, mood: str = "whole") -> None:
        before, shown = self.base.chunks(), self._begin(mood)
        try:
            self.base.ingest()
        except SourceUnavailable:
            assert mood == "broken"
        after = self.base.chunks()
        model = self.model.copy()
        model.ingest(shown, before[OURS], after[OURS], self.base.minute)
        self._hold(model)

    def sync(self, mood: str = "whole", fault: Fault | None = None) -> None:
        def look(model: Model, away: Sequence[str]) -> None:
            model.look(*world, away=away, compare=False)

        world = (self._begin(mood), self.base.disk(), self.base.chunks(), self.base.minute)
        begun = dict(self.model.begun)
        seen = self._attempt(self.base.sync, look, fault)
        if seen is not None:
            for sight in seen.seen.partitions:
                assert sight.resumed == (begun[sight.index] is not None)

    def audit(self, mood: str = "whole", fault: Fault | None = None) -> AuditResult | None:
        def look(model: Model, away: Sequence[str]) -> None:
            model.audit(*world, away=away)

        world = (self._begin(mood), self.base.disk(), self.base.chunks(), self.base.minute)
        return self._attempt(self.base.audit, look, fault)

    def plan(self, mood: str = "whole") -> None:
        """Plan twice: the same world has the same plan."""
        (one, said), (other, said_again) = self.plan_once(mood), self.plan_once(mood)
        assert (one == other) == (said == said_again)

    def plan_once(self, mood: str = "whole") -> tuple[str, frozenset[Item]]:
        shown, chunks = self._begin(mood), self.base.chunks()
        model = self.model.copy()
        look = model.look(shown, self.base.disk(), chunks, self.base.minute)
        plan = plan_repair(self.base.desk, self.base.world)
        said = [items for items in model.plans(look) if as_items(plan.items) == hashed(items)]
        assert said, (as_items(plan.items), model.plans(look))
        for item in plan.items:
            if item.op == "delete":
                self._may_be_deleted(item, shown, chunks[item.index][item.chunk_id])
        self._hold(model)
        self.last_plan = plan.digest
        known = self.plans.get(plan.digest)
        if known is None or known.state != "applying":
            self.plans[plan.digest] = Plan(said[0], look.unlooked)
        return plan.digest, said[0]

    def _may_be_deleted(self, item: RepairItem, shown: Shown | None, chunk: Chunk) -> None:
        """Hold a proposed deletion against what was just listed: no half listing, and no bystander."""
        assert shown is not None, item
        assert shown.complete, item
        assert not self.model.is_refused(shown), item
        page = shown.pages.get(chunk.document)
        assert page is None or not stands(chunk.text, page), item

    def apply(self, mood: str = "whole", *, fill: bool = True) -> None:
        """Apply the last plan, and let the pipeline do its part or not."""
        if not self.last_plan:
            return
        plan = self.plans[self.last_plan]
        shown, before = self._begin(mood), self.base.chunks()
        work: list[RepairItem] = []
        if plan.state == "applied":
            assert self.base.repairer.apply(self.last_plan, work.extend).already
            assert work == []
            return
        model = self.model.copy()
        look = model.look(shown, self.base.disk(), before, self.base.minute)
        now = [{item for item in items if item.document not in plan.unlooked} for items in model.plans(look)]
        fitting = [items for items in now if plan.may_go_on(items, before, believed=look.believed)]
        try:
            done = self.base.repairer.apply(self.last_plan, work.extend)
        except PlanChanged:
            assert len(fitting) < len(now)
            assert self.base.chunks() == before
            self._hold(model)
            return
        assert fitting
        current, after = fitting[0], self.base.chunks()
        self._deleted(current, before, after)
        model.deleted(current, self.base.minute)
        ours = {item.document for item in current if (item.op, item.by) == ("index", "kbgov")}
        if ours:
            model.ingest(shown, before[OURS], after[OURS], self.base.minute, only=ours)
        assert done.complete == (shown is None or ours <= shown.pages.keys())
        plan.state = "applied" if done.complete else "applying"
        self._hold(model)
        assert {item.document for item in work} == {item.document for item in plan.items if item.by == "pipeline"}
        for name in sorted({item.document for item in work if item.index == MAIN} if fill else ()):
            self.index(name)

    @staticmethod
    def _deleted(items: Collection[Item], before: Chunks, after: Chunks) -> None:
        """Hold what an application deleted against what it was to delete."""
        doomed: dict[str, set[str]] = {MAIN: set(), OURS: set()}
        for item in items:
            if item.op == "delete":
                doomed[item.index].add(item.chunk_id)
        assert before[MAIN].keys() - after[MAIN].keys() == doomed[MAIN]
        assert doomed[OURS].isdisjoint(after[OURS])

    def _begin(self, mood: str) -> Shown | None:
        self.base.minute += 1
        self.base.source.mood = mood
        self.base.faults.arm(None)
        return self.base.shown(mood)

    def _attempt(
        self, action: Callable[[], object], look: Callable[[Model, Sequence[str]], None], fault: Fault | None
    ) -> object:
        """Do it, let it break, and take in what came of it."""
        known = Observed.of(self.base.catalog)
        before, after = self.model, self.model.copy()
        self.base.faults.arm(fault)
        result = None
        try:
            result = action()
        except Crash:
            crashed = True
        else:
            crashed = False
        fired = self.base.faults.fired
        self.base.faults.arm(None)
        look(after, [])
        if crashed:
            self._adopt(known, before, after)
        elif fired is not None:
            partly = before.copy()
            look(partly, [fired.where])
            after.open = partly.open
            self._adopt(known, before, partly, after)
            assert self.model.open == partly.open
        elif any(before.begun.values()):
            self._adopt(known, before, after)
        else:
            self._hold(after)
        return result

    def _hold(self, model: Model) -> None:
        """Go on with a model that the catalog must agree with."""
        seen, wanted = Observed.of(self.base.catalog), as_observed(model)
        assert seen.pages == wanted.pages
        assert seen.rows == wanted.rows
        assert seen.open == wanted.open
        assert seen.begun == wanted.begun
        self.model = model

    def _adopt(self, known: Observed, *models: Model) -> None:
        """Go on with what the catalog holds after a disturbed run, which must be of before or after, item by item."""
        seen, model = Observed.of(self.base.catalog), models[-1].copy()
        choices = [(each.pages, as_observed(each).pages) for each in models]
        model.pages = {
            name: next(pages[name] for pages, facts in choices if facts.get(name) == found)
            for name, found in seen.pages.items()
        }
        for index in (MAIN, OURS):
            tables = [
                (rows, row_facts(rows)) for rows in [*(each.rows[index] for each in models), models[-1].looked[index]]
            ]
            model.rows[index] = {
                key: next(rows[key] for rows, facts in tables if facts.get(key) == found)
                for key, found in seen.rows[index].items()
            }
            for key in {key for rows, _ in tables for key in rows} - seen.rows[index].keys():
                assert any(key not in rows for rows, _ in tables), key
            named = {row.chunk.document for row in model.rows[index].values()}
            model.ever[index] = models[0].ever[index] | named - {""}
            for name, judged in models[0].judged[index].items():
                if seen.bases.get((index, name)) == known.bases.get((index, name)):
                    model.judged[index][name] = judged
            for name in set(model.judged[index]):
                if (index, name) not in seen.bases:
                    del model.judged[index][name]
            assert seen.begun[index] in {models[0].begun[index], None, self.base.minute}
        model.begun = dict(seen.begun)
        assert seen.open in {each.open for each in models}
        model.open = seen.open
        self.model = model

    # The end

    def mend(self) -> None:
        """Do what people would, repair the rest, and find nothing to say any more."""
        for name in PAGES:
            if not self.base.disk() or self.model.is_refused(self.base.shown("whole")):
                self.restore(name)
        self.audit()
        if any(kind == "drift.mapping" for kind, *_ in self.model.open):
            chunks = self.base.chunks()[MAIN]
            self.base.remove(MAIN, [key for key, item in chunks.items() if item.document not in self.base.disk()])
            for name in self.base.disk():
                self.index(name)
            self.ingest()
            self.audit()
        self.audit()
        self.audit_again()
        self.clear_strangers()
        self.plan_once()
        self.apply()
        self.audit()
        assert self.model.open == self.model.doubled()
        self.audit_again()

    def clear_strangers(self) -> None:
        """Delete what no listing ever showed: a plan leaves it alone."""
        strangers = {name for name, known in self.model.pages.items() if known.text is None}
        chunks = self.base.chunks()[MAIN]
        self.base.remove(MAIN, [key for key, item in chunks.items() if item.document in strangers])

    def audit_again(self) -> None:
        """Audit the same world once more: nothing is news."""
        found = self.audit().findings
        assert (found.opened, found.reopened, found.resolved) == (0, 0, 0)


def as_items(items: Sequence[RepairItem]) -> set[Item]:
    return {
        Item(
            op=item.op.value,
            by=item.by.value,
            index=item.index,
            document=item.document,
            chunk_id=item.chunk_id,
            reason=item.reason,
            fact=item.fact,
            again=tuple(key for _, key in item.again),
        )
        for item in items
    }


def hashed(items: Collection[Item]) -> set[Item]:
    return {Item(**{**vars(item), "fact": text_hash(item.fact)}) for item in items}


def identity(item: Item) -> tuple[str, ...]:
    return item.op, item.by, item.index, item.document, item.chunk_id, item.fact
