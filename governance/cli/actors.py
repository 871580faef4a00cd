"""`kbgov actors new|list`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from governance.cli.columns import brief, code, words
from governance.cli.invocation import relative
from governance.cli.options import Answer, Options, answering
from governance.cli.session import opened
from governance.config.settings import ActorSettings
from governance.domain.actors import Actor, ActorKind, Identity, Role
from governance.domain.errors import InputError
from governance.domain.values import Json
from governance.services.new_actor import NewActor, new_actor

if TYPE_CHECKING:
    from governance.cli.output import Screen

_SURE = {
    Identity.ASSERTED: "by their own account: no actors are configured, so nobody is asked for a secret",
    Identity.AUTHENTICATED: "authenticated by a secret",
}


@click.group(
    "actors",
    short_help="Say who may act, and prove who does.",
    epilog="\b\nExample:\n  kbgov actors new ann --role reader --role steward --secret-file ann.secret",
)
def command() -> None:
    """Say who may act, with which roles, and by which secret they prove it."""


@command.command(
    "new",
    short_help="Make a secret and the section that configures it.",
    epilog="\b\nExample:\n  kbgov actors new ann@example.com --role reader --role steward --secret-file ann.secret\n"
    "  kbgov actors new nightly --role operator --kind job --secret-file nightly.secret >> kbgov.toml",
)
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="What they may do; may be repeated.",
)
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in ActorKind]),
    default=ActorKind.PERSON.value,
    show_default=True,
    help="A person, or a job that runs by itself.",
)
@click.option(
    "--secret-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="New file for the secret, which its owner alone may read.",
)
@click.option("--ask", is_flag=True, help="Ask for a secret instead of making one; then no file is needed.")
@answering
def new(
    options: Options, name: str, *, roles: tuple[str, ...], kind: str, secret_file: Path | None, ask: bool
) -> Answer:
    """Make a secret for NAME, and print the section of kbgov.toml that knows its hash alone.

    Nothing is configured by this: paste the section, or append it as in the example. As soon as one actor is
    configured, nobody else can give a command, and nobody without a secret.
    """
    if options.quiet:
        raise click.UsageError("--quiet would hide the section that is to be pasted; leave it out")
    if secret_file is None and not ask:
        raise click.UsageError("--secret-file says where the secret goes; give it, or --ask")
    typed = _asked() if ask else None
    made = new_actor(name, [Role(role) for role in roles], ActorKind(kind), secret_file, typed)
    return Answer(payload=made.as_json(), show=lambda screen: _show_new(screen, made))


@command.command(
    "list",
    short_help="List who may act, and say who acts now.",
    epilog="\b\nExample:\n  kbgov actors list",
)
@answering
def list_(options: Options) -> Answer:
    """List who may act and with which roles, and say who acts now and how sure that is."""
    with opened(options, check_revision=False) as app:
        configured, acting = app.settings.actors, app.actor
    listed: list[Json] = [
        {"name": name, "roles": [role.value for role in found.roles], "kind": found.kind}
        for name, found in sorted(configured.items())
    ]
    body: dict[str, Json] = {
        "actors": listed,
        "acting": {
            "name": acting.id,
            "identity": acting.identity.value,
            "roles": [role.value for role in Role if role in acting.roles],
        },
    }
    return Answer(payload=body, show=lambda screen: _show_list(screen, configured, acting))


def _asked() -> str:
    """Ask for a secret twice, without showing it."""
    if not sys.stdin.isatty():
        raise InputError(
            "a secret can only be asked for on a terminal", item="--ask", next_step="leave out --ask and have one made"
        )
    return str(click.prompt("Secret", hide_input=True, confirmation_prompt="The same again", err=True))


def _show_new(screen: Screen, made: NewActor) -> None:
    """Print the section; everything else is a comment, so that all of it can be appended to kbgov.toml."""
    for line in ("", *made.section.splitlines()):
        screen.line(line, typed=True)
    if made.secret_file is not None:
        screen.line(f"# The secret is in {relative(made.secret_file)}; give it to nobody else.", typed=True)
    file = relative(made.secret_file) if made.secret_file is not None else "FILE"
    screen.line(f"# next: put these lines into kbgov.toml, set KBGOV_ACTOR to {made.name}", typed=True)
    screen.line(f"# and KBGOV_ACTOR_SECRET_FILE to {file}, then type: kbgov actors list", typed=True)


def _show_list(screen: Screen, configured: Mapping[str, ActorSettings], acting: Actor) -> None:
    if configured:
        found = sorted(configured.items())
        rows = [[name, each.kind, " ".join(role.value for role in each.roles)] for name, each in found]
        screen.table([brief("NAME"), code("KIND"), words("ROLES")], rows)
    screen.line(f"{acting.id} acts now, {_SURE[acting.identity]}.")
    if not configured:
        screen.line("next: kbgov actors new NAME --role ROLE --secret-file FILE", typed=True)
