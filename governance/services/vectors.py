"""What an index's vectors look like together: lengths, zeros, norms, and which model is said to have made them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from governance.domain.chunks import Record
from governance.domain.keys import ChunkFields
from governance.domain.values import Vector
from governance.services.sighting import model_name, model_of

UNIT_TOLERANCE: Final = 1e-3
"""How far a norm may lie from one and still be a unit vector's: float16 stores round by less."""
MOST_MODELS: Final = 20
"""Names that are told apart in a finding: a field that is another for each chunk names no model."""


@dataclass(slots=True)
class VectorFacts:
    """Counts over the vectors of one partition.

    Attributes:
        dimensions: By (vector's name, length).
        norms: By "unit", "other" and "zero".
        models: By name; "" over the chunks that name none.
        without: Ids of chunks without any vector, by nothing but themselves.
        zero: Ids of chunks with a vector of zeros alone.

    """

    chunks: int = 0
    dimensions: Counter[tuple[str, int]] = field(default_factory=Counter)
    norms: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    without: list[str] = field(default_factory=list)
    zero: list[str] = field(default_factory=list)

    def add(self, records: Iterable[Record], fields: ChunkFields) -> None:
        """Count a page."""
        for record in records:
            self.chunks += 1
            self.models[model_of(record.metadata, fields)] += 1
            if not record.vectors or not any(len(vector) for vector in record.vectors.values()):
                self.without.append(record.chunk_id)
                continue
            kinds = {name: _kind_of(vector) for name, vector in record.vectors.items()}
            self.dimensions.update((name, len(vector)) for name, vector in record.vectors.items())
            self.norms.update(kinds.values())
            if "zero" in kinds.values():
                self.zero.append(record.chunk_id)

    def differences(self) -> dict[str, Mapping[str, int]]:
        """Give in what the vectors of the index differ though they should not: by aspect, the counts.

        A few norms of one among many others are chance. Chunks that name no model differ from those that name one.
        """
        found: dict[str, Mapping[str, int]] = {}
        names = {name for name, _ in self.dimensions}
        lengths = {name: {str(n): c for (which, n), c in self.dimensions.items() if which == name} for name in names}
        for name, counts in sorted(lengths.items()):
            if len(counts) > 1:
                found[f"dimension of {model_name(name)}"] = counts
        if self.zero:
            found["zero vectors"] = {"zero": len(self.zero), "other": self.chunks - len(self.zero) - len(self.without)}
        unit, other = self.norms["unit"], self.norms["other"]
        if unit and other and unit * 100 >= unit + other:
            found["norm"] = {"unit": unit, "other": other}
        if len(self.models) > 1:
            found["model"] = dict(self.models.most_common(MOST_MODELS))
        return found


def _kind_of(vector: Vector) -> str:
    import numpy as np  # noqa: PLC0415 - only audits that read vectors need it

    # In float64: squares of very small numbers are not zero, and those of very large ones are numbers.
    values = np.frombuffer(vector.cast("B"), dtype=np.float32).astype(np.float64)
    square = float(np.dot(values, values))
    if square == 0.0:
        return "zero"
    return "unit" if abs(square - 1.0) <= 2 * UNIT_TOLERANCE else "other"
