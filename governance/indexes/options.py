"""Reading an adapter's own options from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from difflib import get_close_matches

from governance.domain.errors import ConfigError


def refuse_unknown(name: str, options: Mapping[str, object], known: AbstractSet[str]) -> None:
    """Give nothing when every option is known.

    Raises:
        ConfigError: An option is not; names it and the nearest one that is.

    """
    for key in options:
        if key in known:
            continue
        near = get_close_matches(key, sorted(known), n=1, cutoff=0.0)
        hint = f"did you mean `{near[0]}`?" if near else "this kind of index takes no options"
        raise ConfigError(f"index '{name}' has an unknown option '{key}'", item=key, next_step=hint)


def text_option(name: str, options: Mapping[str, object], key: str) -> str:
    """Give a mandatory text option.

    Raises:
        ConfigError: It is missing, empty or no text.

    """
    value = options.get(key)
    if isinstance(value, str) and value and "\0" not in value:
        return value
    raise ConfigError(
        f"index '{name}' needs the option '{key}' as a text", item=key, next_step=f'set {key} = "…" for index {name}'
    )


def seconds_option(name: str, options: Mapping[str, object], key: str, default: float) -> float:
    """Give an optional number of seconds, from 0 to a day.

    Raises:
        ConfigError: It is no number in that range.

    """
    value = options.get(key, default)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 86_400:  # noqa: PLR2004 (a day)
        return float(value)
    raise ConfigError(
        f"index '{name}' needs the option '{key}' as a number of seconds",
        item=key,
        next_step=f"set {key} to a number from 0 to 86400",
    )
