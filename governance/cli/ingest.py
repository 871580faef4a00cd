"""`kbgov ingest`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import click

from governance.cli.columns import code, number
from governance.cli.completing import index_names, source_names
from governance.cli.invocation import retyped, suggestion
from governance.cli.options import DAY, Answer, Options, answering
from governance.cli.session import note_refusal, opened
from governance.cli.text import plural
from governance.domain.errors import InputError, Refused
from governance.services.ingest_sources import IngestReport, SourceIngest, ingest_sources

if TYPE_CHECKING:
    from governance.cli.output import Screen

REFUSED = 6
NOT_ALL = 3
UNREADABLE = "findings list --kind 'coverage.*'"
_COLUMNS = (
    code("SOURCE"),
    code("INDEX"),
    *map(number, ("SEEN", "ADDED", "CHANGED", "UNCHANGED", "REMOVED", "FAILED", "CHUNKS +", "CHUNKS -")),
)


@click.command(
    "ingest",
    short_help="Bring an index to what the documents say.",
    epilog="\b\nExample:\n  kbgov ingest\n  kbgov ingest handbook --index main --json",
)
@click.argument("source", required=False, shell_complete=source_names)
@click.option(
    "--index", metavar="NAME", shell_complete=index_names, help="Index to write into, the source's own when not given."
)
@click.option("--as-of", type=DAY, help="Day that findings met on the way are dated with, today when not given.")
@answering
def command(options: Options, source: str | None, index: str | None, as_of: date | None) -> Answer:
    """Bring an index to what the documents of SOURCE say, or of every configured source.

    Unchanged files are skipped, and only chunks whose text changed are embedded. A document that is gone is first
    noted; its chunks go when a second complete listing lacks it too.

    Exit code 3 when something could not be read, 6 when a listing was not believed, so that nothing was changed.
    """
    with opened(options) as app:
        if as_of is not None and as_of > app.today:
            raise InputError(
                "findings cannot be dated with a day to come",
                item=as_of.isoformat(),
                next_step="give today or an earlier day",
            )
        desk = replace(app.desk, today=as_of) if as_of else app.desk
        report = ingest_sources(desk, app.gate, app.runner, app.jobs(source, index))
        if isinstance(report.error, Refused):
            note_refusal(app, report.error)
    return Answer(
        payload=report.as_json(), show=lambda screen: _show(screen, report, options), exit_code=exit_code(report)
    )


def exit_code(report: IngestReport) -> int:
    """Give the contract's exit code."""
    if report.error is not None:
        return report.error.exit_code
    if report.refused is not None:
        return REFUSED
    return NOT_ALL if report.failed or report.interrupted else 0


def _show(screen: Screen, report: IngestReport, options: Options) -> None:
    """Print what came of each source, and what to do about what did not go well."""
    screen.table(_COLUMNS, [_row(item) for item in report.sources])
    for item in report.sources:
        for sentence in _trouble(item):
            screen.line(retyped(sentence, options.config if options.config_typed else None))
    if report.failed:
        screen.line(f"{plural(report.failed, 'document')} could not be read; what the index has of them stays.")
        screen.line(f"next: {suggestion(options, UNREADABLE)}", typed=True)
    elif exit_code(report) == 0:
        screen.line(f"next: {suggestion(options, 'audit run')}", typed=True)


def _row(item: SourceIngest) -> list[object]:
    documents = item.result.tally.documents if item.result else {}
    chunks = item.result.tally.chunks if item.result else {}
    changed = documents.get("body_changed", 0) + documents.get("metadata_changed", 0)
    counts = [documents.get(name, 0) for name in ("seen", "added")]
    rest = [documents.get(name, 0) for name in ("unchanged", "removed", "failed")]
    return [item.source, item.index, *counts, changed, *rest, chunks.get("written", 0), chunks.get("deleted", 0)]


def _trouble(item: SourceIngest) -> list[str]:
    if item.error is not None:
        return [f"{item.source}: stopped: {item.error.message}", f"next: {item.error.next_step or 'run it again'}"]
    result = item.result
    lines = []
    if result is not None and result.refused is not None:
        seen, known = plural(result.refused.seen, "document"), result.refused.known
        lines += [
            f"{item.source}: refused: the listing showed {seen} where {known} are known; nothing was changed.",
            "next: see that the folder is there and complete, then ingest again; or raise 'limits' in the policy",
        ]
    if result is not None and result.interruption:
        lines.append(f"{item.source}: the listing was incomplete ({result.interruption}); no absence was believed.")
    if result is not None and result.recovered:
        lines.append(f"{item.source}: {plural(result.recovered, 'change')} of an interrupted run looked into first.")
    return lines
