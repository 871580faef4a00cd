"""`kbgov pause`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from governance.bootstrap import App
from governance.cli.completing import one_of
from governance.cli.invocation import suggestion
from governance.cli.options import Answer, Options, answering
from governance.cli.session import opened
from governance.guard import told
from governance.policy.model import WaiverReason
from governance.services.pausing import PauseBegun, as_json, pause

if TYPE_CHECKING:
    from governance.cli.output import Screen


@click.command(
    "pause",
    short_help="Stop every change of every index at once.",
    epilog='\b\nExample:\n  kbgov pause --reason planned-work --note "moving the index to another machine"',
)
@click.option(
    "--reason",
    required=True,
    metavar="CODE",
    shell_complete=one_of(WaiverReason),
    help=f"Why: {', '.join(WaiverReason)}, or a code of your policies.",
)
@click.option("--note", metavar="TEXT", help="What people should know; kept apart from events and logs.")
@answering
def command(options: Options, reason: str, note: str | None) -> Answer:
    """Stop every change of every index at once, whoever is at it; audits and syncs go on.

    Who is changing an index now stops before the next batch. A batch that was announced already may still end. What
    would change an index is refused (exit code 6) until somebody types 'kbgov resume'.
    """
    with opened(options) as app:
        begun = pause(app.catalog, app.actor, reason, note, _codes(app, reason), now=app.clock())
    before = as_json(begun.before) if begun.before is not None else None
    return Answer(
        payload={"paused": True, **as_json(begun.pause), "replaced": before},
        show=lambda screen: _show(screen, begun, options),
    )


def _codes(app: App, reason: str) -> tuple[str, ...]:
    """Give the codes. Those that are built in need no policies, so that nothing about policies delays a pause."""
    built_in = tuple(WaiverReason)
    return built_in if reason in built_in else app.policies.reason_codes


def _show(screen: Screen, begun: PauseBegun, options: Options) -> None:
    if begun.before is not None:
        screen.line(f"Changes were paused already, {told(begun.before)}; now the reason is {begun.pause.reason}.")
    else:
        screen.line(f"No index is changed from now on: {begun.pause.reason}.")
    screen.line("Audits and syncs go on. A batch that was announced before this may still end.")
    screen.line(f"next: {suggestion(options, 'resume')}", typed=True)
