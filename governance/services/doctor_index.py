"""Whether an index can be read, and whether what is deleted in it is gone: tried on a record of the doctor's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from governance.domain.chunks import DEFAULT_VECTOR, Record
from governance.domain.errors import Paused
from governance.domain.ports import Embedder, Index, IndexReader
from governance.domain.values import Vector, vector_of
from governance.services.checks import Verdict, bad, fine, poor
from governance.services.context import RunContext
from governance.services.gate import WriteGate
from governance.services.runs import Desk, place_lock, recorded_run

SCRATCH: Final = "kbgov-doctor"
"""A partition of the doctor's own, so that no search of anybody else ever meets its record."""
SCRATCH_ID: Final = "6b62676f-7600-5000-8000-646f63746f72"
"""Always the same, so that what an interrupted check left behind is removed by the next one."""
SMALL: Final = 64 << 20
"""Up to this size an index is purged of the scratch partition's name; a larger one keeps it to its next purge."""


class IndexPatient(Protocol):
    """What is needed to look at an index."""

    @property
    def indexes(self) -> Mapping[str, Index]:
        """Configured indexes; asking for one makes it."""

    @property
    def gate(self) -> WriteGate:
        """The way to change one."""

    @property
    def embedder(self) -> Embedder:
        """Ours, for an index that holds no vector yet."""

    @property
    def desk(self) -> Desk:
        """What a recorded run needs."""


def index_verdict(patient: IndexPatient, name: str, *, writable: bool) -> Verdict:
    """Open an index, count its records and try whether a deleted record is gone.

    Args:
        patient: What to look at.
        name: The index.
        writable: False when catalog or policies are broken: no change of an index could then be recorded.

    """
    counted = _count(patient.indexes[name])
    if not writable:
        return poor(f"{counted}; not written to, because no change could be recorded", "repair what failed above")
    try:
        problem = _after_delete(patient, name)
    except Paused:
        return poor(f"{counted}; not written to, because changes are paused", "kbgov resume")
    if problem is not None:
        return bad(f"{counted}; {problem}", "do not rely on erasure in this index; ask its operator")
    return fine(f"{counted}; a deleted record is gone at once")


def _count(index: Index) -> str:
    total, exact = 0, True
    partitions = [name for name in index.partitions() if name != SCRATCH]
    for partition in partitions:
        reader = index.reader(partition)
        try:
            count = reader.count()
        finally:
            reader.close()
        total, exact = total + count.value, exact and count.exact
    return f"records: {'' if exact else 'about '}{total}, partitions: {len(partitions)}"


def _after_delete(patient: IndexPatient, name: str) -> str | None:
    """Put, look, delete, look again; give what went wrong."""
    index, place = patient.indexes[name], (name, SCRATCH)
    vectors = _like_those_of(index, patient.embedder)
    record = Record(SCRATCH_ID, "kbgov doctor", {"kb_scratch": True}, vectors)
    with recorded_run(patient.desk, "doctor", locks=(place_lock(*place),)) as run:
        patient.gate.recover(run.context, place)
        try:
            if patient.gate.put(run.context, place, [record], "doctor.scratch").failed:
                return "a record could not be stored"
            if not all(_seen(index, vectors)):
                return "a record that was just stored could not be found"
        finally:
            patient.gate.delete(run.context, place, [SCRATCH_ID], "doctor.scratch")
        fetched, found = _seen(index, vectors)
        _tidy(patient, index, run.context)
    if fetched:
        return "a deleted record can still be read"
    return "a deleted record can still be found by search" if found else None


def _like_those_of(index: Index, embedder: Embedder) -> Mapping[str, Vector]:
    """Give vectors of the names and lengths that the index holds, whoever made them."""
    reader = index.reader()
    try:
        page = next(iter(reader.stream(page=1, text=False)), None)
    finally:
        reader.close()
    lengths = {name: len(vector) for record in page.records for name, vector in record.vectors.items()} if page else {}
    lengths = lengths or {DEFAULT_VECTOR: embedder.dimension}
    return {name: vector_of([1.0] + [0.0] * (length - 1)) for name, length in lengths.items()}


def _seen(index: Index, vectors: Mapping[str, Vector]) -> tuple[bool, bool]:
    """Say whether the scratch record can be fetched, and whether each of its vectors finds it."""
    reader = index.reader(SCRATCH)
    try:
        fetched = SCRATCH_ID in reader.fetch([SCRATCH_ID])
        return fetched, any(_found(reader, name, vector) for name, vector in vectors.items())
    finally:
        reader.close()


def _found(reader: IndexReader, name: str, vector: Vector) -> bool:
    return any(hit.chunk_id == SCRATCH_ID for hits in reader.nearest([vector], 1, vector_name=name) for hit in hits)


def _tidy(patient: IndexPatient, index: Index, context: RunContext) -> None:
    """Have a small index forget the scratch partition's very name."""
    if SCRATCH not in index.partitions():
        return
    reader = index.reader()
    try:
        files = [Path(path) for path in reader.capabilities.scan_paths]
    finally:
        reader.close()
    if sum(file.stat().st_size for file in files if file.is_file()) <= SMALL:
        patient.gate.purge(context, (index.name, SCRATCH), "doctor.scratch")
