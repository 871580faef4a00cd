from __future__ import annotations

import json
from datetime import date

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.cli.options import DAY, Answer, Options, answering


def answer_with(code: int) -> click.Command:
    @click.command("ask")
    @answering
    def ask(options: Options) -> Answer:
        return Answer(
            payload={"title": "\u202eevil \x1b"}, show=lambda screen: screen.line(f"{options.config}"), exit_code=code
        )

    return ask


def run(command: click.Command, *arguments: str) -> int:
    code: int = command.main(list(arguments), standalone_mode=False)
    return code


@given(st.dates())
def test_a_day_is_read_as_iso_writes_it(day: date) -> None:
    assert DAY.convert(day.isoformat(), None, None) == day


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "20260101",
        "2026-W01-1",
        "2026-1-1",
        "01/02/2026",
        "today",
        "",
        "2026-01-01T00:00",
        "\uff12\uff10\uff12\uff16-01-01",
    ],
)
def test_a_day_in_any_other_form_is_a_usage_error(text: str) -> None:
    with pytest.raises(click.BadParameter, match="YYYY-MM-DD"):
        DAY.convert(text, None, None)


def test_the_exit_code_is_the_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(answer_with(3)) == 3
    assert capsys.readouterr().out == "None\n"


def test_json_is_one_document_that_every_terminal_can_print(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(answer_with(0), "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"title": "\u202eevil \x1b"}
    assert out.isascii()
    assert "\x1b" not in out
    assert err == ""


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_quiet_prints_nothing_when_all_is_well(capsys: pytest.CaptureFixture[str], more: tuple[str, ...]) -> None:
    assert run(answer_with(0), "--quiet", *more) == 0
    assert capsys.readouterr() == ("", "")


def test_quiet_prints_when_something_is_not_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(answer_with(3), "--quiet") == 3
    assert capsys.readouterr().out == "None\n"


def test_the_configuration_can_be_named_in_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KBGOV_CONFIG", "from-the-environment.toml")
    run(answer_with(0))
    run(answer_with(0), "--config", "typed.toml")
    assert capsys.readouterr().out == "from-the-environment.toml\ntyped.toml\n"
