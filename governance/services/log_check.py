"""Looks at every entry of the log again: the order, what each was hashed from, and the tree above them.

Pure: entries come in, what is wrong with them comes out. The same check serves a database and an export.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeAlias

from governance.domain.memory import collector_at_rest
from governance.domain.merkle import HASH_BYTES, Frontier, leaf_hash, leaf_hashes

BATCH: Final = 1024
TOLD: Final = 20
"""Problems that are told one by one; of more, only the number is."""


Read: TypeAlias = tuple[int, str, bytes | None]
"""An entry as it was read: its number, its body, and the hashes that were stored beside it, None where none are.

Bytes that are no UTF-8 stand in the body as `surrogateescape` decodes them.
"""


@dataclass(slots=True)
class Checked:
    """What came of it.

    Attributes:
        frontier: Of the tree over the entries, up to the first gap.
        entries: How many there are.
        roots: By size: the roots of the trees whose size was asked for.
        problems: Sentences; empty when the entries fit together.
        untold: How many more problems there are.
        whole: No entry was missing so far.
        changed: An entry was changed, so that the trees above it cannot fit either.

    """

    frontier: Frontier = field(default_factory=Frontier)
    entries: int = 0
    roots: dict[int, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    untold: int = 0
    whole: bool = True
    changed: bool = False

    def tell(self, problem: str) -> None:
        """Take a problem down; beyond a number of them they are only counted."""
        if len(self.problems) < TOLD:
            self.problems.append(problem)
        else:
            self.untold += 1

    @property
    def told(self) -> list[str]:
        """The problems, and how many more there are."""
        return [*self.problems, f"and {self.untold} more"] if self.untold else list(self.problems)


def check_entries(entries: Iterable[Read], sizes: Collection[int] = ()) -> Checked:
    """Check entries in order and give the roots of the trees of some sizes.

    Memory does not grow with the number of entries.
    """
    result = Checked()
    stops = sorted({size for size in sizes if size >= 0}, reverse=True)
    _note_root(result, stops)
    rows = iter(entries)
    with collector_at_rest():
        while batch := list(islice(rows, _until(result.frontier.size, stops))):
            result.entries += len(batch)
            if result.whole:
                _check_batch(result, batch)
                _note_root(result, stops)
            else:
                _check_scattered(result, batch)
    return result


def _until(size: int, stops: Sequence[int]) -> int:
    """Give how many entries to take: to the next size whose root is wanted, or to the end of an aligned batch."""
    aligned = BATCH - size % BATCH
    return min(aligned, stops[-1] - size) if stops else aligned


def _note_root(result: Checked, stops: list[int]) -> None:
    while stops and stops[-1] <= result.frontier.size:
        size = stops.pop()
        if size == result.frontier.size:
            result.roots[size] = result.frontier.root


def _check_batch(result: Checked, batch: Sequence[Read]) -> None:
    first = result.frontier.size
    numbers, texts, stored = zip(*batch, strict=True)
    if numbers != tuple(range(first, first + len(batch))):
        _check_up_to_gap(result, batch)
        return
    if set(map(type, texts)) != {str}:
        texts = tuple(map(_text, texts))
    leaves = leaf_hashes(map(_bytes, texts))
    expected = result.frontier.extend(leaves)
    if stored != tuple(expected):
        _tell_hashes(result, batch, leaves, expected)
    for number, text in zip(numbers, texts, strict=True):
        if f'"seq":{number},' not in text:
            result.tell(f"entry {number} says that it is another one")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


# SQLite keeps any value in any column, and whoever owns the database can put it there.


def _text(body: object) -> str:
    return body if isinstance(body, str) else ""


def _leaf_in(hashes: object) -> bytes:
    return hashes[:HASH_BYTES] if isinstance(hashes, bytes) else b""


def _named(number: object) -> str:
    return f"entry {number}" if isinstance(number, int) else "an entry without a number"


def _tell_hashes(result: Checked, batch: Sequence[Read], leaves: Sequence[bytes], expected: Sequence[bytes]) -> None:
    for (number, _, hashes), leaf, blob in zip(batch, leaves, expected, strict=True):
        if hashes is None or hashes == blob:
            continue
        if _leaf_in(hashes) != leaf:
            result.tell(f"entry {number} says something else than when it was written")
            result.changed = True
        elif not result.changed:
            result.tell(f"the tree above entry {number} does not fit the entries below it")


def _check_up_to_gap(result: Checked, batch: Sequence[Read]) -> None:
    """Take the entries that stand where they should, then go on without a tree."""
    first = result.frontier.size
    fitting = list(_fitting(batch, first))
    if fitting:
        _check_batch(result, fitting)
    result.whole = False
    rest = batch[len(fitting) :]
    result.tell(_gap(first + len(fitting), rest[0][0]))
    _check_scattered(result, rest)


def _gap(expected: int, found: object) -> str:
    if not isinstance(found, int):
        return f"an entry without a number stands where entry {expected} should"
    if found <= expected:
        return f"entry {found} stands twice"
    return f"entry {expected} is missing" if found == expected + 1 else f"entries {expected} to {found - 1} are missing"


def _fitting(batch: Sequence[Read], first: int) -> Iterator[Read]:
    for place, row in enumerate(batch, first):
        if row[0] != place:
            return
        yield row


def _check_scattered(result: Checked, batch: Sequence[Read]) -> None:
    """Check each entry by itself: after a gap there is no tree to hold it against."""
    for number, text, hashes in batch:
        if hashes is not None and _leaf_in(hashes) != leaf_hash(_bytes(_text(text))):
            result.tell(f"{_named(number)} says something else than when it was written")
