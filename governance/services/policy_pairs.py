"""Two policies of one kind that both take a document: whether the order in which they stand can be what was meant.

The first that matches decides, which is meant for special cases above general ones. Where neither of two policies is a
special case of the other, a document that both take is decided about by the order alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from governance.domain.values import canonical_json
from governance.policy.match import All, Equals, Field, Finds, Match, Matches, Subject
from governance.policy.model import Policy, PolicySet
from governance.services.policy_regex import extent_of
from governance.services.policy_shelf import Shelf, places_of
from governance.services.policy_witness import Witnesses, has_open_pattern

MOST_CLASHES: Final = 100
"""So many contradictions are told; then no further policies are compared."""
_MOST_ABOVE: Final = 8
_MOST_OPEN: Final = 2_000
"""Pairs with a regular expression of more than plain text that are compared."""
_NOT_DECIDED: Final = ("name", "match", "waivers")
"""What two policies may say differently and decide the same."""

_Place: TypeAlias = tuple[Field, str]


class Clash(NamedTuple):
    """Two policies that contradict each other on a document.

    Attributes:
        first: The one that decides, as the files stand.
        made_up: True where the catalog knows no such document.

    """

    first: Policy
    second: Policy
    subject: Subject
    made_up: bool


@dataclass(slots=True)
class Pairs:
    """What comparing every two policies of a kind came to.

    Attributes:
        never_decide: (policy, an earlier one that takes all that it takes).
        impossible: Policies whose conditions exclude each other, so that they can take no document.
        undecided: (policy, an earlier one) of which it could not be told whether they contradict each other.
        complete: False where the comparison ended at so many contradictions, or at so many regular expressions.

    """

    clashes: list[Clash] = field(default_factory=list)
    never_decide: list[tuple[Policy, Policy]] = field(default_factory=list)
    impossible: list[Policy] = field(default_factory=list)
    undecided: list[tuple[Policy, Policy]] = field(default_factory=list)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _One:
    """A policy with what is looked up again and again.

    Attributes:
        decision: What it decides, as one text.
        example: A document that it takes; None where none could be made up.
        taken: The catalog's documents that it takes, and `above` those that earlier policies of its kind take.
        is_open: Whether a regular expression in it takes more than globs can say.

    """

    policy: Policy
    decision: bytes
    example: Subject | None
    taken: int
    above: int
    is_open: bool

    @property
    def match(self) -> Match:
        return self.policy.match


def compare_policies(policies: PolicySet, shelf: Shelf | None = None) -> Pairs:
    """Hold every two policies of a kind against each other: on made-up documents, and on those of a catalog."""
    return _Comparer(policies, shelf).run()


class _Comparer:
    def __init__(self, policies: PolicySet, shelf: Shelf | None) -> None:
        self._policies = policies
        self._shelf = shelf
        self._witnesses = Witnesses(policies)
        self._result = Pairs()
        self._left = _MOST_OPEN

    def run(self) -> Pairs:
        by_kind: dict[str, list[_One]] = defaultdict(list)
        above: dict[str, int] = defaultdict(int)
        written = json.loads(self._policies.canonical)["policies"]
        for policy, body in zip(self._policies.policies, written, strict=True):
            taken = self._shelf.taken(policy.match) if self._shelf is not None else 0
            decision = canonical_json({key: value for key, value in body.items() if key not in _NOT_DECIDED})
            found = self._witnesses.find([policy.match])
            if found.subject is None and found.sure:
                self._result.impossible.append(policy)
            else:
                one = _One(policy, decision, found.subject, taken, above[policy.kind], has_open_pattern(policy.match))
                by_kind[policy.kind].append(one)
            above[policy.kind] |= taken
        for group in by_kind.values():
            self._compare(group)
        return self._result

    def _compare(self, group: Sequence[_One]) -> None:
        several = self._shelf.several if self._shelf is not None else frozenset()
        alike: dict[bytes, int] = defaultdict(int)
        for place, near in enumerate(_neighbors(group, several)):
            second = group[place]
            taking = (at for at in places_of(near) if second.example and group[at].match.holds(second.example))
            cover = next((at for at in taking if self._covers(group[at], second) is True), None)
            if cover is not None:
                self._covered(group, cover, place)
            elif not self._differs(group, place, near & ~alike[second.decision]):
                self._result.complete = False
                return
            alike[second.decision] |= 1 << place

    def _differs(self, group: Sequence[_One], place: int, near: int) -> bool:
        """Look for contradictions with earlier policies that decide differently; False ends the comparison."""
        for other in places_of(near):
            if group[place].is_open or group[other].is_open:
                self._left -= 1
                if self._left < 0:
                    return False
            covers = self._covers(group[place], group[other])
            if covers is True:
                continue
            found, sure = self._decided(group, other, place)
            if found is not None and covers is False:
                self._result.clashes.append(found)
                if len(self._result.clashes) >= MOST_CLASHES:
                    return False
            elif found is not None or not sure:
                self._result.undecided.append((group[place].policy, group[other].policy))
        return True

    def _covered(self, group: Sequence[_One], other: int, place: int) -> None:
        """Note a policy of which an earlier one takes everything; both ways round they contradict each other."""
        first, second = group[other], group[place]
        same = first.decision == second.decision or self._covers(second, first) is not True
        found = None if same else self._decided(group, other, place)[0]
        if found is None:
            self._result.never_decide.append((second.policy, first.policy))
        else:
            self._result.clashes.append(found)

    def _covers(self, large: _One, small: _One) -> bool | None:
        """Say whether a policy takes all that another one takes; None where that cannot be told."""
        if small.taken & ~large.taken:
            return False
        if small.example is not None and not large.match.holds(small.example):
            return False
        found = self._witnesses.find([small.match], [large.match])
        if found.subject is not None:
            return False
        return True if found.sure or self._witnesses.within(small.match, large.match) else None

    def _decided(self, group: Sequence[_One], other: int, place: int) -> tuple[Clash | None, bool]:
        """Give a document that both take and about which the first of them decides, and none above it.

        Where there is none, the second value says whether that is known.
        """
        first, second = group[other], group[place]
        known = first.taken & second.taken & ~first.above
        if known and self._shelf is not None:
            return Clash(first.policy, second.policy, self._shelf.one_of(known), made_up=False), True
        spared: list[Match] = []
        while len(spared) < _MOST_ABOVE:
            found, sure = self._witnesses.find([first.match, second.match], spared)
            if found is None:
                return None, sure
            above = next((item.match for item in group[:other] if item.match.holds(found)), None)
            if above is None:
                return Clash(first.policy, second.policy, found, made_up=True), True
            spared.append(above)
        return None, True


def _neighbors(group: Sequence[_One], several: Collection[str]) -> Iterator[int]:
    """Give, for each policy, the earlier ones that may take a document that it takes, one bit for each.

    Most policies of a large set are about folders, sources or departments of their own: those never meet.

    Args:
        group: The policies of one kind.
        several: Keys of metadata under which a document may have several values.

    """
    needs = [_needs(item.match, several) for item in group]
    masks = {key: _Mask(needs, key) for key in {key for need in needs for key in need}}
    begins = _Beginnings([_prefixes(item.match) for item in group])
    for place, need in enumerate(needs):
        found = begins.near(place) & ((1 << place) - 1)
        for key, values in need.items():
            found &= masks[key].of(values)
        yield found


class _Mask:
    """Which policies can take a document with one of some values, where a document has only one."""

    def __init__(self, needs: Sequence[dict[_Place, frozenset[str]]], key: _Place) -> None:
        self._open = 0
        self._by_value: dict[str, int] = defaultdict(int)
        for place, need in enumerate(needs):
            if key not in need:
                self._open |= 1 << place
            for value in need.get(key, ()):
                self._by_value[value] |= 1 << place

    def of(self, values: frozenset[str]) -> int:
        found = self._open
        for value in values:
            found |= self._by_value.get(value, 0)
        return found


class _Beginnings:
    """Which policies take paths that begin alike."""

    def __init__(self, prefixes: Sequence[frozenset[str]]) -> None:
        self._prefixes = prefixes
        self._by_prefix: dict[str, int] = defaultdict(int)
        for place, found in enumerate(prefixes):
            for prefix in found:
                self._by_prefix[prefix] |= 1 << place
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix})
        self._longer: dict[str, int] = defaultdict(int)
        for prefix, mask in self._by_prefix.items():
            for shorter in self._beginnings(prefix):
                self._longer[shorter] |= mask

    def near(self, place: int) -> int:
        """Give the policies of which a path may begin with what this one's begin with, or with less."""
        found = 0
        for prefix in self._prefixes[place]:
            found |= self._longer[prefix]
            for shorter in self._beginnings(prefix):
                found |= self._by_prefix[shorter]
        return found

    def _beginnings(self, prefix: str) -> Iterator[str]:
        for length in self._lengths:
            if length > len(prefix):
                return
            if prefix[:length] in self._by_prefix:
                yield prefix[:length]


def _parts(match: Match) -> tuple[Match, ...]:
    return match.parts if isinstance(match, All) else (match,)


def _needs(match: Match, several: Collection[str]) -> dict[_Place, frozenset[str]]:
    """Give the values of which a document must have one, field by field, where it can have no other beside."""
    found: dict[_Place, frozenset[str]] = {}
    for part in _parts(match):
        if isinstance(part, Equals) and part.field not in {Field.LABEL, Field.PATH} and part.key not in several:
            key = (part.field, part.key)
            found[key] = found.get(key, part.values) & part.values
    return found


def _prefixes(match: Match) -> frozenset[str]:
    """Give what a path must begin with, one of these."""
    for part in _parts(match):
        if isinstance(part, Equals) and part.field is Field.PATH:
            return part.values
        if isinstance(part, Matches) and part.field is Field.PATH:
            return frozenset(glob.prefix for glob in part.globs)
        if isinstance(part, Finds) and part.field is Field.PATH:
            around = [extent_of(pattern).around for pattern in part.patterns]
            return frozenset(glob.prefix if glob is not None else "" for glob in around)
    return frozenset({""})
