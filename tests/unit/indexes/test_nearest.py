"""Exact neighbors, whatever the blocks."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.domain.values import vector_of
from governance.indexes.nearest import Nearest, rows_per_block

components = st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, 1e-3, 1e10, 1e-10, 3e38, 1e-44])
vectors = st.lists(st.lists(components, min_size=3, max_size=3), min_size=1, max_size=40)


def distance(one: list[float], other: list[float]) -> float:
    """Give 1 - cosine by the definition, without numpy."""
    rounded = [[float(np.float32(value)) for value in vector] for vector in (one, other)]
    product = math.fsum(a * b for a, b in zip(*rounded, strict=True))
    lengths = math.prod(math.sqrt(math.fsum(a * a for a in vector)) for vector in rounded)
    return min(2.0, max(0.0, 1 - product / lengths)) if lengths else 1.0


@settings(max_examples=150, deadline=None)
@given(
    stored=vectors,
    queries=vectors,
    k=st.integers(1, 12),
    block=st.integers(1, 9),
    bound=st.sampled_from([None, 0.0, 0.3, 1.0, 2.0]),
)
def test_any_blocks_give_the_neighbors_of_the_definition(
    stored: list, queries: list, k: int, block: int, bound: float | None
) -> None:
    search = Nearest([vector_of(query) for query in queries], k, bound)
    ids = [f"id-{number:02}" for number in range(len(stored))]
    for start in range(0, len(stored), block):
        part = slice(start, start + block)
        search.offer(ids[part], [vector_of(vector).tobytes() for vector in stored[part]], 3)
    for query, hits in zip(queries, search.hits(), strict=True):
        exact = {chunk_id: distance(query, vector) for chunk_id, vector in zip(ids, stored, strict=True)}
        inside = [value for value in exact.values() if bound is None or value <= bound]
        surely = [value for value in exact.values() if bound is None or value <= bound - 1e-9]
        assert (
            len(surely[:k])
            <= len(hits)
            <= min(k, len(inside) + sum(abs(v - (bound or 0)) < 1e-9 for v in exact.values()))
        )
        for hit, best in zip(hits, sorted(exact.values()), strict=False):
            assert 0 <= hit.distance <= 2
            assert abs(exact[hit.chunk_id] - hit.distance) < 1e-9
            assert abs(hit.distance - best) < 1e-9
        assert hits == sorted(hits, key=lambda hit: (hit.distance, hit.chunk_id))


@settings(max_examples=100, deadline=None)
@given(
    vector=st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=200),
    places=st.sets(st.integers(0, 60), min_size=2, max_size=10),
    block=st.integers(1, 61),
)
def test_equal_vectors_are_equally_far_wherever_they_lie(vector: list, places: set, block: int) -> None:
    rng = np.random.default_rng(1)
    query = vector_of(rng.normal(size=len(vector)))
    stored = [vector if number in places else rng.normal(size=len(vector)) for number in range(61)]
    blobs = [vector_of(one).tobytes() for one in stored]
    search = Nearest([query], 61, None)
    for start in range(0, 61, block):
        ids = [f"id-{number:02}" for number in range(start, min(61, start + block))]
        search.offer(ids, blobs[start : start + block], len(vector))
    found = {hit.chunk_id: hit.distance for hit in search.hits()[0]}
    assert len({found[f"id-{number:02}"] for number in places}) == 1


def test_a_block_is_never_empty_and_never_large() -> None:
    assert rows_per_block(1) == 1 << 19
    assert rows_per_block(384) * 384 * 4 <= 2 << 20
    assert rows_per_block(10**9) == 1
