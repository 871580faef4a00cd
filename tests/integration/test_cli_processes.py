"""What only shows in a process of its own: exit codes, pipes, terminals, a second process at the same work."""

from __future__ import annotations

import os
import pty
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from governance.catalog.engine import create_catalog_engine
from governance.catalog.leases import acquire
from governance.domain.chunks import DEFAULT_VECTOR, Record
from governance.domain.values import vector_of
from governance.indexes.embedded import EmbeddedIndex
from tests.command_line import COMMAND, InProcess, environment, in_own_process


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three pages, configured and not ingested."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "docs").mkdir()
    for name in ("a", "b", "c"):
        page = f"---\nlast_reviewed_on: 2020-01-01\n---\n# Page {name}\n\nWords.\n"
        (folder / "docs" / f"{name}.md").write_text(page)
    assert in_own_process(folder, "init", "--source", "docs").code == 0
    return folder


@pytest.fixture
def base(tmp_path: Path, template: Path) -> Path:
    """The same folder for a test of its own."""
    return shutil.copytree(template, tmp_path / "base")


def on_a_terminal(folder: Path, *arguments: str, **env: str) -> str:
    """Run a command on a pseudo-terminal and give all that it printed there."""
    main, other = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(**{"TERM": "xterm-256color", "COLUMNS": "100"} | env),
        stdin=subprocess.DEVNULL,
        stdout=other,
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
    return printed.decode()


def test_the_exit_code_says_what_was_found(base: Path) -> None:
    assert in_own_process(base, "ingest").code == 0
    assert in_own_process(base, "audit", "run").code == 3


def test_a_second_process_at_the_same_source_is_told_to_try_again(base: Path) -> None:
    engine = create_catalog_engine(f"sqlite:///{base}/kbgov.db")
    with acquire(engine, "source:docs"):
        result = in_own_process(base, "ingest", "--json")
    engine.dispose()
    assert (result.code, result.json["error"]["code"]) == (75, "lock_held")
    assert in_own_process(base, "ingest").code == 0


def test_an_unknown_key_of_the_configuration_is_2(base: Path) -> None:
    config = base / "kbgov.toml"
    config.write_text(config.read_text().replace("timezone =", "time_zone ="))
    result = in_own_process(base, "ingest", "--json")
    assert (result.code, result.json["error"]["code"]) == (2, "config")
    assert "did you mean 'timezone'?" in result.json["error"]["next"]


def test_a_catalog_of_an_unknown_revision_is_2(
    base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(base / "kbgov.db")) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
        db.commit()
    kbgov = InProcess(base, capsys, monkeypatch)
    for command in (("ingest",), ("audit", "run"), ("findings", "list"), ("db", "check"), ("db", "upgrade")):
        result = kbgov(*command, "--json")
        assert (result.code, result.json["error"]["code"]) == (2, "database_revision"), command


def test_a_catalog_without_tables_is_2_and_names_the_command_that_makes_them(base: Path) -> None:
    (base / "kbgov.db").unlink()
    result = in_own_process(base, "ingest", "--json")
    assert (result.code, result.json["error"]["next"]) == (2, "kbgov db upgrade")
    assert in_own_process(base, "db", "upgrade", "--json").json["upgraded"] is True
    assert in_own_process(base, "db", "upgrade", "--json").json["upgraded"] is False
    assert in_own_process(base, "ingest").code == 0


def test_vectors_that_are_not_ours_are_6(base: Path) -> None:
    writer = EmbeddedIndex("main", base / "main-index.db").writer()
    writer.put([Record("theirs", "Their text.", {"made_by": "somebody"}, {DEFAULT_VECTOR: vector_of([1.0, 2.0])})])
    writer.close()
    result = in_own_process(base, "ingest", "--json")
    assert (result.code, result.json["error"]["code"]) == (6, "foreign_vectors")


def test_a_reader_that_leaves_early_is_no_traceback(base: Path) -> None:
    in_own_process(base, "ingest")
    for arguments in (["documents", "list"], ["documents", "list", "--json"]):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=base,
            env=environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_stdout_is_said_in_words(base: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [*COMMAND, "guide"],
            cwd=base,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_colors_are_for_terminals_that_want_them(base: Path) -> None:
    in_own_process(base, "ingest")
    colored = on_a_terminal(base, "documents", "list")
    assert "\x1b[31moverdue\x1b[0m" in colored
    assert "\x1b" not in on_a_terminal(base, "documents", "list", NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(base, "documents", "list", TERM="dumb")
    assert "\x1b" not in in_own_process(base, "documents", "list").out
    assert "\x1b" in in_own_process(base, "documents", "list", FORCE_COLOR="1").out
    assert "\x1b" not in in_own_process(base, "documents", "list", "--json", FORCE_COLOR="1").out


def test_a_terminal_and_a_file_show_the_same_words(base: Path) -> None:
    in_own_process(base, "ingest")
    on_terminal = on_a_terminal(base, "documents", "list", NO_COLOR="1").replace("\r\n", "\n")
    assert on_terminal == in_own_process(base, "documents", "list").out


def test_lists_on_a_narrow_terminal_split_no_path_and_no_kind(base: Path) -> None:
    name = "a-folder-with-a-long-name/and-a-page-with-an-even-longer-name.md"
    (base / "docs" / name).parent.mkdir()
    (base / "docs" / name).write_text(
        "---\nlast_reviewed_on: 2020-01-01\nowner: the-people-who-look-after-pages@example.org\n---\n"
        "# A title that is long enough to be cut on eighty columns\n\nWords.\n"
    )
    in_own_process(base, "ingest")
    in_own_process(base, "audit", "run")
    for arguments in (("documents", "list"), ("findings", "list"), ("audit", "run")):
        lines = on_a_terminal(base, *arguments, NO_COLOR="1", COLUMNS="80").splitlines()
        (line,) = [line for line in lines if line.endswith(f" {name}")]
        assert "overdue" in line.split()[0 if arguments[0] == "documents" else 1], arguments
        assert "the-peopl..." in line


def test_lists_name_the_source_where_there_are_several(base: Path) -> None:
    in_own_process(base, "ingest")
    in_own_process(base, "audit", "run")
    for arguments in (("documents", "list"), ("findings", "list"), ("audit", "run")):
        assert "SOURCE" not in in_own_process(base, *arguments).out
    config = base / "kbgov.toml"
    shutil.copytree(base / "docs", base / "more")
    config.write_text(config.read_text() + '\n[sources.second]\nroot = "more"\nindex = "main"\n')
    in_own_process(base, "ingest")
    in_own_process(base, "audit", "run")
    for arguments in (("documents", "list"), ("findings", "list"), ("audit", "run")):
        words = [line.split() for line in in_own_process(base, *arguments).out.splitlines()]
        assert any(line[-2:] == ["SOURCE", "DOCUMENT"] for line in words), arguments
        assert {"docs", "second"} == {line[-2] for line in words if line[-1:] == ["a.md"]}, arguments


def test_a_title_prints_on_a_terminal_that_lacks_its_letters(base: Path) -> None:
    (base / "docs" / "a.md").write_text("# Überprüfung 检查\n\nWords.\n", encoding="utf-8")
    in_own_process(base, "ingest")
    result = in_own_process(base, "documents", "list", PYTHONIOENCODING="ascii")
    assert result.code == 0
    assert r"\xdcberpr\xfcfung \u68c0\u67e5" in result.out


def test_the_version_is_printed(tmp_path: Path) -> None:
    assert in_own_process(tmp_path, "--version").out == "kbgov 0.1.0\n"


def test_the_version_imports_nothing_that_it_does_not_need() -> None:
    code = (
        "import sys; from governance.cli.main import run; run(['--version']); "
        "print([name for name in ('sqlalchemy', 'pydantic', 'numpy', 'rich', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run(
        [COMMAND[0], "-c", code], env=environment(), capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.splitlines()[1:] == ["[]"]


def test_json_needs_no_tables(base: Path) -> None:
    code = (
        "import sys; from governance.cli.main import run; run(['documents', 'list', '--json', '--quiet']); "
        "print([name for name in ('rich', 'alembic', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [COMMAND[0], "-c", code], cwd=base, env=environment(), capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "[]\n"
