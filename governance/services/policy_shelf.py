"""Documents arranged by their values, so that a thousand policies are held against all of them in no time.

Which documents a match takes is a number with one bit per document: and, or and not are those of numbers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Self

from governance.policy.match import All, AnyOf, Equals, Field, Match, Matches, Not, Subject
from governance.policy.model import PolicySet
from governance.services.policy_witness import Leaf, alone

if TYPE_CHECKING:
    from governance.catalog.unit_of_work import UnitOfWork


class Shelf:
    """Documents under one set of policies, which say of what retention class each is.

    Args:
        subjects: The documents; one that stands in several indexes once for each.
        policies: The set.

    Attributes:
        documents: How many documents there are, each counted once.

    """

    def __init__(self, subjects: Sequence[Subject], policies: PolicySet) -> None:
        self._values: dict[tuple[Field, str], dict[str, list[int]]] = defaultdict(dict)
        self._ordered: dict[tuple[Field, str], list[str]] = {}
        self._known: dict[Leaf, int] = {}
        self._all = (1 << len(subjects)) - 1
        self.subjects = list(subjects)
        self.documents = len({(subject.source, subject.path) for subject in subjects})
        for place, subject in enumerate(subjects):
            for field, key, value in _facts(subject):
                self._values[field, key].setdefault(value, []).append(place)
        self._classify(policies)

    @classmethod
    def of(cls, uow: UnitOfWork, policies: PolicySet) -> Self:
        """Arrange the documents of the catalog that are not gone."""
        indexes = uow.chunks.indexes_of()
        places = ((item, indexes.get((item.source, item.document), [None])) for item in uow.documents.every())
        return cls([Subject.of(item, index) for item, found in places for index in found], policies)

    @property
    def several(self) -> frozenset[str]:
        """The keys of metadata under which some document has more than one value."""
        metadata = (subject.metadata.items() for subject in self.subjects)
        return frozenset(key for items in metadata for key, values in items if len(values) > 1)

    def taken(self, match: Match, among: int | None = None) -> int:
        """Give the documents that a match takes, one bit for each: of all, or of those among which it is asked."""
        found = self._all if among is None else among
        match match:
            case All(parts):
                for part in sorted(parts, key=_effort):
                    found = self.taken(part, found) if found else 0
                return found
            case AnyOf(parts):
                return reduce(or_, (self.taken(part, found) for part in parts), 0)
            case Not(part):
                return found & ~self.taken(part, found)
            case leaf:
                return self._of_leaf(leaf, found)

    def one_of(self, bits: int) -> Subject:
        """Give the first of some documents."""
        return self.subjects[(bits & -bits).bit_length() - 1]

    def _classify(self, policies: PolicySet) -> None:
        left = self._all
        for policy in policies.policies:
            if policy.retention is None:
                continue
            taken = self.taken(policy.match, left)
            left &= ~taken
            name, places = policy.retention.class_name, self._values[Field.CLASS, ""]
            for place in places_of(taken):
                self.subjects[place] = replace(self.subjects[place], class_name=name)
                places.setdefault(name, []).append(place)

    def _of_leaf(self, leaf: Leaf, among: int) -> int:
        """Ask the documents in question where they are fewer than the values that may be meant, else ask the values."""
        known = self._known.get(leaf)
        if known is not None:
            return known & among
        values = self._candidates(leaf)
        if among.bit_count() < len(values):
            return self._bits(place for place in places_of(among) if leaf.holds(self.subjects[place]))
        here = self._values[leaf.field, leaf.key]
        meant = (value for value in values if value in here and leaf.holds(alone(leaf.field, leaf.key, value)))
        self._known[leaf] = self._bits(place for value in meant for place in here[value])
        return self._known[leaf] & among

    def _candidates(self, leaf: Leaf) -> Collection[str]:
        """Give the values that may be meant; those with another beginning are not looked at."""
        if isinstance(leaf, Equals):
            return leaf.values
        if not isinstance(leaf, Matches):
            return self._values[leaf.field, leaf.key]
        place = (leaf.field, leaf.key)
        if place not in self._ordered:
            self._ordered[place] = sorted(self._values[place])
        return {value for glob in leaf.globs for value in _beginning(self._ordered[place], glob.prefix)}

    def _bits(self, places: Iterable[int]) -> int:
        packed = bytearray(len(self.subjects) // 8 + 1)
        for place in places:
            packed[place >> 3] |= 1 << (place & 7)
        return int.from_bytes(packed, "little")


def _effort(match: Match) -> int:
    """Give how much it takes to ask a match, so that the cheapest is asked first and leaves little to the others."""
    if isinstance(match, All | AnyOf | Not):
        return 3
    if isinstance(match, Equals):
        return 0
    return 1 if isinstance(match, Matches) else 2


def _facts(subject: Subject) -> Iterator[tuple[Field, str, str]]:
    yield Field.SOURCE, "", subject.source
    yield Field.PATH, "", subject.path
    yield from ((Field.LABEL, "", label) for label in subject.labels)
    yield from ((Field.INDEX, "", index) for index in subject.values(Field.INDEX))
    yield from ((Field.METADATA, key, value) for key, values in subject.metadata.items() for value in values)


def _beginning(ordered: Sequence[str], prefix: str) -> Iterator[str]:
    """Give the texts that begin so, from an ordered list."""
    for place in range(bisect_left(ordered, prefix), len(ordered)):
        if not ordered[place].startswith(prefix):
            return
        yield ordered[place]


def places_of(bits: int) -> Iterator[int]:
    """Give the places of the bits that are set, in order."""
    for start, byte in enumerate(bits.to_bytes((bits.bit_length() + 7) // 8, "little")):
        if byte:
            yield from (start * 8 + bit for bit in range(8) if byte >> bit & 1)
