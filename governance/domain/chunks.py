"""What lies in a vector index, and what its adapters say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from governance.domain.values import Json, Vector

Metadata: TypeAlias = Mapping[str, Json]
DEFAULT_VECTOR = "default"


@dataclass(frozen=True, slots=True, order=True)
class ChunkKey:
    """Where a chunk is, everywhere in this project. `partition` is the tenant or namespace, "" where there is none."""

    index: str
    partition: str
    chunk_id: str


class ChunkState(StrEnum):
    """Whether an index still shows a chunk.

    A chunk that the index stopped showing by itself is gone; one that was deleted through the write gate is deleted
    until a look at the index confirms it, and is then forgotten.
    """

    PRESENT = "present"
    GONE = "gone"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Record:
    """One chunk as it lies in an index.

    Attributes:
        text: None when the caller asked for no texts, or the store has none.
        vectors: By name; a store with a single unnamed vector calls it "default". Empty when not asked for.

    """

    chunk_id: str
    text: str | None = field(repr=False)
    metadata: Metadata = field(repr=False)
    vectors: Mapping[str, Vector] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of a stream, and the cursor that resumes right after them (None after the last page)."""

    records: tuple[Record, ...]
    next_cursor: str | None


class Op(StrEnum):
    """How a condition compares a metadata value."""

    EQ = "eq"
    IN = "in"
    LT = "lt"
    GT = "gt"


Scalar: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a top-level metadata field with a scalar (with a tuple of scalars for `in`).

    A record without the field never matches. Values of another type than the field's never match;
    a bool is not a number here.
    """

    field: str
    op: Op
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Where:
    """A conjunction of conditions. Never empty: a selector that selects everything is refused.

    Raises:
        ValueError: No condition was given.

    """

    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        """Refuse the empty selector."""
        if not self.conditions:
            raise ValueError("a selector needs at least one condition")


@dataclass(frozen=True, slots=True)
class Count:
    """A number of records, and whether the store counted or estimated."""

    value: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A search result. For `nearest`, `distance` is 1 - cosine in [0, 2]; for `search`, smaller is better."""

    chunk_id: str
    distance: float


class SearchMode(StrEnum):
    """How words are looked for."""

    FULL_TEXT = "full_text"
    HYBRID = "hybrid"


class PurgeKind(StrEnum):
    """How a store can be made to drop the bytes of deleted records."""

    NONE = "none"
    IN_PLACE = "in_place"
    COMPACTION = "compaction"
    REWRITE = "rewrite"
    PROVIDER = "provider"


class Proof(StrEnum):
    """What an erasure in this store can be shown by at best."""

    API = "api"
    BYTES = "bytes"
    PROVIDER_SLA = "provider_sla"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an index can do and show.

    Attributes:
        exact_count: `count` counts instead of estimating.
        resumable_cursor: A cursor survives closing and reopening.
        search_modes: Which word searches exist; empty when none.
        metadata_patch: True when metadata can change without rewriting the record.
        delete_cap: Most ids the store deletes in one call of its own (the adapter loops), None without a cap.
        reports_existed: `delete` says how many of the ids existed.
        eventual: Reads may lag behind writes.
        purge_kind: How bytes of deleted records go.
        purge_exclusive: Purge needs to be the only client.
        proof: Strongest proof of erasure.
        scan_paths: Files and folders in which a byte scan looks; empty when they cannot be reached.
        retains: What keeps copies outside the adapter's reach ("wal archive", "backups").
        provider_days: Days after which a provider promises that deleted data is gone.

    """

    exact_count: bool
    resumable_cursor: bool
    search_modes: frozenset[SearchMode] = frozenset()
    metadata_patch: bool = True
    delete_cap: int | None = None
    reports_existed: bool = True
    eventual: bool = False
    purge_kind: PurgeKind = PurgeKind.NONE
    purge_exclusive: bool = False
    proof: Proof = Proof.API
    scan_paths: tuple[str, ...] = ()
    retains: tuple[str, ...] = ()
    provider_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What a store said about a batch. Never evidence: absence is shown by reading again.

    Attributes:
        requested: Distinct ids in the batch.
        existed: How many of them were there, None when the store does not say.
        failed: Reason by id for what was not done; a reason holds no text of the record.

    """

    requested: int
    existed: int | None = None
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeReport:
    """What physical erasure did.

    Attributes:
        done: False when the store said busy; the bytes may then still be there.
        steps: (name, seconds) in order.
        bytes_before: Size of the store's files before, where they can be seen.
        bytes_after: The same after.
        remaining: What still holds copies, in words ("an open reader keeps the write-ahead log").

    """

    done: bool
    steps: tuple[tuple[str, float], ...] = ()
    bytes_before: int | None = None
    bytes_after: int | None = None
    remaining: tuple[str, ...] = ()
