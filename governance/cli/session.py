"""Opens the application for one command: for those who may give it, and with a word in the log when it is refused."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import click

from governance.bootstrap import App, open_app
from governance.cli.errors import LONGEST
from governance.cli.options import Options
from governance.cli.progress import progress_for
from governance.cli.text import clean
from governance.domain.commands import roles_for
from governance.domain.errors import KbgovError, LogInconsistent, NotAuthenticated, Refused
from governance.services.log_findings import note_inconsistent
from governance.services.logs import LogEvent, tell
from governance.services.refusals import record_refusal


@contextmanager
def opened(options: Options, *, check_revision: bool = True) -> Iterator[App]:
    """Give the application of the configuration that was named, with a progress bar where somebody looks.

    Whoever acts has proven who they are, where the configuration asks for that, and holds a role that the command
    needs. A refusal, of this or of anything inside the block, is recorded before it goes on.

    Args:
        options: What every command takes.
        check_revision: As of `open_app`.

    Raises:
        NotAuthenticated: Who acts has not proven to be who they say.
        RoleRefused: They lack the role.
        KbgovError: As `open_app`.

    """
    with (
        progress_for(options) as progress,
        open_app(options.config, check_revision=check_revision, progress=progress) as app,
    ):
        met = False
        try:
            app.actor.require(*roles_for(typed_command()))
            yield app
        except Refused as refused:
            note_refusal(app, refused)
            raise
        except LogInconsistent as error:
            met = True
            note_log(app, error)
            raise
        finally:  # what was met is not signed, nor told a second time
            for problem in () if met else app.at_end(partial(note_log, app)):
                complain(problem)


def complain(problem: str) -> None:
    """Tell that the audit log could not be signed or anchored; where stderr is for lines of the log, as such a line."""
    tell(LogEvent.CHECKPOINT_FAILED, level=logging.WARNING)
    if os.environ.get("KBGOV_LOG") != "json":
        click.echo(f"kbgov: {clean(problem, LONGEST)}", err=True)


def note_refusal(app: App, refused: Refused) -> None:
    """Record that this command was refused, as far as the catalog answers."""
    actor = app.claimant if isinstance(refused, NotAuthenticated) else app.actor
    record_refusal(app.catalog, refused, actor, typed_command(), now=app.clock())


def note_log(app: App, error: LogInconsistent) -> None:
    """Open the finding about the log, as far as that can still be stored."""
    with suppress(KbgovError):
        note_inconsistent(app.desk, error, typed_command())


def typed_command() -> str:
    """Give the words of the command that is under way, without the program's name: "audit run"."""
    context = click.get_current_context(silent=True)
    return context.command_path.partition(" ")[2] if context is not None else ""
