"""A small knowledge base with everything around it, for tests that run whole services."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import select

from governance.catalog.engine import create_catalog_engine
from governance.catalog.tables import chunk, document, indexed_document, intent, source_state
from governance.catalog.unit_of_work import Catalog
from governance.detectors.base import Word
from governance.domain.actions import Deed
from governance.domain.actors import Actor
from governance.domain.chunks import Record
from governance.domain.findings import FindingStatus
from governance.domain.keys import IndexLayout, KeyRule
from governance.domain.ports import Embedder, Index
from governance.embedders.hashed import HashedEmbedder
from governance.guard import Guard
from governance.indexes.embedded import EmbeddedIndex
from governance.policy.loader import load_policies
from governance.policy.model import ActionLimit, Limits, PolicySet
from governance.policy.shipped import shipped_policies
from governance.services.audit import AuditResult, audit
from governance.services.audit_observe import AuditRequest
from governance.services.gate import WriteGate
from governance.services.ingest import IngestJob, IngestResult
from governance.services.ingesting import run_ingest
from governance.services.observe import World
from governance.services.runner import OpenIndexes, SerialRunner
from governance.services.runs import Desk
from governance.services.sync import SyncReport, sync
from governance.sources.files import FileTreeSource
from governance.sources.options import FileTreeOptions
from tests.log_rows import known_names, log_bodies

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TODAY = date(2026, 11, 21)
WITHOUT_END = ActionLimit(max_items=10**9, max_percent=10**9)
DELETE_ALL = Limits(actions={Deed.DELETE: WITHOUT_END})
"""For tests about something else: of a handful of chunks a few are soon too large a share."""


def shipped_set() -> PolicySet:
    """Give the policies that the package ships."""
    return load_policies([shipped_policies() / "default.yaml"])


@dataclass
class KnowledgeBase:
    """A folder of pages, an embedded index and a catalog."""

    root: Path
    index_path: Path
    catalog_url: str
    today: date = TODAY
    embedder: Embedder = field(default_factory=lambda: HashedEmbedder(64))
    policies: PolicySet = field(default_factory=shipped_set)
    index: Index | None = None
    layout: IndexLayout = field(default_factory=lambda: IndexLayout(keys=(("pages", KeyRule()),)))
    clock: Callable[[], datetime] = lambda: NOW

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.catalog = Catalog(create_catalog_engine(self.catalog_url), known_names)
        self.index = self.index or EmbeddedIndex("main", self.index_path)
        self.indexes = {"main": self.index}
        self.gate = WriteGate(self.catalog, self.indexes, Guard(), lambda: self.limits)
        self.runner = SerialRunner(OpenIndexes(self.indexes))
        self.source = FileTreeSource("pages", FileTreeOptions(root=self.root))

    @property
    def limits(self) -> Limits:
        """Those of the present policies; where they name none for deletions, any is allowed."""
        return Limits(actions={**DELETE_ALL.actions, **self.policies.limits.actions})

    @property
    def desk(self) -> Desk:
        return Desk(
            catalog=self.catalog,
            actor=Actor(id="tester"),
            clock=self.clock,
            today=self.today,
            policies=self.policies,
        )

    @property
    def job(self) -> IngestJob:
        return IngestJob(
            source=self.source,
            place=("main", ""),
            embedder=self.embedder,
            limits=self.policies.limits.listing,
        )

    def page(self, name: str, body: str, **front_matter: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{key}: {value}\n" for key, value in front_matter.items())
        path.write_text(f"---\n{lines}---\n{body}" if lines else body, encoding="utf-8")

    def ingest(self) -> IngestResult:
        return run_ingest(self.desk, self.gate, self.runner, self.job)

    @property
    def world(self) -> World:
        return World(
            sources={self.source.name: self.source},
            indexes=self.indexes,
            layouts={"main": self.layout},
            limits=self.policies.limits.listing,
        )

    def audit(self, *words: Word, confirmed: int | None = None) -> AuditResult:
        """Audit the present day, with a look at source and index."""
        request = AuditRequest(
            words=words or tuple(Word), sources=[self.source.name], as_of=self.today, confirmed=confirmed
        )
        return audit(self.desk, request, self.world, self.gate)

    def sync(self) -> SyncReport:
        return sync(self.desk, self.world, sources=[self.source.name], indexes=["main"])

    def found(self, *kinds: str) -> dict[str, list[tuple[str, str]]]:
        """Give the open findings of kinds that begin so: (document, chunk id) by kind."""
        by_kind: dict[str, list[tuple[str, str]]] = {}
        with self.catalog.read() as uow:
            for item in uow.findings.listed(None):
                if item.period.status is FindingStatus.OPEN and item.kind.value.startswith(kinds or ("",)):
                    by_kind.setdefault(item.kind.value, []).append((item.place.document, item.place.chunk_id))
        return {kind: sorted(places) for kind, places in sorted(by_kind.items())}

    def records(self) -> dict[str, Record]:
        reader = self.index.reader()
        try:
            return {record.chunk_id: record for page in reader.stream() for record in page.records}
        finally:
            reader.close()

    def texts(self) -> dict[str, list[str]]:
        """Give, by document, the chunks' texts in order of position."""
        found: dict[str, list[tuple[int, str]]] = {}
        for record in self.records().values():
            found.setdefault(record.metadata["kb_document"], []).append((record.metadata["kb_position"], record.text))
        return {name: [text for _, text in sorted(items)] for name, items in found.items()}

    def state(self) -> dict[str, object]:
        """Give all that an undisturbed run and a resumed one must agree on."""
        tables = {
            document: ("first_seen", "body_seen_at", "absent_since", "seen_from"),
            chunk: ("first_seen", "seen_from", "gone_at"),
            indexed_document: ("indexed_at",),
            source_state: ("listing_run", "attempted_at", "listed_at"),
        }
        with self.catalog.read() as uow:
            rows = {
                table.name: sorted(
                    repr([value for name, value in row._mapping.items() if name not in left_out])
                    for row in uow.connection.execute(select(table))
                )
                for table, left_out in tables.items()
            }
        records = sorted((key, r.text, repr(sorted(r.metadata.items()))) for key, r in self.records().items())
        return {**rows, "records": records}

    def unaccounted(self) -> list[str]:
        """Give what the events leave open: intents without outcome, outcomes without intent."""
        with self.catalog.read() as uow:
            events = [(body["action"], body.get("intent")) for body in log_bodies(uow.connection)]
            intents = list(uow.connection.execute(select(intent.c.intent_id, intent.c.outcome)))
        announced = {key for action, key in events if action == "index.change_intended"}
        answered = [key for action, key in events if re.match(r"index\.change_(observed|unknown)", action)]
        problems = [f"intent {row.intent_id} has no outcome" for row in intents if row.outcome is None]
        problems += [f"intent {row.intent_id} has no event" for row in intents if row.intent_id not in announced]
        problems += [
            f"intent {key} has {answered.count(key)} outcomes" for key in announced if answered.count(key) != 1
        ]
        return problems

    def close(self) -> None:
        self.gate.close()
        self.catalog.close()


def paragraphs(topic: str, count: int = 6) -> str:
    """Give a page of several chunks about a topic, different for each topic."""
    return "\n\n".join(
        f"## {topic} part {number}\n\n"
        + " ".join(f"{topic} sentence {number}.{line} says something." for line in range(20))
        for number in range(count)
    )


def numbered(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give (name, body) pairs."""
    return ((name, paragraphs(name.removesuffix(".md"))) for name in names)
