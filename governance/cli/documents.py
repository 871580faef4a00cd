"""`kbgov documents list|show|verify`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import click

from governance.cli.columns import brief, code, number, path
from governance.cli.completing import WHICH_SOURCE
from governance.cli.options import DAY, Answer, Options, answering
from governance.cli.session import opened
from governance.cli.text import plural
from governance.detectors.freshness import FreshnessStatus
from governance.services.review import AssessedDocument, list_documents, show_document, verify_document

if TYPE_CHECKING:
    from governance.cli.output import Screen

_COLUMNS = (code("STATUS"), number("DAYS LATE"), code("DUE"), code("REVIEWED"), brief("OWNER"), brief("TITLE"))


@click.group(
    "documents",
    short_help="List documents with their review dates; record a review.",
    epilog="\b\nExample:\n  kbgov documents list --status overdue",
)
def command() -> None:
    """List documents with their review dates, and record reviews."""


@command.command(
    "list",
    short_help="List documents, the longest overdue first.",
    epilog="\b\nExample:\n  kbgov documents list --status overdue\n  kbgov documents list --as-of 2026-01-01 --json",
)
@click.option(
    "--status", type=click.Choice([word.value for word in FreshnessStatus]), help="Only documents of this status."
)
@click.option("--as-of", type=DAY, help="Day that is judged, today when not given.")
@answering
def list_(options: Options, status: str | None, as_of: date | None) -> Answer:
    """List documents with owner, last review and due day, the longest overdue first."""
    with opened(options) as app:
        found = list_documents(app.desk, as_of=as_of or app.today, status=FreshnessStatus(status) if status else None)
    return Answer(
        payload={"documents": [item.as_json() for item in found]}, show=lambda screen: show_table(screen, found)
    )


@command.command(
    "show",
    short_help="Show one document.",
    epilog="\b\nExample:\n  kbgov documents show security/vpn.md",
)
@click.argument("document")
@WHICH_SOURCE
@click.option("--as-of", type=DAY, help="Day that is judged, today when not given.")
@answering
def show(options: Options, document: str, source: str | None, as_of: date | None) -> Answer:
    """Show what is known of DOCUMENT, a path relative to its source's folder."""
    with opened(options) as app:
        found = show_document(app.desk, document, source=source, as_of=as_of or app.today)
    return Answer(payload={"documents": [found.as_json()]}, show=lambda screen: show_one(screen, found))


@command.command(
    "verify",
    short_help="Record that you have read a document and that it is right.",
    epilog="\b\nExample:\n  kbgov documents verify security/vpn.md\n"
    "  kbgov documents verify security/vpn.md --on 2026-11-16",
)
@click.argument("document")
@WHICH_SOURCE
@click.option("--on", "day", type=DAY, help="Day of the review, today when not given.")
@answering
def verify(options: Options, document: str, source: str | None, day: date | None) -> Answer:
    """Record that you have read DOCUMENT and that it is right.

    The review holds for the text that the last ingest saw; it is void as soon as that changes.
    """
    with opened(options) as app:
        review = verify_document(app.desk, document, source=source, day=day or app.today)
        found = show_document(app.desk, document, source=review.source, as_of=app.today)
    told = {"reviewed_on": review.reviewed_on.isoformat(), "body_hash": review.body_hash, "actor": review.actor}

    def tell(screen: Screen) -> None:
        screen.line(f"Recorded: {review.document} was reviewed on {review.reviewed_on} by {review.actor}.")
        screen.line("The review is void as soon as the text changes.")
        show_one(screen, found)

    return Answer(payload={"documents": [found.as_json()], "review": told}, show=tell)


def show_table(screen: Screen, documents: Sequence[AssessedDocument]) -> None:
    """Print a list of documents."""
    if not documents:
        screen.line("No document is of this kind.")
        return
    several = len({item.document.source for item in documents}) > 1
    columns = [*_COLUMNS, *([code("SOURCE")] if several else []), path("DOCUMENT")]
    screen.table(columns, [_row(item, with_source=several) for item in documents])
    screen.line(plural(len(documents), "document"))


def show_one(screen: Screen, item: AssessedDocument) -> None:
    """Print one document, a fact per line."""
    facts = {name: value for name, value in item.as_json().items() if name != "evidence"}
    rows: list[list[object]] = [[name, value] for name, value in facts.items()]
    rows += [[f"evidence.{name}", value] for name, value in item.assessment.evidence.items()]
    screen.table([code("FACT"), path("VALUE")], rows)


def _row(item: AssessedDocument, *, with_source: bool) -> list[object]:
    found, document = item.assessment, item.document
    facts = [found.status.value, found.days_overdue, found.due, found.reviewed_on, document.owner, document.title]
    return [*facts, *([document.source] if with_source else []), document.document]
