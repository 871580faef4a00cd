from __future__ import annotations

import csv
import shlex
import sys
from pathlib import Path

import pytest

from governance.cli.invocation import program
from tests.command_line import ROOT, InProcess, in_own_process

TRUTH = ROOT / "tests" / "data" / "demo_truth.csv"


@pytest.fixture
def kbgov(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    return InProcess(tmp_path, capsys, monkeypatch)


def truth() -> list[tuple[str, str]]:
    with TRUTH.open(encoding="utf-8", newline="") as file:
        return sorted((row["document"], row["kind"]) for row in csv.DictReader(file))


def found(kbgov: InProcess, config: str) -> list[tuple[str, str]]:
    findings = kbgov("findings", "list", "--config", config, "--json").json["findings"]
    return sorted((item["document"], item["kind"]) for item in findings)


def test_the_demo_finds_exactly_its_truth(kbgov: InProcess) -> None:
    result = kbgov("demo", "--json")
    assert result.code == 0
    assert result.json["directory"] == str(kbgov.folder / "kbgov-demo")
    assert result.json["audit"]["as_of"] == "2026-11-16"
    assert result.json["audit"]["run_id"] is not None
    assert result.json["audit"]["findings"]["open"] == len(truth())
    assert found(kbgov, "kbgov-demo/kbgov.toml") == truth()


def test_the_demo_is_the_same_a_second_time(kbgov: InProcess) -> None:
    first = kbgov("demo").out
    assert kbgov("demo").out == first
    assert found(kbgov, "kbgov-demo/kbgov.toml") == truth()


def test_people_read_the_overdue_pages_ranked_and_end_with_three_commands(kbgov: InProcess) -> None:
    lines = kbgov("demo").out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("DAYS LATE"))
    days = [int(line.split()[0]) for line in lines[start + 1 : lines.index("", start)]]
    assert days == sorted(days, reverse=True)
    assert len(days) == sum(kind == "freshness.overdue" for _, kind in truth())
    for document, kind in truth():
        assert any(document in line for line in lines), (document, kind)
    assert all(line.startswith(f"  {program()} ") for line in lines[-3:])


def test_the_three_commands_work_as_they_stand(kbgov: InProcess) -> None:
    commands = kbgov("demo", "--dir", "my demo", "--json").json["next"]
    assert len(commands) == 3
    for command in commands:
        words = shlex.split(command.removeprefix(program()))
        assert kbgov(*words).code == 0, command


def test_the_demo_heeds_no_setting_of_the_environment(kbgov: InProcess) -> None:
    kbgov.env.setenv("KBGOV_DATABASE_URL", "sqlite:///somebody-elses.db")
    kbgov.env.setenv("KBGOV_TIMEZONE", "Pacific/Kiritimati")
    assert kbgov("demo", "--json").json["audit"]["findings"]["open"] == len(truth())
    assert not (kbgov.folder / "somebody-elses.db").exists()


def test_the_demo_refuses_a_folder_with_something_in_it(kbgov: InProcess) -> None:
    kbgov.page("mine.md")
    result = kbgov("demo", "--dir", "docs", "--json")
    assert (result.code, result.json["error"]["item"]) == (2, "docs")
    assert [path.name for path in (kbgov.folder / "docs").iterdir()] == ["mine.md"]


def test_the_demo_prints_on_a_machine_that_knows_only_ascii(tmp_path: Path) -> None:
    result = in_own_process(tmp_path, "demo", PYTHONIOENCODING="ascii")
    assert (result.code, result.err) == (0, "")
    assert result.out.isascii()


def test_the_demo_writes_nothing_beside_its_folder(tmp_path: Path) -> None:
    assert in_own_process(tmp_path, "demo", HOME=str(tmp_path / "no-home")).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["kbgov-demo"]


def test_commands_are_suggested_as_they_can_be_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "bin" / "kbgov"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", str(script.parent))
    assert program() == "kbgov"
    monkeypatch.setenv("PATH", "")
    assert program() == str(script)
    monkeypatch.setattr(sys, "argv", ["/somewhere/governance/cli/__main__.py"])
    assert program() == f"{sys.executable} -m governance.cli"
    monkeypatch.setattr(sys, "argv", ["pytest"])
    assert program() == "kbgov"
