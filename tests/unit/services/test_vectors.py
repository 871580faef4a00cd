"""What vectors of one index look like together, and in what they differ though they should not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.chunks import Record
from governance.domain.keys import ChunkFields
from governance.domain.values import Json, Vector, vector_from_bytes, vector_of
from governance.services.vectors import MOST_MODELS, VectorFacts

UNIT = vector_of([0.6, 0.8])
OTHER = vector_of([3.0, 4.0])
ZERO = vector_of([0.0, 0.0])
FIELDS = ChunkFields(model="model")


def record(number: int, vectors: dict[str, Vector] | Vector = UNIT, **metadata: Json) -> Record:
    given = vectors if isinstance(vectors, dict) else {"default": vectors}
    return Record(f"chunk-{number}", "Words.", metadata, given)


def facts(*records: Record) -> VectorFacts:
    found = VectorFacts()
    found.add(records, FIELDS)
    return found


def test_vectors_of_one_kind_differ_in_nothing() -> None:
    found = facts(*(record(number, model="m") for number in range(5)))
    assert found.differences() == {}
    assert (found.chunks, found.dimensions, found.norms) == (5, {("default", 2): 5}, {"unit": 5})


def test_nothing_differs_in_nothing() -> None:
    assert facts().differences() == {}


def test_lengths_are_told_apart_by_the_name_of_the_vector() -> None:
    both = {"text": UNIT, "image": vector_of([1.0, 0.0, 0.0])}
    assert facts(record(1, both), record(2, both)).differences() == {}
    found = facts(record(1, both), record(2, {"text": UNIT, "image": UNIT}))
    assert found.differences() == {"dimension of image": {"3": 1, "2": 1}}


def test_zeros_alone_are_told_and_named() -> None:
    found = facts(record(1), record(2, ZERO), record(3, {}), record(4, {"a": UNIT, "b": ZERO}))
    assert found.zero == ["chunk-2", "chunk-4"]
    assert found.without == ["chunk-3"]
    assert found.differences()["zero vectors"] == {"zero": 2, "other": 1}


def test_chunks_without_a_vector_are_no_difference() -> None:
    found = facts(record(1), record(2, {}), record(3, {"default": vector_from_bytes(b"")}))
    assert found.without == ["chunk-2", "chunk-3"]
    assert found.differences() == {}


@pytest.mark.parametrize("tiny", [1e-30, 1e-38, -1e-42])
def test_very_small_numbers_are_no_zeros(tiny: float) -> None:
    found = facts(record(1, vector_of([tiny, 0.0])))
    assert found.zero == []
    assert found.norms == {"other": 1}


@pytest.mark.parametrize("odd", [[float("nan"), 1.0], [float("inf"), 1.0], [3e38, 3e38]])
def test_what_is_no_number_has_another_norm(odd: list[float]) -> None:
    assert facts(record(1, vector_of(odd))).norms == {"other": 1}


def test_norms_that_differ_are_told_unless_a_few_are_one_by_chance() -> None:
    mixed = facts(*(record(number) for number in range(99)), record(99, OTHER))
    assert mixed.differences() == {"norm": {"unit": 99, "other": 1}}
    chance = facts(record(0), *(record(number, OTHER) for number in range(1, 101)))
    assert chance.differences() == {}


@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=64).filter(lambda row: np.linalg.norm(row) > 1e-3))
def test_a_vector_that_was_brought_to_length_one_is_a_unit_vector_in_half_precision_too(row: list[float]) -> None:
    values = np.asarray(row, dtype=np.float64)
    unit = values / np.linalg.norm(values)
    for kind in (np.float16, np.float32):
        stored = unit.astype(kind).astype(np.float32)
        assert facts(record(1, vector_from_bytes(stored.tobytes()))).norms == {"unit": 1}


def test_models_that_differ_are_told_and_our_own_name_counts() -> None:
    ours = {"kb_embedder": "hashed/1"}
    assert facts(record(1, model="m"), record(2, model="m")).differences() == {}
    assert facts(record(1, **ours), record(2, **ours)).differences() == {}
    found = facts(record(1, model="m"), record(2, model="n"), record(3, model="n"))
    assert found.differences() == {"model": {"m": 1, "n": 2}}
    assert facts(record(1, **ours), record(2)).differences() == {"model": {"hashed/1": 1, "": 1}}
    assert facts(record(1, model="m", **ours), record(2, model="hashed/1")).differences() == {
        "model": {"m": 1, "hashed/1": 1}
    }


def test_a_field_that_names_every_chunk_does_not_fill_the_finding() -> None:
    found = facts(*(record(number, model=f"id-{number}") for number in range(500)))
    assert len(found.differences()["model"]) == MOST_MODELS


@pytest.mark.parametrize("odd", [7, None, True, ["m"], " ", float("nan")])
def test_a_model_that_is_no_text_is_none(odd: Json) -> None:
    assert facts(record(1, model=odd)).models == {"": 1}


def test_pages_add_up() -> None:
    found = facts(record(1), record(2, ZERO))
    found.add([record(3, OTHER)], FIELDS)
    assert (found.chunks, found.norms) == (3, {"unit": 1, "zero": 1, "other": 1})


def test_a_vector_that_is_called_after_somebody_is_not_named() -> None:
    one, other = ({"jane.roe@example.org": vector_of([1.0] * length)} for length in (2, 3))
    assert facts(record(1, one), record(2, other)).differences() == {"dimension of other": {"2": 1, "3": 1}}
