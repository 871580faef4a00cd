"""What a process tells whoever watches it: codes, counts and durations, never a value of a document.

It is told through the standard library's logger `kbgov`. Nobody hears it until somebody sets up a handler, which the
command line does where KBGOV_LOG asks for it (`governance.cli.logs`); what may be told at all is listed there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic
from typing import Final

from governance.domain.values import Json

Progress = Callable[[str, int, int | None], None]
ATTRIBUTE: Final = "kbgov_fields"
"""Where a record carries its fields."""
HEARTBEAT: Final = 30.0
"""Seconds after which a phase that goes on is told of again."""
_LOGGER: Final = logging.getLogger("kbgov")
_LOGGER.addHandler(logging.NullHandler())  # else the standard library prints warnings for want of a handler


class LogEvent(StrEnum):
    """What a line is about. The fixed list: nothing else is ever written."""

    COMMAND_STARTED = "command.started"
    COMMAND_FINISHED = "command.finished"
    COMMAND_FAILED = "command.failed"
    RUN_STARTED = "run.started"
    RUN_PHASE = "run.phase"
    RUN_FINISHED = "run.finished"
    INDEX_CHANGE = "index.change"
    CHECKPOINT_FAILED = "checkpoint.failed"
    LIBRARY_MESSAGE = "library.message"
    LIBRARY_WARNING = "library.warning"
    STRAY_ERROR = "stray.error"


def tell(event: LogEvent, *, level: int = logging.INFO, **fields: object) -> None:
    """Tell of an event; costs next to nothing while nobody listens."""
    if _LOGGER.isEnabledFor(level):
        _LOGGER.log(level, event.value, extra={ATTRIBUTE: fields})


@dataclass(slots=True)
class RunLog:
    """Tells of one run: that it started, what it is at, how it ended.

    Attributes:
        run: What kind of run it is ("ingest").

    """

    run_id: int
    actor: str
    run: str
    _begun: float = field(default_factory=monotonic)
    _phase: str | None = None
    _phase_begun: float = 0.0
    _told: float = 0.0

    def started(self) -> None:
        """Tell that the run is under way."""
        self._tell(LogEvent.RUN_STARTED, {})

    def through(self, progress: Progress) -> Progress:
        """Give what services report their progress to: it is told here when a phase begins and ends, then shown."""
        if not _LOGGER.isEnabledFor(logging.INFO):
            return progress

        def both(phase: str, done: int, total: int | None) -> None:
            self._reach(phase, done, total)
            progress(phase, done, total)

        return both

    def finished(self, state: str, counts: Mapping[str, Json]) -> None:
        """Tell how the run ended; a warning unless it was done."""
        self._end_phase()
        level = logging.INFO if state == "done" else logging.WARNING
        facts = {"state": state, "counts": counts, "seconds": monotonic() - self._begun}
        self._tell(LogEvent.RUN_FINISHED, facts, level)

    def _reach(self, phase: str, done: int, total: int | None) -> None:
        now = monotonic()
        if phase != self._phase:
            self._end_phase()
            self._phase, self._phase_begun = phase, now
            self._tell_phase("started", now, done=done, total=total)
        elif now - self._told >= HEARTBEAT:
            self._tell_phase("running", now, done=done, total=total)

    def _end_phase(self) -> None:
        if self._phase is not None:
            self._tell_phase("ended", monotonic())
            self._phase = None

    def _tell_phase(self, state: str, now: float, **reached: int | None) -> None:
        self._told = now
        facts: dict[str, object] = {"phase": self._phase, "state": state, "seconds": now - self._phase_begun}
        self._tell(LogEvent.RUN_PHASE, facts | reached)

    def _tell(self, event: LogEvent, facts: Mapping[str, object], level: int = logging.INFO) -> None:
        tell(event, level=level, run_id=self.run_id, actor=self.actor, run=self.run, **facts)
