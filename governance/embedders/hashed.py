"""Vectors from hashed words and letters, without any model.

They tell texts that share wording from texts that do not: good for demonstrations and for finding duplicates. They know
nothing of meaning, so they are **not** good enough to answer questions with.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from governance.domain.errors import ConfigError
from governance.domain.values import Vector, vector_from_bytes

_Hashes: TypeAlias = NDArray[np.uint32]
_Sums: TypeAlias = NDArray[np.float64]

VERSION = 1
MIN_DIMENSION, MAX_DIMENSION = 8, 65_536

_WORD = re.compile(r"\w+")
_SLAB = 1 << 16
"""Characters that are counted together, so that a text of any length needs little memory."""

_WORD_WEIGHT, _PAIR_WEIGHT, _LETTERS_WEIGHT = 4.0, 2.0, 1.0


class HashedEmbedder:
    """Vectors from hashed n-grams (feature hashing with signs, Weinberger et al. 2009), scaled to length 1.

    For demonstrations and for finding duplicates, not for answer quality. Counted are words, pairs of neighboring words
    and runs of three bytes, regardless of case. All sums are sums of whole numbers, so the same text gives the same
    bytes in every process and on every machine.

    Args:
        dimension: Length of each vector, 8 to 65,536.

    Raises:
        ConfigError: The dimension is out of range.

    """

    def __init__(self, dimension: int = 256) -> None:
        if not MIN_DIMENSION <= dimension <= MAX_DIMENSION:
            raise ConfigError(
                f"the dimension of hashed vectors must be from {MIN_DIMENSION} to {MAX_DIMENSION}", item="dimension"
            )
        self._dimension = dimension

    @property
    def identity(self) -> str:
        """Give name, version and dimension."""
        return f"hashed-ngrams/{VERSION}/{self._dimension}"

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._dimension

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Give one vector per text, in order; of an empty text the zero vector, which is near to nothing."""
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> Vector:
        sums = np.zeros(self._dimension)
        folded = text.casefold()
        for start in range(0, len(folded), _SLAB):
            sums += self._count(folded[start : start + _SLAB])
        length = math.sqrt(float(sums @ sums))
        return vector_from_bytes((sums / length if length else sums).astype(np.float32).tobytes())

    def _count(self, slab: str) -> _Sums:
        words = _word_hashes(slab)
        sums = _WORD_WEIGHT * self._scatter(words)
        sums += _PAIR_WEIGHT * self._scatter(words[:-1] * np.uint32(0x9E3779B1) + words[1:])
        sums += _LETTERS_WEIGHT * self._scatter(_letter_hashes(slab))
        return sums

    def _scatter(self, hashes: _Hashes) -> _Sums:
        """Give each feature's damped count, added to or taken from the place that its hash names.

        A feature counts 1, 2, 2, 3, 3, 3, 3, 4, … by how often it occurs (its count's bit length).
        """
        features, counts = np.unique(hashes, return_counts=True)
        mixed = _mix(features)
        signs = 1.0 - 2.0 * (mixed >> np.uint32(31))
        places = (mixed & np.uint32(0x7FFFFFFF)) % np.uint32(self._dimension)
        damped = np.frexp(counts.astype(np.float64))[1]
        return np.bincount(places, weights=signs * damped, minlength=self._dimension).astype(np.float64)


def _word_hashes(text: str) -> _Hashes:
    words = [zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in _WORD.findall(text)]
    return np.array(words, dtype=np.uint32)


def _letter_hashes(text: str) -> _Hashes:
    """Give every three neighboring bytes as one number; blanks of any kind and number count as one."""
    data = np.frombuffer(" ".join(text.split()).encode("utf-8", "surrogatepass"), np.uint8).astype(np.uint32)
    letters: _Hashes = (data[:-2] << np.uint32(16)) | (data[1:-1] << np.uint32(8)) | data[2:]
    return letters


def _mix(hashes: _Hashes) -> _Hashes:
    """Spread the bits (the finalizer of MurmurHash3): neighboring numbers end in unrelated places."""
    mixed = (hashes ^ (hashes >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return mixed ^ (mixed >> np.uint32(16))
