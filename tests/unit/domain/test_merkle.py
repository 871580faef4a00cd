from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    Frontier,
    Subtree,
    consistency_subtrees,
    fold,
    frontier_subtrees,
    inclusion_subtrees,
    leaf_hash,
    leaf_hashes,
    node_hash,
    node_place,
    verify_consistency,
    verify_inclusion,
)

LARGEST = 129
BODIES = [f'{{"seq":{number}}}'.encode() for number in range(LARGEST + 1)]
LEAVES = [sha256(b"\x00" + body).digest() for body in BODIES]

# Certificate Transparency's reference leaves and the roots of their first 1 to 8.
REFERENCE_BODIES = [
    bytes.fromhex(body)
    for body in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
REFERENCE_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
REFERENCE_INCLUSION = {  # (index, size): path
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
REFERENCE_CONSISTENCY = {  # (old, new): path
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}


# RFC 6962 section 2.1 word by word, over the range [start, end) of LEAVES; shares nothing with what is tested. Each
# step of a proof is (how the verifier uses it, hash).


@cache
def naive_root(start: int, end: int) -> bytes:
    if start == end:
        return sha256(b"").digest()
    if end - start == 1:
        return LEAVES[start]
    half = naive_half(end - start)
    return sha256(b"\x01" + naive_root(start, start + half) + naive_root(start + half, end)).digest()


def naive_half(count: int) -> int:
    half = 1
    while half * 2 < count:
        half *= 2
    return half


def naive_path(index: int, start: int, end: int) -> list[tuple[str, bytes]]:
    if end - start == 1:
        return []
    half = naive_half(end - start)
    if index < half:
        return [*naive_path(index, start, start + half), ("right", naive_root(start + half, end))]
    return [*naive_path(index - half, start + half, end), ("left", naive_root(start, start + half))]


def naive_proof(old: int, start: int, end: int, *, whole: bool = True) -> list[tuple[str, bytes]]:
    if old == end - start:
        return [] if whole else [("both", naive_root(start, end))]
    half = naive_half(end - start)
    if old <= half:
        return [*naive_proof(old, start, start + half, whole=whole), ("right", naive_root(start + half, end))]
    rest = naive_proof(old - half, start + half, end, whole=False)
    return [*rest, ("left", naive_root(start, start + half))]


def hashes_of(steps: Iterable[tuple[str, bytes]]) -> list[bytes]:
    return [one for _, one in steps]


def shape_of(steps: Iterable[tuple[str, bytes]]) -> list[str]:
    return [how for how, _ in steps]


def root_of(size: int) -> bytes:
    return naive_root(0, size)


def appended(leaves: Iterable[bytes]) -> tuple[Frontier, list[bytes]]:
    frontier = Frontier()
    return frontier, [frontier.append(leaf) for leaf in leaves]


CARRIED = appended(LEAVES)[1]


def stored(subtree: Subtree, size: int) -> bytes:
    """Read a subtree's hash as a log of that size does."""
    entry, offset = node_place(*subtree)
    assert entry < size
    found = CARRIED[entry][offset : offset + HASH_BYTES]
    assert len(found) == HASH_BYTES
    return found


def folded(parts: Iterable[Iterable[Subtree]], size: int) -> list[bytes]:
    return [fold([stored(one, size) for one in part]) for part in parts]


def inclusion_path(index: int, size: int) -> list[bytes]:
    return folded(inclusion_subtrees(index, size), size)


def consistency_path(old: int, new: int) -> list[bytes]:
    return folded(consistency_subtrees(old, new), new)


def test_the_empty_tree_has_the_known_root() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Frontier().root == fold([]) == EMPTY_ROOT


def test_the_reference_leaves_of_certificate_transparency_give_its_roots() -> None:
    frontier = Frontier()
    for body, root in zip(REFERENCE_BODIES, REFERENCE_ROOTS, strict=True):
        frontier.append(leaf_hash(body))
        assert frontier.root.hex() == root


def test_the_reference_proofs_of_certificate_transparency_are_accepted() -> None:
    leaves, roots = leaf_hashes(REFERENCE_BODIES), [bytes.fromhex(root) for root in ["", *REFERENCE_ROOTS]]
    for (index, size), path in REFERENCE_INCLUSION.items():
        assert verify_inclusion(leaves[index], index, size, [bytes.fromhex(one) for one in path], roots[size])
    for (old, new), path in REFERENCE_CONSISTENCY.items():
        assert verify_consistency(old, new, roots[old], roots[new], [bytes.fromhex(one) for one in path])


def test_leaves_and_nodes_are_hashed_apart() -> None:
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) == sha256(b"\x00" + left + right).digest()
    assert node_hash(left, right) == sha256(b"\x01" + left + right).digest()
    assert leaf_hashes(BODIES) == [leaf_hash(body) for body in BODIES] == LEAVES


def test_every_root_up_to_129_leaves_is_that_of_the_recursive_definition() -> None:
    frontier = Frontier()
    for size in range(LARGEST + 1):
        assert frontier.size == size
        assert frontier.root == root_of(size)
        assert fold([stored(one, size) for one in frontier_subtrees(size)]) == root_of(size)
        assert list(frontier.hashes) == [stored(one, size) for one in frontier_subtrees(size)]
        frontier.append(LEAVES[size])


def test_an_entry_carries_its_leaf_and_every_subtree_that_ends_with_it() -> None:
    for entry, carried in enumerate(CARRIED):
        levels = [level for level in range(8) if (entry + 1) % 2**level == 0]
        assert carried == b"".join(naive_root(entry + 1 - 2**level, entry + 1) for level in levels)


def test_every_inclusion_proof_up_to_129_leaves_is_the_recursive_one_and_accepted() -> None:
    tried = 0
    for size in range(1, LARGEST + 1):
        for index in range(size):
            path = inclusion_path(index, size)
            assert path == hashes_of(naive_path(index, 0, size))
            assert verify_inclusion(LEAVES[index], index, size, path, root_of(size))
            tried += 1
    assert tried == 8385


def test_every_consistency_proof_up_to_129_leaves_is_the_recursive_one_and_accepted() -> None:
    tried = 0
    for new in range(1, LARGEST + 1):
        for old in range(1, new + 1):
            path = consistency_path(old, new)
            assert path == hashes_of(naive_proof(old, 0, new))
            assert verify_consistency(old, new, root_of(old), root_of(new), path)
            tried += 1
    assert tried == 8385


NO_HASHES = (b"", bytes(31), bytes(33), bytes(64))
STRANGERS = (EMPTY_ROOT, bytes(HASH_BYTES), sha256(b"somebody else's").digest())


def flipped(value: bytes) -> Iterator[bytes]:
    yield bytes([value[0] ^ 0x80]) + value[1:]
    yield value[:-1] + bytes([value[-1] ^ 1])


def wrong_hashes(value: bytes) -> Iterator[bytes]:
    """Give what must not be taken for a hash: one with a flipped bit, cut, doubled, empty, another one's."""
    yield from flipped(value)
    yield value[:-1]
    yield value + b"\x00"
    yield value + value
    yield from NO_HASHES
    yield from STRANGERS


def wrong_paths(path: list[bytes], known: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Give every path with one hash changed, taken away, doubled or slipped in, and rearranged ones."""
    for at, one in enumerate(path):
        for wrong in wrong_hashes(one):
            yield [*path[:at], wrong, *path[at + 1 :]]
        yield [*path[:at], *path[at + 1 :]]
        yield [*path[:at], one, *path[at:]]
    for at in range(len(path) + 1):
        for slipped_in in (*known, *NO_HASHES[:1], *STRANGERS):
            yield [*path[:at], slipped_in, *path[at:]]
    for at in range(len(path) - 1):
        yield [*path[:at], path[at + 1], path[at], *path[at + 2 :]]
    if path:
        yield []
    if len(path) > 2:
        yield path[::-1]
    yield [*path, *path, *STRANGERS]


def false_inclusions(index: int, size: int, sizes: Iterable[int]) -> Iterator[tuple[object, ...]]:
    """Give every change of a true inclusion proof that is accepted all the same."""
    leaf, root, steps = LEAVES[index], root_of(size), naive_path(index, 0, size)
    path = hashes_of(steps)
    assert verify_inclusion(leaf, index, size, path, root)
    tries: list[tuple[bytes, int, int, list[bytes], bytes]] = []
    tries += [(leaf, index, size, wrong, root) for wrong in wrong_paths(path, (leaf, root))]
    tries += [(wrong, index, size, path, root) for wrong in (*wrong_hashes(leaf), root) if wrong != leaf]
    tries += [(leaf, index, size, path, wrong) for wrong in (*wrong_hashes(root), leaf) if wrong != root]
    tries += [(leaf, wrong, size, path, root) for wrong in range(-2, size + 3) if wrong != index]
    tries += [(LEAVES[wrong], index, size, path, root) for wrong in range(LARGEST) if wrong != index]
    for wrong in sizes:
        if wrong == size:
            continue
        tries.append((leaf, index, wrong, path, root_of(max(wrong, 0))))
        # A root is bound to its size by the signature over both; a path shows only the tree's shape around the leaf.
        if index >= wrong or shape_of(naive_path(index, 0, wrong)) != shape_of(steps):
            tries.append((leaf, index, wrong, path, root))
    return (one for one in tries if verify_inclusion(*one))


def false_consistencies(old: int, new: int, sizes: Iterable[int]) -> Iterator[tuple[object, ...]]:
    """Give every change of a true consistency proof that is accepted all the same."""
    old_root, new_root, steps = root_of(old), root_of(new), naive_proof(old, 0, new)
    path = hashes_of(steps)
    assert verify_consistency(old, new, old_root, new_root, path)
    tries: list[tuple[int, int, bytes, bytes, list[bytes]]] = []
    tries += [(old, new, old_root, new_root, wrong) for wrong in wrong_paths(path, (old_root, new_root))]
    tries += [(old, new, wrong, new_root, path) for wrong in (*wrong_hashes(old_root), new_root) if wrong != old_root]
    tries += [(old, new, old_root, wrong, path) for wrong in (*wrong_hashes(new_root), old_root) if wrong != new_root]
    if old != new:
        tries += [(new, old, new_root, old_root, path), (old, new, new_root, old_root, path)]
        tries += [(old, new, new_root, new_root, path), (old, new, old_root, old_root, path)]
    for wrong in sizes:
        for a, b in ((wrong, new), (old, wrong)):
            if (a, b) == (old, new):
                continue
            if not 1 <= a <= b:
                tries.append((a, b, old_root, new_root, path))
                continue
            if (root_of(a), root_of(b)) != (old_root, new_root) and hashes_of(naive_proof(a, 0, b)) != path:
                tries.append((a, b, root_of(a), root_of(b), path))
            if proof_shape(a, b) != proof_shape(old, new):
                tries.append((a, b, old_root, new_root, path))
    return (one for one in tries if verify_consistency(*one))


def proof_shape(old: int, new: int) -> list[str]:
    """Give how a verifier puts the two roots together; the same for two pairs of sizes that no path tells apart."""
    steps = shape_of(naive_proof(old, 0, new))
    return ["same"] if old == new else steps if steps[0] == "both" else ["old root", *steps]


CHOSEN = [*range(1, 18), 31, 32, 33, 64, 65, 129]


@pytest.mark.parametrize("size", CHOSEN)
def test_no_change_of_an_inclusion_proof_is_accepted(size: int) -> None:
    for index in range(size) if size < 18 else {0, 1, size // 2 - 1, size // 2, size - 2, size - 1}:
        sizes = {*range(-1, 2 * size if size < 18 else 0), size // 2, size - 1, size + 1, LARGEST}
        assert not list(false_inclusions(index, size, sizes))


@pytest.mark.parametrize("new", CHOSEN)
def test_no_change_of_a_consistency_proof_is_accepted(new: int) -> None:
    for old in range(1, new + 1) if new < 18 else {1, 2, new // 2, new // 2 + 1, new - 2, new - 1, new}:
        sizes = {*range(-1, 2 * new if new < 18 else 0), new // 2, new - 1, new + 1, LARGEST}
        assert not list(false_consistencies(old, new, sizes))


@pytest.mark.full
@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_no_change_of_any_proof_up_to_129_leaves_is_accepted(size: int) -> None:
    sizes = range(-1, LARGEST + 1)
    for other in range(size):
        assert not list(false_inclusions(other, size, sizes))
        assert not list(false_consistencies(other + 1, size, sizes))


def test_the_path_of_a_tree_with_one_leaf_is_empty_and_its_leaf_the_root() -> None:
    assert inclusion_subtrees(0, 1) == []
    assert verify_inclusion(LEAVES[0], 0, 1, [], LEAVES[0])
    assert not verify_inclusion(LEAVES[0], 0, 1, [LEAVES[0]], LEAVES[0])
    assert not verify_inclusion(LEAVES[0], 0, 1, [], LEAVES[1])
    assert not verify_inclusion(b"", 0, 1, [], b"")
    assert not verify_inclusion(bytes(33), 0, 1, [], bytes(33))


def test_nothing_is_in_the_empty_tree() -> None:
    assert not verify_inclusion(EMPTY_ROOT, 0, 0, [], EMPTY_ROOT)
    assert not verify_inclusion(LEAVES[0], -1, 0, [], LEAVES[0])
    assert not verify_inclusion(LEAVES[0], 0, -1, [], LEAVES[0])


def test_a_shorter_path_does_not_make_an_inner_node_a_leaf() -> None:
    inner = naive_root(0, 2)
    assert not verify_inclusion(inner, 0, 4, [naive_root(2, 4)], root_of(4))


@pytest.mark.parametrize("size", range(1, 18))
def test_a_path_of_another_length_is_refused_even_where_it_leads_to_the_root(size: int) -> None:
    other, root = STRANGERS[-1], root_of(size)
    above = [node_hash(other, root), node_hash(root, other)]
    for index in range(size):
        steps = naive_path(index, 0, size)
        for fitting in above:
            assert not verify_inclusion(LEAVES[index], index, size, [*hashes_of(steps), other], fitting)
        below = LEAVES[index]
        for length, (how, sibling) in enumerate(steps):
            assert not verify_inclusion(LEAVES[index], index, size, hashes_of(steps[:length]), below)
            below = node_hash(sibling, below) if how == "left" else node_hash(below, sibling)
        assert below == root


@pytest.mark.parametrize("new", range(2, 18))
def test_a_consistency_path_of_another_length_is_refused_even_where_it_leads_to_both_roots(new: int) -> None:
    other = STRANGERS[-1]
    for old in range(1, new):
        path, old_root, new_root = hashes_of(naive_proof(old, 0, new)), root_of(old), root_of(new)
        old_roots = [old_root, node_hash(other, old_root), node_hash(old_root, other)]
        for fitting in (node_hash(other, new_root), node_hash(new_root, other)):
            assert not any(verify_consistency(old, new, root, fitting, [*path, other]) for root in old_roots)
        half = naive_half(new)
        if old < half:  # the path's last hash is the right half, which only the new tree has
            assert not verify_consistency(old, new, old_root, root_of(half), path[:-1])


@pytest.mark.parametrize("wrong", NO_HASHES)
def test_a_hash_of_another_length_is_refused_even_where_it_leads_to_the_root(wrong: bytes) -> None:
    leaf = LEAVES[0]
    assert not verify_inclusion(wrong, 0, 2, [leaf], sha256(b"\x01" + wrong + leaf).digest())
    assert not verify_inclusion(leaf, 0, 2, [wrong], sha256(b"\x01" + leaf + wrong).digest())
    assert not verify_consistency(1, 2, leaf, sha256(b"\x01" + leaf + wrong).digest(), [wrong])
    assert not verify_consistency(1, 2, wrong, sha256(b"\x01" + wrong + leaf).digest(), [leaf])


def test_two_trees_of_one_size_agree_only_by_their_roots_and_without_a_path() -> None:
    assert consistency_subtrees(5, 5) == []
    assert verify_consistency(5, 5, root_of(5), root_of(5), [])
    assert not verify_consistency(5, 5, root_of(5), root_of(4), [])
    assert not verify_consistency(5, 5, root_of(5), root_of(5), [root_of(5)])
    assert not verify_consistency(5, 5, b"", b"", [])
    assert not verify_consistency(5, 5, bytes(31), bytes(31), [])


def test_equal_roots_of_different_sizes_do_not_agree() -> None:
    for path in ([], [root_of(4)], hashes_of(naive_proof(4, 0, 8))):
        assert not verify_consistency(4, 8, root_of(4), root_of(4), path)


def test_the_empty_tree_begins_every_tree_and_needs_its_own_root_and_no_path() -> None:
    assert consistency_subtrees(0, 7) == consistency_subtrees(0, 0) == []
    assert verify_consistency(0, 7, EMPTY_ROOT, root_of(7), [])
    assert verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    assert not verify_consistency(0, 7, root_of(7), root_of(7), [])
    assert not verify_consistency(0, 7, bytes(32), root_of(7), [])
    assert not verify_consistency(0, 7, EMPTY_ROOT, root_of(7), [root_of(7)])
    assert not verify_consistency(0, 7, EMPTY_ROOT, b"", [])
    assert not verify_consistency(0, 7, b"", root_of(7), [])


def test_the_empty_root_is_that_of_no_other_tree() -> None:
    assert not verify_consistency(0, 7, EMPTY_ROOT, EMPTY_ROOT, [])
    assert not verify_consistency(0, 0, root_of(7), root_of(7), [])
    assert not verify_consistency(0, 0, EMPTY_ROOT, root_of(7), [])
    assert not verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [EMPTY_ROOT])


def test_an_older_tree_is_not_larger_nor_negative() -> None:
    path = hashes_of(naive_proof(4, 0, 8))
    assert not verify_consistency(8, 4, root_of(8), root_of(4), path)
    assert not verify_consistency(-1, 4, EMPTY_ROOT, root_of(4), [])
    assert not verify_consistency(-2, -1, EMPTY_ROOT, EMPTY_ROOT, [])


def test_what_is_no_bytes_is_no_hash_and_raises_nothing() -> None:
    text = "x" * HASH_BYTES
    assert not verify_inclusion(LEAVES[0], 0, 2, [text], root_of(2))  # type: ignore[list-item]  # the point of the test
    assert not verify_consistency(2, 3, root_of(2), root_of(3), [None])  # type: ignore[list-item]  # as above


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_a_leaf_and_the_subtrees_of_its_proof_cover_the_tree_once(one: int, other: int) -> None:
    index, size = sorted((one, other + (one == other)))
    parts = [*inclusion_subtrees(index, size), [(0, index)]]
    assert len(parts) - 1 <= 63
    assert_covered(parts, size)


@given(st.integers(1, 2**62), st.integers(1, 2**62))
def test_the_subtrees_of_a_consistency_proof_cover_what_it_joins(one: int, other: int) -> None:
    old, new = sorted((one, other + (one == other)))
    parts = consistency_subtrees(old, new)
    if old.bit_count() == 1:
        parts.append([(old.bit_length() - 1, 0)])
    assert_covered(parts, new)
    assert old in {(index + 1) << level for part in parts for level, index in part}


def assert_covered(parts: list[list[Subtree]], size: int) -> None:
    spans = sorted((index << level, (index + 1) << level) for part in parts for level, index in part)
    assert [spans[0][0], *(end for _, end in spans)] == [*(start for start, _ in spans), size]
    assert spans[0][0] == 0
    assert all(node_place(level, index)[0] < size for part in parts for level, index in part)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (7, 5), (-1, 3)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"has no leaf {index}"):
        inclusion_subtrees(index, size)


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 3), (-3, -1)])
def test_a_larger_tree_is_not_the_beginning_of_a_smaller_one(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="does not begin"):
        consistency_subtrees(old, new)


def test_a_batch_carries_what_its_leaves_would_carry_one_by_one_wherever_it_begins() -> None:
    for start in range(34):
        for end in range(start, 131):
            frontier = Frontier()
            frontier.extend(LEAVES[:start])
            assert frontier.extend(LEAVES[start:end]) == CARRIED[start:end]
            assert (frontier.size, frontier.root) == (end, root_of(end))


@given(st.integers(0, 2**60), st.lists(st.integers(0, 200), max_size=4), st.integers(0, 2**32))
def test_batches_of_any_lengths_grow_the_same_tree_as_single_leaves(size: int, lengths: list[int], seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - test data
    hashes = [chance.randbytes(HASH_BYTES) for _ in range(size.bit_count())]
    single, batched = Frontier(size, hashes), Frontier(size, hashes)
    for length in lengths:
        leaves = [chance.randbytes(HASH_BYTES) for _ in range(length)]
        assert batched.extend(leaves) == [single.append(leaf) for leaf in leaves]
        assert (batched.size, batched.hashes) == (single.size, single.hashes)


def test_a_batch_leaves_what_it_was_given_alone() -> None:
    leaves = LEAVES[:77]
    frontier = Frontier()
    frontier.extend(leaves)
    assert leaves == LEAVES[:77]


@pytest.mark.parametrize("size", [0, 1, 6, 128, 129])
def test_a_frontier_comes_back_from_its_bytes(size: int) -> None:
    frontier, _ = appended(LEAVES[:size])
    again = Frontier.from_bytes(size, frontier.to_bytes())
    assert (again.size, again.hashes, again.root) == (size, frontier.hashes, root_of(size))
    again.append(LEAVES[size])
    assert again.root == root_of(size + 1)
    assert frontier.root == root_of(size)


@pytest.mark.parametrize(("size", "length"), [(0, 1), (0, 32), (1, 0), (1, 31), (1, 33), (3, 32), (3, 96), (3, 63)])
def test_bytes_of_another_length_are_no_frontier_of_that_size(size: int, length: int) -> None:
    with pytest.raises(ValueError, match=r"complete subtrees|32 bytes"):
        Frontier.from_bytes(size, bytes(length))


@pytest.mark.parametrize(("size", "hashes"), [(1, ()), (-1, (bytes(32),)), (2, (bytes(32), bytes(32))), (1, (b"",))])
def test_a_frontier_consists_of_as_many_hashes_as_its_size_demands(size: int, hashes: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match=r"complete subtrees|32 bytes"):
        Frontier(size, hashes)


@pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(33)])
def test_a_leaf_hash_of_another_length_is_refused_and_changes_nothing(wrong: bytes) -> None:
    frontier, _ = appended(LEAVES[:5])
    with pytest.raises(ValueError, match="32 bytes"):
        frontier.append(wrong)
    with pytest.raises(ValueError, match="32 bytes"):
        frontier.extend([LEAVES[5], wrong])
    with pytest.raises(ValueError, match="32 bytes"):
        frontier.extend([*LEAVES[5:90], wrong])
    assert (frontier.size, frontier.root) == (5, root_of(5))
