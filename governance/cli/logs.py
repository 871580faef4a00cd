"""KBGOV_LOG: what a command tells on stderr, line by line, for programs that collect logs.

Imported only where it is asked for. A line says when, how bad, which event, which run, who acts, which command; then
counts and durations. It never holds a value of a document: `log_fields` lists what may stand in it, a failure is told
by its code and the fixed sentence of that code, a library's message by the library's name alone.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import warnings
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TextIO

from governance.cli.errors import Failure
from governance.cli.log_fields import allowed, frames_of
from governance.domain import errors
from governance.domain.errors import ConfigError, KbgovError
from governance.domain.values import Json, rfc3339
from governance.services.logs import ATTRIBUTE, LogEvent, tell

if TYPE_CHECKING:
    from types import TracebackType

VARIABLE: Final = "KBGOV_LOG"
JSON: Final = "json"
TEXT: Final = "text"
_OURS: Final = "kbgov"
_EVENTS: Final = frozenset(event.value for event in LogEvent)
_ANSWERED: Final = frozenset({0, 3})
"""Exit codes of a command that did what it was asked, whatever it found."""

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{
            kind.code: (kind.__doc__ or "").partition("\n")[0]
            for kind in vars(errors).values()
            if isinstance(kind, type) and issubclass(kind, KbgovError)
        },
        "interrupted": "Interrupted.",
        "unexpected": "Something went wrong that nobody foresaw.",
    }
)
"""What a failure is called in the log: its own message may name a path or an id."""


def open_log(env: Mapping[str, str], command: str) -> CommandLog:
    """Give the log of one command, which is being written from now on until it is closed.

    Args:
        env: The environment; KBGOV_LOG says the form.
        command: The words that name the command ("audit run"), "" where there is none.

    Raises:
        ConfigError: KBGOV_LOG is neither "json" nor "text".

    """
    form = env.get(VARIABLE)
    if form not in {JSON, TEXT}:
        raise ConfigError(
            f"{VARIABLE} must be {JSON} or {TEXT}", item=VARIABLE, next_step=f"set it to {JSON} or {TEXT}, or unset it"
        )
    return CommandLog(command, env, as_json=form == JSON)


class CommandLog(logging.Handler):
    """Writes the lines of one command.

    Attributes:
        as_json: Whether every line on stderr is to be a JSON object, so that nothing else may be printed there.

    """

    def __init__(self, command: str, env: Mapping[str, str], *, as_json: bool) -> None:
        super().__init__()
        self.as_json = as_json
        self._command = command
        self._env = env
        self._run_id: Json = None
        self._begun = monotonic()
        self._failed = False
        self._hook()
        if command:
            tell(LogEvent.COMMAND_STARTED)

    def failed(self, failure: Failure, error: BaseException, *, debug: bool) -> None:
        """Tell that the command failed; with `debug` where in the code, by module and line."""
        self._failed = True
        tell(
            LogEvent.COMMAND_FAILED,
            level=logging.ERROR,
            code=failure.code,
            exit_code=failure.exit_code,
            error=type(error).__name__,
            seconds=monotonic() - self._begun,
            trace=frames_of(error.__traceback__) if debug else None,
        )

    def end(self, exit_code: int) -> None:
        """Tell how the command ended, unless it failed, and listen no longer."""
        if self._command and not self._failed:
            level = logging.INFO if exit_code in _ANSWERED else logging.WARNING
            seconds = monotonic() - self._begun
            tell(LogEvent.COMMAND_FINISHED, level=level, exit_code=exit_code, seconds=seconds)
        self._unhook()

    @cached_property
    def actor(self) -> str | None:
        """Who acts; None where that cannot be told, which is then for the command to complain of."""
        with suppress(ConfigError, ImportError):
            from governance.bootstrap import actor_name  # noqa: PLC0415 - `--version` writes no line

            return actor_name(self._env)
        return None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as one line; a reader who has left stops no command."""
        facts = self._facts(record)
        if facts is None:
            return
        line = json.dumps(facts) if self.as_json else _plain(facts)
        with suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    def _facts(self, record: logging.LogRecord) -> dict[str, Json] | None:
        event, fields = str(record.msg), allowed(getattr(record, ATTRIBUTE, None))
        if record.name != _OURS or event not in _EVENTS:
            if record.levelno < logging.WARNING:
                return None  # a library's chatter
            event, fields = LogEvent.LIBRARY_MESSAGE.value, {"logger": _library(record.name)}
        self._run_id = fields.pop("run_id", self._run_id)
        facts: dict[str, Json] = {
            "time": _moment(record.created),
            "level": _level(record.levelno),
            "event": event,
            "run_id": self._run_id,
            "actor": fields.pop("actor", self.actor),
            "command": self._command or None,
        }
        if event == LogEvent.COMMAND_FAILED:
            facts["message"] = SENTENCES.get(str(fields.get("code")))
        return facts | fields

    def _hook(self) -> None:
        """Listen to ourselves and to libraries, and keep what Python prints by itself off stderr."""
        ours = logging.getLogger(_OURS)
        self._before = (ours.level, ours.propagate, warnings.showwarning, sys.unraisablehook, threading.excepthook)
        ours.setLevel(logging.INFO)
        ours.propagate = False
        ours.addHandler(self)
        logging.getLogger().addHandler(self)
        warnings.showwarning = _warned
        sys.unraisablehook = lambda found: _stray(found.exc_type, found.exc_traceback)
        threading.excepthook = lambda found: _stray(found.exc_type, found.exc_traceback)

    def _unhook(self) -> None:
        ours = logging.getLogger(_OURS)
        ours.removeHandler(self)
        logging.getLogger().removeHandler(self)
        level, ours.propagate, warnings.showwarning, sys.unraisablehook, threading.excepthook = self._before
        ours.setLevel(level)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Tell of a warning by its class: its text may quote what was being read."""
    del message, filename, lineno, file, line
    tell(LogEvent.LIBRARY_WARNING, level=logging.WARNING, category=category.__name__)


def _stray(kind: type[BaseException], trace: TracebackType | None) -> None:
    """Tell of an exception that nobody could catch: in a thread, or while an object was dropped."""
    tell(LogEvent.STRAY_ERROR, level=logging.ERROR, error=kind.__name__, trace=frames_of(trace))


def _library(name: str) -> str | None:
    """Give the package that a logger belongs to; None for a name that is no package's."""
    package = name.partition(".")[0]
    return package if package in sys.modules else None


def _moment(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, UTC), "milliseconds")


def _level(number: int) -> str:
    return "error" if number >= logging.ERROR else "warning" if number >= logging.WARNING else "info"


def _plain(facts: Mapping[str, Json]) -> str:
    """Give a line for people: time, level and event, then the rest by name, each value as JSON writes it."""
    first = [str(facts[name]) for name in ("time", "level", "event")]
    rest = [f"{name}={json.dumps(value)}" for name, value in list(facts.items())[3:] if value is not None]
    return " ".join([*first, *rest])
