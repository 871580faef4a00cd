"""`kbgov sync`: what is looked at, what is said about it, and with which exit code."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from governance.catalog.engine import create_catalog_engine
from governance.catalog.leases import acquire
from governance.indexes.embedded import EmbeddedIndex
from tests.command_line import InProcess, in_own_process
from tests.foreign_index import Pipeline, by_words
from tests.foreign_layouts import langchain, write_index
from tests.knowledge_base import paragraphs

PAGES = ("hr/leave.md", "hr/pay.md", "it/vpn.md", "office.md")


def pipeline(folder: Path) -> Pipeline:
    return Pipeline(folder / "docs", EmbeddedIndex("theirs", folder / "theirs.db"), [by_words(60, 10)])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose pages a pipeline has brought into an index; nobody has looked yet."""
    folder = tmp_path_factory.mktemp("template")
    for name in PAGES:
        (folder / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "docs" / name).write_text(paragraphs(name, 3))
    pipeline(folder).run(PAGES)
    assert in_own_process(folder, "init", "--source", "docs", "--from-index", "sqlite:///theirs.db").code == 0
    return folder


@pytest.fixture
def base(tmp_path: Path, template: Path) -> Path:
    return shutil.copytree(template, tmp_path / "base")


@pytest.fixture
def kbgov(base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    return InProcess(base, capsys, monkeypatch)


def chunks(folder: Path) -> int:
    with closing(EmbeddedIndex("theirs", folder / "theirs.db").reader()) as reader:
        return reader.count().value


def findings(kbgov: InProcess) -> list[str]:
    listed = kbgov("findings", "list", "--status", "open", "--json").json["findings"]
    return sorted(item["kind"] for item in listed)


def test_a_first_look_adds_everything_and_a_second_nothing(kbgov: InProcess, base: Path) -> None:
    first = kbgov("sync", "--json")
    assert first.code == 0
    counts = {name: first.json[name] for name in ("documents", "chunks", "added", "changed", "gone", "suspect")}
    total = chunks(base)
    assert counts == {
        "documents": 4,
        "chunks": total,
        "added": 4 + total,
        "changed": 0,
        "gone": 0,
        "suspect": 0,
    }
    assert [item["source"] for item in first.json["sources"]] == ["docs"]
    assert [(item["index"], item["partition"]) for item in first.json["indexes"]] == [("main", "")]
    assert first.json["refused"] is None
    second = kbgov("sync", "--json").json
    assert [second[name] for name in ("documents", "chunks", "added", "changed", "gone")] == [4, total, 0, 0, 0]


def test_it_notes_and_opens_no_finding_about_documents_and_changes_no_index(kbgov: InProcess, base: Path) -> None:
    kbgov("sync")
    (base / "docs" / "office.md").write_text(paragraphs("office", 3).replace("sentence 1.7", "sentence 1.8"))
    (base / "docs" / "it" / "vpn.md").unlink()
    before = (base / "theirs.db").read_bytes()
    looked = kbgov("sync", "--json").json
    assert (looked["changed"], looked["suspect"], looked["gone"]) == (1, 1, 0)
    assert kbgov("sync", "--json").json["gone"] == 1
    assert findings(kbgov) == []
    assert (base / "theirs.db").read_bytes() == before


def test_people_see_sources_and_indexes_and_what_to_type_next(kbgov: InProcess) -> None:
    out = kbgov("sync").out.splitlines()
    assert out[0].split() == ["SOURCE", "SEEN", "ADDED", "CHANGED", "UNCHANGED", "SUSPECT", "GONE", "FAILED"]
    assert out[1].split() == ["docs", "4", "4", "0", "0", "0", "0", "0"]
    assert out[3].split() == ["INDEX", "CHUNKS", "ADDED", "CHANGED", "GONE"]
    assert out[4].split()[0] == "main"
    assert out[-1] == "next: kbgov audit run"
    assert kbgov("sync", "--quiet").out == ""


def test_what_is_named_is_looked_at_an_index_with_its_sources(kbgov: InProcess, base: Path) -> None:
    (base / "wiki").mkdir()
    (base / "wiki" / "home.md").write_text("Words.")
    config = base / "kbgov.toml"
    more = (
        '\n[sources.wiki]\nroot = "wiki"\nindex = "second"\n\n[indexes.second]\ntype = "embedded"\npath = "second.db"\n'
    )
    config.write_text(config.read_text() + more)
    write_index(base / "second.db", langchain("home.md"))

    def looked(*arguments: str) -> tuple[list[str], list[str]]:
        body = kbgov("sync", *arguments, "--json").json
        return [item["source"] for item in body["sources"]], [item["index"] for item in body["indexes"]]

    assert looked() == (["docs", "wiki"], ["main", "second"])
    assert looked("--index", "second") == (["wiki"], ["second"])
    assert looked("--index", "second", "--index", "main", "--index", "main") == (["docs", "wiki"], ["main", "second"])
    assert looked("--source", "docs") == (["docs"], [])
    assert looked("--source", "docs", "--index", "second") == (["docs"], ["second"])


@pytest.mark.parametrize(("option", "name"), [("--source", "dosc"), ("--index", "mian")])
def test_names_that_are_not_configured_are_answered_with_those_that_are(
    kbgov: InProcess, option: str, name: str
) -> None:
    result = kbgov("sync", option, name, "--json")
    assert (result.code, result.json["error"]["item"]) == (2, name)
    assert "did you mean" in result.json["error"]["next"]


def test_nothing_configured_is_said_with_what_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kbgov = InProcess(tmp_path, capsys, monkeypatch)
    (tmp_path / "kbgov.toml").write_text("")
    kbgov("db", "upgrade")
    result = kbgov("sync", "--json")
    assert (result.code, result.json["error"]["code"]) == (2, "usage")
    assert "kbgov init" in result.json["error"]["next"]


def test_a_listing_that_is_not_believed_is_6_with_the_usual_document(kbgov: InProcess, base: Path) -> None:
    kbgov("sync")
    shutil.rmtree(base / "docs")
    (base / "docs").mkdir()
    result = kbgov("sync", "--json")
    assert result.code == 6
    assert result.json["refused"] == {"reason": "empty", "seen": 0, "known": 4}
    assert (result.json["documents"], result.json["gone"], result.json["suspect"]) == (4, 0, 0)
    assert findings(kbgov) == ["drift.listing_refused"]
    out = kbgov("sync").out
    assert "docs: refused: the listing showed 0 documents where 4 are known; nothing was noted." in out
    assert "next: see that the source is there and complete" in out


def test_a_document_that_cannot_be_read_is_3_and_the_rest_is_done(kbgov: InProcess, base: Path) -> None:
    (base / "docs" / "binary.md").write_bytes(b"\xff\xfe\x00")
    result = kbgov("sync", "--json")
    assert (result.code, result.json["sources"][0]["failed"], result.json["sources"][0]["added"]) == (3, 1, 4)
    assert findings(kbgov) == ["coverage.unreadable"]
    out = kbgov("sync").out
    assert "1 document could not be read; what is known of them stays." in out
    assert "next: kbgov findings list --kind 'coverage.*'" in out
    (base / "docs" / "binary.md").unlink()
    kbgov("sync")
    kbgov("sync")
    assert findings(kbgov) == []


def test_a_source_that_is_not_there_is_3_and_the_index_is_looked_at_all_the_same(kbgov: InProcess, base: Path) -> None:
    (base / "docs").rename(base / "elsewhere")
    result = kbgov("sync", "--json")
    assert result.code == 3
    assert result.json["sources"] == [{"source": "docs", "error": "unavailable"}]
    assert result.json["indexes"][0]["chunks"] == chunks(base)
    out = kbgov("sync").out
    assert "docs: it could not be listed at all; what is known of it stays." in out
    assert "next: kbgov doctor" in out


def test_an_index_that_does_not_answer_is_75_and_the_source_is_looked_at_all_the_same(
    kbgov: InProcess, base: Path
) -> None:
    (base / "theirs.db").rename(base / "elsewhere.db")
    result = kbgov("sync", "--json")
    assert result.code == 75
    assert result.json["indexes"] == [{"index": "main", "partition": "", "error": "unreachable"}]
    assert result.json["sources"][0]["added"] == 4
    assert findings(kbgov) == ["coverage.unreadable"]
    assert "main: the index did not answer; what is known of it stays." in kbgov("sync").out
    (base / "elsewhere.db").rename(base / "theirs.db")
    assert kbgov("sync").code == 0
    assert findings(kbgov) == []


def test_a_damaged_index_is_said_and_the_rest_is_looked_at(kbgov: InProcess, base: Path) -> None:
    assert kbgov("audit", "run", "--fail-on", "never").code == 0
    before = findings(kbgov)
    whole = (base / "theirs.db").read_bytes()
    (base / "theirs.db").write_bytes(b"junk" * 4096)
    result = kbgov("sync", "--json")
    assert result.code == 3
    assert result.json["indexes"] == [{"index": "main", "partition": "", "error": "damaged"}]
    assert "main: the index holds what cannot be right; what is known of it stays." in kbgov("sync").out
    audited = kbgov("audit", "run", "--fail-on", "never")
    assert audited.code == 0
    assert "main: the index holds what cannot be right; next: kbgov doctor" in audited.out
    assert findings(kbgov) == sorted(["coverage.unreadable", *before])
    assert kbgov("drift", "plan").code in {0, 3}
    (base / "theirs.db").write_bytes(whole)
    assert kbgov("audit", "run", "--fail-on", "never").code == 0
    assert findings(kbgov) == before


def test_a_second_process_at_the_same_index_is_told_to_try_again(base: Path) -> None:
    engine = create_catalog_engine(f"sqlite:///{base}/kbgov.db")
    with acquire(engine, "index:main/"):
        result = in_own_process(base, "sync", "--json")
        alone = in_own_process(base, "sync", "--source", "docs", "--json")
    engine.dispose()
    assert (result.code, result.json["error"]["code"]) == (75, "lock_held")
    assert alone.code == 0


def test_an_index_without_a_source_is_cataloged_from_its_own_metadata(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kbgov = InProcess(tmp_path, capsys, monkeypatch)
    write_index(tmp_path / "theirs.db", [item for page in PAGES for item in langchain(page)])
    write_index(tmp_path / "theirs.db", langchain("tenant.md"), partition="tenant")
    assert kbgov("init", "--from-index", "sqlite:///theirs.db").code == 0
    body = kbgov("sync", "--json").json
    assert (body["sources"], body["documents"], body["chunks"]) == ([], len(PAGES) + 1, 2 * len(PAGES) + 2)
    assert [item["partition"] for item in body["indexes"]] == ["", "tenant"]
    out = kbgov("sync").out
    assert "SOURCE" not in out
    assert "PARTITION" in out
    shown = kbgov("documents", "list", "--json").json["documents"]
    assert {item["document"] for item in shown} == {*PAGES, "tenant.md"}
    audited = kbgov("audit", "run", "--json").json
    assert any("no source goes into it" in sentence for sentence in audited["coverage"]["not_covered"])
    assert audited["findings"]["by_kind"]["freshness.unknown"] == len(PAGES) + 1
