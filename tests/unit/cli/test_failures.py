from __future__ import annotations

import errno
import json
import os

import click
import pytest

from governance.cli import main
from governance.cli.errors import failure_of
from governance.domain import errors
from governance.domain.errors import KbgovError, LockHeld

PERSONAL = "jane.roe@example.com"


def command_that_raises(error: BaseException) -> click.Command:
    @click.command("broken")
    @click.option("--json", "as_json", is_flag=True)
    @click.option("--debug", is_flag=True)
    def broken(**_: bool) -> None:
        raise error

    return broken


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def fail(error: BaseException, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(main, "NOUNS", {"broken": main.Noun("none", "")})
        monkeypatch.setattr(main.LazyGroup, "get_command", lambda *_: command_that_raises(error))
        code = main.run(["broken", *arguments])
        return (code, *capsys.readouterr())

    return fail


def every_error() -> list[type[KbgovError]]:
    return [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, KbgovError)]


@pytest.mark.parametrize("kind", every_error())
def test_each_error_has_its_exit_code_and_its_document(failing, kind: type[KbgovError]) -> None:
    error = kind("it did not work", item="thing", next_step="kbgov doctor")
    code, out, err = failing(error, "--json")
    assert (code, err) == (kind.exit_code, "")
    assert json.loads(out) == {
        "error": {"code": kind.code, "message": "it did not work", "item": "thing", "next": "kbgov doctor"}
    }


def test_people_read_what_happened_to_what_and_what_to_do(failing) -> None:
    code, out, err = failing(LockHeld("another process is at it", item="source:docs", next_step="wait"))
    assert (code, out) == (75, "")
    assert err == "kbgov: another process is at it: source:docs\nnext: wait\n"


def test_an_unforeseen_error_is_told_by_its_class_alone(failing) -> None:
    code, out, err = failing(ValueError(PERSONAL))
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "kbgov: something went wrong that nobody foresaw (ValueError)",
        "next: run again with --debug for the traceback",
    ]


def test_an_unforeseen_error_in_json_holds_no_value(failing) -> None:
    code, out, err = failing(ValueError(PERSONAL), "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)["error"]["code"] == "unexpected"
    assert PERSONAL not in out


def test_debug_shows_the_traceback_on_stderr(failing) -> None:
    code, out, err = failing(LockHeld("busy"), "--json", "--debug")
    assert code == 75
    assert "Traceback" in err
    assert json.loads(out)["error"]["code"] == "lock_held"


def test_a_traceback_says_where_and_never_what(failing) -> None:
    """Whatever an exception or the one that it came from quotes."""
    error = LockHeld("busy", item=PERSONAL)
    error.__cause__ = OSError(errno.EACCES, os.strerror(errno.EACCES), PERSONAL)
    error.__cause__.__context__ = KeyError(PERSONAL)
    _, _, err = failing(error, "--json", "--debug")
    assert PERSONAL not in err
    classes = [line for line in err.splitlines() if line and not line.startswith((" ", "Traceback"))]
    assert classes == [
        *("builtins.KeyError", "which led to", "builtins.PermissionError", "which led to"),
        "governance.domain.errors.LockHeld",
    ]
    assert "in broken" in err


def test_a_traceback_leaves_out_what_an_error_hides(failing) -> None:
    error = LockHeld("busy")
    error.__context__, error.__suppress_context__ = KeyError(PERSONAL), True
    _, _, err = failing(error, "--json", "--debug")
    assert err.count("Traceback") == 1


def test_an_interrupt_is_130(failing) -> None:
    code, out, err = failing(KeyboardInterrupt(), "--json")
    assert code == 130
    assert json.loads(out)["error"]["code"] == "interrupted"
    assert err.strip() == ""


def test_what_the_system_says_is_passed_on_without_the_file_it_says_it_of(failing) -> None:
    code, _, err = failing(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), PERSONAL))
    assert code == 1
    assert "No space left on device" in err
    assert PERSONAL not in err


def test_an_item_moves_no_cursor(failing) -> None:
    _, _, err = failing(KbgovError("cannot be read", item="a\x1b[31m\nb\u202e"))
    assert err == "kbgov: cannot be read: a\\x1b[31m b\\u202e\n"


def test_an_option_behind_two_dashes_is_no_option(failing) -> None:
    code, out, _ = failing(LockHeld("busy"), "--", "--json")
    assert code == 2  # too many arguments
    assert out == ""


def test_a_usage_error_names_the_option() -> None:
    with pytest.raises(click.UsageError) as caught:
        main.kbgov.main(["audit", "run", "--as-of", "2026-02-30"], standalone_mode=False)
    failure = failure_of(caught.value)
    assert failure.item == "--as-of"
    assert failure.exit_code == 2
    assert "no day" in failure.message
