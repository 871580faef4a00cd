from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from governance.services import logs
from governance.services.logs import ATTRIBUTE, LogEvent, RunLog, tell


class Heard(logging.Handler):
    """Keeps what was told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.msg, record.levelname, getattr(record, ATTRIBUTE)))

    def phases(self) -> list[tuple[object, object, object]]:
        found = [fields for event, _, fields in self.lines if event == LogEvent.RUN_PHASE]
        return [(fields["phase"], fields["state"], fields.get("done")) for fields in found]


@pytest.fixture
def heard() -> Iterator[Heard]:
    logger, handler = logging.getLogger("kbgov"), Heard()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def nothing(_phase: str, _done: int, _total: int | None) -> None:
    pass


def test_a_run_tells_its_start_its_phases_and_its_end(heard: Heard) -> None:
    log = RunLog(7, "tester", "ingest")
    log.started()
    report = log.through(nothing)
    report("listing", 500, None)
    report("documents", 0, 2)
    report("documents", 1, 2)
    log.finished("done", {"chunks": 2})
    assert [event for event, _, _ in heard.lines] == ["run.started", *["run.phase"] * 4, "run.finished"]
    assert heard.phases() == [
        ("listing", "started", 500),
        ("listing", "ended", None),
        ("documents", "started", 0),
        ("documents", "ended", None),
    ]
    assert all(
        (fields["run_id"], fields["actor"], fields["run"]) == (7, "tester", "ingest") for *_, fields in heard.lines
    )
    _, level, fields = heard.lines[-1]
    assert (level, fields["state"], fields["counts"]) == ("INFO", "done", {"chunks": 2})
    assert fields["seconds"] >= 0


def test_a_phase_that_goes_on_is_told_of_now_and_then(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(logs, "monotonic", lambda: now)
    report = RunLog(1, "tester", "ingest").through(nothing)
    for now, done in ((100.0, 0), (129.0, 1), (131.0, 2), (132.0, 3), (161.0, 4)):  # noqa: B007 - read by the clock
        report("documents", done, 9)
    assert heard.phases() == [("documents", "started", 0), ("documents", "running", 2), ("documents", "running", 4)]


def test_what_is_told_is_shown_as_well(heard: Heard) -> None:
    shown: list[tuple[str, int, int | None]] = []
    RunLog(1, "tester", "audit").through(lambda *what: shown.append(what))("checks", 1, 3)
    assert shown == [("checks", 1, 3)]
    assert heard.phases() == [("checks", "started", 1)]


def test_nobody_pays_for_phases_that_nobody_hears() -> None:
    assert RunLog(1, "tester", "audit").through(nothing) is nothing


@pytest.mark.parametrize("state", ["failed", "refused", "interrupted", "unfinished"])
def test_a_run_that_was_not_done_is_a_warning(heard: Heard, state: str) -> None:
    RunLog(1, "tester", "ingest").finished(state, {})
    assert heard.lines[0][:2] == ("run.finished", "WARNING")


def test_without_a_listener_a_warning_prints_nothing(run_python: object) -> None:
    code = (
        "import logging, sys; from governance.services.logs import LogEvent, tell; sys.stderr = sys.stdout; "
        "tell(LogEvent.INDEX_CHANGE, level=logging.WARNING, outcome='unknown')"
    )
    assert run_python(code) == ""


def test_an_event_that_is_below_the_level_is_not_even_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    monkeypatch.setattr(logging.getLogger("kbgov"), "makeRecord", lambda *arguments, **_: made.append(arguments))
    tell(LogEvent.RUN_STARTED, run_id=1)
    assert made == []
