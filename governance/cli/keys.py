"""`kbgov keys init|list|rotate|backup|restore|destroy`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from pydantic import SecretStr

from governance.cli.columns import code, path
from governance.cli.invocation import relative, suggestion
from governance.cli.options import Answer, Options, answering
from governance.cli.session import opened
from governance.cli.text import plural
from governance.config.secrets import read_secret
from governance.domain.errors import ConfigError
from governance.guard import moment
from governance.keyring import Family, HeldKey
from governance.services.key_backup import Restored, Saved, bring_back, save
from governance.services.key_care import Destroyed, KeyStanding, Rotated, destroy, make, rotate, standings

if TYPE_CHECKING:
    from governance.cli.output import Screen

PASSPHRASE: Final = "KBGOV_BACKUP_PASSPHRASE"  # noqa: S105 - the variable's name
_FILE = click.Path(path_type=Path)
_UNREACHED: Final = "Copies of its file elsewhere (snapshots, other machines, backups) are not reached."


@click.group(
    "keys",
    short_help="Make, rotate, save and destroy the keys of the audit log.",
    epilog="\b\nExample:\n  kbgov keys init\n  kbgov keys backup /media/safe/kbgov-keys.txt",
)
def command() -> None:
    """Make, rotate, save and destroy the keys of the audit log.

    There are three families: 'signing' signs checkpoints; 'audit' makes what stands for names in the log; 'suppression'
    recognizes what was erased when it comes back. They come from files in the folder that keys_folder names, or from
    KBGOV_KEY_SIGNING, KBGOV_KEY_AUDIT and KBGOV_KEY_SUPPRESSION, or the files that these name with _FILE behind them.
    """


@command.command("init", short_help="Make the keys that are missing.", epilog="\b\nExample:\n  kbgov keys init")
@click.option("--replace-lost", is_flag=True, help="Also make new ones for keys that the log knows and that are lost.")
@answering
def init(options: Options, *, replace_lost: bool) -> Answer:
    """Make a key of each family that has none. Those that are there stay as they are."""
    with opened(options) as app:
        made = make(app.catalog, app.keyring, app.actor, now=app.clock(), anew=replace_lost)
        folder = app.keyring.folder
    return Answer(
        payload={"made": [_held_json(key) for key in made], "folder": str(folder)},
        show=lambda screen: _show_made(screen, made, options),
    )


@command.command(
    "list",
    short_help="List the keys, where they come from and when they were saved.",
    epilog="\b\nExample:\n  kbgov keys list --json",
)
@answering
def list_(options: Options) -> Answer:
    """List the keys that are here and those that the log knows, never the keys themselves.

    The verifier of a signing key is what others need to check signed checkpoints.
    """
    with opened(options) as app:
        found = standings(app.catalog, app.keyring, app.actor)
    return Answer(payload={"keys": [item.as_json() for item in found]}, show=lambda screen: _show_list(screen, found))


@command.command(
    "rotate",
    short_help="Make a new key of a family, and keep the old one.",
    epilog="\b\nExample:\n  kbgov keys rotate audit",
)
@click.argument("family", metavar="FAMILY", type=click.Choice([family.value for family in Family]))
@answering
def rotate_(options: Options, family: str) -> Answer:
    """Make a new key of FAMILY, which is signing, audit or suppression. The old one stays for what it was used for."""
    with opened(options) as app:
        done = rotate(app.catalog, app.keyring, app.actor, Family(family), now=app.clock())
    return Answer(
        payload={**_held_json(done.key), "before": done.before.name},
        show=lambda screen: _show_rotated(screen, done, options),
    )


@command.command(
    "backup",
    short_help="Save all keys in one file under a passphrase.",
    epilog="\b\nExample:\n  kbgov keys backup /media/safe/kbgov-keys.txt",
)
@click.argument("file", type=_FILE)
@answering
def backup_(options: Options, file: Path) -> Answer:
    """Save all keys in FILE, which must not be there yet, encrypted under a passphrase.

    The passphrase is KBGOV_BACKUP_PASSPHRASE, or in the file that KBGOV_BACKUP_PASSPHRASE_FILE names, or it is asked
    for twice. It has twelve characters or more. Without it the file is of no use, also to you.
    """
    with opened(options) as app:
        saved = save(app.catalog, app.keyring, app.actor, file, _passphrase(new=True), now=app.clock())
    return Answer(
        payload={"file": str(saved.file.absolute()), "keys": dict(saved.keys)},
        show=lambda screen: _show_saved(screen, saved),
    )


@command.command(
    "restore",
    short_help="Bring back keys that are missing from a backup.",
    epilog="\b\nExample:\n  kbgov keys restore /media/safe/kbgov-keys.txt",
)
@click.argument("file", type=_FILE)
@answering
def restore_(options: Options, file: Path) -> Answer:
    """Write the keys that are missing from the backup FILE; what is there already is never written over."""
    with opened(options) as app:
        done = bring_back(app.catalog, app.keyring, app.actor, file, _passphrase(new=False), now=app.clock())
    return Answer(
        payload={
            "restored": [_held_json(key) for key in done.written],
            "present": list(done.present),
            "destroyed": list(done.left_out),
        },
        show=lambda screen: _show_restored(screen, done),
    )


@command.command(
    "destroy",
    short_help="Destroy an older key, so that its entries can be linked to nobody.",
    epilog="\b\nExample:\n  kbgov keys destroy 1a2b3c4d\n  kbgov keys destroy 1a2b3c4d --confirm-count 4211",
)
@click.argument("key_id", metavar="KEY")
@click.option(
    "--confirm-count",
    "confirmed",
    type=click.IntRange(min=0),
    metavar="N",
    help="Do it: exactly how many entries of the log can no longer be linked to a name then.",
)
@answering
def destroy_(options: Options, key_id: str, confirmed: int | None) -> Answer:
    """Destroy KEY, an older key of the family audit. Its entries stay and verify, but nobody can tell whom they name.

    The command first says how many entries that are, and nothing is destroyed until that number is typed. Rotate the
    key before: the current one is never destroyed.
    """
    with opened(options) as app:
        gone = destroy(app.catalog, app.keyring, app.actor, key_id, confirmed, now=app.clock())
    return Answer(
        payload={
            "key": f"{Family.AUDIT}:{gone.key_id}",
            "entries": gone.entries,
            "backed_up": moment(gone.backed_up) if gone.backed_up is not None else None,
        },
        show=lambda screen: _show_destroyed(screen, gone),
    )


def _passphrase(*, new: bool) -> SecretStr:
    """Give the passphrase from the environment, or from whoever sits at the terminal."""
    found = read_secret(os.environ, PASSPHRASE)
    if found is not None:
        return found
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(
            "there is no passphrase for the backup, and nobody to ask for one",
            item=PASSPHRASE,
            next_step=f"set {PASSPHRASE}_FILE to a private file with the passphrase",
        )
    typed: str = click.prompt("Passphrase of the backup", hide_input=True, confirmation_prompt=new, err=True)
    return SecretStr(typed)


def _held_json(key: HeldKey) -> dict[str, str]:
    return {"key": key.name, "family": key.family.value, "where": key.where}


def _show_made(screen: Screen, made: list[HeldKey], options: Options) -> None:
    if not made:
        screen.line("Every family has a key already.")
        return
    for key in made:
        screen.line(f"{key.family} key {key.key_id}: {relative(Path(key.where))}")
    screen.line("Whoever has these files can sign in this log's name, and tell whom it speaks of. Save them elsewhere:")
    screen.line(f"next: {suggestion(options, 'keys backup')} FILE", typed=True)


def _show_list(screen: Screen, found: list[KeyStanding]) -> None:
    columns = [code("FAMILY"), code("KEY"), code("STATE"), code("CREATED"), code("BACKED UP"), path("WHERE")]
    rows = [
        (
            item.family.value,
            item.key_id,
            item.state.value,
            moment(item.created) if item.created is not None else None,
            moment(item.backed_up) if item.backed_up is not None else None,
            item.where or None,
        )
        for item in found
    ]
    screen.table(columns, rows)
    for item in found:
        if item.verifier:
            screen.line(f"verifier: {item.verifier}", typed=True)


def _show_rotated(screen: Screen, done: Rotated, options: Options) -> None:
    screen.line(f"{done.key.family} key {done.key.key_id} takes the place of {done.before.key_id}, which stays.")
    screen.line(f"The new one is in no backup yet: {relative(Path(done.key.where))}")
    screen.line(f"next: {suggestion(options, 'keys backup')} FILE", typed=True)


def _show_saved(screen: Screen, saved: Saved) -> None:
    counts = ", ".join(f"{family}: {count}" for family, count in saved.keys.items())
    screen.line(f"Saved and read back, {counts}: {relative(saved.file)}")
    screen.line("Keep it away from the keys and from the catalog, and the passphrase away from both.")


def _show_restored(screen: Screen, done: Restored) -> None:
    for key in done.written:
        screen.line(f"{key.family} key {key.key_id}: {relative(Path(key.where))}")
    screen.line(f"{plural(len(done.written), 'key')} brought back, {len(done.present)} were there already.")
    if done.left_out:
        screen.line(f"Destroyed since the backup was made, and left so: {', '.join(done.left_out)}")


def _show_destroyed(screen: Screen, gone: Destroyed) -> None:
    screen.line(f"Key {gone.key_id} is destroyed. Entries of the log that can be linked to nobody now: {gone.entries}.")
    screen.line(_UNREACHED)
    if gone.backed_up is not None:
        screen.line(f"The backup of {moment(gone.backed_up)} still has it: destroy that backup, and make a new one.")
