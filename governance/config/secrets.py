"""Secrets: from the environment, or from a file that others cannot read. Never from the configuration file."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from pydantic import SecretStr

from governance.domain.errors import ConfigError

MAX_BYTES: Final = 65_536


class SecretKind(StrEnum):
    """Which secret of an index is meant."""

    API_KEY = "API_KEY"
    PASSWORD = "PASSWORD"  # noqa: S105 - the word, not a password


def secret_variable(index: str, kind: SecretKind) -> str:
    """Give the name of the variable that holds an index's secret: KBGOV_INDEX_HR_PAGES_API_KEY for hr-pages."""
    return f"KBGOV_INDEX_{index.replace('-', '_').upper()}_{kind.value}"


def index_secret(env: Mapping[str, str], index: str, kind: SecretKind) -> SecretStr | None:
    """Give an index's secret from its variable, or from the file that the variable with `_FILE` behind it names.

    Raises:
        ConfigError: As `read_secret`.

    """
    return read_secret(env, secret_variable(index, kind))


def read_secret(env: Mapping[str, str], variable: str) -> SecretStr | None:
    """Give the value of a variable, or of the file that `<variable>_FILE` names; None when neither is set.

    A line end at the end of the file is no part of the secret.

    Raises:
        ConfigError: Both are set; or the file cannot be read, is empty or over 64 KiB, or others may read it.

    """
    direct, path = env.get(variable) or None, env.get(f"{variable}_FILE") or None
    if direct is not None and path is not None:
        raise ConfigError(
            f"{variable} and {variable}_FILE are both set", item=variable, next_step="unset one of the two"
        )
    if path is not None:
        return SecretStr(_read_file(path, f"{variable}_FILE"))
    return SecretStr(direct) if direct is not None else None


def _read_file(path: str, variable: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise _unusable(variable, path, f"cannot be read: {reason}", "correct the path") from None
    try:
        mode = os.fstat(descriptor).st_mode  # of what was opened, so that nobody can swap the file in between
        if not stat.S_ISREG(mode):
            raise _unusable(variable, path, "is no regular file", "name a file")
        if mode & stat.S_IRWXO:
            raise _unusable(variable, path, "can be read or changed by everybody", f"chmod o-rwx {path}")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            raw = stream.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    return _decoded(raw, variable, path)


def _decoded(raw: bytes, variable: str, path: str) -> str:
    if len(raw) > MAX_BYTES:
        raise _unusable(variable, path, f"is longer than {MAX_BYTES:,} bytes", "name a file that holds the secret only")
    try:
        text = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise _unusable(variable, path, "is not UTF-8", "name a file that holds the secret as text") from None
    if not text:
        raise _unusable(variable, path, "is empty", "write the secret into it")
    return text


def _unusable(variable: str, path: str, what: str, next_step: str) -> ConfigError:
    return ConfigError(f"the file that {variable} names {what}", item=path, next_step=next_step)
