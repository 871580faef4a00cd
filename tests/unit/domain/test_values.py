from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.values import canonical_json, digest_of, sha256_hex, text_hash, vector_from_bytes, vector_of

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_canonical_json_is_read_back_and_stays_the_same(value: object) -> None:
    encoded = canonical_json(value)
    assert json.loads(encoded) == value
    assert canonical_json(json.loads(encoded)) == encoded


def test_canonical_json_sorts_keys_and_is_ascii() -> None:
    assert canonical_json({"b": ["é", None], "a": 1}) == b'{"a":1,"b":["\\u00e9",null]}'
    assert digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1}) == sha256_hex(b'{"a":2,"b":1}')


def test_canonical_json_refuses_what_json_does_not_have() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


def test_hashes_are_the_published_ones() -> None:
    # FIPS 180-2, appendix B.1
    assert text_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_lone_surrogate_is_hashed_instead_of_failing() -> None:
    assert text_hash("\ud800") != text_hash("?")


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=20))
def test_vectors_survive_as_float32(numbers: list[float]) -> None:
    vector = vector_of(numbers)
    assert vector.tolist() == numbers
    assert vector.readonly
    assert vector.tobytes() == struct.pack(f"={len(numbers)}f", *numbers)
    assert vector_from_bytes(vector.tobytes()).tolist() == numbers


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_bytes_of_no_whole_number_of_floats_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        vector_from_bytes(b"x" * length)
