"""Sets of hashes against the sets of Python."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from governance.catalog.sightings import Sighting
from governance.services.recall import Hashes, Recall, among

NUMBERS = st.integers(-(2**63), 2**63 - 1)
FEW = st.integers(-3, 3)
SEEN = st.lists(st.builds(Sighting, st.sampled_from("abcdef"), st.sampled_from("xyz")), max_size=12)


@given(values=st.lists(NUMBERS | FEW), asked=st.lists(NUMBERS | FEW))
def test_hashes_are_a_set(values: list[int], asked: list[int]) -> None:
    found = Hashes(array("q", values))
    assert len(found) == len(set(values))
    assert {value for value in (*values, *asked) if value in found} == set(values)


@given(values=st.lists(NUMBERS | FEW), wanted=st.sets(NUMBERS | FEW))
def test_among_is_an_intersection_and_lets_the_array_grow(values: list[int], wanted: set[int]) -> None:
    given = array("q", values)
    assert among(given, wanted) == set(values) & wanted
    given.append(1)


@given(known=SEEN, seen=SEEN, struck=SEEN)
def test_what_a_recall_does_not_know_so_comes_back_in_order(
    known: list[Sighting], seen: list[Sighting], struck: list[Sighting]
) -> None:
    recall = Recall(array("q", map(hash, {item.chunk_id: item for item in known}.values())))
    for item in struck:
        recall.strike(item)
    left = set({item.chunk_id: item for item in known}.values()) - set(struck)
    assert recall.unlike(seen) == [item for item in seen if item not in left]
