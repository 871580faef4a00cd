"""What is written for people: it is there, it is true of the command line, and it names no machine."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from governance.cli.guide import read_guides
from governance.cli.main import NOUNS

README_LINES = 150
FIRST_SCREEN = 20
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root)" + r"/\w")
REGISTRY_HOST = re.compile(r"\b(?:pypi|registry|pythonhosted)" + r"\.(?!py\b)[a-z]")
OWN_WORDS = "tests/architecture/test_documents.py"
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(kbgov [^`]+)`")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".yaml", ".yml", ".csv", ".mako", ".txt", ".json", ".cfg", ".sh", ""}


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def texts(readme: str) -> dict[str, str]:
    """Give README and guides by name."""
    return {"README": readme, **read_guides()}


def commands(text: str) -> Iterator[list[str]]:
    """Give every kbgov command that a text shows, as words."""
    shown = [line for block in FENCE.findall(text) for line in block.splitlines()] + INLINE.findall(text)
    for line in shown:
        words = shlex.split(line, comments=True)
        starts = [at for at, word in enumerate(words) if word == "kbgov" or word.endswith("/bin/kbgov")]
        for start in starts:
            end = next((at for at, word in enumerate(words[start:], start) if word in {"&&", "|"}), len(words))
            yield words[start + 1 : end]


def mistake(words: list[str]) -> str | None:
    """Say what the command line does not know of a command; a word in capitals stands for anything."""
    if not words or words[0].startswith("-") or words[0].isupper():
        return None
    if words[0] not in NOUNS:
        return f"no command {words[0]}"
    command = importlib.import_module(f"governance.cli.{NOUNS[words[0]].module}").command
    rest = words[1:]
    if isinstance(command, click.Group) and rest:
        if rest[0] not in command.commands:
            return f"no command {words[0]} {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    wrong = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in {*known, "--help"}]
    return f"{words[0]} has no {wrong[0]}" if wrong else None


def test_every_command_in_readme_and_guides_can_be_typed(texts: dict[str, str]) -> None:
    shown = [(name, words) for name, text in texts.items() for words in commands(text)]
    assert len(shown) > 30
    assert [(name, words, problem) for name, words in shown if (problem := mistake(words))] == []


@pytest.mark.parametrize("typed", ["kbgov adit run", "kbgov audit rum", "kbgov audit run --as-off 2026-01-01"])
def test_a_command_that_nobody_can_type_is_noticed(typed: str) -> None:
    assert [mistake(words) for words in commands(f"Type `{typed}`.")] != [None]


def test_the_readme_is_short_and_starts_with_the_two_lines(readme: str, root: Path) -> None:
    lines = readme.splitlines()
    assert len(lines) <= README_LINES
    typed = [line for line in lines[:FIRST_SCREEN] if line.startswith("python3 -m venv .venv && ")]
    assert [line.split(" && ")[-1] for line in typed] == [".venv/bin/kbgov demo", ".venv/bin/python -m pytest -n auto"]
    printed = subprocess.run(
        ["bash", ".ci/run", "line"], cwd=root, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    assert printed.stdout.splitlines() == typed[1:]
    assert os.access(root / ".ci" / "run", os.X_OK)


def test_the_readme_links_every_guide_and_every_link_leads_somewhere(texts: dict[str, str], root: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", texts["README"])
    assert [link for link in links if not (root / link).is_file()] == []
    guides = {Path(link).stem for link in links if link.startswith("governance/guides/")}
    assert guides == set(texts) - {"README"}
    named = set(re.findall(r"`kbgov guide ([a-z-]+)`", "".join(texts.values())))
    assert named <= guides


def test_the_exit_codes_in_the_readme_are_those_of_the_errors(readme: str) -> None:
    told = {int(code) for code in re.findall(r"^\| ([0-9]+) \|", readme, re.MULTILINE)}
    assert told == {0, 1, 2, 3, 5, 6, 75, 130}


def test_guides_have_a_title_and_fit_a_screen_of_120_columns(texts: dict[str, str]) -> None:
    for name, text in texts.items():
        assert text.startswith("# "), name
        too_long = [line for line in text.splitlines() if len(line) > 120]
        assert name == "README" or too_long == [], name


def test_no_committed_file_names_a_machine_or_a_registry(root: Path, tracked: tuple[Path, ...]) -> None:
    found = []
    for path in tracked:
        if path.suffix in TEXT_SUFFIXES and path.as_posix() != OWN_WORDS:
            text = (root / path).read_text("utf-8", errors="replace")
            found += [f"{path}: {hit[0]}" for hit in (MACHINE_PATH.search(text), REGISTRY_HOST.search(text)) if hit]
    assert found == []


def test_the_license_is_the_one_that_the_package_names(root: Path) -> None:
    text = (root / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert 'license = "Apache-2.0"' in (root / "pyproject.toml").read_text("utf-8")


def test_the_changelog_has_a_place_for_what_comes_next(root: Path) -> None:
    assert "## [Unreleased]" in (root / "CHANGELOG.md").read_text("utf-8")
