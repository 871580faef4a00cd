"""`kbgov chunks show`.

Its JSON, where null stands for what is not known or does not apply::

    {"chunk_id", "at": day, "places": [{
        "index", "partition",
        "state": "present" | "gone" | "deleted" | "not_yet_seen" | "forgotten", "since": time, "until": time,
        "source", "document", "position", "body_hash",
        "document_then": {"state": "present" | "suspect" | "gone", "version", "reviewed_on", "changed_on",
                          "raw_hash", "body_hash", "since", "until"},
        "findings": [finding],
        "today": "same" | "other_text" | "absent" | "unreachable" | "not_configured",
        "text": only with --text, and only where "today" is "same"
    }]}
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import click

from governance.cli.advice import advice
from governance.cli.columns import code, path, words
from governance.cli.completing import index_names
from governance.cli.options import DAY, Answer, Options, answering
from governance.cli.session import opened
from governance.domain.findings import Finding
from governance.services.chunk_story import ChunkStory, PlaceStory, StoryRequest, StoryState, Today, chunk_story

if TYPE_CHECKING:
    from governance.cli.output import Screen

SHORT: Final = 8
"""Digits of a fingerprint that tables show."""
_STATES: Final = {
    StoryState.PRESENT: "present",
    StoryState.GONE: "gone from the index",
    StoryState.DELETED: "deleted by kbgov, which the next look confirms",
    StoryState.NOT_YET_SEEN: "not yet seen",
    StoryState.FORGOTTEN: "no more in the index",
}
_TODAY: Final = {
    Today.SAME: "the index still has this very text",
    Today.OTHER_TEXT: "the index has another text under this id now",
    Today.ABSENT: "the index has nothing under this id any more",
    Today.UNREACHABLE: "the index did not answer, so nobody can say what it has now",
    Today.NOT_CONFIGURED: "the index is no longer configured, so nobody can say what it has now",
}
_ABOUT_DOCUMENT: Final = ("state", "version", "reviewed_on", "changed_on", "raw_hash", "body_hash", "since", "until")


@click.group(
    "chunks",
    short_help="Show what a chunk was on a day.",
    epilog="\b\nExample:\n  kbgov chunks show 3fb1a0c2d4e5 --at 2026-03-14",
)
def command() -> None:
    """Show what a chunk was on a day: why an assistant said then what it said."""


@command.command(
    "show",
    short_help="Show one chunk, now or at the end of a day.",
    epilog="\b\nExample:\n  kbgov chunks show 3fb1a0c2d4e5 --at 2026-03-14\n"
    "  kbgov chunks show 3fb1a0c2d4e5 --index main --text",
)
@click.argument("chunk_id", metavar="ID")
@click.option("--at", type=DAY, help="Day at whose end it is shown, now when not given.")
@click.option("--index", metavar="NAME", shell_complete=index_names, help="Only in this index.")
@click.option("--partition", metavar="NAME", help="Only in this partition; '' is the one without a name.")
@click.option("--text", "with_text", is_flag=True, help="Print its text, where the index still has that of the day.")
@answering
def show(
    options: Options, chunk_id: str, at: date | None, index: str | None, partition: str | None, *, with_text: bool
) -> Answer:
    """Show what the chunk ID was: its state, its document and that one's version, and the findings open on that day.

    ID is the index's own, whole. Days are those of the configured time zone. A text is never kept: what is printed
    comes from the index, and only where it is the text of that day.
    """
    request = StoryRequest(chunk_id=chunk_id, at=at, index=index, partition=partition, with_text=with_text)
    with opened(options) as app:
        story = chunk_story(app.desk, app.world, request, app.zone)
    return Answer(payload=story.as_json(), show=lambda screen: _show(screen, story))


def _show(screen: Screen, story: ChunkStory) -> None:
    screen.line(f"Chunk {story.chunk_id} at the end of {story.at}:", typed=True)
    for place in story.places:
        _show_place(screen, place)


def _show_place(screen: Screen, place: PlaceStory) -> None:
    screen.head(f"{place.index}/{place.partition}" if place.partition else place.index)
    facts = {name: value for name, value in place.as_json().items() if name not in {"index", "partition", "text"}}
    document = facts.pop("document_then")
    rows: list[list[object]] = [["state", _STATES[place.state]]]
    plain = ("since", "until", "source", "document", "position", "body_hash")
    rows += [[name, facts[name]] for name in plain if facts[name] is not None]
    if isinstance(document, dict):
        rows += [[f"document.{name}", document[name]] for name in _ABOUT_DOCUMENT if document[name] is not None]
    screen.table([code("FACT"), path("VALUE")], rows)
    if place.today is not None:
        screen.line(f"Today {_TODAY[place.today]}.")
    if place.findings:
        screen.head("Findings open on that day")
        columns = [code("SEVERITY"), code("KIND"), code("STATUS"), code("FINGERPRINT"), words("WHAT TO DO")]
        screen.table(columns, [_row(item) for item in place.findings])
    elif place.then is not None:
        screen.line("No finding about it or its document was open on that day.")
    if place.text is not None:
        screen.head("Text")
        for line in place.text.splitlines():
            screen.line(line)


def _row(item: Finding) -> list[object]:
    period = item.period
    facts = [period.severity.value, item.kind.value, period.status.value]
    return [*facts, item.fingerprint[:SHORT], advice(item)]
