"""`kbgov actors new`: a secret in a private file, and the section of the configuration that knows its hash alone."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from governance.config.scrypt import hash_of
from governance.config.template import toml_string
from governance.domain.actors import BY_POLICY, LONGEST_NAME, ActorKind, Role, is_actor_name
from governance.domain.errors import ConfigError, InputError
from governance.domain.values import Json

SECRET_BYTES: Final = 32
LEAST_TYPED: Final = 12
"""Characters that a secret of one's own must have."""
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewActor:
    """An actor who is not configured yet.

    Attributes:
        roles: In the order of `Role`.
        scrypt: The hash of the secret; see `governance.config.scrypt`.
        secret_file: The file that holds the secret; None where it was typed and is kept nowhere.

    """

    name: str
    roles: tuple[Role, ...]
    kind: ActorKind
    scrypt: str
    secret_file: Path | None

    @property
    def section(self) -> str:
        """The section of kbgov.toml, without a line end behind it."""
        key = self.name if _BARE.fullmatch(self.name) else toml_string(self.name)
        lines = [f"[actors.{key}]", f"roles = [{', '.join(toml_string(role.value) for role in self.roles)}]"]
        if self.kind is not ActorKind.PERSON:
            lines.append(f"kind = {toml_string(self.kind.value)}")
        return "\n".join([*lines, f"scrypt = {toml_string(self.scrypt)}"])

    def as_json(self) -> dict[str, Json]:
        """Give what `kbgov actors new --json` prints; the secret is no part of it."""
        return {
            "name": self.name,
            "roles": [role.value for role in self.roles],
            "kind": self.kind.value,
            "scrypt": self.scrypt,
            "section": self.section,
            "secret_file": str(self.secret_file) if self.secret_file is not None else None,
        }


def new_actor(
    name: str, roles: Collection[Role], kind: ActorKind, secret_file: Path | None, typed: str | None = None
) -> NewActor:
    """Make a secret, or take the one that was typed; write it into a file, and give what is to be configured.

    Args:
        name: What the actor is called.
        roles: What they may do, at least one.
        kind: A person or a job.
        secret_file: The file to make; None to write none, which only a typed secret allows.
        typed: A secret of one's own; None for a random one of 256 bits.

    Raises:
        InputError: The name is none, the typed secret is too short, or the file is there already.
        ConfigError: The file cannot be written.

    """
    name = name.strip()
    if not is_actor_name(name):
        raise InputError(
            f"a name of up to {LONGEST_NAME} printable characters is needed, not beginning with {BY_POLICY}",
            item="NAME",
            next_step="give the name or login that KBGOV_ACTOR will say",
        )
    secret = secrets.token_urlsafe(SECRET_BYTES) if typed is None else _fit(typed)
    made = NewActor(
        name=name,
        roles=tuple(role for role in Role if role in roles),
        kind=kind,
        scrypt=hash_of(secret).text,
        secret_file=secret_file.absolute() if secret_file is not None else None,
    )
    if made.secret_file is not None:
        _write(made.secret_file, f"{secret}\n")
    return made


def _fit(typed: str) -> str:
    """Let a typed secret pass that can be typed again and read from a file."""
    if len(typed) < LEAST_TYPED or not typed.isprintable() or typed != typed.strip():
        raise InputError(
            f"a secret of at least {LEAST_TYPED} characters is needed, without blanks around it",
            next_step="type a longer one, or leave out --ask and have one made",
        )
    return typed


def _write(path: Path, text: str) -> None:
    """Make a file that its owner alone may read; nothing is ever overwritten, and no link is followed."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise InputError(
            "this file is there already; nothing was written", item=str(path), next_step="name a new one"
        ) from None
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        with suppress(OSError):
            path.unlink()  # half a secret is none
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"the file for the secret cannot be written: {error.strerror}",
        item=str(path),
        next_step="name a file in a folder that you may write into",
    )
