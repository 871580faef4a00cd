"""`kbgov log export|prove`, and `kbgov log verify --export`: the log as files that go elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from governance.bootstrap import App
from governance.cli.invocation import relative
from governance.cli.options import Answer, Options, answering
from governance.cli.session import complain, opened
from governance.cli.text import plural
from governance.domain.commands import roles_for
from governance.domain.errors import ConfigError, InputError
from governance.domain.signed_note import VerifierKey
from governance.services.log_verify import Verification

if TYPE_CHECKING:
    from governance.cli.output import Screen
    from governance.services.log_export import Exported


@click.command(
    "export",
    short_help="Write the log into a folder, for others to check.",
    epilog="\b\nExample:\n  kbgov log export handed-over\n  python handed-over/check_export.py handed-over",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@answering
def export(options: Options, folder: Path) -> Answer:
    """Write the log into DIR: entries, checkpoints, public keys, proofs, and a program that checks them without kbgov.

    What was appended since the last checkpoint is signed first. DIR must be empty, not there yet, or an earlier export
    of this log, which is replaced. An export holds no name of anybody, and without new entries it is always the same.
    """
    from governance.services.log_export import export_log  # noqa: PLC0415 - only who exports

    with opened(options) as app:
        done = export_log(app.log, folder, may_sign=_may_sign(app))
    for name, why in done.failed.items():
        complain(f"anchor {name} did not take the checkpoint: {why}")
    return Answer(
        payload={"entries": done.entries, "files": list(done.files), "checkpoint": done.checkpoint},
        show=lambda screen: _show_export(screen, folder, done),
    )


@click.command(
    "prove",
    short_help="Prove that one entry is in the log.",
    epilog="\b\nExample:\n  kbgov log prove 12 --out entry-12.tlog-proof",
)
@click.argument("seq", type=click.IntRange(min=0))
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the proof to a new file.")
@answering
def prove(options: Options, seq: int, out: Path | None) -> Answer:
    """Print a proof that the entry with the number SEQ is in the log, under its newest checkpoint.

    One is signed when none covers the entry yet. The proof is in the form of c2sp.org/tlog-proof; who checks it needs
    the entry's own line, as an export has it, and the public key.
    """
    from governance.services.log_prove import prove as prove_entry  # noqa: PLC0415 - only who proves

    with opened(options) as app:
        proof = prove_entry(app.log, seq, may_sign=_may_sign(app))
    if out is not None:
        _write_new(out, proof)
        return Answer(
            payload={"seq": seq, "proof": proof}, show=lambda screen: screen.line(f"Written: {relative(out)}")
        )
    return Answer(payload={"seq": seq, "proof": proof}, show=lambda _: print_bytes(proof))


def check_export(options: Options, export: Path, checkpoints: Sequence[Path], key: str | None) -> Verification:
    """Check an export. A configuration is not needed; where there is one, its public keys are believed.

    Raises:
        ConfigError: The key is none, or the configuration that was named cannot be read.

    """
    from governance.services.log_export_check import verify_export  # noqa: PLC0415 - only who has an export

    return verify_export(export, checkpoints, key, _own_keys(options) if key is None else ())


def _own_keys(options: Options) -> Sequence[VerifierKey]:
    """Give the public keys of the configuration, if there is one and it has any."""
    from governance.config.load import FILE_NAME, load_settings  # noqa: PLC0415 - only who has an export
    from governance.keyring.ring import open_keyring  # noqa: PLC0415 - the same

    if options.config is None and not Path(FILE_NAME).exists():
        return ()
    settings = load_settings(options.config, os.environ)
    with suppress(ConfigError):
        return open_keyring(settings.keys_path, os.environ).verifiers
    return ()


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("xb") as stream:
            stream.write(text.encode())
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "not a path"
        raise InputError(
            f"the proof cannot be written: {reason}", item=str(path), next_step="name a file that is not there yet"
        ) from None


def _may_sign(app: App) -> bool:
    return not app.actor.roles.isdisjoint(roles_for("log checkpoint"))


def print_bytes(text: str) -> None:
    """Print to the letter: a proof is read by programs, whatever this terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())


def _show_export(screen: Screen, folder: Path, done: Exported) -> None:
    screen.line(f"{plural(done.entries, 'entry', 'entries')} in {relative(folder)}.")
    if done.checkpoint:
        rest = done.entries - done.checkpoint
        screen.line(f"Signed: {done.checkpoint}." + (f" Not signed yet: {rest}." if rest else ""))
        screen.line("Whoever checks it needs a public key and a checkpoint that came another way.")
    else:
        screen.line("Nothing is signed: there is no checkpoint, and no key to sign one with.")
