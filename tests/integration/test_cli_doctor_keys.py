from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from governance.services import index_sample
from tests.command_line import InProcess
from tests.foreign_layouts import Made, haystack, langchain, write_index
from tests.foreign_layouts import kbgov as ours

PAGES = [f"hr/page {n}.md" for n in range(6)]
CHECK = "keys of docs in main"


@pytest.fixture
def kbgov(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    made = InProcess(tmp_path, capsys, monkeypatch)
    for page in PAGES:
        made.page(page)
    made("init", "--source", "docs")
    return made


def fill(kbgov: InProcess, *pages: str, partition: str = "") -> None:
    put(kbgov, [chunk for page in pages for chunk in langchain(page)], partition=partition)


def put(kbgov: InProcess, chunks: list[Made], partition: str = "") -> None:
    write_index(kbgov.folder / "main-index.db", chunks, partition=partition)


def checks(kbgov: InProcess) -> dict[str, tuple[str, str, str | None]]:
    found = kbgov("doctor", "--json").json["checks"]
    return {item["name"]: (item["status"], item["detail"], item["next"]) for item in found if "keys of" in item["name"]}


def configure(kbgov: InProcess, section: str) -> None:
    with (kbgov.folder / "kbgov.toml").open("a") as file:
        file.write("\n" + section + "\n")


def test_our_own_chunks_need_no_such_check(kbgov: InProcess) -> None:
    kbgov("ingest")
    assert checks(kbgov) == {}


def test_an_index_without_chunks_needs_none_either(kbgov: InProcess) -> None:
    put(kbgov, [])
    assert checks(kbgov) == {}


def test_keys_that_meet_are_counted_on_both_sides(kbgov: InProcess) -> None:
    fill(kbgov, *PAGES[:4], "gone.md")
    assert checks(kbgov) == {CHECK: ("ok", "keys that meet: 4 of 5, documents: 4 of 6", None)}


def test_keys_that_do_not_meet_get_a_rule_to_paste_and_with_it_they_do(kbgov: InProcess) -> None:
    fill(kbgov, *("/app/docs/" + page.replace(" ", "%20") for page in PAGES))
    status, detail, step = checks(kbgov)[CHECK]
    assert (status, detail) == ("warn", "keys that meet: 0 of 6, documents: 0 of 6")
    assert tomllib.loads(step or "") == {
        "sources": {"docs": {"document_key": {"url_decode": True, "strip_prefix": "/app/docs/"}}}
    }
    assert "# keys that meet: 6 of 6, documents: 6 of 6" in (step or "")
    configure(kbgov, step or "")
    assert checks(kbgov) == {CHECK: ("ok", "keys that meet: 6 of 6, documents: 6 of 6", None)}


def test_people_find_the_rule_below_the_table_line_by_line(kbgov: InProcess) -> None:
    fill(kbgov, *("/app/docs/" + page for page in PAGES))
    lines = kbgov("doctor").out.splitlines()
    at = lines.index("[sources.docs.document_key]")
    assert lines[at - 1] == f"For kbgov.toml, {CHECK}"
    assert lines[at + 1 : at + 3] == ['strip_prefix = "/app/docs/"', "# keys that meet: 6 of 6, documents: 6 of 6"]
    assert any("paste what stands below into kbgov.toml" in line for line in lines)


def test_a_rule_that_hinders_is_to_be_taken_away(kbgov: InProcess) -> None:
    configure(kbgov, '[sources.docs.document_key]\nstrip_prefix = "/app/"')
    fill(kbgov, *PAGES)
    status, detail, step = checks(kbgov)[CHECK]
    assert (status, detail) == ("warn", "keys that meet: 0 of 6, documents: 0 of 6")
    assert (step or "").startswith("take [sources.docs.document_key] away; then keys that meet: 6 of 6")


def test_another_field_is_proposed_where_the_configured_one_names_nothing(kbgov: InProcess) -> None:
    configure(kbgov, '[indexes.main.fields]\ndocument = "page"')
    put(kbgov, [chunk for page in PAGES for chunk in haystack(page)])
    status, detail, step = checks(kbgov)[CHECK]
    assert (status, detail) == ("warn", "keys that meet: 0 of 0, documents: 0 of 6; chunks without a key: 12 of 12")
    assert tomllib.loads(step or "") == {"sources": {"docs": {"document_key": {"field": "file_path"}}}}
    configure(kbgov, step or "")
    assert checks(kbgov)[CHECK][0] == "ok"


def test_keys_of_something_else_get_the_guide(kbgov: InProcess) -> None:
    fill(kbgov, "one.txt", "two.txt")
    status, _, step = checks(kbgov)[CHECK]
    assert (status, step) == (
        "warn",
        "compare the keys in the index with the paths of the source: kbgov guide foreign-index",
    )


def test_an_index_that_holds_less_than_half_of_the_documents_is_a_warning_about_the_index(kbgov: InProcess) -> None:
    fill(kbgov, *PAGES[:2])
    status, detail, step = checks(kbgov)[CHECK]
    assert (status, detail) == ("warn", "keys that meet: 2 of 2, documents: 2 of 6")
    assert (step or "").startswith("let its pipeline put in the rest")


def test_of_a_part_of_an_index_nothing_is_said_to_be_missing(kbgov: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(kbgov, *PAGES)
    monkeypatch.setattr(index_sample.sample_index, "__kwdefaults__", {"most": 2, "texts": False})
    detail = "keys that meet: 1 of 1, documents: 1 of 6; from the first 2 chunks"
    assert checks(kbgov) == {CHECK: ("ok", detail, None)}


def test_our_own_chunks_count_beside_those_of_others(kbgov: InProcess) -> None:
    put(kbgov, [chunk for page in PAGES[:5] for chunk in ours(page)])
    fill(kbgov, "elsewhere.md")
    assert checks(kbgov) == {CHECK: ("ok", "keys that meet: 5 of 6, documents: 5 of 6", None)}


def test_every_source_of_an_index_is_judged_by_its_own_keys(kbgov: InProcess) -> None:
    shutil.copytree(kbgov.folder / "docs", kbgov.folder / "wiki")
    configure(kbgov, '[sources.wiki]\nroot = "wiki"\n[sources.wiki.document_key]\nstrip_prefix = "wiki:"')
    fill(kbgov, *PAGES, *("wiki:" + page for page in PAGES[:4]))
    assert checks(kbgov) == {
        "keys of docs in main": ("ok", "keys that meet: 6 of 6, documents: 6 of 6", None),
        "keys of wiki in main": ("ok", "keys that meet: 4 of 4, documents: 4 of 6", None),
    }


def test_a_source_that_cannot_be_listed_is_not_judged_by_its_keys(kbgov: InProcess) -> None:
    fill(kbgov, *PAGES)
    shutil.rmtree(kbgov.folder / "docs")
    assert checks(kbgov) == {}


def test_the_doctors_own_partition_is_not_looked_at_and_tenants_are(kbgov: InProcess) -> None:
    fill(kbgov, *PAGES[:3], partition="a")
    fill(kbgov, *PAGES[3:], partition="b")
    assert checks(kbgov) == {CHECK: ("ok", "keys that meet: 6 of 6, documents: 6 of 6", None)}
