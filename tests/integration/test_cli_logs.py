"""The log of real processes: every line of stderr is a line of it, and no value of a document is in any."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from governance.catalog.engine import create_catalog_engine
from governance.catalog.leases import acquire
from tests.command_line import COMMAND, Result, environment, in_own_process

CANARY = "jane.roe@example.org"
PAGE = f"people/{CANARY}.md"
ACTOR = "night-watch"
ALWAYS = ["time", "level", "event", "run_id", "actor", "command"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose pages name somebody in path, title, owner and text; one of them is overdue, one is broken."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "docs" / "people").mkdir(parents=True)
    page = f"---\ntitle: All about {CANARY}\nowner: {CANARY}\nlast_reviewed_on: 2020-01-01\n---\nAsk {CANARY}.\n"
    (folder / "docs" / PAGE).write_text(page)
    (folder / "docs" / f"broken-{CANARY}.md").write_bytes(f"{CANARY} \xff".encode("latin-1"))
    assert in_own_process(folder, "init", "--source", "docs").code == 0
    return folder


@pytest.fixture
def base(tmp_path: Path, template: Path) -> Path:
    return shutil.copytree(template, tmp_path / "base")


def logged(folder: Path, *arguments: str, **env: str) -> tuple[Result, list[dict[str, Any]]]:
    """Run a command and give its log, after looking at what holds for every line of every command."""
    result = in_own_process(folder, *arguments, KBGOV_LOG="json", KBGOV_ACTOR=ACTOR, **env)
    lines = [json.loads(line) for line in result.err.splitlines()]
    assert CANARY not in result.err
    assert lines
    for line in lines:
        assert list(line)[: len(ALWAYS)] == ALWAYS
        assert line["actor"] == ACTOR
    return result, lines


def test_a_run_is_told_from_beginning_to_end(base: Path) -> None:
    result, lines = logged(base, "ingest", "--json")
    assert result.code == 3  # one page cannot be read
    assert result.json["documents"]["seen"] == 2
    assert [line["event"] for line in lines] == [
        "command.started",
        "run.started",
        "run.phase",
        "index.change",
        "run.phase",
        "run.finished",
        "command.finished",
    ]
    assert {line["run_id"] for line in lines[1:]} == {1}
    assert {line["command"] for line in lines} == {"ingest"}
    change, finished, ended = lines[3], lines[5], lines[6]
    assert (change["kind"], change["outcome"], change["index"]) == ("put", "done", "main")
    assert change["counts"] == {"chunks": 1, "existed": 0, "failed": 0}
    assert (finished["run"], finished["state"], finished["counts"]["documents"]["failed"]) == ("ingest", "done", 1)
    assert (ended["exit_code"], ended["level"]) == (3, "info")


def test_an_audit_counts_kinds_and_names_no_page(base: Path) -> None:
    logged(base, "ingest")
    result, lines = logged(base, "audit", "run")
    assert PAGE in result.out
    (finished,) = [line for line in lines if line["event"] == "run.finished"]
    assert finished["counts"]["by_kind"]["freshness.overdue"] == 1
    assert finished["command"] == "audit run"


@pytest.mark.parametrize(
    "typed",
    [
        ("guide", "freshness"),
        ("findings", "list", "--document", PAGE),
        ("doctor",),
        ("db", "check"),
        ("demo",),
    ],
    ids=" ".join,
)
def test_every_command_says_that_it_started_and_how_it_ended(base: Path, typed: tuple[str, ...]) -> None:
    result, lines = logged(base, *typed)
    assert (lines[0]["event"], lines[-1]["event"]) == ("command.started", "command.finished")
    assert lines[-1]["exit_code"] == result.code


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (("documents", "show", CANARY), "usage"),
        (("documents", "show", CANARY, "--json"), "usage"),
        (("documents", "show", CANARY, "--debug"), "usage"),
        (("findings", "list", "--config", f"{CANARY}.toml"), "config"),
        (("ingest", CANARY, "--debug", "--json"), "usage"),
        (("audit", "run", "--as-of", CANARY), "usage"),
        (("audit", "run", f"--{CANARY}"), "usage"),
        ((CANARY,), "usage"),
        (("audit",), "usage"),
    ],
)
def test_a_failure_is_a_line_and_not_a_sentence_with_values(base: Path, typed: tuple[str, ...], code: str) -> None:
    result, lines = logged(base, *typed)
    failed = lines[-1]
    assert (failed["event"], failed["code"], failed["exit_code"]) == ("command.failed", code, 2)
    assert result.code == 2
    if "--json" in typed:
        assert result.json["error"]["code"] == code
    else:
        assert result.out == ""
    assert ("trace" in failed) == ("--debug" in typed)


def test_a_run_that_fails_and_a_lock_that_is_held(base: Path) -> None:
    engine = create_catalog_engine(f"sqlite:///{base}/kbgov.db")
    with acquire(engine, "source:docs"):
        result, lines = logged(base, "ingest", "docs")
    engine.dispose()
    assert (result.code, lines[-1]["code"], lines[-1]["exit_code"]) == (75, "lock_held", 75)
    shutil.rmtree(base / "docs")
    result, lines = logged(base, "ingest")
    assert result.code == 1
    (finished,) = [line for line in lines if line["event"] == "run.finished"]
    assert (finished["state"], finished["level"]) == ("failed", "warning")


def test_a_change_whose_outcome_nobody_knows_is_told(base: Path) -> None:
    code = (
        "import os, sys; from governance.cli import main; from governance.services import gate\n"
        "def stop(*_): raise ValueError(os.environ['PLANTED'])\n"
        "gate._outcome = stop\n"
        "sys.exit(main.run(['ingest']))"
    )
    done = subprocess.run(
        [COMMAND[0], "-c", code],
        cwd=base,
        env=environment(KBGOV_LOG="json", PLANTED=CANARY),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert CANARY not in done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    (change,) = [line for line in lines if line["event"] == "index.change"]
    assert (change["outcome"], change["level"]) == ("unsettled", "warning")
    assert (lines[-1]["code"], lines[-1]["error"]) == ("unexpected", "ValueError")


def test_warnings_and_chatter_of_libraries_are_lines_without_their_text(base: Path) -> None:
    code = (
        "import logging, sys, warnings; from governance.cli import guide, main; whole = guide.read_guides\n"
        "def planted():\n"
        f"    warnings.warn('{CANARY}'); logging.getLogger('json').warning('{CANARY}'); logging.warning('{CANARY}')\n"
        "    class Dropped:\n"
        f"        def __del__(self): raise ValueError('{CANARY}')\n"
        "    Dropped(); return whole()\n"
        "guide.read_guides = planted; sys.exit(main.run(['guide']))"
    )
    done = subprocess.run(
        [COMMAND[0], "-W", "always", "-c", code],
        cwd=base,
        env=environment(KBGOV_LOG="json"),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert CANARY not in done.stderr
    assert events.count("library.message") == 2
    assert "library.warning" in events
    assert "stray.error" in events


def test_a_log_and_a_bar_do_not_share_a_terminal(base: Path) -> None:
    main, other = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "ingest", "--json"],
        cwd=base,
        env=environment(TERM="xterm-256color", KBGOV_LOG="json"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=other,
    ):
        os.close(other)
        printed = b""
        try:
            while part := os.read(main, 65536):
                printed += part
        except OSError:  # Linux: the other side is closed
            pass
        os.close(main)
    assert all(json.loads(line) for line in printed.decode().splitlines())


def test_the_plain_form_comes_beside_what_people_are_told(base: Path) -> None:
    result = in_own_process(base, "ingest", "nobody", KBGOV_LOG="text")
    lines = result.err.splitlines()
    assert [line.split()[2] for line in (lines[0], lines[1])] == ["command.started", "command.failed"]
    assert lines[2].startswith("kbgov: there is no source 'nobody'")


def test_any_other_form_is_refused_in_a_sentence(base: Path) -> None:
    result = in_own_process(base, "ingest", KBGOV_LOG="yaml")
    assert result.code == 2
    assert result.err.splitlines()[0] == "kbgov: KBGOV_LOG must be json or text"
    assert in_own_process(base, "ingest", "--json", KBGOV_LOG="yaml").json["error"]["item"] == "KBGOV_LOG"


@pytest.mark.parametrize("env", [{}, {"KBGOV_LOG": ""}], ids=["unset", "empty"])
def test_without_it_nothing_more_is_printed_than_ever(base: Path, env: dict[str, str]) -> None:
    assert in_own_process(base, "ingest", **env).err == ""


def test_without_it_the_version_does_not_even_import_what_logs() -> None:
    code = (
        "import sys; from governance.cli.main import run; run(['--version']); "
        "print({'logging', 'governance.cli.logs', 'governance.services.logs'} & set(sys.modules))"
    )
    done = subprocess.run(
        [COMMAND[0], "-c", code], env=environment(), capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.splitlines()[1:] == ["set()"]
