"""What a line of the log may hold, whatever somebody tries to put into it."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.cli.errors import failure_of
from governance.cli.log_fields import FIELDS, allowed
from governance.cli.logs import SENTENCES, CommandLog, open_log
from governance.domain.errors import ConfigError, InputError, KbgovError, LockHeld
from governance.domain.findings import FindingKind
from governance.services.logs import ATTRIBUTE, LogEvent, tell

CANARY = "jane.roe@example.org"


class Lines:
    """Stderr as the log writes it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    def clear(self) -> None:
        self._capsys.readouterr()

    @property
    def text(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text

    @property
    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return Lines(capsys)


@pytest.fixture
def log(lines: Lines) -> Iterator[CommandLog]:
    """Give a log that has told that its command started."""
    opened = open_log({"KBGOV_LOG": "json", "KBGOV_ACTOR": "tester"}, "audit run")
    lines.clear()
    yield opened
    opened.end(0)


def test_a_command_is_told_from_its_start_to_its_end(lines: Lines) -> None:
    open_log({"KBGOV_LOG": "json", "KBGOV_ACTOR": "tester"}, "audit run").end(3)
    first, last = lines.json
    assert (first["event"], last["event"], last["exit_code"]) == ("command.started", "command.finished", 3)
    for line in (first, last):
        assert (line["actor"], line["command"], line["run_id"], line["level"]) == ("tester", "audit run", None, "info")
        assert line["time"].endswith("Z")
        assert len(line["time"]) == len("2026-11-21T09:00:00.000Z")


@pytest.mark.parametrize(("code", "level"), [(0, "info"), (3, "info"), (1, "warning"), (6, "warning"), (75, "warning")])
def test_a_command_that_did_not_do_what_it_was_asked_is_a_warning(lines: Lines, code: int, level: str) -> None:
    open_log({"KBGOV_LOG": "json"}, "ingest").end(code)
    assert lines.json[-1]["level"] == level


@pytest.mark.parametrize("value", ["yes", "JSON", "1", "json ", CANARY])
def test_any_other_value_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_log({"KBGOV_LOG": value}, "ingest")
    assert (caught.value.exit_code, caught.value.item) == (2, "KBGOV_LOG")
    assert caught.value.message == "KBGOV_LOG must be json or text"


def test_a_run_gives_the_lines_after_it_its_number(log: CommandLog, lines: Lines) -> None:
    tell(LogEvent.RUN_STARTED, run_id=41, actor="somebody")
    log.failed(failure_of(LockHeld("locked", item=CANARY)), LockHeld("locked", item=CANARY), debug=False)
    started, failed = lines.json
    assert (started["run_id"], started["actor"]) == (41, "somebody")
    assert (failed["run_id"], failed["actor"]) == (41, "tester")


def test_a_failure_is_told_by_its_code_and_the_sentence_of_that_code(log: CommandLog, lines: Lines) -> None:
    error = InputError(f"there is no document {CANARY}", item=CANARY, next_step=f"kbgov documents show {CANARY}")
    log.failed(failure_of(error), error, debug=False)
    log.end(2)
    told = lines.json[-1]
    assert (told["event"], told["level"]) == ("command.failed", "error")
    assert (told["code"], told["exit_code"], told["error"]) == ("usage", 2, "InputError")
    assert told["message"] == "What was typed or passed in cannot be used."
    assert CANARY not in lines.text


def test_debug_tells_where_in_the_code_and_nothing_else(log: CommandLog, lines: Lines) -> None:
    try:
        int(CANARY)
    except ValueError as error:
        log.failed(failure_of(error), error, debug=True)
    told = lines.json[-1]
    assert told["message"] == "Something went wrong that nobody foresaw."
    assert [place.rpartition(":")[0] for place in told["trace"]] == [__name__]
    assert CANARY not in lines.text


def test_every_failure_has_a_sentence() -> None:
    def below(kind: type[KbgovError]) -> Iterator[type[KbgovError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    assert {kind.code for kind in below(KbgovError)} | {"interrupted", "unexpected"} == set(SENTENCES)
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())


@pytest.mark.usefixtures("log")
def test_hostile_fields_are_dropped(lines: Lines) -> None:
    tell(
        LogEvent.RUN_FINISHED,
        run_id=1,
        path=f"/home/{CANARY}",
        document=CANARY,
        title=CANARY,
        message=CANARY,
        command=CANARY,
        text=CANARY,
        reason=CANARY,
        phase=CANARY,
        index=CANARY,
        kind=CANARY,
        outcome=CANARY,
        error=CANARY,
        seconds=CANARY,
        done=CANARY,
        counts={CANARY: 1, "jane": 1, "chunks": CANARY, "documents": {CANARY: 2, "seen": 3, "added": {"seen": 1}}},
        trace=[CANARY, "governance.cli.main:1"],
    )
    told = lines.json[-1]
    assert CANARY not in lines.text
    assert told["counts"] == {"documents": {"seen": 3}}
    assert told["trace"] == ["governance.cli.main:1"]
    assert set(told) == {"time", "level", "event", "run_id", "actor", "command", "counts", "trace"}


@pytest.mark.usefixtures("log")
def test_a_hostile_extra_of_a_record_is_dropped(lines: Lines) -> None:
    logger = logging.getLogger("kbgov")
    logger.info("run.started", extra={"email": CANARY, ATTRIBUTE: {"run_id": 5, "email": CANARY}})
    logger.info("run.started", extra={ATTRIBUTE: CANARY})
    logger.warning("a page of %s", CANARY)
    logger.error("run.started", exc_info=ValueError(CANARY), stack_info=True, extra={ATTRIBUTE: {}})
    assert CANARY not in lines.text
    assert [line["event"] for line in lines.json] == [
        "run.started",
        "run.started",
        "library.message",
        "run.started",
    ]


@pytest.mark.usefixtures("log")
def test_libraries_are_named_and_not_quoted(lines: Lines) -> None:
    logging.getLogger("json.decoder").warning("cannot read %s", CANARY)
    logging.getLogger(CANARY).error(CANARY)
    logging.getLogger("json").info(CANARY)
    warnings.showwarning(UserWarning(CANARY), UserWarning, CANARY, 1)
    told = lines.json
    assert CANARY not in lines.text
    assert [line["event"] for line in told] == ["library.message", "library.message", "library.warning"]
    assert [line.get("logger") for line in told] == ["json", None, None]
    assert told[2]["category"] == "UserWarning"


@pytest.mark.usefixtures("log")
def test_what_python_prints_by_itself_becomes_a_line(lines: Lines) -> None:
    def fail() -> None:
        raise ValueError(CANARY)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert CANARY not in lines.text
    (told,) = lines.json
    assert (told["event"], told["level"], told["error"]) == ("stray.error", "error", "ValueError")


def test_afterwards_everything_is_as_it_was() -> None:
    logger = logging.getLogger("kbgov")

    def state() -> tuple[object, ...]:
        hooks = (warnings.showwarning, sys.unraisablehook, threading.excepthook)
        return (logger.level, logger.propagate, *logger.handlers, *logging.getLogger().handlers, *hooks)

    before = state()
    opened = open_log({"KBGOV_LOG": "text"}, "ingest")
    assert state() != before
    opened.end(0)
    assert state() == before


def test_a_reader_who_has_left_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    open_log({"KBGOV_LOG": "json"}, "ingest").end(0)


def test_an_actor_that_may_not_be_one_is_left_open(lines: Lines) -> None:
    open_log({"KBGOV_LOG": "json", "KBGOV_ACTOR": "a\nb"}, "ingest").end(0)
    assert {line["actor"] for line in lines.json} == {None}


def test_the_plain_form_says_the_same_in_one_line(lines: Lines) -> None:
    log = open_log({"KBGOV_LOG": "text", "KBGOV_ACTOR": 'to "be"'}, "audit run")
    tell(LogEvent.RUN_FINISHED, run_id=4, state="done", counts={"chunks": 2}, seconds=0.25)
    log.end(0)
    words = lines.text.splitlines()[1].split(" ", 1)[1]
    assert words == (
        'info run.finished run_id=4 actor="to \\"be\\"" command="audit run" '
        'state="done" counts={"chunks": 2} seconds=0.25'
    )


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
WORDS = st.sampled_from([*FIELDS, "path", "title", "document"])


@given(st.dictionaries(WORDS, JSONS))
def test_whatever_comes_in_only_what_is_listed_goes_out(fields: dict[str, object]) -> None:
    kept = allowed(fields)
    assert set(kept) <= set(FIELDS)
    json.loads(json.dumps(kept, allow_nan=False))
    for name in set(kept) - {"actor"}:
        value = kept[name]
        assert not isinstance(value, str) or value.isascii()


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("run", "drift apply", "drift apply"),
        ("run", "drift  apply", None),
        ("run", f"show {CANARY}", None),
        ("run", "", None),
        ("phase", "documents", "documents"),
        ("phase", f"index {CANARY}", "index"),
        ("phase", CANARY, None),
        ("reason", "ingest.new_body", "ingest.new_body"),
        ("reason", "because of her", None),
        ("reason", "x" * 61, None),
        ("index", "hr-pages", "hr-pages"),
        ("index", "Jane Roe", None),
        ("kind", "put", "put"),
        ("kind", "jane", None),
        ("run_id", True, None),
        ("seconds", 0.12345, 0.123),
        ("seconds", float("nan"), None),
        ("actor", "a\nb", None),
        ("trace", ["governance.cli.main:1", "/home/jane/x.py:1"], ["governance.cli.main:1"]),
    ],
)
def test_each_field_takes_its_own_kind_of_value(name: str, value: object, kept: object) -> None:
    assert allowed({name: value}) == ({} if kept is None else {name: kept})


def test_every_kind_of_finding_can_be_counted() -> None:
    found = {kind.value: 1 for kind in FindingKind}
    assert allowed({"counts": {"by_kind": found}}) == {"counts": {"by_kind": dict(sorted(found.items()))}}
