from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from governance.bootstrap import open_app
from governance.domain.chunks import DEFAULT_VECTOR, BatchResult, Record
from governance.domain.values import vector_of
from governance.indexes.embedded import EmbeddedIndex
from governance.indexes.embedded.writer import EmbeddedWriter
from governance.services import doctor, doctor_index
from governance.services.doctor_index import SCRATCH, SCRATCH_ID
from tests.command_line import InProcess


@pytest.fixture
def kbgov(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    made = InProcess(tmp_path, capsys, monkeypatch)
    made.page("a.md")
    made("init", "--source", "docs")
    made("ingest")
    made("audit", "run")
    return made


def checks(kbgov: InProcess) -> dict[str, tuple[str, str, str | None]]:
    found = kbgov("doctor", "--json").json["checks"]
    return {item["name"]: (item["status"], item["detail"], item["next"]) for item in found}


def snapshot(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return (
            [
                *db.execute("SELECT name FROM part"),
                *db.execute("SELECT chunk_id, metadata, text, hex(vector) FROM chunk"),
                *db.execute("SELECT name FROM vector"),
                *db.execute("SELECT term FROM words_vocab"),
            ]
            if db.execute("CREATE VIRTUAL TABLE temp.words_vocab USING fts5vocab(main, words, row)")
            else []
        )


def test_all_is_well(kbgov: InProcess) -> None:
    result = kbgov("doctor", "--json")
    assert (result.code, result.json["ok"]) == (0, True)
    assert [item["name"] for item in result.json["checks"]] == [
        "configuration",
        "policies",
        "database",
        "secure_delete",
        "clock",
        "changes",
        "keys",
        "audit log",
        "disk of index main",
        "disk of the catalog",
        "source docs",
        "index main",
        "last ingest",
        "last audit",
    ]
    found = {item["name"]: item["status"] for item in result.json["checks"]}
    # Nobody has saved the keys yet, or said where checkpoints go: that cannot be done for them.
    assert (found.pop("keys"), found.pop("audit log")) == ("warn", "warn")
    assert set(found.values()) == {"ok"}
    assert "12 ok, 2 warn" in kbgov("doctor").out


def test_the_scratch_record_leaves_no_trace(kbgov: InProcess) -> None:
    file = kbgov.folder / "main-index.db"
    before = snapshot(file)
    assert kbgov("doctor").code == 0
    assert snapshot(file) == before
    assert SCRATCH.encode() not in file.read_bytes()


def test_an_index_with_foreign_vectors_is_checked_with_vectors_like_them(kbgov: InProcess) -> None:
    index = EmbeddedIndex("main", kbgov.folder / "main-index.db")
    kbgov("init", "other", "--source", "docs", "--index-name", "theirs")
    file = kbgov.folder / "other" / "theirs-index.db"
    theirs = {DEFAULT_VECTOR: vector_of([1.0, 0.0, 0.0]), "title": vector_of([0.0, 1.0])}
    index = EmbeddedIndex("theirs", file)
    writer = index.writer()
    writer.put([Record("one", "Their text.", {"made_by": "somebody"}, theirs)])
    writer.close()
    before = snapshot(file)
    result = kbgov("doctor", "--config", "other/kbgov.toml", "--json")
    (found,) = [item for item in result.json["checks"] if item["name"] == "index theirs"]
    assert found["status"] == "ok", found
    assert snapshot(file) == before


def test_what_an_interrupted_check_left_behind_is_removed(kbgov: InProcess) -> None:
    index = EmbeddedIndex("main", kbgov.folder / "main-index.db")
    writer = index.writer(SCRATCH)
    writer.put([Record(SCRATCH_ID, "left behind", {}, {DEFAULT_VECTOR: vector_of([1.0, 0.0])})])
    writer.close()
    assert checks(kbgov)["index main"][:2] == ("ok", "records: 1, partitions: 1; a deleted record is gone at once")
    assert index.partitions() == ("",)


def test_an_index_that_keeps_what_is_deleted_fails(kbgov: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EmbeddedWriter, "delete", lambda _, ids: BatchResult(requested=len(ids), existed=len(ids)))
    status, detail, step = checks(kbgov)["index main"]
    assert status == "fail"
    assert "a deleted record can still be read" in detail
    assert step
    assert kbgov("doctor").code == 1


def test_an_index_that_stores_nothing_fails(kbgov: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EmbeddedWriter, "put", lambda _, records: BatchResult(requested=len(records), existed=0))
    assert "could not be found" in checks(kbgov)["index main"][1]
    refusing = BatchResult(requested=1, failed={SCRATCH_ID: "read only"})
    monkeypatch.setattr(EmbeddedWriter, "put", lambda *_: refusing)
    assert "could not be stored" in checks(kbgov)["index main"][1]


def test_a_large_index_is_not_rewritten_for_a_name(kbgov: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_index, "SMALL", 0)
    assert checks(kbgov)["index main"][0] == "ok"
    assert EmbeddedIndex("main", kbgov.folder / "main-index.db").partitions() == ("", SCRATCH)
    assert checks(kbgov)["index main"][1].startswith("records: 1, partitions: 1;")


def test_a_configuration_that_cannot_be_read_is_a_failed_check(kbgov: InProcess) -> None:
    (kbgov.folder / "kbgov.toml").write_text("nonsense = 1\n")
    result = kbgov("doctor", "--json")
    assert (result.code, result.json["ok"]) == (1, False)
    assert [(item["name"], item["status"]) for item in result.json["checks"]] == [("configuration", "fail")]


def test_a_broken_policy_hides_nothing_else(kbgov: InProcess) -> None:
    (kbgov.folder / "policies/default.yaml").write_text("version: 1\nnonsense: 1\n")
    found = checks(kbgov)
    assert found["policies"][0] == "fail"
    assert found["database"][0] == found["source docs"][0] == "ok"
    assert found["index main"][0] == "warn"
    assert kbgov("doctor").code == 1


def test_a_catalog_without_tables_names_the_command(kbgov: InProcess) -> None:
    (kbgov.folder / "kbgov.db").unlink()
    assert checks(kbgov)["database"][::2] == ("fail", "kbgov db upgrade")


def test_a_catalog_in_a_folder_that_is_not_there_is_a_failed_check(kbgov: InProcess) -> None:
    kbgov.env.setenv("KBGOV_DATABASE_URL", "sqlite:///nowhere/kbgov.db")
    found = checks(kbgov)
    assert found["database"][0] == "fail"
    assert found["source docs"][0] == "ok"


def test_a_source_that_is_gone_or_empty_fails(kbgov: InProcess) -> None:
    (kbgov.folder / "docs/a.md").unlink()
    assert checks(kbgov)["source docs"][:2] == ("fail", "no document matches")
    (kbgov.folder / "docs").rmdir()
    assert checks(kbgov)["source docs"][0] == "fail"


def test_pages_that_cannot_be_read_are_a_warning(kbgov: InProcess) -> None:
    kbgov.env.setenv("KBGOV_SOURCES__DOCS__MAX_FILE_BYTES", "5")
    assert checks(kbgov)["source docs"][:2] == ("warn", "documents: 1, unreadable: 1")


def test_an_index_file_that_is_gone_or_something_else_fails(kbgov: InProcess) -> None:
    file = kbgov.folder / "main-index.db"
    shutil.copy(kbgov.folder / "kbgov.db", file)
    assert checks(kbgov)["index main"][0] == "fail"
    file.unlink()
    assert checks(kbgov)["index main"][::2] == ("fail", "kbgov ingest")


def test_what_was_never_done_is_a_warning_with_the_command(kbgov: InProcess) -> None:
    kbgov("init", "fresh", "--source", "docs")
    kbgov.env.setenv("KBGOV_CONFIG", str(kbgov.folder / "fresh/kbgov.toml"))
    found = checks(kbgov)
    assert found["last ingest"] == ("warn", "never", "kbgov ingest")
    assert found["last audit"] == ("warn", "never", "kbgov audit run")


def test_next_commands_carry_the_configuration_that_was_typed(kbgov: InProcess) -> None:
    kbgov("init", "fresh", "--source", "docs")
    found = kbgov("doctor", "--config", "fresh/kbgov.toml", "--json").json["checks"]
    assert [item["next"] for item in found][-1] == "kbgov audit run --config fresh/kbgov.toml"


@pytest.mark.parametrize(
    ("free", "status"), [(50 << 20, "fail"), (500 << 20, "warn"), (5 << 30, "ok")], ids=["none", "little", "enough"]
)
def test_free_space_is_judged(kbgov: InProcess, monkeypatch: pytest.MonkeyPatch, free: int, status: str) -> None:
    usage = shutil.disk_usage(kbgov.folder)._replace(free=free)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert checks(kbgov)["disk of the catalog"][0] == status


@pytest.mark.usefixtures("kbgov")
def test_a_clock_that_differs_from_the_databases_is_a_warning() -> None:
    with open_app(None) as app:
        now = app.clock()
    with open_app(None, clock=lambda: now.replace(year=now.year + 1)) as app:
        found = {check.name: check.status for check in doctor.examine(app)}
    assert found["clock"] == "warn"
    assert found["last ingest"] == "warn"


def test_the_check_is_recorded_like_any_change_of_an_index(kbgov: InProcess) -> None:
    kbgov("doctor")
    with closing(sqlite3.connect(kbgov.folder / "kbgov.db")) as db:
        assert db.execute("SELECT count(*) FROM intent WHERE outcome IS NULL").fetchone() == (0,)
        bodies = [json.loads(body) for (body,) in db.execute("SELECT body FROM audit_entry")]
    reasons = {body["reason"] for body in bodies if body.get("reason", "").endswith("doctor.scratch")}
    assert reasons == {"put:doctor.scratch", "delete:doctor.scratch", "purge:doctor.scratch"}


def test_without_a_source_it_says_so_and_names_no_command_that_would_refuse(kbgov: InProcess) -> None:
    kbgov("init", "fresh")
    result = kbgov("doctor", "--config", "fresh/kbgov.toml", "--json")
    found = {item["name"]: (item["status"], item["detail"], item["next"]) for item in result.json["checks"]}
    step = f"add a section [sources.NAME] to {kbgov.folder / 'fresh/kbgov.toml'}"
    assert result.code == 1
    assert found["sources"] == ("fail", "no source is configured", step)
    assert found["index main"][2] == found["last ingest"][2] == step
    assert not any("kbgov ingest" in (item[2] or "") for item in found.values())


def test_a_source_that_is_no_longer_configured_is_a_warning(kbgov: InProcess) -> None:
    config = kbgov.folder / "kbgov.toml"
    config.write_text(config.read_text().replace("[sources.docs]", "[sources.handbook]"))
    found = checks(kbgov)
    status, detail, step = found["source docs"]
    assert status == "warn"
    assert "no longer configured" in detail
    assert step == f"add a section [sources.docs] to {config}"
    assert found["source handbook"][0] == "ok"


def test_a_damaged_index_file_names_a_remedy_that_works(kbgov: InProcess) -> None:
    file = kbgov.folder / "main-index.db"
    file.write_bytes(b"junk" * 4096)
    result = kbgov("doctor", "--config", "kbgov.toml", "--json")
    (step,) = [item["next"] for item in result.json["checks"] if item["name"] == "index main"]
    ingest = "kbgov ingest --config kbgov.toml"
    assert step == f"move the file of [indexes.main] away; {ingest}, or what else filled it, then builds it again"
    assert kbgov("ingest", "--json").json["error"]["next"] == step.replace(" --config kbgov.toml", "")
    file.rename(kbgov.folder / "away.db")
    assert kbgov("ingest").code == 0
    assert checks(kbgov)["index main"][:2] == ("ok", "records: 1, partitions: 1; a deleted record is gone at once")


def test_a_missing_index_file_names_the_command_with_the_configuration(kbgov: InProcess) -> None:
    kbgov("init", "fresh", "--source", "docs")
    found = kbgov("doctor", "--config", "fresh/kbgov.toml", "--json").json["checks"]
    assert {item["name"]: item["next"] for item in found}["index main"] == "kbgov ingest --config fresh/kbgov.toml"


def test_a_database_that_is_another_program_s_names_another_file_as_the_way_out(kbgov: InProcess) -> None:
    kbgov.env.setenv("KBGOV_DATABASE_URL", "sqlite:///main-index.db")
    status, detail, step = checks(kbgov)["database"]
    assert status == "fail"
    assert "not a catalog of kbgov" in detail
    assert "set database_url to another file" in step
