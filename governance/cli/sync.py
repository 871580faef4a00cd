"""`kbgov sync`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import click

from governance.bootstrap import App
from governance.cli.columns import brief, code, number
from governance.cli.completing import index_names, source_names
from governance.cli.invocation import suggestion
from governance.cli.options import Answer, Options, answering
from governance.cli.session import opened
from governance.cli.text import plural
from governance.domain.errors import InputError, TryAgain
from governance.services.observe import DAMAGED
from governance.services.sync import SyncReport, sync

if TYPE_CHECKING:
    from governance.cli.output import Screen

REFUSED: Final = 6
NOT_ALL: Final = 3
UNREADABLE: Final = "findings list --kind 'coverage.*'"
REPEATED: Final = "findings list --kind 'catalog.*'"
_OF_SOURCE: Final = ("seen", "added", "changed", "unchanged", "suspect", "gone", "failed")
_OF_INDEX: Final = ("chunks", "added", "changed", "gone")


@click.command(
    "sync",
    short_help="Look at sources and indexes, and note what they show.",
    epilog="\b\nExample:\n  kbgov sync\n  kbgov sync --index main --json",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME",
    shell_complete=source_names,
    help="A source to look at; may be repeated.",
)
@click.option(
    "--index",
    "indexes",
    multiple=True,
    metavar="NAME",
    shell_complete=index_names,
    help="An index to look at, with the sources that go into it unless --source is given; may be repeated.",
)
@answering
def command(options: Options, sources: tuple[str, ...], indexes: tuple[str, ...]) -> Answer:
    """Look at sources and indexes, and note in the catalog what they show. Nothing else is changed.

    Without options everything is looked at. An interrupted look goes on where it was. A document that is gone is
    first noted as suspect, and counts as gone when a second complete listing lacks it too.

    Exit code 3 when something could not be read or listed to its end, 6 when a listing was not believed, 75 when an
    index did not answer.
    """
    with opened(options) as app:
        chosen = _chosen(app, sources, indexes)
        report = sync(app.desk, app.world, sources=chosen[0], indexes=chosen[1])
    return Answer(
        payload=report.as_json(), show=lambda screen: _show(screen, report, options), exit_code=exit_code(report)
    )


def exit_code(report: SyncReport) -> int:
    """Give the contract's exit code."""
    if report.refused:
        return REFUSED
    if report.silent:
        return TryAgain.exit_code
    return NOT_ALL if report.incomplete else 0


def _chosen(app: App, sources: Sequence[str], indexes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Give what to look at, each once. Raises InputError for a name that is not configured."""
    for name in sources:
        app.source(name)
    for name in indexes:
        app.index(name)
    if not app.sources and not app.indexes:
        raise InputError(
            "neither a source nor an index is configured",
            item=str(app.config_file) if app.config_file else None,
            next_step="kbgov init --source PATH writes both",
        )
    if not sources and not indexes:
        return sorted(app.sources), sorted(app.indexes)
    fed_from = sources or app.world.sources_of(sorted(set(indexes)))
    return sorted(set(fed_from)), sorted(set(indexes))


def _show(screen: Screen, report: SyncReport, options: Options) -> None:
    """Print what came of each source and index, and what to do about what did not go well."""
    if report.seen.sources or report.seen.unavailable:
        _show_sources(screen, report)
    if report.seen.partitions or report.seen.unreachable:
        screen.line()
        _show_indexes(screen, report)
    screen.line()
    screen.line(f"{plural(report.documents, 'document')} and {plural(report.total('chunks'), 'chunk')} are there.")
    for sentence in _trouble(report, options):
        screen.line(sentence, typed=sentence.startswith("next: "))
    if exit_code(report) == 0:
        screen.line(f"next: {suggestion(options, 'audit run')}", typed=True)


def _show_sources(screen: Screen, report: SyncReport) -> None:
    rows: list[list[object]] = [
        [name, *(sight.counts[count] for count in _OF_SOURCE)] for name, sight in report.seen.sources.items()
    ]
    rows += [[name, *(None for _ in _OF_SOURCE)] for name in sorted(report.seen.unavailable)]
    screen.table([code("SOURCE"), *(number(name.upper()) for name in _OF_SOURCE)], rows)


def _show_indexes(screen: Screen, report: SyncReport) -> None:
    several = any(sight.partition for sight in report.seen.partitions)
    rows: list[list[object]] = [
        [sight.index, *([sight.partition or None] if several else []), *(sight.counts[name] for name in _OF_INDEX)]
        for sight in report.seen.partitions
    ]
    blank = [None] * (len(_OF_INDEX) + several)
    rows += [[name, *blank] for name in sorted(report.seen.unreachable)]
    partition = [brief("PARTITION")] if several else []
    screen.table([code("INDEX"), *partition, *(number(name.upper()) for name in _OF_INDEX)], rows)


def _trouble(report: SyncReport, options: Options) -> Iterator[str]:
    for sight in report.refused:
        if sight.refused is not None:
            seen, known = plural(sight.refused.seen, "document"), sight.refused.known
            yield f"{sight.source}: refused: the listing showed {seen} where {known} are known; nothing was noted."
            yield "next: see that the source is there and complete, then sync again; or raise 'limits' in the policy"
    for sight in report.seen.sources.values():
        if sight.interruption:
            yield f"{sight.source}: the listing was incomplete ({sight.interruption}); no absence was believed."
    for name in sorted(report.seen.unavailable):
        yield f"{name}: it could not be listed at all; what is known of it stays."
    for name, why in sorted(report.seen.unreachable.items()):
        what = "holds what cannot be right" if why == DAMAGED else "did not answer"
        yield f"{name}: the index {what}; what is known of it stays."
    if report.seen.unavailable or report.seen.unreachable:
        yield f"next: {suggestion(options, 'doctor')}"
    repeated = sum(len(ids) for ids in report.seen.repeated.values())
    if repeated:
        yield f"{plural(repeated, 'id')} came more than once with different content."
        yield f"next: {suggestion(options, REPEATED)}"
    if report.failed:
        yield f"{plural(report.failed, 'document')} could not be read; what is known of them stays."
        yield f"next: {suggestion(options, UNREADABLE)}"
