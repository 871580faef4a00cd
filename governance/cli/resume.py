"""`kbgov resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from governance.cli.options import Answer, Options, answering
from governance.cli.session import opened
from governance.domain.values import Json
from governance.guard import moment, told
from governance.services.pausing import PauseEnded, as_json, resume

if TYPE_CHECKING:
    from governance.cli.output import Screen


@click.command(
    "resume",
    short_help="Let indexes be changed again after a pause.",
    epilog="\b\nExample:\n  kbgov resume",
)
@answering
def command(options: Options) -> Answer:
    """Let indexes be changed again, and show what was noted when they were paused.

    What the pause interrupted is not taken up by itself: type the command again, and it goes on where it stopped.
    """
    with opened(options) as app:
        ended = resume(app.catalog, app.actor, now=app.clock())
    notes = ended.notes if ended is not None else ()
    said: list[Json] = [{"at": moment(item.written_at), "by": item.actor, "text": item.text} for item in notes]
    return Answer(
        payload={"paused": False, "was": as_json(ended.pause) if ended is not None else None, "notes": said},
        show=lambda screen: _show(screen, ended),
    )


def _show(screen: Screen, ended: PauseEnded | None) -> None:
    if ended is None:
        screen.line("Changes were not paused.")
        return
    screen.line(f"Indexes may be changed again; they were paused {told(ended.pause)}.")
    for item in ended.notes:
        screen.line(f"{moment(item.written_at)} {item.actor}: {item.text}")
