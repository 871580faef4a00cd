from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from governance.config.load import load_settings
from governance.domain.keys import KeyRule
from governance.services.layout import index_layout
from tests.command_line import InProcess
from tests.foreign_layouts import CHUNKS, WRITERS, custom, langchain, write_index
from tests.foreign_layouts import kbgov as ours

PAGES = ["hr/leave.md", "hr/desk rules.md", "it/vpn.md", "index.md"]


@pytest.fixture
def kbgov(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    made = InProcess(tmp_path, capsys, monkeypatch)
    for page in PAGES:
        made.page(page)
    return made


def fill(kbgov: InProcess, writer: str = "langchain", before: str = "/app/docs/", name: str = "theirs.db") -> Path:
    file = kbgov.folder / name
    write_index(file, [chunk for page in PAGES for chunk in WRITERS[writer](before + page)])
    return file


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def written(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "kbgov.toml").read_text())


def test_the_answer_has_the_layout_and_the_configuration_is_ready(kbgov: InProcess) -> None:
    fill(kbgov)
    result = kbgov("init", "--source", "docs", "--from-index", "sqlite:///theirs.db", "--index-name", "main", "--json")
    assert result.code == 0
    assert set(result.json) == {"config", "database", "created", "layout"}
    assert result.json["layout"] == {
        "name": "langchain",
        "confidence": 0.7,
        "text": None,
        "document": "source",
        "fields": {"title": "title", "owner": "author", "position": "start_index"},
    }
    found = written(kbgov.folder)
    assert found["sources"]["docs"]["document_key"] == {"strip_prefix": "/app/docs/"}
    assert found["indexes"]["main"] == {
        "type": "embedded",
        "path": "theirs.db",
        "fields": {"document": "source", "title": "title", "owner": "author", "position": "start_index"},
    }
    layout = index_layout(load_settings(kbgov.folder / "kbgov.toml", {}), "main")
    assert layout.keys == (("docs", KeyRule(strip_prefix="/app/docs/")),)
    assert "keys that meet: 4 of 4, documents: 4 of 4" in (kbgov.folder / "kbgov.toml").read_text()
    assert kbgov("doctor").code == 0


def test_people_read_how_sure_it_is_and_what_to_type_next(kbgov: InProcess) -> None:
    fill(kbgov)
    out = kbgov("init", "work", "--source", "docs", "--from-index", "sqlite:///theirs.db").out
    assert "layout: langchain, 70 % sure, from all 8 chunks." in out
    assert "leaves no certain mark" in out
    assert "keys that meet: 4 of 4, documents: 4 of 4." in out
    assert "kbgov doctor --config work/kbgov.toml" in out
    assert "ingest" not in out


@pytest.mark.parametrize("writer", WRITERS)
def test_an_index_is_only_read_whoever_filled_it(kbgov: InProcess, writer: str) -> None:
    file = fill(kbgov, writer)
    before = file.read_bytes(), file.stat().st_mtime_ns
    result = kbgov("init", "work", "--source", "docs", "--from-index", "sqlite:///theirs.db", "--json")
    assert (result.code, result.json["layout"]["name"]) == (0, writer)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert [path.name for path in kbgov.folder.glob("theirs*")] == ["theirs.db"]
    found = written(kbgov.folder / "work")
    assert found["sources"]["docs"]["document_key"] == {"strip_prefix": "/app/docs/"}
    assert found["indexes"]["main"]["path"] == str(file)


@pytest.mark.parametrize(
    ("before", "key"),
    [
        ("", None),
        ("C:\\kb\\", {"strip_prefix": "C:/kb/"}),
        ("https://wiki.example/", {"strip_prefix": "https://wiki.example/"}),
        ('we"ird\u2028\\', {"strip_prefix": 'we"ird\u2028/'}),
    ],
)
def test_whatever_stands_before_the_paths_is_written_so_that_it_is_read_again(
    kbgov: InProcess, before: str, key: dict[str, str] | None
) -> None:
    fill(kbgov, before=before)
    assert kbgov("init", "--source", "docs", "--from-index", "sqlite:///theirs.db").code == 0
    assert written(kbgov.folder)["sources"]["docs"].get("document_key") == key


def test_the_field_that_names_the_sources_documents_is_the_indexs_document(kbgov: InProcess) -> None:
    chunks = [
        (name, {"source": f"wiki-{n}", "where": metadata["page"]})
        for n, page in enumerate(PAGES)
        for name, metadata in custom(page)
    ]
    write_index(kbgov.folder / "theirs.db", chunks)
    result = kbgov("init", "--source", "docs", "--from-index", "sqlite:///theirs.db", "--json")
    assert result.json["layout"]["document"] == "where"
    assert written(kbgov.folder)["indexes"]["main"]["fields"]["document"] == "where"
    assert "document_key" not in written(kbgov.folder)["sources"]["docs"]


def test_an_index_of_something_else_is_told_so_and_no_rule_is_written(kbgov: InProcess) -> None:
    write_index(kbgov.folder / "theirs.db", langchain("other.txt"))
    result = kbgov("init", "--source", "docs", "--from-index", "sqlite:///theirs.db")
    assert result.code == 0
    assert "How the index calls these documents was not found." in result.out
    assert "keys that meet: 0 of 1, documents: 0 of 4." in result.out
    assert "document_key" not in written(kbgov.folder)["sources"]["docs"]


def test_without_a_source_the_index_alone_is_configured_and_audited(kbgov: InProcess) -> None:
    fill(kbgov)
    result = kbgov("init", "--from-index", "sqlite:///theirs.db", "--index-name", "wiki", "--json")
    assert result.json["layout"]["document"] == "source"
    assert written(kbgov.folder)["indexes"].keys() == {"wiki"}
    assert "sources" not in written(kbgov.folder)
    assert kbgov("audit", "run", "--fail-on", "never").code == 0


def test_our_own_index_needs_no_fields(kbgov: InProcess) -> None:
    write_index(kbgov.folder / "theirs.db", [chunk for page in PAGES for chunk in ours(page)])
    result = kbgov("init", "--source", "docs", "--from-index", "sqlite:///theirs.db", "--json")
    assert (result.json["layout"]["name"], result.json["layout"]["confidence"]) == ("kbgov", 1.0)
    assert "fields" not in written(kbgov.folder)["indexes"]["main"]
    assert "document_key" not in written(kbgov.folder)["sources"]["docs"]


def test_a_layout_can_be_named_and_the_sample_still_says_how_likely_it_is(kbgov: InProcess) -> None:
    fill(kbgov)
    result = kbgov("init", "--from-index", "sqlite:///theirs.db", "--layout", "haystack", "--json")
    assert (result.json["layout"]["name"], result.json["layout"]["confidence"]) == ("haystack", 0.0)


def test_an_unknown_layout_is_refused_with_the_nearest_one(kbgov: InProcess) -> None:
    fill(kbgov)
    before = files(kbgov.folder)
    result = kbgov("init", "--from-index", "sqlite:///theirs.db", "--layout", "langchian", "--json")
    assert result.code == 2
    assert "did you mean 'langchain'" in result.json["error"]["next"]
    assert kbgov("init", "--layout", "langchain").code == 2
    assert files(kbgov.folder) == before


@pytest.mark.parametrize(
    "url",
    [
        "weaviate://host:8080/Docs",
        "pgvector://user@host:5432/db?table=t",
        "chroma:///path?collection=c",
        "pinecone://index",
        "qdrant:///path?collection=c",
        "lancedb:///path?table=t",
        "weaviate://user:hush@host:8080/Docs",
        "pinecone://index?api_key=hush",
        "sqlite:///theirs.db?password=hush",
        "sqlite:///nowhere.db",
        "sqlite:///docs",
        "sqlite:///docs/index.md",
        "sqlite:///empty.db",
        "sqlite:///catalog/kbgov.db",
        "theirs.db",
    ],
)
@pytest.mark.parametrize("with_source", [True, False])
def test_what_is_no_index_is_refused_and_nothing_is_written_or_repeated(
    kbgov: InProcess, url: str, with_source: bool
) -> None:
    write_index(kbgov.folder / "empty.db", [])
    kbgov("init", "catalog")
    before = files(kbgov.folder)
    more = ["--source", "docs"] if with_source else []
    result = kbgov("init", *more, "--from-index", url, "--json")
    assert result.code == 2
    assert result.json["error"]["next"]
    assert "hush" not in result.out + result.err
    assert files(kbgov.folder) == before


def test_an_empty_index_can_be_configured_by_naming_who_will_fill_it(kbgov: InProcess) -> None:
    write_index(kbgov.folder / "theirs.db", [])
    result = kbgov("init", "--from-index", "sqlite:///theirs.db", "--layout", "langchain", "--json")
    assert (result.code, result.json["layout"]["confidence"]) == (0, 0.0)


@pytest.mark.parametrize("argument", ["--source-name", "--index-name"])
def test_a_bad_name_is_refused_before_anything_is_written(kbgov: InProcess, argument: str) -> None:
    fill(kbgov)
    before = files(kbgov.folder)
    result = kbgov("init", "--source", "docs", "--from-index", "sqlite:///theirs.db", argument, "No Name", "--json")
    assert (result.code, result.json["error"]["code"]) == (2, "config")
    assert files(kbgov.folder) == before


def test_a_second_time_finds_everything_there(kbgov: InProcess) -> None:
    fill(kbgov)
    arguments = ("init", "--source", "docs", "--from-index", "sqlite:///theirs.db", "--json")
    first = kbgov(*arguments)
    assert kbgov(*arguments).json == {**first.json, "created": []}


def test_all_partitions_are_looked_at(kbgov: InProcess) -> None:
    for number, page in enumerate(PAGES):
        write_index(kbgov.folder / "theirs.db", langchain("/app/" + page), partition=f"tenant-{number}")
    kbgov("init", "--source", "docs", "--from-index", "sqlite:///theirs.db")
    assert f"from all {len(PAGES) * CHUNKS} chunks" in (kbgov.folder / "kbgov.toml").read_text()
    assert written(kbgov.folder)["sources"]["docs"]["document_key"] == {"strip_prefix": "/app/"}
