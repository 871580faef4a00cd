"""Every command, walked one by one, so that a new one cannot forget what each must have."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import pytest

from governance.cli.main import NOUNS, kbgov, run


def walk(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from walk(command, (*path, name))


EVERY = dict(walk(kbgov, ()))
LEAVES = {path: command for path, command in EVERY.items() if not isinstance(command, click.Group)}


def test_the_commands_of_the_contract_are_there() -> None:
    assert set(LEAVES) == {
        *(
            ("init",),
            ("ingest",),
            ("sync",),
            ("doctor",),
            ("guide",),
            ("completion",),
            ("pause",),
            ("resume",),
            ("demo",),
            ("audit", "run"),
            ("db", "upgrade"),
            ("db", "check"),
            ("db", "grants"),
        ),
        ("chunks", "show"),
        *(("drift", verb) for verb in ("plan", "apply")),
        *(("damage", verb) for verb in ("load", "list")),
        *(("documents", verb) for verb in ("list", "show", "verify")),
        *(("policy", verb) for verb in ("validate", "schema", "explain", "test", "diff", "show")),
        *(("findings", verb) for verb in ("list", "show", "ack", "waive", "assign", "reopen")),
        *(("log", verb) for verb in ("list", "show", "verify", "checkpoint", "export", "prove")),
        *(("keys", verb) for verb in ("init", "list", "rotate", "backup", "restore", "destroy")),
        *(("actors", verb) for verb in ("new", "list")),
    }


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*path, "--help"]) == 0
    text = capsys.readouterr().out
    assert EVERY[path].help
    assert "Example:" in text
    assert f"kbgov {' '.join(path)}" in text.partition("Example:")[2]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_takes_the_common_options(path: tuple[str, ...]) -> None:
    options = {option for parameter in LEAVES[path].params for option in parameter.opts}
    assert {"--json", "--quiet", "--debug", "--config"} <= options


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_answers_a_mistake_in_json_when_json_was_asked_for(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*path, "--json", "--no-such-option"]) == 2
    out, err = capsys.readouterr()
    error = json.loads(out)["error"]
    assert set(error) == {"code", "message", "item", "next"}
    assert error["code"] == "usage"
    assert error["next"] == f"kbgov {' '.join(path)} --help"
    assert err == ""


@pytest.mark.parametrize("name", NOUNS)
def test_the_list_of_commands_says_what_each_says_itself(name: str) -> None:
    assert EVERY[(name,)].short_help == NOUNS[name].summary


def test_the_list_of_commands_is_printed_without_importing_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(noun.summary in out for noun in NOUNS.values())


def test_an_unknown_command_names_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docotr"]) == 2
    assert "did you mean 'doctor'?" in capsys.readouterr().err


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Commands:" in err


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_an_option_without_its_value_names_the_help_of_its_command(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*path, "--json", "--config"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["item"], error["next"]) == ("--config", f"kbgov {' '.join(path)} --help")
    assert run([*path, "--config"]) == 2
    assert capsys.readouterr().err.startswith(f"Usage: kbgov {' '.join(path)} ")
