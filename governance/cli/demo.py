"""`kbgov demo`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from governance.bootstrap import missing_keys_made, open_app
from governance.cli.advice import ADVICE, place
from governance.cli.audit import payload, request, show_counts
from governance.cli.columns import brief, code, number, path
from governance.cli.demo_folder import HANDBOOK, prepare
from governance.cli.invocation import program, relative
from governance.cli.options import Answer, Options, answering
from governance.cli.progress import progress_for
from governance.config.load import FILE_NAME
from governance.detectors.freshness import FreshnessStatus
from governance.domain.findings import Finding, FindingKind
from governance.domain.values import Json
from governance.services.audit import AuditResult, audit
from governance.services.decisions import by_urgency
from governance.services.ingest_sources import IngestReport, ingest_sources
from governance.services.initialize import InitRequest, initialize
from governance.services.review import AssessedDocument, list_documents

if TYPE_CHECKING:
    from governance.cli.output import Screen

FOLDER: Final = "kbgov-demo"
AS_OF: Final = date(2026, 11, 16)
"""The demo's day never moves, so that everybody sees the same."""
_NO_GIT: Final = {"KBGOV_SOURCES__HANDBOOK__GIT": "false"}
"""A demo inside somebody's checkout has no history of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    config: Path
    ingest: IngestReport
    audit: AuditResult
    overdue: Sequence[AssessedDocument]

    @property
    def next_commands(self) -> list[str]:
        config, name = relative(self.config), program()
        worst = self.overdue[0].document.document
        return [
            f"{name} findings list --config {config}",
            f"{name} documents show {worst} --as-of {AS_OF} --config {config}",
            f"{name} doctor --config {config}",
        ]


@click.command(
    "demo",
    short_help="Show it all on the handbook of a fictional company.",
    epilog="\b\nExample:\n  kbgov demo\n  kbgov demo --dir /tmp/kbgov-demo",
)
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path(FOLDER),
    show_default=True,
    help="Folder to work in; must be new, empty, or an earlier demo's.",
)
@answering
def command(options: Options, folder: Path) -> Answer:
    """Index and audit the handbook of a fictional company, and show what is wrong with it.

    Pages, configuration, catalog and index stay in the folder, to look around in. The audit is as of a fixed day,
    so that everybody sees the same. Settings in KBGOV_* have no effect here.
    """
    with progress_for(options) as progress:
        done = _demonstrate(prepare(folder), progress)
    body: dict[str, Json] = {
        "directory": str(done.config.parent),
        "as_of": AS_OF.isoformat(),
        "ingest": done.ingest.as_json(),
        "audit": payload(done.audit),
        "next": done.next_commands,
    }
    return Answer(payload=body, show=lambda screen: _show(screen, done))


def _demonstrate(folder: Path, progress: Callable[[str, int, int | None], None]) -> _Shown:
    config = folder / FILE_NAME
    actor = {name: os.environ[name] for name in ("KBGOV_ACTOR",) if name in os.environ}
    wanted = InitRequest(config=config, source=folder / HANDBOOK, source_name=HANDBOOK)
    initialize(wanted, {}, lambda settings: missing_keys_made(settings, actor))
    with open_app(config, env=_NO_GIT | actor, progress=progress) as app:
        desk = replace(app.desk, today=AS_OF)
        report = ingest_sources(desk, app.gate, app.runner, app.jobs())
        result = audit(desk, request(app, None, AS_OF))
        overdue = list_documents(desk, as_of=AS_OF, status=FreshnessStatus.OVERDUE)
    return _Shown(config=config, ingest=report, audit=result, overdue=overdue)


def _show(screen: Screen, done: _Shown) -> None:
    counts = done.ingest.sources[0].result
    chunks = counts.tally.chunks["written"] if counts else 0
    screen.line("The handbook of Brindlemoor Instruments, a company that does not exist", "bold")
    screen.line(f"{done.audit.coverage.documents} pages, {chunks} chunks, now in {relative(done.config.parent)}")
    screen.line(f"Audited as of {AS_OF}; the day is fixed, so that everybody sees the same.")
    screen.head(f"{len(done.overdue)} pages are overdue for review")
    screen.table(
        [number("DAYS LATE"), code("DUE"), brief("OWNER"), path("PAGE")],
        [_overdue_row(item) for item in done.overdue],
    )
    screen.head("Also found")
    _show_rest(screen, [item for item in done.audit.findings.live if item.kind is not FindingKind.OVERDUE])
    screen.head(f"{done.audit.findings.open} findings in all")
    show_counts(screen, done.audit.findings.live)
    screen.line()
    screen.line(
        "For your own documents: kbgov init --source FOLDER, then kbgov ingest, then kbgov audit run", typed=True
    )
    screen.commands("Look around. Type next:", done.next_commands)


def _overdue_row(item: AssessedDocument) -> list[object]:
    document, found = item.document, item.assessment
    return [found.days_overdue, found.due, document.owner, document.document]


def _show_rest(screen: Screen, findings: Sequence[Finding]) -> None:
    """Print pages and owners kind by kind: the moved pages first, which are the easiest to get rid of."""
    width = max((len(place(item)) for item in findings), default=0)
    ordered = sorted(findings, key=lambda item: (item.kind is not FindingKind.STUB, item.kind.value, by_urgency(item)))
    for kind, items in groupby(ordered, key=lambda item: item.kind):
        screen.line(f"{kind.value}: {ADVICE[kind]}", "yellow")
        for item in items:
            screen.line(f"  {place(item):{width}}  {item.period.owner or '-'}")
