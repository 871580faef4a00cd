"""Which version of a page a path holds, and what is the same in the paths of all its versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from governance.domain.errors import ConfigError

SHIPPED_PATTERN: Final = (
    r"(?:[A-Za-z][A-Za-z0-9]*[-_]){0,4}"
    r"(?:[vV](?P<plain>[0-9]{1,4})|[vV]?(?P<dotted>(?!(?:19|20)[0-9]{2}\.)[0-9]{1,4}(?:\.[0-9]{1,6}){0,3}\.(?:[0-9]{1,6}|[xX])"
    r"(?:[-.]?(?:alpha|beta|rc|preview|pre|dev)[-.]?[0-9]{0,4})?))"
)
"""A folder called `dsc-1.1`, `v2`, `v2.3`, `2.0`, `1.9.x`, `release-1.9`, `2.0-rc1`.

A number alone (`2024`, `3`) is no version, nor is a dotted one that begins with a year (`2024.03`, `2024.03.15`):
these are folders of blogs, minutes and numbered chapters.
"""

_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class PathVersion:
    """What a path says.

    Attributes:
        logical_id: The path with the version's folder replaced by `*`; the path itself when there is none.

    """

    version: str | None
    logical_id: str


@dataclass(frozen=True, slots=True)
class VersionRule:
    """Finds the version in a path; a rule without a pattern finds none."""

    pattern: re.Pattern[str] | None

    @classmethod
    def of(cls, pattern: str | None, *, enabled: bool = True) -> VersionRule:
        """Make the rule from configuration; None is the shipped pattern.

        Raises:
            ConfigError: The pattern is no regular expression.

        """
        if not enabled:
            return cls(None)
        try:
            return cls(re.compile(SHIPPED_PATTERN if pattern is None else pattern))
        except re.error as error:
            raise ConfigError(
                f"version_path_pattern is no regular expression: {error.msg}",
                item="version_path_pattern",
                next_step="correct it in the source's section of the configuration",
            ) from None

    def read(self, document: str) -> PathVersion:
        """Give the version by the outermost folder whose whole name matches."""
        folders = document.split("/")
        if self.pattern is None:
            return PathVersion(None, document)
        for position, folder in enumerate(folders[:-1]):
            if match := self.pattern.fullmatch(folder):
                rest = [*folders[:position], _ANY, *folders[position + 1 :]]
                return PathVersion(_version_in(match), "/".join(rest))
        return PathVersion(None, document)


def _version_in(match: re.Match[str]) -> str:
    named = match.groupdict()
    if named.get("version"):
        return str(named["version"])
    return next((group for group in match.groups() if group), match[0])
