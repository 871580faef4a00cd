"""Plain values: JSON, canonical bytes, digests, vectors."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

if TYPE_CHECKING:
    Vector: TypeAlias = memoryview[float]
    """A read-only view of float32 values in native order: no copy between store, numpy and hash."""
else:
    Vector = memoryview


def canonical_json(value: Json) -> bytes:
    """Give the same bytes for the same value: sorted keys, no blanks, ASCII.

    Floats are printed as Python prints them; digests that outsiders must recompute should avoid them.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def sha256_hex(data: bytes) -> str:
    """Give the SHA-256 of the bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def text_hash(text: str) -> str:
    """Give the SHA-256 of a text's UTF-8 bytes; lone surrogates are hashed as such instead of failing."""
    return sha256_hex(text.encode("utf-8", "surrogatepass"))


def digest_of(value: Json) -> str:
    """Give the SHA-256 of a value's canonical JSON."""
    return sha256_hex(canonical_json(value))


def rfc3339(at: datetime, timespec: str = "auto") -> str:
    """Give a moment in UTC as RFC 3339 writes it; `timespec` as `datetime.isoformat` takes it."""
    return at.isoformat(timespec=timespec).replace("+00:00", "Z")


def vector_of(values: Iterable[float]) -> Vector:
    """Pack numbers into a Vector (float32: 7 significant digits survive)."""
    return memoryview(array("f", values)).toreadonly().cast("B").cast("f")


def vector_from_bytes(blob: bytes) -> Vector:
    """View bytes (float32, native order) as a Vector without copying.

    Raises:
        ValueError: The length is not a multiple of four.

    """
    if len(blob) % 4:
        raise ValueError("a float32 blob's length must be a multiple of 4")
    return memoryview(blob).cast("f")
