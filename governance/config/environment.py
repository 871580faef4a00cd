"""The environment's settings, by pydantic-settings. A module of its own because that is slow to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from governance.config.settings import Settings
from governance.domain.errors import ConfigError

_NAMED = ("sources", "indexes")


class _Environment(Settings, BaseSettings):
    """The settings as the source of variables wants to see them; never instantiated."""

    model_config = SettingsConfigDict(env_prefix="KBGOV_", env_nested_delimiter="__")


class _Variables(EnvSettingsSource):
    """Reads the mapping that it is given instead of the process's own environment."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._given = env
        super().__init__(_Environment)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._given.items() if name.startswith("KBGOV_")}


def overrides(env: Mapping[str, str]) -> dict[str, Any]:
    """Give what `KBGOV_*` sets, nested like the file: KBGOV_INDEXES__HR_PAGES__PATH is the `path` of `hr-pages`.

    Raises:
        ConfigError: A variable that holds a list or a table is not written as JSON.

    """
    try:
        found = _Variables(env)()
    except SettingsError as error:
        raise ConfigError(
            "an environment variable for a list or a table is not JSON",
            item=_variable(error),
            next_step="""write it like KBGOV_POLICIES='["policies/default.yaml"]'""",
        ) from None
    for section in _NAMED:
        if isinstance(found.get(section), dict):
            found[section] = {_hyphened(name): value for name, value in found[section].items()}
    return found


def _hyphened(name: str) -> str:
    """Give the name that is meant: names have hyphens, which no shell takes in a variable."""
    return name.replace("_", "-")


def _variable(error: SettingsError) -> str | None:
    words = str(error).split('"')
    return f"KBGOV_{words[1].upper()}" if len(words) > 1 else None
