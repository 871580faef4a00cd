"""From a file of counts to a list of what to mend first, by the commands that people type."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest

from governance.cli import damage
from tests.command_line import COMMAND, InProcess, environment, in_own_process

CANARY = "jane.roe@example.org"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an old page, a very old one and a fresh one, ingested and audited."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "docs").mkdir()
    for name, reviewed in (("old", "2024-06-01"), ("older", "2023-06-01"), ("fresh", "2999-01-01")):
        page = f"---\nlast_reviewed_on: {reviewed}\nreview_in: 1 year\nowner: it-desk\n---\n# {name}\n\nWords.\n"
        (folder / "docs" / f"{name}.md").write_text(page)
    assert in_own_process(folder, "init", "--source", "docs").code == 0
    assert in_own_process(folder, "ingest").code == 0
    assert in_own_process(folder, "audit", "run", "--fail-on", "never").code == 0
    return folder


@pytest.fixture
def base(tmp_path: Path, template: Path) -> Path:
    return shutil.copytree(template, tmp_path / "base")


@pytest.fixture
def kbgov(base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    return InProcess(base, capsys, monkeypatch)


def ids(folder: Path) -> dict[str, str]:
    """Give the id of each page's chunk, by page."""
    with closing(sqlite3.connect(folder / "kbgov.db")) as db:
        return dict(db.execute("SELECT document, chunk_id FROM chunk").fetchall())


def counts(folder: Path, **retrievals: int) -> Path:
    file = folder / "counts.csv"
    known = ids(folder)
    rows = [f"{known[f'{name}.md']},{count}" for name, count in retrievals.items()]
    file.write_text("\n".join(["chunk_id,retrievals", *rows]) + "\n")
    return file


def test_counts_turn_the_order_of_what_is_overdue(kbgov: InProcess, base: Path) -> None:
    done = kbgov("damage", "load", str(counts(base, old=1000, older=1, fresh=5)), "--json")
    assert done.code == 0
    assert {name: done.json[name] for name in ("lines", "retrievals", "chunks", "unknown")} == {
        "lines": 3,
        "retrievals": 1006,
        "chunks": 3,
        "unknown": 0,
    }
    listed = kbgov("damage", "list", "--as-of", "2027-01-01", "--json")
    assert listed.code == 0
    assert set(listed.json) == {"items", "loaded_at", "chunks", "unknown"}
    assert listed.json["loaded_at"] == done.json["loaded_at"]
    old, older = listed.json["items"][:2]
    assert (old["document"], old["days"], old["retrievals"], old["damage"]) == ("old.md", 579, 1000, 579_000)
    assert (older["document"], older["days"], older["damage"]) == ("older.md", 944, 944)
    assert kbgov("damage", "list", "--limit", "1", "--json").json["items"][0]["document"] == "old.md"


def test_people_see_a_table_of_what_was_retrieved(kbgov: InProcess, base: Path) -> None:
    told = kbgov("damage", "list").out
    assert "Nobody has said yet how often chunks are retrieved" in told
    assert "damage load FILE" in told
    loaded = kbgov("damage", "load", str(counts(base, old=3)))
    assert loaded.out.splitlines()[:2] == ["1 line, 3 retrievals.", "Counts of 1 chunk are loaded."]
    lines = kbgov("damage", "list", "--as-of", "2027-01-01").out.splitlines()
    assert lines[0].split() == [
        *("DAMAGE", "DAYS", "RETRIEVALS", "SEVERITY", "KIND", "FINGERPRINT", "OWNER", "DOCUMENT"),
    ]
    assert lines[1].split()[:5] == ["1737", "579", "3", "high", "freshness.overdue"]
    assert lines[1].endswith("it-desk  old.md")
    assert "older.md" not in "".join(lines)


@pytest.mark.parametrize("option", [("--index", "mian"), ("--index", "")])
def test_an_index_that_is_none_is_named_with_the_nearest(kbgov: InProcess, base: Path, option: tuple[str, str]) -> None:
    result = kbgov("damage", "load", str(counts(base, old=1)), *option, "--json")
    assert (result.code, result.json["error"]["code"]) == (2, "usage")
    assert "main" in result.json["error"]["next"]


def test_a_bad_file_changes_nothing_and_is_not_quoted(kbgov: InProcess, base: Path) -> None:
    file = counts(base, old=3)
    assert kbgov("damage", "load", str(file)).code == 0
    file.write_text(f"chunk_id,retrievals\nnew,1\n{CANARY},{CANARY}\n")
    result = kbgov("damage", "load", str(file), "--json")
    assert (result.code, result.json["error"]["item"]) == (2, "line 3")
    assert CANARY not in result.out + result.err
    assert kbgov("damage", "list", "--json").json["chunks"] == 1


def test_a_file_that_cannot_be_read_is_named(kbgov: InProcess, base: Path) -> None:
    for name in ("not-there.csv", "docs"):
        result = kbgov("damage", "load", name, "--json")
        assert (result.code, result.json["error"]["item"]) == (2, name)
    assert kbgov("damage", "load").code == 2
    assert base.is_dir()


def test_counts_come_through_a_pipe(base: Path) -> None:
    body = counts(base, old=3).read_bytes()
    done = subprocess.run(
        [*COMMAND, "damage", "load", "-", "--json"],
        cwd=base,
        env=environment(),
        input=body,
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert b'"retrievals": 3' in done.stdout


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_counts_come_through_a_named_pipe(kbgov: InProcess, base: Path) -> None:
    body, pipe = counts(base, old=4).read_bytes(), base / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(body,))
    writer.start()
    result = kbgov("damage", "load", "pipe", "--json")
    writer.join()
    assert result.json["retrievals"] == 4


def test_what_comes_through_a_pipe_has_a_limit(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "MOST_PIPED", 8)
    with counts(base, old=4).open("rb") as stream, pytest.raises(damage.InputError, match="more than 8 bytes"):
        damage._whole(stream)


def test_the_log_of_a_load_counts_and_names_nothing(base: Path) -> None:
    file = base / f"{CANARY}.csv"
    file.write_text(f"chunk_id,retrievals\n{CANARY},3\n")
    result = in_own_process(base, "damage", "load", str(file), "--json", KBGOV_LOG="json")
    assert result.code == 0
    assert CANARY not in result.err
    assert '"counts": {"chunks": 1, "retrievals": 3, "unknown": 1}' in result.err
    file.write_text(f"chunk_id,retrievals\n{CANARY},x\n")
    result = in_own_process(base, "damage", "load", str(file), KBGOV_LOG="json")
    assert result.code == 2
    assert CANARY not in result.err
