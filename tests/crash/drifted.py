"""Knowledge bases with something of everything that a sync sees and a repair does, for tests that kill processes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from governance.catalog.tables import (
    UtcDateTime,
    chunk,
    chunk_history,
    comparison,
    document,
    document_history,
    indexed_document,
    partition_state,
    repair_plan,
    source_state,
)
from governance.detectors.base import Word
from governance.domain.keys import IndexLayout, KeyRule
from governance.services.repair import Repaired, Repairer, plan_repair
from governance.services.repair_items import RepairItem
from governance.sources.files import FileTreeSource
from governance.sources.options import FileTreeOptions
from tests.foreign_index import Pipeline, by_words
from tests.knowledge_base import NOW, KnowledgeBase

PREFIX = "/app/docs/"
FOREIGN = IndexLayout(keys=(("pages", KeyRule(field="source", strip_prefix=PREFIX)),))
OWN = IndexLayout(keys=(("pages", KeyRule()),))
LAYOUTS = {"foreign": FOREIGN, "own": OWN}
PAGES = 14
TABLES = (
    document,
    chunk,
    comparison,
    indexed_document,
    source_state,
    partition_state,
    repair_plan,
    document_history,
    chunk_history,
)
PASSING = {"run_id", "listing_run", "history_id", "lag_seconds", "basis"}
"""Columns that count runs, or are made of moments."""


@dataclass
class Hours:
    """A clock that says a given hour."""

    hour: int = 0

    def __call__(self) -> datetime:
        return NOW + timedelta(hours=self.hour)


@dataclass
class Drifted:
    """A knowledge base whose index another pipeline fills ("foreign") or our ingester ("own").

    Attributes:
        delivered: Where the lines for the pipeline go.

    """

    folder: Path
    url: str
    kind: str
    clock: Hours = field(default_factory=Hours)

    def __post_init__(self) -> None:
        self.kb = KnowledgeBase(
            self.folder / "pages",
            self.folder / "index.db",
            self.url,
            layout=LAYOUTS[self.kind],
            clock=self.clock,
        )
        self.kb.source = FileTreeSource("pages", FileTreeOptions(root=self.kb.root, git=False))
        self.pipeline = Pipeline(self.kb.root, self.kb.index, [by_words(40, 8)], prefix=PREFIX)
        self.delivered = self.folder / "work.jsonl"

    @property
    def names(self) -> list[str]:
        return [f"page-{number:02}.md" for number in range(PAGES)]

    # The history

    def fill(self) -> None:
        """Write pages and index all but the last."""
        for number, name in enumerate(self.names[:-1]):
            self.write(name, number, "first")
        if self.kind == "own":
            self.kb.ingest()
        else:
            self.pipeline.run(self.names[:-1])

    def write(self, name: str, number: int, version: str) -> None:
        lines = (" ".join(f"{version} word{line}x{place} of page {number}" for place in range(24)) for line in range(4))
        self.kb.page(name, "\n\n".join(f"Rule {line}: {text}" for line, text in enumerate(lines)))

    def change(self) -> None:
        """Edit, remove and add pages; lose chunks, forget a page, index one that the catalog has not seen yet."""
        names = self.names
        for number in (0, 1):
            path = self.kb.root / names[number]
            path.write_text(path.read_text().replace("Rule 2:", "Rule 12:"))
        self.write(names[2], 2, "second")
        for number in (3, 4):
            (self.kb.root / names[number]).unlink()
        self.write(names[-1], 13, "first")
        by_page = self.ids()
        lost = [by_page[names[5]][1], *by_page[names[6]]]
        writer = self.kb.index.writer()
        writer.delete(lost)
        writer.close()
        if self.kind == "foreign":
            self.pipeline.splitters = [by_words(25, 5)]
            self.pipeline.run([names[7]])
            self.pipeline.splitters = [by_words(40, 8)]

    def ids(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key, record in self.kb.records().items():
            name = record.metadata.get("kb_document") or record.metadata["source"].removeprefix(PREFIX)
            found.setdefault(name, []).append(key)
        return {name: sorted(keys) for name, keys in found.items()}

    # What kbgov does

    def sync(self) -> dict[str, bool]:
        """Sync; say of each partition whether the pass was resumed."""
        return {sight.partition: sight.resumed for sight in self.kb.sync().seen.partitions}

    def audit(self) -> None:
        self.kb.audit(Word.DRIFT)

    def plan(self) -> str:
        return plan_repair(self.kb.desk, self.kb.world).digest

    def apply(self, digest: str) -> Repaired:
        kb = self.kb
        return Repairer(kb.desk, kb.world, kb.gate, kb.runner, kb.embedder).apply(digest, self.deliver)

    def deliver(self, items: list[RepairItem]) -> None:
        with self.delivered.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps([item.document, item.reason]) + "\n" for item in items)

    def work(self) -> set[tuple[str, str]]:
        """Give (document, reason) of what was delivered."""
        if not self.delivered.exists():
            return set()
        return {tuple(json.loads(line)) for line in self.delivered.read_text(encoding="utf-8").splitlines()}

    # What is compared

    def state(self) -> dict[str, Any]:
        """Give all that an undisturbed run and a resumed one must agree on: everything but moments and run numbers."""
        with self.kb.catalog.read() as uow:
            found: dict[str, Any] = {
                table.name: sorted(repr(plain(table, row)) for row in uow.connection.execute(select(table)))
                for table in TABLES
            }
            found["findings"] = sorted(
                (item.kind.value, repr(item.place), item.period.status.value, item.rule)
                for item in uow.findings.listed(None)
            )
        found["records"] = sorted(
            (key, record.text, repr(sorted(record.metadata.items()))) for key, record in self.kb.records().items()
        )
        return found

    def close(self) -> None:
        self.kb.close()


def plain(table: Table, row: Any) -> dict[str, object]:
    """Give a row without moments."""
    left_out = {column.name for column in table.c if isinstance(column.type, UtcDateTime)} | PASSING
    facts = {name: value for name, value in row._mapping.items() if name not in left_out}
    if "verdict" in facts:
        facts["verdict"] = {**facts["verdict"], "holed_at": bool(facts["verdict"]["holed_at"]), "compared_at": None}
    return facts


def differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, list[list[Any]]]:
    """Give what only one of two states has, by table."""
    return {
        name: [[item for item in rows if item not in other[name]], [item for item in other[name] if item not in rows]]
        for name, rows in one.items()
        if rows != other[name]
    }
