"""Reads `kbgov.toml` and the environment into settings. The environment wins."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from governance.config.problems import explain
from governance.config.secrets import SecretKind, read_secret
from governance.config.settings import Settings
from governance.config.values import looks_secret, url_with_secret
from governance.domain.errors import ConfigError
from governance.domain.words import shown, suggestion

FILE_NAME: Final = "kbgov.toml"
PREFIX: Final = "KBGOV_"
MAX_BYTES: Final = 1_048_576
_KEY_VARIABLES: Final = tuple(
    f"KBGOV_{name}{suffix}"
    for name in ("KEY_SIGNING", "KEY_AUDIT", "KEY_SUPPRESSION", "BACKUP_PASSPHRASE")
    for suffix in ("", "_FILE")
)
_OWN_VARIABLES: Final = (
    "KBGOV_CONFIG",
    "KBGOV_ACTOR",
    "KBGOV_ACTOR_SECRET",
    "KBGOV_ACTOR_SECRET_FILE",
    "KBGOV_LOG",
    "KBGOV_DATABASE_URL_FILE",
    *_KEY_VARIABLES,
)
_ACTORS: Final = "KBGOV_ACTORS"
_SECRET_VARIABLE: Final = re.compile(rf"KBGOV_INDEX_[A-Z0-9]+(?:_[A-Z0-9]+)*_(?:{'|'.join(SecretKind)})(?:_FILE)?")
_TOML_PLACE: Final = re.compile(r" \(at line ([0-9]+), column [0-9]+\)$")


def load_settings(config: Path | None, env: Mapping[str, str]) -> Settings:
    """Give the settings of a file, overridden by `KBGOV_*`.

    Args:
        config: The file; None for the one that KBGOV_CONFIG names, else `kbgov.toml` in the working directory.
            That last one may be absent when the environment says something.
        env: The environment.

    Raises:
        ConfigError: Something is not understood, does not exist, or holds a secret that does not belong there.

    """
    _check_variables(env)
    named = config or (Path(env["KBGOV_CONFIG"]) if env.get("KBGOV_CONFIG") else None)
    path = (named or Path(FILE_NAME)).absolute()
    overrides = _from_environment(env)
    found = path.exists() or named is not None or not overrides
    body = _read_toml(path) if found else {}
    try:
        settings = Settings.model_validate(_merged(body, overrides))
    except ValidationError as error:
        raise explain(error, str(path), overrides) from None
    return settings.located(path if found else None, path.parent)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"the configuration {path} cannot be read: {error.strerror}",
            item=str(path),
            next_step="kbgov init --source PATH writes one; --config FILE or KBGOV_CONFIG names another",
        ) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"the configuration {path} has more than {MAX_BYTES:,} bytes", item=str(path))
    body = _parse(raw, path)
    _refuse_secrets(body, (), path)
    return body


def _parse(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        line, reason = raw.count(b"\n", 0, error.start) + 1, "this is not UTF-8"
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place[1]) if place else raw.count(b"\n") + 1
        reason = f"this is not TOML: {_TOML_PLACE.sub('', str(error))}"
    except RecursionError:
        line, reason = 1, "this is not TOML that can be read: nested too deep"
    raise ConfigError(
        f"{path}, line {line}: {reason}", item=f"{path}:{line}", next_step=f"correct line {line} of {path}"
    )


def _refuse_secrets(value: object, keys: tuple[str, ...], path: Path) -> None:
    """Stop at the first secret: the file is shared, kept in histories and printed."""
    if isinstance(value, dict):
        for key, inner in value.items():
            names_an_actor = keys == ("actors",) and isinstance(inner, dict)
            if looks_secret(key) and not names_an_actor:
                raise _secret(path, (*keys, key), "a secret does not belong into the configuration")
            _refuse_secrets(inner, (*keys, key), path)
    elif isinstance(value, list):
        for inner in value:
            _refuse_secrets(inner, keys, path)
    elif isinstance(value, str) and url_with_secret(value):
        raise _secret(path, keys, "a URL with a password does not belong into the configuration")


def _secret(path: Path, keys: tuple[str, ...], what: str) -> ConfigError:
    key = ".".join(keys)
    if keys[0] == "database_url":
        advice = "take it out of the file and set KBGOV_DATABASE_URL, or KBGOV_DATABASE_URL_FILE to a private file"
    elif keys[0] == "indexes" and len(keys) > 1:
        name = keys[1].replace("-", "_").upper()
        advice = f"take it out of the file and set KBGOV_INDEX_{name}_API_KEY or KBGOV_INDEX_{name}_PASSWORD"
    elif keys[0] == "actors":
        advice = "take it out of the file; kbgov actors new makes a secret, and the section that goes into the file"
    else:
        advice = "take it out of the file; secrets come from the environment (KBGOV_INDEX_<NAME>_API_KEY, _PASSWORD)"
    return ConfigError(f"{path}: {what}: {shown(key)}", item=key, next_step=advice)


def _check_variables(env: Mapping[str, str]) -> None:
    """Refuse a variable that looks like ours and is none: its writer would wait for its effect in vain.

    Who may act is said by the file alone: else whoever starts a command could say it.
    """
    known = [*_OWN_VARIABLES, *(PREFIX + field.upper() for field in Settings.model_fields if field != "actors")]
    for name in sorted(env):
        if not name.startswith(PREFIX) or name.startswith("KBGOV_TEST_") or _SECRET_VARIABLE.fullmatch(name):
            continue
        head, _, rest = name.partition("__")
        if head == _ACTORS:
            raise ConfigError(
                "who may act cannot be said by the environment",
                item=name,
                next_step="unset it; [actors] in the configuration says it, and KBGOV_ACTOR who acts now",
            )
        if head not in known or (rest and head in _OWN_VARIABLES):
            raise ConfigError(
                f"the environment variable {shown(name)} is none that kbgov knows",
                item=name,
                next_step=suggestion(head, [*known, "KBGOV_INDEX_<NAME>_API_KEY", "KBGOV_INDEX_<NAME>_PASSWORD"]),
            )


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    """Give what `KBGOV_*` sets, nested like the file."""
    from governance.config.environment import overrides  # noqa: PLC0415 - a third of the import time, for one call

    found = overrides(env)
    url = read_secret(env, "KBGOV_DATABASE_URL")
    if url is not None:
        found["database_url"] = url.get_secret_value()
    for key, inner in _secret_keys(found):
        raise ConfigError(
            f"{PREFIX}{key}: a secret does not belong among the settings",
            item=PREFIX + key,
            next_step=f"set KBGOV_INDEX_{inner}_API_KEY or KBGOV_INDEX_{inner}_PASSWORD instead",
        )
    return found


def _secret_keys(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, options in found.get("indexes", {}).items():
        shell_name = name.replace("-", "_").upper()
        for key in options if isinstance(options, dict) else ():
            if looks_secret(key):
                yield f"INDEXES__{shell_name}__{key.upper()}", shell_name


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one nested mapping over another."""
    result = dict(below)
    for key, value in above.items():
        lower = result.get(key)
        result[key] = _merged(lower, value) if isinstance(value, dict) and isinstance(lower, dict) else value
    return result
