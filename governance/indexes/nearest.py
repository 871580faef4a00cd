"""Exact nearest neighbors by cosine distance, block by block.

A block is compared in float32 by one matrix product. Whatever that leaves within its own rounding error of the best,
and whatever is too long or too short for float32, is computed again in float64, in an order of additions that does not
depend on where in a block a vector lies. So equal vectors have exactly equal distances, and ties go by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from governance.domain.chunks import Hit
from governance.domain.errors import InputError
from governance.domain.values import Vector

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp]

BLOCK_BYTES = 2 << 20
"""Size of a block of vectors; the work on it takes a few times as much memory."""

_PRODUCTS = 1 << 20
_UNIT = 2.0**-24
_SMALL, _LARGE = 1e-30, 1e30
"""Squared lengths between these lose nothing but rounding in float32."""


def rows_per_block(dimension: int) -> int:
    """Give how many vectors make a block."""
    return max(1, BLOCK_BYTES // (4 * dimension))


class Nearest:
    """The k nearest of each query vector among the blocks offered so far.

    Args:
        max_distance: Inclusive bound, None for no bound.

    Raises:
        InputError: `k` is not positive, or a query holds NaN or infinity.

    """

    def __init__(self, queries: Sequence[Vector], k: int, max_distance: float | None) -> None:
        if k < 1:
            raise InputError("the number of neighbors must be positive", item="k")
        arrays = [np.asarray(query, dtype=np.float32) for query in queries]
        if not all(np.isfinite(array).all() for array in arrays):
            raise InputError("a query vector holds NaN or infinity")
        bound = 2.0 if max_distance is None else max_distance
        self._found: list[list[tuple[float, str]]] = [[] for _ in arrays]
        self._groups = {
            size: _Group([(array, self._found[at]) for at, array in enumerate(arrays) if array.size == size], k, bound)
            for size in {array.size for array in arrays if array.size}
        }

    @property
    def dimensions(self) -> AbstractSet[int]:
        """Lengths of the query vectors: only vectors of these lengths are worth offering."""
        return self._groups.keys()

    def offer(self, ids: Sequence[str], blobs: Sequence[bytes], dimension: int) -> None:
        """Take stored vectors of one length into account."""
        if ids:
            block = np.frombuffer(b"".join(blobs), np.float32).reshape(-1, dimension)
            self._groups[dimension].offer(ids, block)

    def hits(self) -> list[list[Hit]]:
        """Give, per query, the nearest first."""
        return [[Hit(chunk_id, distance) for distance, chunk_id in found] for found in self._found]


class _Group:
    """The queries of one length."""

    def __init__(self, queries: Sequence[tuple[Floats, list[tuple[float, str]]]], k: int, bound: float) -> None:
        self._k = k
        self._bound = bound
        self._exact = np.stack([query for query, _ in queries]).astype(np.float64)
        self._squares = _squares(self._exact)
        lengths = np.sqrt(np.where(self._squares > 0, self._squares, 1.0))
        self._units = (self._exact / lengths[:, None]).astype(np.float32)
        self._found = [found for _, found in queries]
        self._margin = 4 * (self._exact.shape[1] + 8) * _UNIT

    def offer(self, ids: Sequence[str], block: Floats) -> None:
        with np.errstate(all="ignore"):
            squares = np.einsum("ij,ij->i", block, block)
        odd = ~((squares >= _SMALL) & (squares <= _LARGE))
        lengths = np.sqrt(np.where(odd, np.float32(1), squares))
        step = max(1, _PRODUCTS // len(ids))
        for first in range(0, len(self._found), step):
            with np.errstate(all="ignore"):
                rough = 1 - _products(self._units[first : first + step], block) / lengths
            rough[:, odd] = np.inf
            for at, distances in enumerate(rough, start=first):
                near = self._candidates(at, distances, odd)
                if near.size:
                    self._refine(at, [ids[row] for row in near], block[near].astype(np.float64))

    def _candidates(self, at: int, distances: Floats, odd: NDArray[np.bool_]) -> Rows:
        """Give the rows that may be among the nearest, rounding considered; odd ones always may."""
        found = self._found[at]
        limit = self._bound if len(found) < self._k else min(self._bound, found[-1][0])
        if self._k < distances.size:
            limit = min(limit, float(np.partition(distances, self._k - 1)[self._k - 1]) + self._margin)
        return np.flatnonzero((distances <= limit + self._margin) | odd)

    def _refine(self, at: int, ids: Sequence[str], rows: Doubles) -> None:
        products = (rows * self._exact[at]).sum(axis=1)
        lengths = np.sqrt(_squares(rows) * self._squares[at])
        cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
        distances = np.clip(1.0 - cosines, 0.0, 2.0).tolist()
        found = self._found[at]
        found += [pair for pair in zip(distances, ids, strict=True) if pair[0] <= self._bound]
        found.sort()
        del found[self._k :]


def _products(units: Floats, block: Floats) -> Floats:
    """Give every query's product with every row."""
    if len(units) > 1:
        return units @ block.T
    # For one query the threads of the matrix library cost more time than they save.
    products: Floats = np.einsum("ij,j->i", block, units[0])[None, :]
    return products


def _squares(rows: Doubles) -> Doubles:
    """Give the squared length per row; the same for the same row wherever it lies."""
    squares: Doubles = (rows * rows).sum(axis=1)
    return squares
