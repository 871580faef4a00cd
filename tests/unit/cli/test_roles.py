"""Every command needs a role, or is known to touch nobody's catalog."""

from __future__ import annotations

import ast
from pathlib import Path

import click
import pytest

import governance.cli
from governance.cli.main import NOUNS
from governance.cli.session import typed_command
from governance.domain.actors import Role
from governance.domain.commands import ROLES, WITHOUT_ROLE, roles_for
from tests.unit.cli.test_commands import LEAVES

COMMANDS = {" ".join(path) for path in LEAVES}
OPENS_WITHOUT_ROLE = {
    "session opened": "asks for the role itself",
    "demo _demonstrate": "in the demo's own folder",
    "policy_catalog _tests_of": "reads which folders are configured, and no catalog",
}


def test_every_command_needs_a_role_or_is_known_to_need_none() -> None:
    assert COMMANDS - set(ROLES) - WITHOUT_ROLE == set()
    assert not set(ROLES) & WITHOUT_ROLE


def test_no_command_is_named_that_is_not_there() -> None:
    known = {name for name in {*ROLES, *WITHOUT_ROLE} if name.partition(" ")[0] in NOUNS}
    assert known - COMMANDS == set()


def test_every_command_that_needs_a_role_names_one_that_exists() -> None:
    for command, roles in ROLES.items():
        assert roles, command
        assert set(roles) <= set(Role), command


def test_a_command_that_nobody_has_thought_of_cannot_be_given() -> None:
    with pytest.raises(KeyError):
        roles_for("audit forget")
    with pytest.raises(KeyError):
        roles_for("")


def openings(file: Path) -> set[str]:
    """Give every function of a module that opens the application past the session."""
    return {
        f"{file.stem} {function.name}"
        for function in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"open_app", "App"}
    }


def test_no_command_opens_the_application_past_the_question_for_the_role() -> None:
    files = [file for folder in governance.cli.__path__ for file in Path(folder).glob("*.py")]
    assert set().union(*map(openings, files)) == set(OPENS_WITHOUT_ROLE)


@pytest.mark.parametrize(("words", "command"), [("audit run", "audit run"), ("sync", "sync")])
def test_the_command_is_called_by_its_words_alone(words: str, command: str) -> None:
    names = ["/somewhere/kbgov", *words.split()]
    context = None
    for name in names:
        context = click.Context(click.Command(name), parent=context, info_name=name)
    with context:
        assert typed_command() == command
    assert typed_command() == ""
