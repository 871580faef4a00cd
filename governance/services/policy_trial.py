"""Runs cases of policies: real pages in a folder, a real catalog and index that are thrown away, the real audit."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final

from governance.catalog.engine import create_catalog_engine
from governance.catalog.migrate import upgrade
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.detectors.base import Word
from governance.domain.actions import ActionState
from governance.domain.actors import Actor
from governance.domain.documents import ParsedDocument
from governance.domain.findings import Finding, FindingStatus
from governance.domain.keys import IndexLayout, KeyRule
from governance.domain.ports import Embedder, Index, Listed, Listing, Source
from governance.domain.pseudonyms import throwaway
from governance.domain.values import Json
from governance.guard import Guard
from governance.policy.loader import load_policies
from governance.services.audit import audit
from governance.services.audit_observe import AuditRequest
from governance.services.gate import WriteGate
from governance.services.ingest import IngestJob
from governance.services.ingesting import run_ingest
from governance.services.observe import World
from governance.services.policy_cases import Case, ExpectedModel
from governance.services.review import verify_document
from governance.services.runner import OpenIndexes, SerialRunner
from governance.services.runs import Desk
from governance.services.sync import sync

INDEX: Final = "main"
_ACTOR: Final = Actor(id="kbgov policy test")
_NOON: Final = time(12, tzinfo=UTC)
_STANDING: Final = frozenset(FindingStatus) - {FindingStatus.RESOLVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScratchParts:
    """What makes the surroundings of a case.

    Attributes:
        source: Makes a source of a folder, by name; the keys are those of metadata that policies may look at.
        index: Makes an empty index, by name.

    """

    source: Callable[[str, Path, tuple[str, ...]], Source]
    index: Callable[[str], Index]
    embedder: Embedder


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What came of a case.

    Attributes:
        differences: Between what was expected and what was found, in words; none when it passed.

    """

    name: str
    description: str
    differences: Sequence[str]

    @property
    def passed(self) -> bool:
        """True when exactly what was expected was found."""
        return not self.differences

    def as_json(self) -> dict[str, Json]:
        """Give the contract's object."""
        return {
            "case": self.name,
            "description": self.description,
            "passed": self.passed,
            "differences": list(self.differences),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finding with the actions that policies ask for."""

    finding: Finding
    actions: Sequence[str]

    @property
    def subject(self) -> tuple[str, str]:
        """What a case names it by: its kind and its document."""
        return self.finding.kind.value, self.finding.place.document

    @property
    def facts(self) -> dict[str, str]:
        """What a case may expect of it."""
        period = self.finding.period
        return {
            "severity": period.severity.value,
            "status": period.status.value,
            "policy": period.policy,
            "actions": ", ".join(sorted(self.actions)),
        }


def run_cases(cases: Sequence[Case], parts: ScratchParts, scratch: Path) -> list[CaseResult]:
    """Run cases, each in a catalog of its own below a folder that somebody else removes.

    Raises:
        PolicyError: The policies of a case cannot be used.

    """
    if not cases:
        return []
    template = scratch / "template.db"
    engine = create_catalog_engine(f"sqlite:///{template}")
    upgrade(engine)
    engine.dispose()
    results = []
    for number, case in enumerate(cases):
        folder = scratch / f"case-{number}"
        folder.mkdir()
        shutil.copy(template, folder / "catalog.db")
        with closing(_Trial(case, parts, folder)) as trial:
            found = trial.run()
        differences = tuple(compare(case.model.expected, found))
        results.append(CaseResult(name=case.name, description=case.model.description, differences=differences))
        shutil.rmtree(folder)
    return results


def compare(expected: Sequence[ExpectedModel], found: Sequence[Found]) -> Iterator[str]:
    """Say what was expected and is not there, what is there and was not expected, and what is otherwise."""
    left: defaultdict[tuple[str, str], list[Found]] = defaultdict(list)
    for item in found:
        left[item.subject].append(item)
    unmet: list[ExpectedModel] = []
    for wanted in expected:
        here = left[wanted.kind, wanted.document or ""]
        exact = next((item for item in here if not _differences(wanted, item)), None)
        if exact is None:
            unmet.append(wanted)
        else:
            here.remove(exact)
    for wanted in unmet:
        here = left[wanted.kind, wanted.document or ""]
        if here:
            for name, (want, have) in _differences(wanted, here.pop(0)).items():
                yield f"{_named(wanted.kind, wanted.document)}: {name} is {have or 'none'}, expected {want or 'none'}"
        else:
            yield f"expected and not found: {_named(wanted.kind, wanted.document)}"
    for item in (item for items in left.values() for item in items):
        yield f"found and not expected: {_named(*item.subject)} ({item.facts['status']}, {item.facts['severity']})"


def _named(kind: str, document: str | None) -> str:
    return f"{kind} {document}" if document else kind


def _differences(wanted: ExpectedModel, item: Found) -> dict[str, tuple[str, str]]:
    """Give, by name, (what was expected, what is there) of the facts that differ; None was not expected at all."""
    actions = ", ".join(sorted(wanted.actions)) if wanted.actions is not None else None
    facts = {"severity": wanted.severity, "status": wanted.status, "policy": wanted.policy, "actions": actions}
    have = item.facts
    return {name: (want, have[name]) for name, want in facts.items() if want is not None and want != have[name]}


class _Told:
    """A source whose history is what the case tells of it."""

    def __init__(self, source: Source, changed_on: Mapping[str, date]) -> None:
        self._source = source
        self.changed_on = changed_on

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def recipe(self) -> str:
        return self._source.recipe

    def listing(self) -> Listing:
        return _ToldListing(self._source.listing(), self.changed_on)

    def reread(self, listed: Listed) -> Listed:
        return self._source.reread(listed)

    def parse(self, listed: Listed) -> ParsedDocument:
        return self._source.parse(listed)


class _ToldListing:
    def __init__(self, listing: Listing, changed_on: Mapping[str, date]) -> None:
        self._listing = listing
        self._changed_on = changed_on

    def __iter__(self) -> Iterator[Listed]:
        return (replace(entry, changed_on=self._changed_on.get(entry.document)) for entry in self._listing)

    @property
    def complete(self) -> bool:
        return self._listing.complete

    @property
    def interruption(self) -> str | None:
        return self._listing.interruption


class _Trial:
    """One case, day by day."""

    def __init__(self, case: Case, parts: ScratchParts, folder: Path) -> None:
        self._case = case
        self._parts = parts
        self._folder = folder / "sources"
        self._policies = load_policies(case.policies)
        self._catalog = Catalog(create_catalog_engine(f"sqlite:///{folder / 'catalog.db'}"), throwaway)
        self._sources = {name: self._source(name) for name in case.sources}
        self._indexes = {INDEX: parts.index(INDEX)} if case.indexed else {}
        self._gate = WriteGate(self._catalog, self._indexes, Guard(), lambda: self._policies.limits)

    def _source(self, name: str) -> _Told:
        root = self._folder / name
        root.mkdir(parents=True)
        return _Told(self._parts.source(name, root, self._case.metadata_keys), {})

    def close(self) -> None:
        self._gate.close()
        self._catalog.close()

    def run(self) -> list[Found]:
        """Let every day of the case pass, and give what is found on the last."""
        for day in self._case.days():
            self._write(day)
            desk = self._desk(day)
            if day == self._case.indexed:
                self._ingest(desk)
                self._audit(desk)
            else:
                sync(desk, self._world, sources=list(self._sources), indexes=[])
            for item in self._case.model.documents:
                if item.verified_on == day.isoformat():
                    verify_document(desk, item.path, source=item.source, day=day)
        return self._audit(self._desk(self._case.today))

    def _desk(self, day: date) -> Desk:
        now = datetime.combine(day, _NOON)
        return Desk(catalog=self._catalog, actor=_ACTOR, clock=lambda: now, today=day, policies=self._policies)

    @property
    def _world(self) -> World:
        layout = IndexLayout(keys=tuple((name, KeyRule()) for name in self._case.sources))
        return World(
            sources=self._sources,
            indexes=self._indexes,
            layouts=dict.fromkeys(self._indexes, layout),
            limits=self._policies.limits.listing,
        )

    def _write(self, day: date) -> None:
        """Make the folders what they are on the day."""
        there: set[Path] = set()
        changed: dict[str, dict[str, date]] = {name: {} for name in self._sources}
        for item, text in self._case.pages(day):
            file = self._folder / item.source / item.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
            there.add(file)
            if item.changed_on and date.fromisoformat(item.changed_on) <= day:
                changed[item.source][item.path] = date.fromisoformat(item.changed_on)
        for file in self._folder.rglob("*"):
            if file.is_file() and file not in there:
                file.unlink()
        for name, source in self._sources.items():
            source.changed_on = changed[name]

    def _ingest(self, desk: Desk) -> None:
        runner = SerialRunner(OpenIndexes(self._indexes))
        for source in self._sources.values():
            job = IngestJob(
                source=source,
                place=(INDEX, ""),
                embedder=self._parts.embedder,
                limits=self._policies.limits.listing,
            )
            run_ingest(desk, self._gate, runner, job)

    def _audit(self, desk: Desk) -> list[Found]:
        request = AuditRequest(words=tuple(Word), sources=self._case.sources, as_of=desk.today)
        audit(desk, request, self._world if self._indexes else None, self._gate)
        with self._catalog.read() as uow:
            listed = list(uow.findings.listed(desk.today))
            return [
                Found(finding=item, actions=_asked(uow, item)) for item in listed if item.period.status in _STANDING
            ]


def _asked(uow: UnitOfWork, item: Finding) -> list[str]:
    actions = uow.actions.of(item.fingerprint)
    return [action.action.value for action in actions if action.state is not ActionState.WITHDRAWN]
