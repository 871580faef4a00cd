"""A program of the operator's that takes a checkpoint: by mail, to an object store, to a witness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from governance.anchors.processes import SECONDS, NotRun, run, without_ours
from governance.config.settings import AnchorSettings
from governance.domain.errors import AnchorFailed


class CommandAnchor:
    """Runs a program with the note as its standard input; exit code 0 says that it was taken.

    It runs without a shell in the configuration's folder, sees nothing that is called KBGOV_*, and has a minute.

    Args:
        name: Name of the configured anchor.
        command: Program and arguments.
        folder: Where it runs.
        environment: What it sees, ours left out.
        seconds: How long it may take.

    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        seconds: float = SECONDS,
    ) -> None:
        self._name = name
        self._command = tuple(command)
        self._folder = folder
        self._environment = without_ours(environment)
        self._seconds = seconds

    @classmethod
    def from_settings(cls, name: str, found: AnchorSettings, folder: Path, environment: Mapping[str, str]) -> Self:
        """Give the anchor of a section of the configuration."""
        return cls(name, found.command or (), folder, environment)

    @property
    def name(self) -> str:
        """Name of the configured anchor."""
        return self._name

    def publish(self, note: str) -> None:
        """Run the program. Whether it adds a note again that it has already is its own affair.

        Raises:
            AnchorFailed: It could not be started, took too long, or did not end with exit code 0.

        """
        try:
            ended = run(self._command, self._folder, self._environment, note.encode(), seconds=self._seconds)
            problem = "" if ended.code == 0 else ended.words
        except NotRun as reason:
            problem = str(reason)
        if problem:
            raise AnchorFailed(
                f"the command of anchor {self._name} {problem}",
                item=self._name,
                next_step=f"check command in [anchors.{self._name}]; it runs in the configuration's folder",
            )

    def notes(self) -> None:
        """Give None: nobody knows how to read them back."""
