"""Whether entries fit together: streams of them with anything wrong that can be."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.domain.merkle import EMPTY_ROOT, HASH_BYTES, Frontier, leaf_hash, node_hash
from governance.services.log_check import BATCH, TOLD, Checked, Read, check_entries


@dataclass(frozen=True)
class Entry:
    """An entry before it is handed over."""

    seq: int
    body: str
    hashes: bytes | None

    @property
    def read(self) -> Read:
        return (self.seq, self.body, self.hashes)


def body_of(seq: int, word: str = "done") -> str:
    return f'{{"action":"a","outcome":"{word}","seq":{seq},"v":1}}'


def log_of(size: int) -> list[Entry]:
    frontier, found = Frontier(), []
    for seq in range(size):
        body = body_of(seq)
        found.append(Entry(seq, body, frontier.append(leaf_hash(body.encode()))))
    return found


def checked(entries: Sequence[Entry], sizes: Sequence[int] = ()) -> Checked:
    return check_entries((entry.read for entry in entries), sizes)


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, to the letter."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(naive_root(leaves[:half]), naive_root(leaves[half:]))


def root_of(size: int) -> bytes:
    return naive_root([leaf_hash(body_of(seq).encode()) for seq in range(size)])


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def changed(entries: list[Entry], at: int, **values: object) -> list[Entry]:
    entry = entries[at]
    given_ = {"seq": entry.seq, "body": entry.body, "hashes": entry.hashes, **values}
    return [*entries[:at], Entry(**given_), *entries[at + 1 :]]


WHOLE = log_of(2 * BATCH + 100)
BORDERS = (0, 1, 2, 1023, 1024, 1025, 1026, 2047, 2048, 2049)


def test_no_entry_at_all_is_an_empty_tree() -> None:
    found = checked([], [0, 1])
    assert (found.entries, found.problems, found.whole, found.roots) == (0, [], True, {0: EMPTY_ROOT})
    assert found.frontier.root == EMPTY_ROOT


@pytest.mark.parametrize("size", BORDERS)
def test_a_log_that_nobody_touched_fits_together_at_the_borders_of_batches(size: int) -> None:
    found = checked(WHOLE[:size])
    assert (found.entries, found.told, found.whole, found.changed) == (size, [], True, False)
    assert (found.frontier.size, found.frontier.root) == (size, root_of(size))


def test_the_roots_of_the_sizes_that_were_asked_for_are_given_and_no_others() -> None:
    sizes = [*BORDERS, 1024, 5, 5, -1, 2148, 2149, 10**18]
    found = checked(WHOLE, sizes)
    assert found.roots == {size: root_of(size) for size in sizes if 0 <= size <= 2148}
    assert checked(WHOLE).roots == {}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 200), st.lists(st.integers(-5, 250), max_size=12))
def test_roots_at_any_sizes_are_those_of_the_recursive_definition(size: int, sizes: list[int]) -> None:
    found = checked(WHOLE[:size], sizes)
    assert found.roots == {one: root_of(one) for one in sizes if 0 <= one <= size}
    assert found.told == []


def test_what_nothing_is_stored_beside_is_hashed_all_the_same() -> None:
    bare = [Entry(entry.seq, entry.body, None) for entry in WHOLE[:1500]]
    found = checked(bare, [1025])
    assert (found.told, found.roots, found.frontier.root) == ([], {1025: root_of(1025)}, root_of(1500))
    other = checked(changed(bare, 700, body=body_of(700, "refused")))
    assert other.told == []
    assert other.frontier.root != root_of(1500)


@pytest.mark.parametrize("at", [0, 1, 1022, 1023, 1024, 1025, 2047, 2048, 2147])
def test_a_changed_body_is_told_once_by_its_number(at: int) -> None:
    found = checked(changed(WHOLE, at, body=body_of(at, "refused")))
    assert found.told == [f"entry {at} says something else than when it was written"]
    assert found.changed
    assert found.frontier.root != root_of(len(WHOLE))


def test_two_changed_bodies_are_told_both() -> None:
    entries = changed(changed(WHOLE, 3, body=body_of(3, "x")), 1500, body=body_of(1500, "x"))
    assert [problem.split()[1] for problem in checked(entries).told] == ["3", "1500"]


def test_a_body_changed_with_its_leaf_hash_shows_in_the_tree_above_it() -> None:
    body = body_of(4, "refused")
    found = checked(changed(WHOLE[:6], 4, body=body, hashes=leaf_hash(body.encode())))
    assert found.told == ["the tree above entry 5 does not fit the entries below it"]


@pytest.mark.parametrize("hashes", [b"", b"short", b"\0" * 32])
def test_hashes_that_are_none_of_the_body_are_told(hashes: bytes) -> None:
    found = checked(changed(WHOLE, 7, hashes=hashes))
    assert found.told == ["entry 7 says something else than when it was written"]


def test_a_subtree_that_is_missing_wrong_or_too_much_is_told() -> None:
    entry = WHOLE[7]
    for hashes in (entry.hashes[:-HASH_BYTES], entry.hashes + b"\0" * 32, flipped(entry.hashes, 40), entry.hashes[:-1]):
        found = checked(changed(WHOLE, 7, hashes=hashes))
        assert found.told == ["the tree above entry 7 does not fit the entries below it"]
        assert found.frontier.root == root_of(len(WHOLE))


@pytest.mark.parametrize("at", [0, 5, 1023, 1024, 1030])
def test_an_entry_that_says_that_it_is_another_is_told_even_where_all_hashes_fit(at: int) -> None:
    frontier, entries = Frontier(), []
    for seq in range(1100):
        body = body_of(seq if seq != at else seq + 1)
        entries.append(Entry(seq, body, frontier.append(leaf_hash(body.encode()))))
    assert checked(entries).told == [f"entry {at} says that it is another one"]


@pytest.mark.parametrize("said", ["", '"seq":1', '"seq":12,', '"seq":-1,', '"seq": 1,', "'seq':1,"])
def test_only_its_own_number_is_an_entrys_own(said: str) -> None:
    bodies = [body_of(0), f'{{"action":"a",{said}"v":1}}']
    entries = [Entry(seq, body, None) for seq, body in enumerate(bodies)]
    assert checked(entries).told == ["entry 1 says that it is another one"]


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 2), (5, 5), (5, 9), (1022, 1023), (1023, 1023), (1024, 1024)])
def test_entries_that_are_missing_are_told_by_their_numbers(first: int, last: int) -> None:
    found = checked(WHOLE[:first] + WHOLE[last + 1 :], [first, first + 1, 2000])
    told = f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"
    assert found.told == [told]
    assert (found.whole, found.entries) == (False, len(WHOLE) - (last - first + 1))
    assert (found.frontier.size, found.frontier.root) == (first, root_of(first))
    assert found.roots == {first: root_of(first)}


def test_what_is_wrong_before_and_behind_a_gap_is_told_as_well() -> None:
    entries = changed(changed(WHOLE, 1, body=body_of(1, "x")), 2100, body=body_of(2100, "x"))
    found = checked(entries[:50] + entries[51:])
    assert found.told == [
        "entry 1 says something else than when it was written",
        "entry 50 is missing",
        "entry 2100 says something else than when it was written",
    ]


@pytest.mark.parametrize("at", [0, 5, 1023, 1024])
def test_an_entry_that_stands_twice_is_told(at: int) -> None:
    found = checked([*WHOLE[: at + 1], *WHOLE[at:]])
    assert found.told == [f"entry {at} stands twice"]
    assert (found.whole, found.entries, found.frontier.size) == (False, len(WHOLE) + 1, at + 1)


@pytest.mark.parametrize("at", [0, 5, 1023])
def test_entries_that_changed_places_are_told(at: int) -> None:
    entries = list(WHOLE)
    entries[at], entries[at + 1] = entries[at + 1], entries[at]
    assert checked(entries).told[0] == f"entry {at} is missing"


def test_thousands_of_problems_are_counted_and_twenty_of_them_told() -> None:
    entries = [Entry(entry.seq, body_of(entry.seq, "x"), entry.hashes) for entry in WHOLE]
    found = checked(entries)
    assert len(found.problems) == TOLD
    assert found.untold == len(WHOLE) - TOLD
    assert found.told == [*found.problems, f"and {len(WHOLE) - TOLD} more"]


def test_behind_a_gap_problems_are_counted_as_well() -> None:
    entries = [Entry(entry.seq, body_of(entry.seq, "x"), entry.hashes) for entry in WHOLE[1:]]
    found = checked(entries)
    assert found.told[0] == "entry 0 is missing"
    assert found.told[-1] == f"and {len(entries) + 1 - TOLD} more"


def test_a_text_that_is_no_unicode_is_an_entry_like_any_other() -> None:
    body = body_of(0, b"\xff\xfe".decode("utf-8", "surrogateescape"))
    leaf = leaf_hash(body.encode("utf-8", "surrogateescape"))
    assert checked([Entry(0, body, leaf)]).told == []
    assert checked([Entry(0, body, leaf_hash(b"other"))]).told != []


def test_memory_does_not_grow_with_the_log() -> None:
    def entries(count: int) -> Iterator[Read]:
        frontier = Frontier()
        for seq in range(count):
            body = body_of(seq) + " " * 500
            yield Entry(seq, body, frontier.append(leaf_hash(body.encode()))).read

    peaks = []
    for count in (2 * BATCH, 6 * BATCH):
        tracemalloc.start()
        found = check_entries(entries(count), [BATCH, count])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (found.entries, found.told) == (count, [])
    assert peaks[1] < peaks[0] * 1.5


# One mutation of anything


def drop(entries: list[Entry], at: int, _chance: random.Random) -> list[Entry]:
    return entries[:at] + entries[at + 1 :]


def double(entries: list[Entry], at: int, _chance: random.Random) -> list[Entry]:
    return entries[: at + 1] + entries[at:]


def swap(entries: list[Entry], at: int, chance: random.Random) -> list[Entry]:
    other = chance.choice([place for place in range(len(entries)) if place != at])
    found = list(entries)
    found[at], found[other] = found[other], found[at]
    return found


def swap_contents(entries: list[Entry], at: int, chance: random.Random) -> list[Entry]:
    """Give two entries each other's body and hashes, and leave the numbers."""
    other = chance.choice([place for place in range(len(entries)) if place != at])
    one, two = entries[at], entries[other]
    found = changed(entries, at, body=two.body, hashes=two.hashes)
    return changed(found, other, body=one.body, hashes=one.hashes)


def change_body(entries: list[Entry], at: int, chance: random.Random) -> list[Entry]:
    body = entries[at].body
    place = chance.randrange(len(body))
    return changed(entries, at, body=body[:place] + chr(ord(body[place]) ^ 1) + body[place + 1 :])


def change_body_and_leaf(entries: list[Entry], at: int, chance: random.Random) -> list[Entry]:
    [body] = [entry.body for entry in change_body(entries, at, chance) if entry.seq == at]
    return changed(entries, at, body=body, hashes=leaf_hash(body.encode()) + entries[at].hashes[HASH_BYTES:])


def change_number(entries: list[Entry], at: int, chance: random.Random) -> list[Entry]:
    return changed(entries, at, seq=entries[at].seq + chance.choice([-1, 1, 1000]))


def flip_hashes(entries: list[Entry], at: int, chance: random.Random) -> list[Entry]:
    hashes = entries[at].hashes
    return changed(entries, at, hashes=flipped(hashes, chance.randrange(len(hashes))))


def cut_hashes(entries: list[Entry], at: int, chance: random.Random) -> list[Entry]:
    hashes = entries[at].hashes
    return changed(entries, at, hashes=hashes[: chance.randrange(len(hashes))])


Mutation = Callable[[list[Entry], int, random.Random], list[Entry]]
MUTATIONS: tuple[Mutation, ...] = (
    drop,
    double,
    swap,
    swap_contents,
    change_body,
    change_body_and_leaf,
    change_number,
    flip_hashes,
    cut_hashes,
)


def check_mutation(size: int, at: int, mutation: Mutation, chance: random.Random) -> None:
    entries = WHOLE[:size]
    found = checked(mutation(entries, at % size, chance), [size])
    assert found.told or found.frontier.root != root_of(size)
    assert found.told or found.roots != {size: root_of(size)}


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 70), st.integers(0, 10**6), st.sampled_from(MUTATIONS), st.randoms(use_true_random=False))
def test_no_single_change_of_a_log_goes_unseen(size: int, at: int, mutation: Mutation, chance: random.Random) -> None:
    check_mutation(size, at, mutation, chance)


@pytest.mark.full
@settings(max_examples=3000, deadline=None)
@given(st.integers(2, 300), st.integers(0, 10**6), st.sampled_from(MUTATIONS), st.randoms(use_true_random=False))
def test_none_of_thousands_of_changes_of_a_log_goes_unseen(
    size: int, at: int, mutation: Mutation, chance: random.Random
) -> None:
    check_mutation(size, at, mutation, chance)
