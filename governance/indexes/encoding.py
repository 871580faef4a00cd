"""Records as plain bytes and text, and the reasons why one cannot be stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from governance.domain.chunks import Metadata, Record
from governance.domain.values import Json, Vector, vector_from_bytes

MAX_DEPTH = 100
"""Nesting of metadata. Deeper values would be written here and then break whoever reads them."""

scan_metadata: Callable[[str], tuple[dict[str, Json], int]] = json.JSONDecoder().raw_decode
"""Gives stored metadata and where it ends; for loops in which `decode_metadata` around it would be felt."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record as it is stored.

    Attributes:
        metadata: One JSON object without blanks, not escaped beyond what JSON asks.
        vectors: float32 in native order, by name.

    """

    chunk_id: str
    text: str | None
    metadata: str
    vectors: Mapping[str, bytes]


class NotStorable(Exception):
    """This record cannot be stored; the message is a reason that holds nothing of the record."""


def encode_record(record: Record) -> Encoded:
    """Give the record as it is stored.

    Raises:
        NotStorable: The reason.

    """
    require_unicode("the id", record.chunk_id)
    require_unicode("the text", record.text or "")
    vectors = {_vector_name(name): _vector_bytes(vector) for name, vector in record.vectors.items()}
    return Encoded(record.chunk_id, record.text, encode_metadata(record.metadata), vectors)


def encode_records(records: Sequence[Record]) -> tuple[list[Encoded], dict[str, str]]:
    """Give the records that can be stored (of one id the last) and the reasons for those that cannot."""
    good, failed = [], {}
    for record in {record.chunk_id: record for record in records}.values():
        try:
            good.append(encode_record(record))
        except NotStorable as reason:
            failed[record.chunk_id] = str(reason)
    return good, failed


def require_unicode(what: str, text: str) -> None:
    """Give nothing when the text can be written as UTF-8.

    Raises:
        NotStorable: It holds a lone surrogate.

    """
    if not is_unicode(text):
        raise NotStorable(f"{what} holds a lone surrogate, which no store keeps")


def is_unicode(text: str) -> bool:
    """Give whether the text can be written as UTF-8 (a lone surrogate cannot)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encode_metadata(metadata: Metadata) -> str:
    """Give metadata as one JSON object.

    Raises:
        NotStorable: Not JSON (a date, NaN, a key that is no text), nested too deeply, or a lone surrogate.

    """
    plain = dict(metadata)
    try:
        encoded = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
    except (TypeError, ValueError, RecursionError):
        raise NotStorable("the metadata is no JSON value") from None
    if not all(isinstance(key, str) for key in plain):
        raise NotStorable("the metadata has a key that is no text")
    if encoded.count("{") + encoded.count("[") > MAX_DEPTH and _depth(plain) > MAX_DEPTH:
        raise NotStorable(f"the metadata is nested more than {MAX_DEPTH} levels deep")
    require_unicode("the metadata", encoded)
    return encoded


def decode_metadata(encoded: str) -> dict[str, Json]:
    """Give metadata back from what `encode_metadata` wrote.

    Raises:
        ValueError: Somebody else wrote it.

    """
    return scan_metadata(encoded)[0]


def merge_metadata(encoded: str, patch: Metadata) -> str:
    """Give metadata with the patch merged in: top-level keys replaced, None removes.

    Raises:
        NotStorable: The result cannot be stored.
        ValueError: Somebody else wrote the stored metadata.

    """
    merged = {**decode_metadata(encoded), **patch}
    return encode_metadata({key: value for key, value in merged.items() if value is not None or key not in patch})


def decode_vectors(vectors: Mapping[str, bytes]) -> dict[str, Vector]:
    """Give views of the stored vectors."""
    return {name: vector_from_bytes(blob) for name, blob in vectors.items()}


def _vector_name(name: str) -> str:
    require_unicode("the name of a vector", name)
    return name


def _vector_bytes(vector: Vector) -> bytes:
    view = memoryview(vector)
    if view.format != "f" or view.ndim != 1 or not view.nbytes:
        raise NotStorable("a vector is no row of float32 numbers")
    blob = view.tobytes()
    if not np.isfinite(np.frombuffer(blob, np.float32)).all():
        raise NotStorable("a vector holds NaN or infinity")
    return blob


def _plain(value: object) -> object:
    """Give what json can write for the mappings and sequences it does not know itself."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return list(value)
    raise TypeError


def _depth(value: object) -> int:
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        inside: list[object] = []
        for one in level:
            if isinstance(one, Mapping):
                inside.extend(one.values())
            elif isinstance(one, Sequence) and not isinstance(one, str):
                inside.extend(one)
        level, depth = inside, depth + 1
    return depth
