"""What every index finds: by metadata, by vector, by words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.domain.chunks import Condition, Op, Record, SearchMode, Where
from governance.domain.errors import InputError
from governance.domain.ports import Index, IndexReader, IndexWriter
from governance.domain.values import vector_of
from tests.contract.adapters import ADAPTERS, Adapter

VALUES: list = [True, False, 0, 1, 1.0, -1, 1.5, 2**53, "1", "True", "a", "b", "B", "ä", "", "😀", None, [1], {"a": 1}]
SCALARS = [value for value in VALUES if isinstance(value, str | int | float)]
FIELDS = ["a", "b", 'quo"te', "do.t", "$", "ü"]
ORDERED = [value for value in SCALARS if not isinstance(value, bool)]

conditions = st.one_of(
    st.builds(Condition, st.sampled_from(FIELDS), st.just(Op.EQ), st.sampled_from(SCALARS)),
    st.builds(Condition, st.sampled_from(FIELDS), st.just(Op.IN), st.lists(st.sampled_from(SCALARS)).map(tuple)),
    st.builds(Condition, st.sampled_from(FIELDS), st.sampled_from([Op.LT, Op.GT]), st.sampled_from(ORDERED)),
)
populations = st.lists(st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(VALUES)), max_size=12)


def kind_of(value: object) -> str:
    """Give the type by which values compare; the model of what the port promises, written without looking inside."""
    for name, types in (("flag", bool), ("number", (int, float)), ("text", str)):
        if isinstance(value, types):
            return name
    return "other"


def meets(metadata: dict, condition: Condition) -> bool:
    if condition.field not in metadata:
        return False
    value = metadata[condition.field]
    wanted = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    same = [one for one in wanted if kind_of(one) == kind_of(value) != "other"]
    if condition.op is Op.LT:
        return kind_of(value) != "flag" and any(value < one for one in same)
    if condition.op is Op.GT:
        return kind_of(value) != "flag" and any(value > one for one in same)
    return any(value == one for one in same)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(population=populations, wanted=st.lists(conditions, min_size=1, max_size=3))
def test_select_finds_what_a_look_at_every_record_finds(index: Index, population: list, wanted: list) -> None:
    writer, reader = index.writer(), None
    reader = index.reader()
    writer.delete([record.chunk_id for page in reader.stream() for record in page.records])
    writer.put([Record(f"id-{number}", None, metadata) for number, metadata in enumerate(population)])
    where = Where(tuple(wanted))
    expected = [
        f"id-{number}" for number, metadata in enumerate(population) if all(meets(metadata, one) for one in wanted)
    ]
    found = list(reader.select(where))
    assert sorted(found) == sorted(expected)
    assert found == list(reader.select(where)), "the order is stable"
    assert list(reader.select(where, limit=2)) == found[:2]
    assert reader.count(where).value == len(expected)
    writer.close()
    reader.close()


@pytest.mark.parametrize(
    ("value", "found"),
    [(True, "flag"), (1, "number"), ("1", "text"), (1.0, "number"), ("true", None), (False, None)],
)
def test_true_one_and_the_text_one_are_three_things(
    reader: IndexReader, writer: IndexWriter, value: object, found: str | None
) -> None:
    writer.put([Record("flag", None, {"v": True}), Record("number", None, {"v": 1}), Record("text", None, {"v": "1"})])
    expected = [found] if found else []
    assert list(reader.select(Where((Condition("v", Op.EQ, value),)))) == expected
    assert list(reader.select(Where((Condition("v", Op.IN, (value,)),)))) == expected


@pytest.mark.parametrize(
    "condition",
    [Condition("v", Op.EQ, (1,)), Condition("v", Op.LT, ("a",)), Condition("v", Op.IN, "a"), Condition("v", Op.IN, 1)],
    ids=str,
)
def test_a_value_that_does_not_fit_its_operator_is_refused(reader: IndexReader, condition: Condition) -> None:
    with pytest.raises(InputError):
        list(reader.select(Where((condition,))))
    with pytest.raises(InputError):
        reader.count(Where((condition,)))


def test_select_obeys_its_limit(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put([Record(f"id-{number:04}", None, {"a": 1}) for number in range(9000)])
    where = Where((Condition("a", Op.EQ, 1),))
    everything = list(reader.select(where))
    assert len(everything) == len(set(everything)) == 9000
    for limit in (0, 1, 4000, 4001, 9000, 9001):
        assert list(reader.select(where, limit=limit)) == everything[:limit]
    with pytest.raises(InputError):
        list(reader.select(where, limit=-1))


def test_select_goes_on_while_what_it_gave_is_deleted(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put([Record(f"id-{number:04}", None, {"a": number % 2}) for number in range(10_000)])
    where = Where((Condition("a", Op.EQ, 1),))
    gone: list[str] = []
    waiting: list[str] = []
    for chunk_id in reader.select(where):
        waiting.append(chunk_id)
        if len(waiting) == 100:
            writer.delete(waiting)
            gone, waiting = gone + waiting, []
    writer.delete(waiting)
    assert len(set(gone + waiting)) == 5000
    assert (reader.count().value, reader.count(where).value) == (5000, 0)


def brute_force(vectors: dict[str, np.ndarray], query: np.ndarray, k: int, bound: float | None) -> list:
    """Give (distance, id) of the nearest by the definition, in float64."""
    found = []
    for chunk_id, vector in vectors.items():
        if vector.size == query.size:
            length = np.sqrt((vector @ vector) * (query @ query))
            found.append((min(2.0, max(0.0, 1 - (vector @ query) / length)) if length else 1.0, chunk_id))
    return sorted(pair for pair in found if bound is None or pair[0] <= bound)[:k]


@pytest.mark.parametrize("k", [1, 10, 5000])
@pytest.mark.parametrize("bound", [None, 0.9])
def test_nearest_agrees_with_the_definition(
    reader: IndexReader, writer: IndexWriter, k: int, bound: float | None
) -> None:
    rng = np.random.default_rng(7)
    vectors = {f"id-{number:04}": rng.normal(size=24).astype(np.float32) for number in range(3000)}
    writer.put([Record(chunk_id, None, {}, {"default": vector_of(vector)}) for chunk_id, vector in vectors.items()])
    exact = {chunk_id: vector.astype(np.float64) for chunk_id, vector in vectors.items()}
    queries = [rng.normal(size=24).astype(np.float32) for _ in range(5)]
    for query, hits in zip(
        queries, reader.nearest([vector_of(query) for query in queries], k, max_distance=bound), strict=True
    ):
        expected = brute_force(exact, query.astype(np.float64), k, bound)
        assert [hit.chunk_id for hit in hits] == [chunk_id for _, chunk_id in expected]
        assert [hit.distance for hit in hits] == pytest.approx([distance for distance, _ in expected], abs=1e-6)


def test_ties_go_by_id_and_equal_vectors_have_distance_zero(reader: IndexReader, writer: IndexWriter) -> None:
    rng = np.random.default_rng(3)
    twin = vector_of(rng.normal(size=37))
    ids = [f"id-{number:05}" for number in rng.permutation(2000)]
    others = [Record(f"other-{number}", None, {}, {"default": vector_of(rng.normal(size=37))}) for number in range(500)]
    writer.put([Record(chunk_id, None, {}, {"default": twin}) for chunk_id in ids[:1000]])
    writer.put(others)
    writer.put([Record(chunk_id, None, {}, {"default": twin}) for chunk_id in ids[1000:]])
    hits = reader.nearest([twin], 100)[0]
    assert [hit.chunk_id for hit in hits] == sorted(ids)[:100]
    assert {hit.distance for hit in hits} == {0.0}
    assert len(reader.nearest([twin], 5000, max_distance=0.0)[0]) == 2000


def test_a_multiple_of_a_vector_is_as_near_as_the_vector(reader: IndexReader, writer: IndexWriter) -> None:
    base = np.array([1, 2, 3], dtype=np.float32)
    scales = {"a": 1.0, "b": 1e30, "c": 1e-30, "d": -1.0, "e": 0.0}
    writer.put([Record(name, None, {}, {"default": vector_of(base * scale)}) for name, scale in scales.items()])
    hits = reader.nearest([vector_of(base)], 5)[0]
    assert {hit.chunk_id: round(hit.distance, 6) for hit in hits} == {"a": 0, "b": 0, "c": 0, "d": 2, "e": 1}


def test_a_zero_vector_has_distance_one_to_everything(reader: IndexReader, writer: IndexWriter) -> None:
    vectors = {"same": [1, 0], "zero": [0, 0], "against": [-1, 0]}
    writer.put([Record(name, None, {}, {"default": vector_of(vector)}) for name, vector in vectors.items()])
    by_zero, by_same = reader.nearest([vector_of([0, 0]), vector_of([1, 0])], 3)
    assert [(hit.chunk_id, hit.distance) for hit in by_zero] == [("against", 1.0), ("same", 1.0), ("zero", 1.0)]
    assert [(hit.chunk_id, hit.distance) for hit in by_same] == [("same", 0.0), ("zero", 1.0), ("against", 2.0)]


def test_only_vectors_of_the_asked_name_and_length_are_candidates(reader: IndexReader, writer: IndexWriter) -> None:
    writer.put(
        [
            Record("both", None, {}, {"default": vector_of([1, 0]), "title": vector_of([0, 1, 0])}),
            Record("longer", None, {}, {"default": vector_of([1, 0, 0])}),
            Record("title only", None, {}, {"title": vector_of([1, 1, 0])}),
            Record("summary only", None, {}, {"summary": vector_of([0, 1, 0])}),
            Record("none", "text", {}),
        ]
    )
    short, long, longest = reader.nearest([vector_of([1, 0]), vector_of([1, 0, 0]), vector_of([1, 2, 3, 4])], 9)
    assert [hit.chunk_id for hit in short] == ["both"]
    assert [hit.chunk_id for hit in long] == ["longer"]
    assert longest == []
    titles = reader.nearest([vector_of([0, 1, 0]), vector_of([1, 0])], 9, vector_name="title")
    assert [[hit.chunk_id for hit in hits] for hits in titles] == [["both", "title only"], []]
    assert reader.nearest([vector_of([1, 0])], 9, vector_name="nobody") == [[]]


def test_many_queries_at_once_answer_as_one_by_one(reader: IndexReader, writer: IndexWriter) -> None:
    rng = np.random.default_rng(11)
    writer.put([Record(f"id-{n:03}", None, {}, {"default": vector_of(rng.normal(size=8))}) for n in range(400)])
    queries = [vector_of(rng.normal(size=8)) for _ in range(300)]
    together = reader.nearest(queries, 3)
    assert together[::50] == [reader.nearest([query], 3)[0] for query in queries[::50]]


@pytest.mark.parametrize("k", [0, -1])
def test_the_number_of_results_must_be_positive(reader: IndexReader, k: int) -> None:
    with pytest.raises(InputError):
        reader.nearest([vector_of([1])], k)
    for mode in reader.capabilities.search_modes:
        with pytest.raises(InputError):
            reader.search("word", k, mode=mode)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_query_vector_must_be_finite(reader: IndexReader, value: float) -> None:
    with pytest.raises(InputError):
        reader.nearest([vector_of([1, value])], 1)


@pytest.fixture(scope="module", params=ADAPTERS, ids=lambda adapter: adapter.name)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexReader]:
    """Give a reader on a few texts, or skip where words cannot be searched."""
    adapter: Adapter = request.param
    index = adapter.make(tmp_path_factory.mktemp("library"))
    writer = index.writer()
    texts: Sequence[str] = (
        "The refund policy covers thirty days.",
        "Holidays: ask your team lead. Refunds are something else.",
        "Password rules, and a policy about laptops.",
        "Nothing of this kind.",
        "nul\0between",
        'emoji 😀 and quotes "x" and O\'Brien',
        "Straße 東京 Äpfel",
    )
    writer.put([Record(f"t{number}", text, {}) for number, text in enumerate(texts)])
    writer.close()
    reader = index.reader()
    with closing(reader):
        if SearchMode.FULL_TEXT not in reader.capabilities.search_modes:
            pytest.skip("this store has no full-text search")
        yield reader


def found(reader: IndexReader, query: str) -> list[str]:
    return [hit.chunk_id for hit in reader.search(query, 10)]


def test_records_with_more_of_the_words_come_first(library: IndexReader) -> None:
    hits = library.search("refund policy", 10)
    assert {hit.chunk_id for hit in hits} == {"t0", "t2"}
    assert hits[0].chunk_id == "t0"
    assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)
    assert library.search("refund policy", 1) == hits[:1]
    assert library.search("refund policy", 10) == hits
    assert [hit.chunk_id for hit in library.search("policy laptops", 1)] == ["t2"]


def test_case_does_not_matter(library: IndexReader) -> None:
    assert found(library, "REFUND") == found(library, "refund") == ["t0"]
    assert found(library, "äpfel") == ["t6"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("between", ["t4"]),
        ("nul\0between", ["t4"]),
        ("O'Brien", ["t5"]),
        ('"x" quotes', ["t5"]),
        ("refund AND nobody", None),
        ("refund NOT policy", None),
        ("NEAR(refund policy)", None),
        ("text:refund", None),
        ("東京", ["t6"]),
        ("", []),
        ("   \n\t", []),
        ("\0", []),
        ('"', []),
        ("'; DROP TABLE words; --", None),
        ("* ^ - + ( ) : { }", None),
        ("😀", None),
        ("\ud800 refund", ["t0"]),
        ("refund " * 5000, ["t0"]),
        ("refund " + " ".join(f"w{number}" for number in range(3000)), ["t0"]),
        ("x" * 100_000, []),
    ],
)
def test_any_text_is_a_query(library: IndexReader, query: str, expected: list[str] | None) -> None:
    ids = found(library, query)
    assert expected is None or ids == expected


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(max_size=40) | st.text(st.sampled_from("ab\"'*^():-+{}~|&\0 \\ANDORNOT"), max_size=40))
def test_no_text_breaks_the_search(library: IndexReader, query: str) -> None:
    assert set(found(library, query)) <= {f"t{number}" for number in range(7)}


def test_a_search_that_the_store_lacks_is_refused(reader: IndexReader) -> None:
    for mode in set(SearchMode) - reader.capabilities.search_modes:
        with pytest.raises(InputError):
            reader.search("word", 1, mode=mode)


def test_capabilities_name_files_that_are_there(index: Index, reader: IndexReader, writer: IndexWriter) -> None:
    writer.put([Record("id", "text", {})])
    assert index.name == reader.name == "main"
    paths = [Path(path) for path in reader.capabilities.scan_paths]
    assert all(path.is_absolute() for path in paths)
    assert not paths or any(path.exists() for path in paths)
