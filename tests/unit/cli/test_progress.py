from __future__ import annotations

import io
import sys

import pytest

from governance.cli import progress
from governance.cli.options import Options
from governance.cli.progress import progress_for


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def options(*, quiet: bool = False) -> Options:
    return Options(config=None, config_typed=False, as_json=False, quiet=quiet)


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, *, quiet: bool = False) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_for(options(quiet=quiet)) as report:
        report("listing", 500, None)
        report("documents", 1, 2)
        report("documents", 2, 2)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("KBGOV_LOG", raising=False)


def test_a_terminal_sees_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "documents" in shown(monkeypatch, Terminal())


def test_a_file_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO()) == ""


def test_whoever_wants_quiet_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, Terminal(), quiet=True) == ""


def test_a_terminal_that_cannot_move_its_cursor_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert shown(monkeypatch, Terminal()) == ""


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_terminal_that_a_log_goes_to_sees_no_bar(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setenv("KBGOV_LOG", form)
    assert shown(monkeypatch, Terminal()) == ""


def test_what_is_done_at_once_needs_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 1000.0)
    assert shown(monkeypatch, Terminal()) == ""


def test_the_bar_is_gone_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)

    def work() -> None:
        with progress_for(options()) as report:
            report("documents", 1, 2)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        work()
    assert stream.getvalue().endswith("\x1b[2K")
