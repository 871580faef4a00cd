from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.detectors.superseded import SCHEME, inspect, sign
from governance.domain.chunks import ChunkKey
from governance.domain.documents import Document
from governance.domain.findings import FindingKind, Observation, Severity
from tests.unit.detectors.builders import ListStore, document


def page(version: str | None, path: str | None = None, logical_id: str = "*/setup.md", **changes: str) -> Document:
    return document(document=path or f"{version}/setup.md", logical_id=logical_id, version=version, **changes)


def inspected(
    documents: Iterable[Document], places: Iterable[tuple[str, str]] = (("main", ""),), *, chunks: int = 2
) -> list[Observation]:
    documents, store = list(documents), ListStore()
    for doc in documents:
        for index, partition in places:
            for number in range(chunks):
                store.put(sign(doc, ChunkKey(index, partition, f"{doc.document}#{number}")))
    known = {(doc.source, doc.document): doc for doc in documents}
    return list(inspect(store, lambda source, path: known.get((source, path))))


def test_an_older_version_beside_a_newer_one_is_one_finding_at_the_newest() -> None:
    (found,) = inspected([page("1.10", owner="ops"), page("1.9"), page("1.2")])
    assert (found.kind, found.severity) == (FindingKind.SUPERSEDED, Severity.MEDIUM)
    assert found.evidence == {
        "members": ["1.2/setup.md", "1.9/setup.md", "1.10/setup.md"],
        "canonical": "1.10/setup.md",
        "versions": ["1.2", "1.9", "1.10"],
        "indexes": ["main"],
    }
    assert (found.place.source, found.place.document) == ("docs", "1.10/setup.md")
    assert (found.place.index, found.place.partition, found.place.chunk_id) == ("", "", "")
    assert (found.discriminator, found.owner) == ("*/setup.md", "ops")


def test_a_page_in_one_version_competes_with_nobody() -> None:
    assert inspected([page("1"), page("2", "other.md", "*/other.md")]) == []


def test_two_spellings_of_one_version_are_not_two_versions() -> None:
    assert inspected([page("v2"), page("2.0")]) == []


@pytest.mark.parametrize("doc", [page(None, "a.md"), page("1", logical_id="")])
def test_a_page_without_version_or_logical_id_is_not_signed(doc: Document) -> None:
    assert list(sign(doc, ChunkKey("main", "", "1"))) == []


def test_of_several_documents_in_the_newest_version_the_first_by_path_is_canonical() -> None:
    (found,) = inspected([page("2", "b.md"), page("2.0", "a.md"), page("1", "z.md")])
    assert found.evidence["canonical"] == "a.md"
    assert found.evidence["members"] == ["z.md", "a.md", "b.md"]


def test_versions_in_different_indexes_or_partitions_are_not_beside_each_other() -> None:
    store = ListStore()
    store.put(sign(page("1"), ChunkKey("archive", "", "1")))
    store.put(sign(page("2"), ChunkKey("main", "", "1")))
    store.put(sign(page("3"), ChunkKey("main", "tenant", "1")))
    assert list(inspect(store, lambda *_: None)) == []


def test_several_indexes_make_one_finding_whose_identity_does_not_depend_on_them() -> None:
    pages = [page("1"), page("2")]
    (one,) = inspected(pages)
    (many,) = inspected(pages, [("main", ""), ("main", "tenant"), ("copy", "")])
    assert many.evidence["members"] == one.evidence["members"]
    assert many.evidence["indexes"] == ["copy", "main"]
    assert many.fingerprint == one.fingerprint


def test_only_the_indexes_where_versions_meet_are_named() -> None:
    store = ListStore()
    for index, versions in {"main": "12", "copy": "2", "archive": "23"}.items():
        store.put(one for version in versions for one in sign(page(version), ChunkKey(index, "", version)))
    (found,) = inspect(store, lambda *_: None)
    assert found.evidence["indexes"] == ["archive", "main"]
    assert found.evidence["versions"] == ["1", "2", "3"]
    assert found.owner is None


def test_a_newer_version_ends_the_statement_and_begins_another() -> None:
    (before,) = inspected([page("1"), page("2")])
    (after,) = inspected([page("1"), page("2"), page("3")])
    assert before.fingerprint != after.fingerprint


def test_chunks_of_one_document_signed_under_two_versions_are_not_two_pages() -> None:
    store = ListStore()
    store.put(sign(page("1", "a.md"), ChunkKey("main", "", "old")))
    store.put(sign(page("2", "a.md"), ChunkKey("main", "", "new")))
    assert list(inspect(store, lambda *_: None)) == []


def test_forgotten_chunks_compete_no_longer() -> None:
    store = ListStore()
    store.put(sign(page("1"), ChunkKey("main", "", "old")))
    store.put(sign(page("2"), ChunkKey("main", "", "new")))
    assert len(list(inspect(store, lambda *_: None))) == 1
    store.forget([ChunkKey("main", "", "old")])
    assert list(inspect(store, lambda *_: None)) == []


def test_sources_do_not_share_logical_ids() -> None:
    assert inspected([page("1", source="one"), page("2", source="two")]) == []


def test_an_endless_logical_id_is_kept_as_a_digest_and_still_tells_pages_apart() -> None:
    long = "x/" * 3000
    (one,) = sign(page("1", logical_id=long), ChunkKey("main", "", "1"))
    (other,) = sign(page("1", logical_id=long + "y"), ChunkKey("main", "", "1"))
    assert len(one.key) < 200
    assert one.key != other.key
    assert one.scheme == SCHEME


names = st.text(min_size=1, max_size=6) | st.sampled_from(['"', "[", ",", "\\", "\x00", "\ud800"])


@given(first=st.tuples(names, names, names, names), second=st.tuples(names, names, names, names))
def test_keys_are_equal_only_for_equal_parts(
    first: tuple[str, str, str, str], second: tuple[str, str, str, str]
) -> None:
    def key(parts: tuple[str, str, str, str]) -> str:
        source, logical_id, index, partition = parts
        (signature,) = sign(page("1", "a", logical_id, source=source), ChunkKey(index, partition, "1"))
        return signature.key

    assert (key(first) == key(second)) is (first == second)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["1", "2", "v2", "2.0", "3"]), st.sampled_from("xy")),
        max_size=12,
    )
)
def test_members_are_listed_once_and_the_order_of_signing_does_not_matter(rows: list[tuple[str, str, str]]) -> None:
    def run(ordered: list[tuple[str, str, str]]) -> list[Observation]:
        store = ListStore()
        for path, version, index in ordered:
            store.put(sign(page(version, path), ChunkKey(index, "", path + version)))
        return list(inspect(store, lambda *_: None))

    found = run(rows)
    assert found == run(rows[::-1])
    for observation in found:
        members = observation.evidence["members"]
        assert len(set(members)) == len(members) == len(observation.evidence["versions"]) > 1
        assert observation.evidence["canonical"] in members


def test_the_dsc_pages_hold_six_pages_in_several_versions(shared_data: Callable[[str], Path]) -> None:
    with (shared_data("powershell-dsc-docs") / "expected-dates.csv").open(encoding="utf-8", newline="") as lines:
        paths = [row["path"] for row in csv.DictReader(lines)]
    folder = re.compile(r"dsc-([0-9.]+)(?=/)")
    pages = [
        document(document=path, version=match[1], logical_id=folder.sub("*", path, count=1))
        for path in paths
        if (match := folder.search(path))
    ]
    found = inspected(pages, chunks=1)
    assert len(found) == 6
    assert sum(len(observation.evidence["members"]) for observation in found) == 17
