"""Completion as a shell asks for it: in a process of its own, and through bash itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import COMMAND, Result, environment, in_own_process


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configured folder whose catalog is no database, so that opening it would fail."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "docs").mkdir()
    assert in_own_process(folder, "init", "--source", "docs", "--source-name", "handbook").code == 0
    (folder / "kbgov.db").write_bytes(b"no database" * 100)
    return folder


def asked(folder: Path, words: str, at: int, *, by: str = "bash", **env: str) -> Result:
    """Ask as a shell does, in a process of its own."""
    return in_own_process(folder, _KBGOV_COMPLETE=f"{by}_complete", COMP_WORDS=words, COMP_CWORD=str(at), **env)


@pytest.mark.parametrize(
    ("words", "at", "offered"),
    [
        ("kbgov au", 1, {"audit"}),
        ("kbgov audit ", 2, {"run"}),
        ("kbgov drift ", 2, {"plan", "apply"}),
        ("kbgov sync --source h", 3, {"handbook"}),
        ("kbgov chunks show x --index ", 5, {"main"}),
        ("kbgov ingest ", 2, {"handbook"}),
        ("kbgov ingest --index ", 3, {"main"}),
        ("kbgov documents show --source h", 4, {"handbook"}),
        ("kbgov audit run --only freshness,dr", 4, {"freshness,drift"}),
        ("kbgov audit run --fail-on ", 4, {"critical", "high", "medium", "low", "never"}),
        ("kbgov audit run --fail", 3, {"--fail-on"}),
        ("kbgov findings list --kind freshness.o", 4, {"freshness.overdue"}),
        ("kbgov findings waive x --reason acc", 5, {"accepted-risk"}),
        ("kbgov guide st", 2, {"start"}),
        ("kbgov completion ", 2, {"bash", "zsh", "fish"}),
        ("kbgov ingest 'an open quote", 2, set()),
    ],
)
def test_bash_is_offered_what_can_stand_there(base: Path, words: str, at: int, offered: set[str]) -> None:
    result = asked(base, words, at)
    assert (result.code, result.err) == (0, "")
    found = {line for line in result.out.splitlines() if line}
    assert found == {f"plain,{word}" for word in offered}


def test_zsh_and_fish_are_told_what_commands_do(base: Path) -> None:
    assert asked(base, "kbgov au", 1, by="zsh").out.splitlines() == [
        "plain",
        "audit",
        "Find what is overdue, broken or unknown.",
    ]
    fish = in_own_process(base, _KBGOV_COMPLETE="fish_complete", COMP_WORDS="kbgov au", COMP_CWORD="au")
    assert fish.out == "plain,audit\tFind what is overdue, broken or unknown.\n"


def test_names_are_those_of_the_configuration_that_counts(base: Path, tmp_path: Path) -> None:
    named = str(base / "kbgov.toml")
    assert asked(tmp_path, "kbgov ingest h", 2).out.strip() == ""
    assert asked(tmp_path, f"kbgov ingest --config {named} h", 4).out == "plain,handbook\n"
    assert asked(tmp_path, "kbgov ingest h", 2, KBGOV_CONFIG=named).out == "plain,handbook\n"


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"COMP_WORDS": "kbgov nope x", "COMP_CWORD": "2"}, "an unknown command"),
        ({"COMP_WORDS": "kbgov", "COMP_CWORD": "many"}, "no number"),
        ({"_KBGOV_COMPLETE": "tcsh_complete"}, "an unknown shell"),
        ({}, "no words"),
    ],
)
def test_nonsense_is_answered_with_nothing(base: Path, env: dict[str, str], words: str) -> None:
    result = in_own_process(base, "ingest", **{"_KBGOV_COMPLETE": "bash_complete", "KBGOV_LOG": "yaml", **env})
    assert (result.out, result.err) == ("", ""), words


def test_a_command_is_completed_without_importing_any_other(base: Path) -> None:
    code = (
        "import sys; from governance.cli.main import run; run([]); "
        "print([name for name in ('sqlalchemy', 'rich', 'governance.cli.audit') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=base,
        env=environment(_KBGOV_COMPLETE="bash_complete", COMP_WORDS="kbgov a", COMP_CWORD="1"),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "plain,audit\nplain,actors\n[]\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed(base: Path, shell: str) -> None:
    told = in_own_process(base, "completion", shell, "--json").json
    printed = in_own_process(base, "completion", shell)
    assert told["shell"] == shell
    assert printed.out == told["script"] + "\n"
    assert "kbgov" in printed.out


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with a program `kbgov` in it."""
    program = tmp_path / "bin" / "kbgov"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{COMMAND[0]}" -m governance.cli "$@"\n')
    program.chmod(0o755)
    return program.parent


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes_with_the_script_that_it_was_given(base: Path, programs: Path) -> None:
    script = """
        set -u
        source <(kbgov completion bash)
        complete -p kbgov
        ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _kbgov_completion kbgov; }
        ask kbgov au; echo "${COMPREPLY[@]}"
        ask kbgov ingest --index m; echo "${COMPREPLY[@]}"
        ask kbgov audit run --only freshness,dri; echo "${COMPREPLY[@]}"
        ask kbgov nope x; echo "${COMPREPLY[@]-nothing}"
    """
    path = f"{programs}:{environment()['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=base,
        env=environment(PATH=path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    registered, *answers = done.stdout.splitlines()
    assert registered.endswith("-F _kbgov_completion kbgov")
    assert answers == ["audit", "main", "freshness,drift", "nothing"]
