"""`kbgov damage load|list`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from io import BytesIO
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, BinaryIO, Final

import click

from governance.cli.advice import Places
from governance.cli.columns import brief, code, number
from governance.cli.completing import index_names
from governance.cli.invocation import suggestion
from governance.cli.options import DAY, Answer, Options, answering
from governance.cli.session import opened
from governance.cli.text import plural
from governance.domain.errors import InputError
from governance.domain.values import Json, rfc3339
from governance.services.damage import Damage, Ranking, list_damage
from governance.services.damage_load import LoadRequest, LoadResult, load_counts
from governance.services.retrieval_file import lines_of

if TYPE_CHECKING:
    from governance.catalog.retrievals import Loaded
    from governance.cli.output import Screen

STANDARD_INPUT: Final = "-"
MOST_PIPED: Final = 64 * 1024 * 1024
"""Bytes taken from a pipe, which are kept in memory: the catalog does not wait for whoever writes into it."""
SHORT: Final = 8
"""Digits of a fingerprint that tables show."""


@click.group(
    "damage",
    short_help="Rank what is wrong by how often it was retrieved.",
    epilog="\b\nExample:\n  kbgov damage load retrievals.csv && kbgov damage list --limit 20",
)
def command() -> None:
    """Rank what is overdue, drifted or contradictory by days times retrievals: what to mend first."""


@command.command(
    "load",
    short_help="Take in how often chunks were retrieved.",
    epilog="\b\nExample:\n  kbgov damage load retrievals.csv\n"
    "  kbgov damage load --index main --add - < retrievals.jsonl",
)
@click.argument("file", metavar="FILE|-", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--index", metavar="NAME", shell_complete=index_names, help="The index that all lines are about.")
@click.option("--partition", metavar="NAME", help="The partition that all lines are about.")
@click.option("--add", is_flag=True, help="Add to what was loaded before instead of replacing it.")
@answering
def load(options: Options, file: Path, index: str | None, partition: str | None, *, add: bool) -> Answer:
    """Take in how often chunks were retrieved: CSV with a header, or JSON Lines.

    Columns or keys: chunk_id and retrievals, a whole number; where several indexes or partitions have chunks of one
    id, also index and partition. The same chunk twice adds up. The whole file is stored or nothing of it, in place of
    what was loaded before: of everything, or of the index and partition that are named.
    """
    with opened(options) as app, _opened(file) as stream:
        request = LoadRequest(indexes=list(app.indexes), index=index, partition=partition, add=add)
        done = load_counts(app.desk, lines_of(stream), request)
    return Answer(
        payload={"run_id": done.run_id, "lines": done.lines, "retrievals": done.retrievals, **_loaded(done.loaded)},
        show=lambda screen: _show_load(screen, done, options),
    )


@command.command(
    "list",
    short_help="List what is wrong, the most harmful first.",
    epilog="\b\nExample:\n  kbgov damage list --limit 20\n  kbgov damage list --as-of 2026-01-01 --json",
)
@click.option("--as-of", type=DAY, help="Day that is judged, today when not given.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N.")
@answering
def list_(options: Options, as_of: date | None, limit: int | None) -> Answer:
    """List what is overdue, drifted or contradictory by damage: days times retrievals.

    The days of an overdue page are those past due, at least 1; of anything else those on which it has been open, the
    first among them. Tables leave out what was never retrieved.
    """
    with opened(options) as app:
        found = list_damage(app.desk, as_of=as_of or app.today)
    shown = found.items[:limit]
    items: list[Json] = [item.as_json() for item in shown]
    return Answer(
        payload={"items": items, **_loaded(found.loaded)}, show=lambda screen: _show_list(screen, found, shown, options)
    )


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """Open a file; what comes through a pipe is read to its end first."""
    if str(file) == STANDARD_INPUT:
        yield _whole(sys.stdin.buffer)
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}", item=str(file), next_step="name a file, or - for a pipe"
        ) from None
    with stream:
        yield stream if S_ISREG(os.fstat(stream.fileno()).st_mode) else _whole(stream)


def _whole(stream: BinaryIO) -> BinaryIO:
    body = stream.read(MOST_PIPED + 1)
    if len(body) > MOST_PIPED:
        raise InputError(f"more than {MOST_PIPED:,} bytes came through the pipe", next_step="write them into a file")
    return BytesIO(body)


def _loaded(loaded: Loaded) -> dict[str, Json]:
    at = rfc3339(loaded.loaded_at) if loaded.loaded_at else None
    return {"loaded_at": at, "chunks": loaded.chunks, "unknown": loaded.unknown}


def _show_load(screen: Screen, done: LoadResult, options: Options) -> None:
    screen.line(f"{plural(done.lines, 'line')}, {plural(done.retrievals, 'retrieval')}.")
    screen.line(f"Counts of {plural(done.loaded.chunks, 'chunk')} are loaded{_unknown(done.loaded)}.")
    screen.line(f"next: {suggestion(options, 'damage list')}", typed=True)


def _show_list(screen: Screen, found: Ranking, items: Sequence[Damage], options: Options) -> None:
    if found.loaded.loaded_at is None:
        screen.line("Nobody has said yet how often chunks are retrieved, so nothing can be ranked.")
        screen.line(f"next: {suggestion(options, 'damage load FILE')}", typed=True)
        return
    harmful = [item for item in items if item.damage]
    if harmful:
        places = Places([item.finding for item in harmful])
        first = [number("DAMAGE"), number("DAYS"), number("RETRIEVALS"), code("SEVERITY"), code("KIND")]
        columns = [*first, code("FINGERPRINT"), brief("OWNER"), *places.columns]
        screen.table(columns, [[*_row(item), *places.cells(item.finding)] for item in harmful])
    quiet = sum(not item.damage for item in found.items)
    wrong = plural(len(found.items), "finding")
    screen.line(f"{wrong} as of {found.as_of}, {quiet} of them about what was never retrieved.")
    loaded = found.loaded
    screen.line(f"Counts of {plural(loaded.chunks, 'chunk')}, loaded {loaded.loaded_at:%Y-%m-%d}{_unknown(loaded)}.")


def _row(item: Damage) -> list[object]:
    finding, period = item.finding, item.finding.period
    first = [item.damage, item.days, item.retrievals, period.severity.value, finding.kind.value]
    return [*first, finding.fingerprint[:SHORT], period.owner]


def _unknown(loaded: Loaded) -> str:
    return f"; the catalog does not know {loaded.unknown} of them" if loaded.unknown else ""
