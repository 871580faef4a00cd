"""`kbgov log list|show|verify|checkpoint`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from governance.cli import log_files
from governance.cli.columns import brief, code, words
from governance.cli.completing import one_of
from governance.cli.options import DAY, Answer, Options, answering
from governance.cli.session import opened
from governance.cli.text import plural
from governance.domain.errors import KbgovError
from governance.domain.events import Action
from governance.domain.values import Json
from governance.services.log_findings import note_verification
from governance.services.log_read import MOST, EntryDetail, ShownEntry, Wanted, list_entries, show_entry
from governance.services.log_verify import Outcome, Verification

if TYPE_CHECKING:
    from governance.cli.output import Screen

PLACES: Final = ("index", "run", "command", "key", "reason", "outcome", "counts")
"""What a line of the list says beside number, moment, action and actor."""


@click.group(
    "log",
    short_help="Read, check, sign and export the audit log.",
    epilog="\b\nExample:\n  kbgov log list --action 'finding.*'\n  kbgov log verify --checkpoint kept-elsewhere.txt",
)
def command() -> None:
    """Read, check, sign and export the audit log.

    Every decision and every change is an entry in a log under a Merkle tree. Names stand in it as keyed digests only.
    """


@command.command(
    "list",
    short_help="List entries, the newest last.",
    epilog="\b\nExample:\n  kbgov log list --action 'finding.*' --since 2026-11-01\n  kbgov log list --run 12 --json",
)
@click.option(
    "--action", metavar="GLOB", shell_complete=one_of(Action), help="Only actions that match, such as 'finding.*'."
)
@click.option("--actor", metavar="NAME", help="Only what this person or job did.")
@click.option("--run", type=click.IntRange(min=1), metavar="N", help="Only what happened in this run.")
@click.option("--outcome", metavar="WORD", help="Only what ended so, such as refused.")
@click.option("--reason", metavar="CODE", help="Only entries with this reason code.")
@click.option("--document", metavar="PATH", help="Only decisions about this document and its findings.")
@click.option("--since", type=DAY, help="From this day on.")
@click.option("--until", type=DAY, help="Up to this day.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=MOST, show_default=True, help="At most so many, the newest."
)
@answering
def list_(options: Options, /, **asked: Any) -> Answer:  # noqa: ANN401 - one per option, as `Wanted` has them
    """List entries, the newest last. Names are shown as far as they are kept beside the log."""
    with opened(options) as app:
        found = list_entries(app.catalog, lambda: app.keyring.audit, Wanted(**asked), app.zone)
    return Answer(
        payload={"entries": [item.as_json() for item in found]}, show=lambda screen: _show_list(screen, found)
    )


@command.command("show", short_help="Show one entry, to the letter.", epilog="\b\nExample:\n  kbgov log show 12")
@click.argument("seq", type=click.IntRange(min=0))
@answering
def show(options: Options, seq: int) -> Answer:
    """Show one entry: what it says, its hash, and which checkpoints and anchors cover it."""
    with opened(options) as app:
        found = show_entry(app.catalog, seq)
    payload: dict[str, Json] = {
        "entry": found.entry.as_json(),
        "body": found.raw,
        "leaf": found.leaf,
        "signed": found.signed,
        "anchored": dict(found.anchored),
    }
    return Answer(payload=payload, show=lambda screen: _show_entry(screen, found))


@command.command(
    "verify",
    short_help="Check that nobody has rewritten the log.",
    epilog=(
        "\b\nExample:\n  kbgov log verify --checkpoint kept-elsewhere.txt\n"
        '  kbgov log verify --export handed-over --key "$(cat vkey)"'
    ),
)
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A checkpoint that was kept outside the database, or a file with many; repeats.",
)
@click.option("--key", metavar="VKEY", help="Public key to believe, or its file; those of this installation otherwise.")
@click.option(
    "--export", type=click.Path(path_type=Path), metavar="DIR", help="Check an export instead of the database."
)
@answering
def verify(options: Options, checkpoints: Sequence[Path], key: str | None, export: Path | None) -> Answer:
    """Check every entry, the tree above them and every checkpoint.

    Exit code 0: intact, a checkpoint from outside the database vouches for it. 3: self-consistent only, which the owner
    of the database can bring about for any log. 5: inconsistent. 75: unknown, something could not be looked at.
    """
    if export is not None:
        found = log_files.check_export(options, export, checkpoints, key)
    else:
        with opened(options) as app:
            found = app.log.verify(checkpoints, key)
            if key is None:
                with suppress(KbgovError):  # what was found is told in any case
                    note_verification(app.desk, found, "log verify")
    return Answer(
        payload=found.as_json(), show=lambda screen: show_verification(screen, found), exit_code=found.exit_code
    )


@command.command(
    "checkpoint",
    short_help="Sign the log as it stands, and hand the checkpoint to the anchors.",
    epilog="\b\nExample:\n  kbgov log checkpoint > kept-elsewhere.txt",
)
@answering
def checkpoint(options: Options) -> Answer:
    """Sign the log as it stands, hand the checkpoint to the anchors that are configured, and print it.

    Exit code 75 when an anchor did not take it.
    """
    with opened(options) as app:
        made = app.log.checkpoint()
    payload: dict[str, Json] = {
        "entries": made.size,
        "checkpoint": made.note,
        "fresh": made.fresh,
        "anchored": sorted(made.anchored),
        "failed": dict(made.failed),
    }
    return Answer(
        payload=payload,
        show=lambda screen: log_files.print_bytes(made.note) if made.note else screen.line("The log has no entry yet."),
        exit_code=75 if made.failed else 0,
    )


def show_verification(screen: Screen, found: Verification) -> None:
    """Print the answer of a verification."""
    rest = found.entries - found.covered
    said = {
        Outcome.INTACT: f"Intact: {plural(found.entries, 'entry', 'entries')}.",
        Outcome.SELF_CONSISTENT: (
            f"Self-consistent only: {plural(found.entries, 'entry', 'entries')} fit together, but there is no "
            "checkpoint from outside the database to hold them against."
        ),
        Outcome.INCONSISTENT: "Inconsistent: this log is not what it was.",
        Outcome.UNKNOWN: "Unknown: not everything could be looked at.",
    }
    screen.line(said[found.outcome], {Outcome.INTACT: "green", Outcome.INCONSISTENT: "bold red"}.get(found.outcome, ""))
    for problem in found.problems:
        screen.line(f"- {problem}")
    if found.against:
        screen.line(f"Held against: {', '.join(found.against)}.")
        if rest and found.outcome is not Outcome.INCONSISTENT:
            screen.line(f"{plural(rest, 'entry', 'entries')} after it: not covered by this checkpoint.")
    if found.root:
        screen.line(f"root {found.root}")


def _show_list(screen: Screen, found: Sequence[ShownEntry]) -> None:
    if found:
        rows = [
            [item.body["seq"], str(item.body["at"])[:19], item.body["action"], item.actor, _told(item.body)]
            for item in found
        ]
        screen.table([code("SEQ"), code("AT (UTC)"), code("ACTION"), brief("ACTOR"), words("WHAT")], rows)
    screen.line(plural(len(found), "entry", "entries"))


def _told(body: Mapping[str, Json]) -> str:
    parts = []
    for field in PLACES:
        value = body.get(field)
        if isinstance(value, Mapping):
            parts += [f"{name}={count}" for name, count in value.items()]
        elif value is not None:
            parts.append(f"{field}={value}")
    return " ".join(parts)


def _show_entry(screen: Screen, found: EntryDetail) -> None:
    rows: list[list[object]] = [
        [name, json.dumps(value) if isinstance(value, Mapping) else value] for name, value in found.entry.body.items()
    ]
    rows += [["actor's name", found.entry.actor], ["leaf hash", found.leaf]]
    rows.append(["covered by", f"checkpoint of {found.signed} entries" if found.signed else "no checkpoint yet"])
    rows += [[f"anchor {name}", "covered" if done else "not yet"] for name, done in sorted(found.anchored.items())]
    screen.table([code("FIELD"), words("VALUE")], rows)


command.add_command(log_files.export)
command.add_command(log_files.prove)
