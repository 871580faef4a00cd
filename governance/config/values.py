"""Checks of single values, shared by the settings and the template."""

from __future__ import annotations

import re
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from governance.domain.words import nearest, shown

NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LONGEST_NAME: Final = 64
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_URL_PASSWORD: Final = re.compile(r"[\w+.-]+://[^:/?#@]*:[^@?#]+@")
_SECRET_KEY: Final = re.compile(r"(?:^|_)(?:password|passwd|passphrase|secret|secret_key|api_?key|access_key|token)$")
_QUERY_KEY: Final = re.compile(r"[?&]([^=&#]+)=")


def is_name(text: str) -> bool:
    """Say whether a text can name a source or an index: small letters, digits and hyphens, at most 64."""
    return len(text) <= LONGEST_NAME and NAME.fullmatch(text) is not None


def looks_secret(key: str) -> bool:
    """Say whether a key's name is that of a secret (`password`, `api_key`, `db-token`)."""
    return _SECRET_KEY.search(key.lower().replace("-", "_")) is not None


def url_with_secret(text: str) -> bool:
    """Say whether a text is a URL that carries a password, before its host or among its parameters."""
    if not _URL.match(text):
        return False
    return _URL_PASSWORD.match(text) is not None or any(looks_secret(key) for key in _QUERY_KEY.findall(text))


def zone_of(name: str) -> ZoneInfo:
    """Give a time zone by its name.

    Raises:
        ValueError: There is none of that name.

    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        near = nearest(name, available_timezones())
        hint = f"; did you mean '{near}'?" if near else ", such as Europe/Berlin"
        raise ValueError(f"{shown(name)} is no time zone{hint}") from None
