"""Many chunks in memory at eight bytes each: by hashes that mean something in this process only.

An object per chunk would take hundreds of bytes. Two different chunks share a hash of 64 bits in one pass over a
million with a chance of one in forty million; Python draws the hashes anew for each process, so nobody can aim at one.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from governance.catalog.sightings import Sighting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Hashes:
    """A set of hashes. Takes the array over: it must not be changed any more."""

    def __init__(self, values: array[int]) -> None:
        self._values = _view(values)
        self._values.sort()  # in place: no second copy

    def __len__(self) -> int:
        """Give how many distinct ones there are."""
        return int((self._values[1:] != self._values[:-1]).sum()) + 1 if len(self._values) else 0

    def __contains__(self, value: int) -> bool:
        return self.place_of(value) is not None

    def place_of(self, value: int) -> int | None:
        """Give where a hash stands, None when it is not there."""
        place = int(self._values.searchsorted(value))
        return place if place < len(self._values) and int(self._values[place]) == value else None

    def places_of(self, values: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Give where each hash stands, and whether it does; of an empty set nothing can be asked."""
        places = self._values.searchsorted(values)
        places[places == len(self._values)] = 0
        return places, self._values[places] == values


class Recall:
    """What the catalog knew of a partition when a pass began: tells at once which chunks are as they were.

    Args:
        prints: Hashes of sightings, from `Sightings.prints`; the array is taken over.

    """

    def __init__(self, prints: array[int]) -> None:
        import numpy as np  # noqa: PLC0415 - only passes over indexes need it

        self._known = Hashes(prints)
        self._struck = np.zeros(len(prints), dtype=np.bool_)

    def unlike(self, seen: Sequence[Sighting]) -> list[Sighting]:
        """Give the chunks seen that the catalog did not know so, in their order."""
        if not len(self._struck):
            return list(seen)
        places, known = self._known.places_of(_view(array("q", map(hash, seen))))
        known &= ~self._struck[places]
        return [] if known.all() else [item for item, same in zip(seen, known.tolist(), strict=True) if not same]

    def strike(self, item: Sighting) -> None:
        """Note that the catalog no longer knows a chunk so."""
        place = self._known.place_of(hash(item))
        if place is not None:
            self._struck[place] = True


def among(values: array[int], wanted: Collection[int]) -> set[int]:
    """Give which of the wanted hashes are among many unsorted ones."""
    import numpy as np  # noqa: PLC0415 - only passes over indexes need it

    view = _view(values)
    return set(view[np.isin(view, list(wanted))].tolist())


def _view(values: array[int]) -> NDArray[np.int64]:
    import numpy as np  # noqa: PLC0415 - only passes over indexes need it

    return np.frombuffer(values, dtype=np.int64) if values else np.empty(0, dtype=np.int64)
