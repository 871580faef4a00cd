"""A file that checkpoints are appended to: on a disk, a share or a stick that the database's owner does not rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from governance.anchors.appending import append, growing, read_whole, reason
from governance.anchors.notes import addition, whole_notes
from governance.config.settings import AnchorSettings
from governance.domain.errors import AnchorFailed


class FileAnchor:
    """Appends to one file and never shortens or rewrites it, so that the file system may forbid everything else.

    The folder must be there: a disk that is not mounted must not be mistaken for an empty one.

    Args:
        name: Name of the configured anchor.
        path: The file; made when it is not there. A link is refused.

    """

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._path = path

    @classmethod
    def from_settings(cls, name: str, found: AnchorSettings, folder: Path, environment: Mapping[str, str]) -> Self:
        """Give the anchor of a section of the configuration."""
        del environment
        return cls(name, folder / (found.path or ""))

    @property
    def name(self) -> str:
        """Name of the configured anchor."""
        return self._name

    def publish(self, note: str) -> None:
        """Append the note and wait until the disk has it, unless the file holds it already.

        Raises:
            AnchorFailed: The file cannot be opened, is no plain file, or cannot be written.

        """
        with self._told(), growing(self._path, self._name) as (handle, held):
            append(handle, addition(held, note))

    def notes(self) -> list[str]:
        """Give the notes of the file, the oldest first, without what a broken write left; none while there is no file.

        Raises:
            AnchorFailed: The file or its folder cannot be read, or it is no plain file.

        """
        with self._told():
            return whole_notes(read_whole(self._path, self._name) or b"")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say which anchor it was that the system refused."""
        try:
            yield
        except (OSError, ValueError) as error:
            raise AnchorFailed(
                f"the file of anchor {self._name} cannot be used: {reason(error)}",
                item=str(self._path),
                next_step=f"make path in [anchors.{self._name}] name a plain file in a folder that is there",
            ) from None
