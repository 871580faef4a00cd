"""Progress bars: on stderr, only where a person is looking, only for what lasts."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from governance.cli.options import Options

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE = 0.5
"""Seconds before a bar is shown: what is done by then needs none."""


@contextmanager
def progress_for(options: Options) -> Iterator[Callable[[str, int, int | None], None]]:
    """Give what services report their progress to; it shows nothing unless stderr is a terminal without a log."""
    if options.quiet or not sys.stderr.isatty() or _is_taken():
        yield lambda _phase, _done, _total: None
        return
    bars = _Bars()
    try:
        yield bars.update
    finally:
        bars.stop()


def _is_taken() -> bool:
    """Say whether a bar would get in the way: of a terminal that cannot move its cursor, of a log's lines."""
    return os.environ.get("TERM") in {"dumb", "unknown"} or bool(os.environ.get("KBGOV_LOG"))


class _Bars:
    """One bar per phase, drawn once the work has lasted a while and gone at the end."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def update(self, phase: str, done: int, total: int | None) -> None:
        if time.monotonic() - self._begun < PATIENCE:
            return
        if self._progress is None:
            self._progress = _started()
        if phase not in self._tasks:
            for task in self._tasks.values():
                self._progress.update(task, visible=False)
            self._tasks[phase] = self._progress.add_task(phase, total=total)
        self._progress.update(self._tasks[phase], completed=done, total=total)

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def _started() -> Progress:
    from rich.console import Console  # noqa: PLC0415 - most commands show no bar
    from rich.progress import Progress  # noqa: PLC0415

    progress = Progress(console=Console(file=sys.stderr, markup=False, highlight=False), transient=True)
    progress.start()
    return progress
