from __future__ import annotations

from pathlib import Path

import click
import pytest

from governance.cli import completion
from governance.cli.completing import in_a_list, index_names, one_of, source_names
from governance.cli.main import NOUNS, kbgov

ARGUMENT = click.Argument(["source"])
CONFIG = """
[sources.handbook]
root = "docs"
[sources.hr-pages]
root = "hr"
[indexes.main]
path = "main.db"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kbgov.toml").write_text(CONFIG)
    return tmp_path


def context(config: Path | None = None) -> click.Context:
    found = click.Context(click.Command("ingest"))
    found.params["config"] = config
    return found


def test_names_come_from_the_configuration() -> None:
    assert source_names(context(), ARGUMENT, "") == ["handbook", "hr-pages"]
    assert source_names(context(), ARGUMENT, "hr") == ["hr-pages"]
    assert index_names(context(), ARGUMENT, "") == ["main"]


def test_names_come_from_the_file_that_was_typed(folder: Path) -> None:
    other = folder / "other.toml"
    other.write_text('[sources.elsewhere]\nroot = "x"\n')
    assert source_names(context(other), ARGUMENT, "") == ["elsewhere"]


def test_names_come_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KBGOV_SOURCES__TEAM_WIKI__ROOT", "wiki")
    assert source_names(context(), ARGUMENT, "") == ["handbook", "hr-pages", "team-wiki"]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"sources = 3",
        b"[sources",
        b"[sources]\n'; rm -rf /' = {}\n\"a b\" = {}\nUPPER = {}\n",
        b"x = " + b"[" * 5000,
        b"# " + b"x" * 2_000_000 + b"\n[sources.late]\n",
    ],
    ids=["no UTF-8", "no table", "no TOML", "no names", "too deep", "too large"],
)
def test_a_configuration_that_cannot_be_used_completes_nothing(folder: Path, body: bytes) -> None:
    (folder / "kbgov.toml").write_bytes(body)
    assert source_names(context(), ARGUMENT, "") == []


def test_what_is_no_file_is_not_even_opened(folder: Path) -> None:
    assert source_names(context(folder), ARGUMENT, "") == []
    assert source_names(context(folder / "not-there.toml"), ARGUMENT, "") == []
    assert source_names(context(Path("/dev/zero")), ARGUMENT, "") == []


def test_a_list_completes_its_last_word_and_offers_none_twice() -> None:
    words = ["freshness", "pii", "drift"]
    assert in_a_list(words, "") == words
    assert in_a_list(words, "f") == ["freshness"]
    assert in_a_list(words, "freshness,") == ["freshness,pii", "freshness,drift"]
    assert in_a_list(words, "freshness,pii,d") == ["freshness,pii,drift"]


def test_words_of_a_list() -> None:
    assert one_of(["open", "waived"])(context(), ARGUMENT, "w") == ["waived"]


@pytest.mark.parametrize(
    "instruction", ["bash_complete", "bash_source", "tcsh_complete", "bash_", "_", "bash_complete_complete", "\0"]
)
def test_answering_raises_nothing_and_prints_nothing_on_stderr(
    instruction: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COMP_WORDS", raising=False)
    code = completion.complete(kbgov, instruction)
    out, err = capsys.readouterr()
    assert err == ""
    assert (code == 0) == (instruction == "bash_source") == bool(out)


def test_whatever_a_command_does_while_it_is_completed_stays_unseen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> list[str]:
        click.echo("loud", err=True)
        raise KeyboardInterrupt

    group = click.Group(commands=[click.Command("ingest", params=[click.Argument(["name"], shell_complete=broken)])])
    monkeypatch.setenv("COMP_WORDS", "kbgov ingest x")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert completion.complete(group, "bash_complete") == 1
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_every_shell_is_told_the_name_of_the_variable(shell: str) -> None:
    text = completion._script(kbgov, shell)
    assert f"{completion.VARIABLE}={shell}_complete" in text
    assert "_kbgov_completion" in text


def test_commands_are_completed_with_what_they_do() -> None:
    found = kbgov.shell_complete(click.Context(kbgov), "")
    told = {item.value: item.help for item in found if not item.value.startswith("-")}
    assert told == {name: noun.summary for name, noun in NOUNS.items()}
