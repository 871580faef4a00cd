from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from governance.policy.shipped import shipped_policies
from tests.command_line import InProcess

WRITTEN = ("policies/default.yaml", "policies/policies.schema.json")


@pytest.fixture
def kbgov(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    made = InProcess(tmp_path, capsys, monkeypatch)
    made.page("a.md")
    return made


def test_everything_is_created_and_named(kbgov: InProcess) -> None:
    result = kbgov("init", "work", "--source", "docs", "--json")
    folder = kbgov.folder / "work"
    assert result.code == 0
    keys = [str(folder / "keys" / name) for name in ("signing", "audit", "suppression")]
    files, made = [str(folder / name) for name in ("kbgov.toml", *WRITTEN, "kbgov.db")], result.json["created"]
    document = {name: value for name, value in result.json.items() if name != "created"}
    assert document == {"config": str(folder / "kbgov.toml"), "database": str(folder / "kbgov.db")}
    assert made[: len(files)] == files
    assert [name.partition("-0001-")[0] for name in made[len(files) :]] == keys
    for name in WRITTEN:
        assert (folder / name).read_bytes() == (shipped_policies() / Path(name).name).read_bytes()
    assert kbgov("ingest", "--config", "work/kbgov.toml").code == 0


def test_the_source_is_named_after_its_folder_unless_a_name_is_given(kbgov: InProcess) -> None:
    (kbgov.folder / "docs").rename(kbgov.folder / "My Handbook (2026)")
    kbgov("init", "one", "--source", "My Handbook (2026)")
    kbgov("init", "two", "--source", "My Handbook (2026)", "--source-name", "hr", "--index-name", "search")
    assert "[sources.my-handbook-2026]" in (kbgov.folder / "one/kbgov.toml").read_text()
    two = (kbgov.folder / "two/kbgov.toml").read_text()
    assert "[sources.hr]" in two
    assert "[indexes.search]" in two
    assert kbgov("ingest", "hr", "--config", "two/kbgov.toml", "--json").json["documents"]["added"] == 1


def test_a_second_time_finds_everything_there(kbgov: InProcess) -> None:
    kbgov("init", "--source", "docs")
    again = kbgov("init", "--source", "docs", "--json")
    assert (again.code, again.json["created"]) == (0, [])
    assert "Everything was there already" in kbgov("init", "--source", "docs").out


@pytest.mark.parametrize("name", ["kbgov.toml", *WRITTEN])
def test_a_file_that_says_something_else_is_kept_and_nothing_is_written(kbgov: InProcess, name: str) -> None:
    file = kbgov.folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("# mine\n")
    result = kbgov("init", "--source", "docs", "--json")
    assert (result.code, result.json["error"]["item"]) == (2, str(file))
    assert file.read_text() == "# mine\n"
    assert not (kbgov.folder / "kbgov.db").exists()
    assert sorted(path.name for path in kbgov.folder.rglob("*") if path.is_file()) == sorted([file.name, "a.md"])


def test_without_a_source_the_configuration_holds_an_example(kbgov: InProcess) -> None:
    assert kbgov("init").code == 0
    result = kbgov("ingest", "--json")
    assert result.code == 2
    assert "no source is configured" in result.json["error"]["message"]
    config = kbgov.folder / "kbgov.toml"
    example = config.read_text()
    assert "# [sources.docs]\n" in example
    for line in ("[sources.docs]", 'type = "files"', 'root = "docs"', 'index = "main"'):
        example = example.replace(f"# {line}\n", f"{line}\n")
    config.write_text(example)
    assert kbgov("ingest", "--json").json["documents"]["added"] == 1


def test_a_source_that_is_no_folder_is_a_usage_error(kbgov: InProcess) -> None:
    result = kbgov("init", "--source", "nowhere", "--json")
    assert (result.code, result.json["error"]["item"]) == (2, "nowhere")
    assert not (kbgov.folder / "kbgov.toml").exists()


def test_a_bad_name_is_a_usage_error(kbgov: InProcess) -> None:
    assert kbgov("init", "--source", "docs", "--source-name", "No Name").code == 2
    assert not (kbgov.folder / "kbgov.toml").exists()


def test_the_configuration_goes_where_config_says(kbgov: InProcess) -> None:
    assert kbgov("init", "--source", "docs", "--config", "etc/other.toml", "--json").json["config"] == str(
        kbgov.folder / "etc/other.toml"
    )
    assert kbgov("ingest", "--config", "etc/other.toml").code == 0


def test_folder_and_config_together_are_a_usage_error(kbgov: InProcess) -> None:
    assert kbgov("init", "work", "--config", "other.toml").code == 2


def test_a_folder_wins_over_the_environments_configuration(kbgov: InProcess) -> None:
    kbgov.env.setenv("KBGOV_CONFIG", str(kbgov.folder / "env.toml"))
    assert kbgov("init", "work", "--json").json["config"] == str(kbgov.folder / "work/kbgov.toml")
    assert kbgov("init", "--json").json["config"] == str(kbgov.folder / "env.toml")


def test_next_commands_name_the_configuration_where_it_is_not_the_usual_one(kbgov: InProcess) -> None:
    assert "ingest --config work/kbgov.toml" in kbgov("init", "work", "--source", "docs").out
    assert "--config" not in kbgov("init", "--source", "docs").out


def test_the_folder_of_the_pages_itself_will_do(kbgov: InProcess) -> None:
    kbgov.env.chdir(kbgov.folder / "docs")
    assert kbgov("init", "--source", ".").code == 0
    assert 'root = "."' in (kbgov.folder / "docs/kbgov.toml").read_text()
    assert kbgov("ingest", "--json").json["documents"]["seen"] == 1


def test_a_folder_that_moves_takes_everything_with_it(kbgov: InProcess) -> None:
    kbgov.env.chdir(kbgov.folder)
    (kbgov.folder / "kb").mkdir()
    shutil.move(kbgov.folder / "docs", kbgov.folder / "kb/docs")
    kbgov("init", "kb", "--source", "kb/docs")
    kbgov("ingest", "--config", "kb/kbgov.toml")
    (kbgov.folder / "kb").rename(kbgov.folder / "moved")
    assert kbgov("ingest", "--config", "moved/kbgov.toml", "--json").json["documents"]["unchanged"] == 1


def content(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_a_folder_that_is_not_utf_8_is_refused_before_anything_is_written(kbgov: InProcess) -> None:
    before = content(kbgov.folder)
    for arguments in ((os.fsdecode(b"caf\xe9"),), ("--config", os.fsdecode(b"caf\xe9/kbgov.toml"))):
        result = kbgov("init", *arguments, "--source", "docs", "--json")
        assert (result.code, result.json["error"]["code"]) == (2, "config")
        assert "not UTF-8" in result.json["error"]["message"]
        assert content(kbgov.folder) == before


def foreign(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE theirs (value TEXT)")
        db.commit()


def junk(file: Path) -> None:
    file.write_bytes(b"junk" * 4096)


@pytest.mark.parametrize("make", [junk, foreign])
def test_a_catalog_file_that_is_none_leaves_everything_as_it_was(kbgov: InProcess, make) -> None:
    folder = kbgov.folder / "work"
    folder.mkdir()
    make(folder / "kbgov.db")
    before = content(kbgov.folder)
    result = kbgov("init", "work", "--source", "docs", "--json")
    assert (result.code, result.json["error"]["item"]) == (2, str(folder / "kbgov.db"))
    assert "nothing was written" in result.json["error"]["message"]
    assert result.json["error"]["next"] == "move it away, or name another folder: kbgov init DIR"
    assert content(kbgov.folder) == before
    (folder / "kbgov.db").unlink()
    assert kbgov("init", "work", "--source", "docs").code == 0


def test_what_fails_after_writing_is_taken_away_again_with_its_folders(kbgov: InProcess) -> None:
    kbgov.env.setenv("KBGOV_DATABASE_URL", "sqlite:///nowhere/kbgov.db")
    before = content(kbgov.folder)
    assert kbgov("init", "some/deep/folder", "--source", "docs").code == 2
    assert content(kbgov.folder) == before


def test_own_policies_without_a_configuration_get_advice_that_works(kbgov: InProcess) -> None:
    policies = kbgov.folder / "policies/default.yaml"
    policies.parent.mkdir()
    policies.write_text("version: 1\n")
    step = kbgov("init", "--source", "docs", "--json").json["error"]["next"]
    assert step.startswith("rename it, type the same command again, then put it back")
    policies.rename(policies.with_suffix(".mine"))
    assert kbgov("init", "--source", "docs").code == 0
    policies.with_suffix(".mine").rename(policies)
    assert kbgov("ingest").code == 0
    step = kbgov("init", "--source", "docs", "--json").json["error"]["next"]
    assert step.startswith("keep it and go on with kbgov ingest")
