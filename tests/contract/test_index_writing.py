"""What every index does with changes."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.domain.chunks import Condition, Op, Record, Where
from governance.domain.ports import Index, IndexReader, IndexWriter
from governance.domain.values import vector_of

NAUGHTY = [
    "plain",
    'it\'s "quoted" `here`',
    "100 % _ \\ / ; -- DROP TABLE chunk",
    "line\nbreak\r\n\ttab",
    "nul\0inside",
    "四字熟語",
    "\U0001d518\U0001d52b \U0001f600\U0001f469\u200d\U0001f467",
    "\u05e9\u05dc\u05d5\u05dd \u202eright to left",
    "\u00e9 is not e\u0301",
    " leading and trailing ",
    "{}[]:,$.@?*",
    "null",
    "\x01\x1f\x7f\x85\u2028\ufeff\ufffe\uffff",
]


def ids_of(reader: IndexReader) -> set[str]:
    return {record.chunk_id for page in reader.stream(text=False, vectors=False) for record in page.records}


def test_put_replaces_whole_records(reader: IndexReader, writer: IndexWriter) -> None:
    old = {"default": vector_of([1, 2]), "title": vector_of([3])}
    assert writer.put([Record("id", "old", {"a": 1, "b": 2}, old)]).existed in (0, None)
    result = writer.put([Record("id", None, {"b": 3}, {"summary": vector_of([4])})])
    assert (result.requested, dict(result.failed)) == (1, {})
    assert result.existed == (1 if reader.capabilities.reports_existed else None)
    record = reader.fetch(["id"], vectors=True)["id"]
    assert (record.text, record.metadata) == (None, {"b": 3})
    assert {name: list(vector) for name, vector in record.vectors.items()} == {"summary": [4.0]}
    assert reader.nearest([vector_of([1, 2])], 1) == [[]]
    assert reader.count().value == 1
    for mode in reader.capabilities.search_modes:
        assert reader.search("old", 1, mode=mode) == []


def test_of_one_id_in_a_batch_the_last_record_counts(reader: IndexReader, writer: IndexWriter) -> None:
    result = writer.put([Record("id", "first", {}), Record("other", "x", {}), Record("id", "last", {})])
    assert result.requested == 2
    assert reader.fetch(["id"])["id"].text == "last"


def test_patch_merges_top_level_keys_and_none_removes(reader: IndexReader, writer: IndexWriter) -> None:
    metadata = {"stay": "a", "change": 1, "go": True, "null": None, "map": {"a": 1, "b": 2}}
    writer.put([Record("one", "text", metadata, {"default": vector_of([1, 2])}), Record("two", None, {"go": 1})])
    result = writer.patch(["one", "two"], {"change": 2, "go": None, "new": [1], "map": {"c": 3}, "absent": None})
    assert (result.requested, result.existed, dict(result.failed)) == (2, 2, {})
    one = reader.fetch(["one"], vectors=True)["one"]
    assert one.metadata == {"stay": "a", "change": 2, "null": None, "map": {"c": 3}, "new": [1]}
    assert (one.text, list(one.vectors["default"])) == ("text", [1.0, 2.0])
    assert reader.fetch(["two"])["two"].metadata == {"change": 2, "new": [1], "map": {"c": 3}}
    for mode in reader.capabilities.search_modes:
        assert [hit.chunk_id for hit in reader.search("text", 1, mode=mode)] == ["one"]


def test_patch_names_the_absent_ids(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put([Record("one", None, {})])
    result = writer.patch(["nobody", "one", "nobody", "one"], {"a": 1})
    assert (result.requested, result.existed, list(result.failed)) == (2, 1, ["nobody"])
    assert reader.fetch(["one", "nobody"]).keys() == {"one"}
    assert reader.fetch(["one"])["one"].metadata == {"a": 1}


def test_patch_takes_thousands_of_ids(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put([Record(f"id-{number}", None, {"a": number}) for number in range(2500)])
    result = writer.patch([f"id-{number}" for number in range(3000)], {"b": 1})
    assert (result.requested, result.existed, len(result.failed)) == (3000, 2500, 500)
    assert reader.count(Where((Condition("b", Op.EQ, 1),))).value == 2500


def test_delete_is_idempotent(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put([Record(f"id-{number}", "words", {}, {"default": vector_of([1])}) for number in range(5)])
    ids = ["id-1", "id-3", "nobody", "id-1", "\ud800"]
    first, second = writer.delete(ids), writer.delete(ids)
    assert (first.requested, second.requested) == (4, 4)
    assert (dict(first.failed), dict(second.failed)) == ({}, {})
    if reader.capabilities.reports_existed:
        assert (first.existed, second.existed) == (2, 0)
    left = {"id-0", "id-2", "id-4"}
    assert ids_of(reader) == left
    assert reader.fetch(ids) == {}
    assert {hit.chunk_id for hit in reader.nearest([vector_of([1])], 9)[0]} == left
    for mode in reader.capabilities.search_modes:
        assert {hit.chunk_id for hit in reader.search("words", 9, mode=mode)} == left


def test_delete_of_nothing_deletes_nothing(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put([Record("id", None, {})])
    assert writer.delete([]).requested == 0
    assert ids_of(reader) == {"id"}


def test_delete_takes_25_000_ids(reader: IndexReader, writer: IndexWriter) -> None:
    for start in range(0, 26_000, 2000):
        numbers = range(start, start + 2000)
        writer.put([Record(f"id-{number}", f"w{number % 97}", {"n": number}) for number in numbers])
    result = writer.delete([f"id-{number}" for number in range(25_000)])
    assert (result.requested, dict(result.failed)) == (25_000, {})
    if reader.capabilities.reports_existed:
        assert result.existed == 25_000
    assert reader.count().value == 1000
    assert ids_of(reader) == {f"id-{number}" for number in range(25_000, 26_000)}


def test_a_deleted_id_can_come_back(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put([Record("id", "first", {"a": 1}, {"default": vector_of([1]), "title": vector_of([1])})])
    writer.delete(["id"])
    writer.put([Record("id", "second", {}, {})])
    record = reader.fetch(["id"], vectors=True)["id"]
    assert (record.text, record.metadata, record.vectors) == ("second", {}, {})


@pytest.mark.parametrize("word", [*NAUGHTY, "x" * 10_000, ""], ids=lambda word: ascii(word)[:30])
def test_any_unicode_round_trips_or_is_refused(reader: IndexReader, writer: IndexWriter, word: str) -> None:
    chunk_id = f"{word}!"
    record = Record(
        chunk_id, word, {word: word, "list": [word]}, {"default": vector_of([1]), f"v{word}": vector_of([2])}
    )
    result = writer.put([Record("beside", "b", {}), record])
    if result.failed:
        assert list(result.failed) == [chunk_id]
        assert ids_of(reader) == {"beside"}
        return
    found = reader.fetch([chunk_id], vectors=True)[chunk_id]
    assert (found.chunk_id, found.text, found.metadata) == (chunk_id, word, {word: word, "list": [word]})
    assert {name: list(vector) for name, vector in found.vectors.items()} == {"default": [1.0], f"v{word}": [2.0]}
    assert ids_of(reader) == {"beside", chunk_id}
    assert list(reader.select(Where((Condition(word, Op.EQ, word),)))) == [chunk_id]
    assert list(reader.select(Where((Condition(word, Op.IN, ("else", word)),)))) == [chunk_id]
    assert writer.patch([chunk_id], {word: None, "list": word}).failed == {}
    assert reader.fetch([chunk_id])[chunk_id].metadata == {"list": word}
    assert writer.delete([chunk_id]).failed == {}
    assert ids_of(reader) == {"beside"}


REFUSED = {
    "surrogate in the text": Record("bad", "lone \ud800 surrogate", {}),
    "surrogate in a key": Record("bad", "x", {"key \udfff": 1}),
    "surrogate in a value": Record("bad", "x", {"key": ["\ud800"]}),
    "nan": Record("bad", "x", {"nan": float("nan")}),
    "infinity": Record("bad", "x", {"inf": [float("-inf")]}),
    "an object": Record("bad", "x", {"object": object()}),
    "bytes": Record("bad", "x", {"bytes": b"secret"}),
    "a key that is no text": Record("bad", "x", {1: "key"}),
    "deep nesting": Record("bad", "x", {"deep": json.loads("[" * 500 + "]" * 500)}),
    "vector with nan": Record("bad", "x", {}, {"default": vector_of([float("nan")])}),
    "vector with infinity": Record("bad", "x", {}, {"default": vector_of([1, float("inf")])}),
    "vector of doubles": Record("bad", "x", {}, {"default": memoryview(b"12345678").cast("d")}),
    "vector of bytes": Record("bad", "x", {}, {"default": memoryview(b"1234")}),
    "empty vector": Record("bad", "x", {}, {"default": memoryview(array("f"))}),
    "surrogate in a vector's name": Record("bad", "x", {}, {"\ud800": vector_of([1])}),
}


@pytest.mark.parametrize("record", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_stored_is_refused_by_id_and_spoils_nothing_else(
    reader: IndexReader, writer: IndexWriter, record: Record
) -> None:
    writer.put([Record("bad", "older secret", {"v": 1})])
    result = writer.put([Record("good-1", "a", {}), record, Record("good-2", "b", {})])
    assert (result.requested, list(result.failed)) == (3, ["bad"])
    assert "secret" not in result.failed["bad"]
    assert ids_of(reader) == {"bad", "good-1", "good-2"}
    assert reader.fetch(["bad"])["bad"].metadata == {"v": 1}


def test_an_id_that_is_no_unicode_is_refused(reader: IndexReader, writer: IndexWriter) -> None:
    assert list(writer.put([Record("\ud800", "x", {}), Record("good", "x", {})]).failed) == ["\ud800"]
    assert list(writer.patch(["\ud800", "good"], {"a": 1}).failed) == ["\ud800"]
    assert writer.delete(["\ud800"]).failed == {}
    assert ids_of(reader) == {"good"}


@pytest.mark.parametrize(
    "patch", [{"a": float("nan")}, {"a": "\ud800"}, {"a": object()}], ids=["nan", "surrogate", "object"]
)
def test_a_patch_that_cannot_be_stored_changes_no_record(reader: IndexReader, writer: IndexWriter, patch: dict) -> None:
    writer.put([Record("one", None, {"a": 1}), Record("two", None, {"a": 2})])
    result = writer.patch(["one", "two"], {"b": 1, **patch})
    assert (result.requested, set(result.failed)) == (2, {"one", "two"})
    assert [record.metadata for record in reader.fetch(["one", "two"]).values()] == [{"a": 1}, {"a": 2}]


def test_metadata_nested_a_hundred_levels_deep(reader: IndexReader, writer: IndexWriter) -> None:
    deep = {"deep": json.loads("[" * 99 + "]" * 99)}
    assert writer.put([Record("id", None, deep)]).failed == {}
    assert reader.fetch(["id"])["id"].metadata == deep


def test_a_text_of_50_megabytes(reader: IndexReader, writer: IndexWriter) -> None:
    text = "needle " + "0123456789abcde " * (50 << 16) + "end"
    assert len(text) > 50 << 20
    assert writer.put([Record("huge", text, {"a": 1}), Record("small", "needle", {"a": 2})]).failed == {}
    assert reader.fetch(["huge"])["huge"].text == text
    assert [record.text == text for page in reader.stream(page=1) for record in page.records] == [True, False]
    assert writer.patch(["huge"], {"a": 3}).failed == {}
    for mode in reader.capabilities.search_modes:
        assert {hit.chunk_id for hit in reader.search("needle", 2, mode=mode)} == {"huge", "small"}
    assert writer.delete(["huge"]).failed == {}
    assert ids_of(reader) == {"small"}


IDS = st.sampled_from([f"id-{number}" for number in range(8)])
METADATA = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5)),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(st.tuples(IDS, METADATA), max_size=4)),
        st.tuples(st.just("patch"), st.tuples(st.lists(IDS, max_size=4), METADATA)),
        st.tuples(st.just("delete"), st.lists(IDS, max_size=4)),
        st.tuples(st.just("purge"), st.none()),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_sequence_of_changes_leaves_what_a_dictionary_would_hold(index: Index, steps: Sequence) -> None:
    writer, model = index.writer(), {}
    reader = index.reader()
    writer.delete(sorted(ids_of(reader)))
    for kind, what in steps:
        if kind == "put":
            writer.put([Record(chunk_id, chunk_id, metadata) for chunk_id, metadata in what])
            model.update(what)
        elif kind == "patch":
            ids, patch = what
            failed = writer.patch(ids, patch).failed
            assert set(failed) == set(ids) - model.keys()
            for chunk_id in set(ids) & model.keys():
                merged = {**model[chunk_id], **patch}
                model[chunk_id] = {k: v for k, v in merged.items() if k not in patch or v is not None}
        elif kind == "delete":
            writer.delete(what)
            model = {chunk_id: metadata for chunk_id, metadata in model.items() if chunk_id not in what}
        else:
            writer.purge()
    assert {r.chunk_id: r.metadata for page in reader.stream(page=3) for r in page.records} == model
    assert reader.count().value == len(model)
    writer.close()
    reader.close()
