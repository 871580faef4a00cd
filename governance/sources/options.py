"""What a file-tree source is told by configuration, with defaults that understand what real repositories use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from governance.domain.errors import ConfigError
from governance.domain.words import shown, suggestion

_PLAIN: Final = ("*.md", "*.mdx", "*.markdown", "*.txt", "*.rst", "*.html")

DEFAULT_PATTERNS: Final = _PLAIN + tuple(f"{p}{t}" for t in (".erb", ".j2", ".liquid") for p in _PLAIN)

DEFAULT_FIELDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "title": ("title",),
        "reviewed_on": ("last_reviewed_on", "reviewed_on", "reviewed", "last_reviewed", "ms.date", "date", "lastmod"),
        "created_on": ("created", "created_on", "date_created", "created_at", "creation_date"),
        "review_interval": ("review_in", "review_interval", "review_every"),
        "owner": ("owner", "owner_slack", "ms.author", "author"),
        "version": ("version",),
        "logical_id": ("logical_id",),
        "labels": ("labels", "tags"),
        "redirect": ("redirect_to", "redirect_url", "redirect"),
    }
)
"""Field of a document -> front matter keys, best first: the first key that has a value decides, right or wrong.

`date` and `lastmod` come last because many sites write the day of publication there.
"""


class DateOrder(StrEnum):
    """Which number comes first in a date whose year comes last."""

    MDY = "mdy"
    DMY = "dmy"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTreeOptions:
    """Settings of a file-tree source.

    Attributes:
        root: Folder with the documents.
        patterns: Globs that name documents, without regard to case. A glob without a slash is held against the
            file's name, one with a slash against the path relative to the root; `**` crosses folders.
        exclude: Globs of files and folders to leave out; an excluded folder is not entered.
        fields: Front matter keys by document field; fields that are not named here keep `DEFAULT_FIELDS`.
        date_order: How to read `03/04/2026`; month first when not said. When said, `03.04.2026` and
            `03-04-2026` are read too.
        version_from_path: Whether a folder's name may say the version.
        version_path_pattern: Regular expression over a folder's whole name; the group `version`, else the first
            group, else all of it is the version. None uses the shipped rule.
        max_file_bytes: Larger files are reported and not read.
        git: Whether to ask git for the days of each document's first commit and last change.
        metadata: Front matter keys whose values are kept as attributes of the document.

    """

    root: Path
    patterns: tuple[str, ...] = DEFAULT_PATTERNS
    exclude: tuple[str, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    date_order: DateOrder | None = None
    version_from_path: bool = True
    version_path_pattern: str | None = None
    max_file_bytes: int = 10_000_000
    git: bool = True
    metadata: tuple[str, ...] = ()

    def all_fields(self) -> dict[str, tuple[str, ...]]:
        """Give the keys of every field: the configured ones over the defaults.

        Raises:
            ConfigError: A field is none of a document.

        """
        for field_name in self.fields:
            if field_name not in DEFAULT_FIELDS:
                raise ConfigError(
                    f"{shown(field_name)} is no field of a document",
                    item="fields",
                    next_step=suggestion(field_name, DEFAULT_FIELDS),
                )
        return {**DEFAULT_FIELDS, **self.fields}
