"""What every index gives back: streams, records, counts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from governance.domain.chunks import Condition, Op, Record, Where
from governance.domain.errors import InputError, KbgovError
from governance.domain.ports import Index, IndexReader, IndexWriter
from governance.domain.values import vector_of
from tests.contract.adapters import Adapter

ANY = Where((Condition("kind", Op.EQ, "page"),))


def records(numbers: Sequence[int]) -> list[Record]:
    return [
        Record(
            f"id-{number:04}", f"text {number}", {"kind": "page", "number": number}, {"default": vector_of([number, 1])}
        )
        for number in numbers
    ]


def as_data(record: Record) -> tuple:
    return record.chunk_id, record.text, record.metadata, {name: list(v) for name, v in record.vectors.items()}


def streamed(reader: IndexReader, **options: object) -> list[Record]:
    return [record for page in reader.stream(**options) for record in page.records]


def test_an_empty_index_answers_everything_with_nothing(index: Index, reader: IndexReader, writer: IndexWriter) -> None:
    assert streamed(reader) == []
    assert [page.next_cursor for page in reader.stream()] in ([], [None])
    assert reader.count().value == 0
    assert reader.count(ANY).value == 0
    assert reader.fetch(["id-0001"]) == {}
    assert list(reader.select(ANY)) == []
    assert reader.nearest([vector_of([1, 2])], 3) == [[]]
    assert reader.nearest([], 3) == []
    for mode in reader.capabilities.search_modes:
        assert reader.search("text", 3, mode=mode) == []
    assert writer.put([]).requested == 0
    assert writer.delete([]).requested == 0
    assert writer.patch([], {"kind": "page"}).requested == 0
    assert "" in index.partitions()


def test_a_record_comes_back_as_it_was_put(reader: IndexReader, writer: IndexWriter) -> None:
    given = Record(
        "id",
        "Some text.",
        {"word": "a", "number": 3, "ratio": 0.5, "flag": True, "none": None, "list": [1, "b"], "map": {"a": {"b": []}}},
        {"default": vector_of([0.25, -1.5, 3]), "title": vector_of([1, 2])},
    )
    writer.put([given])
    assert [as_data(record) for record in streamed(reader)] == [as_data(given)]
    assert as_data(reader.fetch(["id"], vectors=True)["id"]) == as_data(given)


def test_numbers_and_flags_keep_their_types(reader: IndexReader, writer: IndexWriter) -> None:
    given = {"one": 1, "true": True, "float": 1.0, "text": "1", "big": 2**70, "small": 5e-324}
    writer.put([Record("id", None, given)])
    metadata = reader.fetch(["id"])["id"].metadata
    assert metadata == given
    assert {name: type(value) for name, value in metadata.items()} == {n: type(v) for n, v in given.items()}


def test_records_without_text_or_vectors(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put([Record("bare", None, {}), Record("empty", "", {})])
    assert [as_data(record) for record in streamed(reader)] == [("bare", None, {}, {}), ("empty", "", {}, {})]


def test_texts_and_vectors_come_only_when_asked_for(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put([Record("id", "text", {"a": 1}, {"default": vector_of([1]), "title": vector_of([2])})])
    assert as_data(streamed(reader, text=False)[0]) == ("id", None, {"a": 1}, {"default": [1.0], "title": [2.0]})
    assert as_data(streamed(reader, vectors=False)[0]) == ("id", "text", {"a": 1}, {})
    assert as_data(streamed(reader, text=False, vectors=False)[0]) == ("id", None, {"a": 1}, {})
    assert as_data(reader.fetch(["id"])["id"]) == ("id", "text", {"a": 1}, {})


@pytest.mark.parametrize("size", [1, 2, 7, 23, 24, 1000])
def test_a_stream_resumes_from_the_cursor_of_every_page(reader: IndexReader, writer: IndexWriter, size: int) -> None:
    writer.put(records(range(23)))
    pages = list(reader.stream(page=size))
    ids = [record.chunk_id for page in pages for record in page.records]
    assert sorted(ids) == [f"id-{number:04}" for number in range(23)]
    assert all(0 < len(page.records) <= size for page in pages)
    assert [page.next_cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]
    seen = 0
    for page in pages[:-1]:
        seen += len(page.records)
        assert [record.chunk_id for record in streamed(reader, cursor=page.next_cursor, page=size)] == ids[seen:]


def test_a_cursor_outlives_the_port(index: Index, writer: IndexWriter) -> None:
    writer.put(records(range(10)))
    first = index.reader()
    if not first.capabilities.resumable_cursor:
        pytest.skip("this store's cursors end with the connection")
    page = next(iter(first.stream(page=4)))
    first.close()
    second = index.reader()
    rest = streamed(second, cursor=page.next_cursor)
    second.close()
    assert len(page.records) + len(rest) == 10
    assert {record.chunk_id for record in (*page.records, *rest)} == {f"id-{number:04}" for number in range(10)}


@pytest.mark.parametrize("size", [1, 3, 10])
def test_what_is_there_all_the_time_is_seen_whatever_others_do(
    index: Index, reader: IndexReader, writer: IndexWriter, size: int
) -> None:
    writer.put(records(range(60)))
    lasting = {f"id-{number:04}" for number in range(60) if number % 3}
    going = sorted({f"id-{number:04}" for number in range(60)} - lasting)
    other = index.writer()
    seen: list[str] = []
    for number, page in enumerate(reader.stream(page=size)):
        seen += [record.chunk_id for record in page.records]
        other.put(records([100 + number]))
        other.delete(going[number : number + 1])
        other.put([Record("id-0001", "replaced by something longer" * 50, {})])
        other.patch(["id-0059"], {"seen": number})
        if number > 200:
            break
    other.close()
    assert lasting <= set(seen)


def test_pages_do_not_change_after_they_were_given(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put(records(range(4)))
    page = next(iter(reader.stream()))
    before = [as_data(record) for record in page.records]
    writer.put([Record("id-0000", "other", {}, {"default": vector_of([9, 9])})])
    writer.patch(["id-0001"], {"kind": "other"})
    writer.delete(["id-0002"])
    assert [as_data(record) for record in page.records] == before


def test_changing_what_was_given_out_changes_nothing_inside(reader: IndexReader, writer: IndexWriter) -> None:
    metadata = {"list": [1], "map": {"a": 1}}
    writer.put([Record("id", "text", metadata)])
    metadata["list"].append(2)
    fetched = reader.fetch(["id"])["id"]
    fetched.metadata["map"]["a"] = 5
    assert reader.fetch(["id"])["id"].metadata == {"list": [1], "map": {"a": 1}}


@pytest.mark.parametrize(
    "cursor", ["", "x", "0", "-1", "e1.0.0.0", "m1.-1", "x" * 1000, "\ud800", "\0", "e1...", "m1."]
)
def test_a_foreign_cursor_is_refused(reader: IndexReader, writer: IndexWriter, cursor: str) -> None:
    writer.put(records(range(3)))
    with pytest.raises(InputError):
        list(reader.stream(cursor=cursor))


@pytest.mark.parametrize("size", [0, -1])
def test_a_page_must_hold_something(reader: IndexReader, size: int) -> None:
    with pytest.raises(InputError):
        list(reader.stream(page=size))


def test_fetch_leaves_absent_ids_out(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put(records(range(5)))
    assert list(reader.fetch(["id-0003", "nobody", "id-0001", "id-0003", "\ud800", ""])) == ["id-0003", "id-0001"]


def test_fetch_takes_thousands_of_ids(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put(records(range(3000)))
    ids = [f"id-{number:04}" for number in range(6000)]
    found = reader.fetch(ids, vectors=True)
    assert len(found) == 3000
    assert list(found["id-2999"].vectors["default"]) == [2999.0, 1.0]


def test_counts_say_whether_they_are_exact(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put(records(range(50)))
    for count, value in (reader.count(), 50), (reader.count(Where((Condition("number", Op.LT, 20),))), 20):
        assert count.exact is reader.capabilities.exact_count
        if count.exact:
            assert count.value == value


def test_partitions_do_not_see_each_other(adapter: Adapter, index: Index) -> None:
    if len(adapter.partitions) < 2:
        pytest.skip("this store has no partitions")
    writers = {name: index.writer(name) for name in adapter.partitions}
    for name, writer in writers.items():
        writer.put([Record("same", f"common words of {name or 'none'}", {"of": name}, {"default": vector_of([1, 2])})])
        writer.put([Record(f"own {name}", None, {"of": name})])
    readers = {name: index.reader(name) for name in adapter.partitions}
    assert set(index.partitions()) == set(adapter.partitions)
    assert list(index.partitions()) == list(index.partitions())
    for name, reader in readers.items():
        assert reader.partition == name
        assert {record.chunk_id for record in streamed(reader, page=1)} == {"same", f"own {name}"}
        assert reader.fetch(["same"])["same"].metadata == {"of": name}
        assert reader.count().value == 2
        assert list(reader.select(Where((Condition("of", Op.EQ, "tenant-a"),)))) == (
            ["same", "own tenant-a"] if name == "tenant-a" else []
        )
        assert [hit.chunk_id for hit in reader.nearest([vector_of([1, 2])], 9)[0]] == ["same"]
        for mode in reader.capabilities.search_modes:
            assert [hit.chunk_id for hit in reader.search("common", 9, mode=mode)] == ["same"]
    writers[""].delete(["same"])
    writers[""].patch(["own tenant-a"], {"of": "another"})
    assert "same" in readers["tenant-a"].fetch(["same"])
    assert readers["tenant-a"].fetch(["own tenant-a"])["own tenant-a"].metadata == {"of": "tenant-a"}
    for port in (*writers.values(), *readers.values()):
        port.close()


def test_a_cursor_of_one_partition_never_shows_another(adapter: Adapter, index: Index) -> None:
    if len(adapter.partitions) < 2:
        pytest.skip("this store has no partitions")
    first, second = (index.writer(name) for name in adapter.partitions[:2])
    first.put(records(range(6)))
    second.put([Record(f"second-{number}", None, {}) for number in range(6)])
    readers = [index.reader(name) for name in adapter.partitions[:2]]
    cursor = next(iter(readers[0].stream(page=2))).next_cursor
    try:
        shown = {record.chunk_id for record in streamed(readers[1], cursor=cursor)}
    except InputError:
        shown = set()
    assert shown <= {f"second-{number}" for number in range(6)}
    for port in (first, second, *readers):
        port.close()


def test_an_unknown_partition_is_empty(adapter: Adapter, index: Index, writer: IndexWriter) -> None:
    if len(adapter.partitions) < 2:
        pytest.skip("this store has no partitions")
    writer.put(records(range(3)))
    reader = index.reader("nobody")
    assert streamed(reader) == []
    assert reader.count().value == 0
    assert list(reader.select(ANY)) == []
    assert reader.fetch(["id-0001"]) == {}
    assert reader.nearest([vector_of([1, 1])], 1) == [[]]
    reader.close()


def test_ports_close_twice_and_then_say_so(index: Index, writer: IndexWriter) -> None:
    writer.put(records(range(3)))
    reader, second = index.reader(), index.writer()
    unfinished = reader.stream(page=1)
    next(unfinished)
    for port in (reader, reader, second, second):
        port.close()
    for use in (
        reader.count,
        lambda: reader.fetch(["id-0001"]),
        lambda: list(reader.stream()),
        lambda: next(unfinished),
        lambda: second.put(records([1])),
        lambda: second.delete(["id-0001"]),
        lambda: second.patch(["id-0001"], {}),
        second.purge,
    ):
        with pytest.raises(KbgovError, match="closed"):
            use()
    assert writer.delete(["id-0001"]).requested == 1
