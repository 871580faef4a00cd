"""The hash tree over the log's entries (RFC 6962 section 2, RFC 9162 section 2.1), without a table of its nodes.

A complete subtree is named by `(level, index)`: it holds the `2**level` leaves that begin at `index << level`; level 0
is the leaves. The entry that completes subtrees carries their hashes: its leaf hash first, then one hash per level, as
many as its number ends with one bits. So every subtree that a proof needs stands in one entry, at `node_place`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from operator import add
from typing import Self, TypeAlias

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Subtree: TypeAlias = tuple[int, int]

_LEAF = b"\x00"
_NODE = b"\x01"
_WRONG_LENGTH = f"a hash of the tree is {HASH_BYTES} bytes long"
_SMALL_BATCH = 64  # up to here going through the levels costs more than it saves


def leaf_hash(body: bytes) -> bytes:
    """Give the hash of an entry's body: SHA-256 over a zero byte and the body."""
    return sha256(_LEAF + body).digest()


def leaf_hashes(bodies: Iterable[bytes]) -> list[bytes]:
    """Give the hash of every body, in order."""
    return [sha256(_LEAF + body).digest() for body in bodies]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Give the hash of a node above two subtrees: SHA-256 over a one byte and both hashes."""
    return sha256(_NODE + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Give the hash of the tree whose complete subtrees, largest first, have these hashes; EMPTY_ROOT for none."""
    if not hashes:
        return EMPTY_ROOT
    node = hashes[-1]
    for left in hashes[-2::-1]:
        node = sha256(_NODE + left + node).digest()
    return node


class Frontier:
    """All that must be remembered of a tree to go on appending to it: the hashes of its complete subtrees.

    Args:
        size: How many leaves the tree has.
        hashes: Hashes of the complete subtrees that the tree consists of, the largest (leftmost) first.

    Raises:
        ValueError: The size is negative, the hashes are not as many as the size has one bits, or one is not 32 bytes
            long.

    """

    __slots__ = ("_hashes", "_size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if size < 0 or len(hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves does not consist of {len(hashes)} complete subtrees")
        _check_lengths(hashes)
        self._size = size
        self._hashes = list(hashes)

    @classmethod
    def from_bytes(cls, size: int, blob: bytes) -> Self:
        """Read what `to_bytes` gave for a tree of that size.

        Raises:
            ValueError: The length does not fit the size.

        """
        return cls(size, [blob[at : at + HASH_BYTES] for at in range(0, len(blob), HASH_BYTES)])

    def to_bytes(self) -> bytes:
        """Give the hashes one after the other, the largest subtree's first."""
        return b"".join(self._hashes)

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The hashes of the complete subtrees, the largest first."""
        return tuple(self._hashes)

    @property
    def root(self) -> bytes:
        """The tree's root hash."""
        return fold(self._hashes)

    def append(self, leaf: bytes) -> bytes:
        """Add one leaf hash and give what its entry carries: that hash, then those of the subtrees it completes.

        Raises:
            ValueError: The leaf hash is not 32 bytes long.

        """
        if len(leaf) != HASH_BYTES:
            raise ValueError(_WRONG_LENGTH)
        carried = node = leaf
        left_over = self._size
        while left_over & 1:
            node = sha256(_NODE + self._hashes.pop() + node).digest()
            carried += node
            left_over >>= 1
        self._hashes.append(node)
        self._size += 1
        return carried

    def extend(self, leaves: Sequence[bytes]) -> list[bytes]:
        """Add many leaf hashes, faster than one by one, and give what each entry carries, as `append` would.

        Raises:
            ValueError: A leaf hash is not 32 bytes long; nothing was added.

        """
        _check_lengths(leaves)
        if len(leaves) <= _SMALL_BATCH:
            return [self.append(leaf) for leaf in leaves]
        first, level = self._size, 0
        nodes, carried = list(leaves), list(leaves)
        single: list[bytes] = []  # of each level the subtree without a right neighbor
        while nodes:
            if (first >> level) & 1:
                nodes.insert(0, self._hashes.pop())
            if len(nodes) & 1:
                single.append(nodes.pop())
            nodes = _parents(nodes)
            level += 1
            ending = slice(node_place(level, first >> level)[0] - first, None, 1 << level)
            carried[ending] = map(add, carried[ending], nodes)
        self._hashes += reversed(single)
        self._size += len(leaves)
        return carried


def node_place(level: int, index: int) -> tuple[int, int]:
    """Give where a complete subtree's hash stands: the number of the entry, and the offset in what it carries."""
    return ((index + 1) << level) - 1, level * HASH_BYTES


def frontier_subtrees(size: int) -> list[Subtree]:
    """Give the complete subtrees that a tree of that size consists of, largest first; their hashes fold to its root."""
    return _subtrees(0, size)


def inclusion_subtrees(index: int, size: int) -> list[list[Subtree]]:
    """Give what proves that a leaf is in the tree of that size (RFC 9162 section 2.1.3.1).

    Each inner list folds to one hash of the proof; the leaf's sibling comes first.

    Raises:
        ValueError: A tree of that size has no such leaf.

    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    siblings = []
    start, count = 0, size
    while count > 1:
        half = _left_half(count)
        if index < start + half:
            siblings.append(_subtrees(start + half, count - half))
            count = half
        else:
            siblings.append(_subtrees(start, half))
            start, count = start + half, count - half
    return siblings[::-1]


def consistency_subtrees(old: int, new: int) -> list[list[Subtree]]:
    """Give what proves that the tree of the old size is the beginning of the new one (RFC 9162 section 2.1.4.1).

    Each inner list folds to one hash of the proof. Empty when the sizes are equal or the old tree is empty: then there
    is nothing to prove.

    Raises:
        ValueError: A size is negative, or the old one is larger than the new one.

    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves does not begin with one of {old}")
    if old in {0, new}:
        return []
    parts = []
    start, count = 0, new
    while start + count != old:
        half = _left_half(count)
        if old <= start + half:
            parts.append(_subtrees(start + half, count - half))
            count = half
        else:
            parts.append(_subtrees(start, half))
            start, count = start + half, count - half
    if start:  # otherwise the subtree is the old tree itself, whose root the verifier has
        parts.append(_subtrees(start, count))
    return parts[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the path proves that the leaf hash stands at the index of the tree with that size and root.

    RFC 9162 section 2.1.3.2. A hash that is not 32 bytes long, an index outside the tree and a path of another length
    than the tree's shape demands prove nothing; nothing is ever raised.
    """
    if not 0 <= index < size or not _are_hashes((leaf, root, *path)):
        return False
    place, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Tell whether the path proves that the tree with the old size and root is the beginning of the new one.

    RFC 9162 section 2.1.4.2. Two trees of one size agree when their roots do and the path is empty. The empty tree is
    the beginning of every tree: its root must be EMPTY_ROOT and the path empty, and a tree with leaves cannot have
    that root. A hash that is not 32 bytes long and a path of another length than the trees' shapes demand prove
    nothing; nothing is ever raised.
    """
    if not 0 <= old <= new or not _are_hashes((old_root, new_root, *path)):
        return False
    if old == 0 and old_root != EMPTY_ROOT:
        return False
    if old == new:
        return old_root == new_root and not path
    if old == 0:
        return new_root != EMPTY_ROOT and not path
    return _is_continued(old, new, old_root, new_root, path)


def _is_continued(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Follow the path from the last complete subtree that both trees share up to both roots; 0 < old < new."""
    if not path:
        return False
    hashes = [old_root, *path] if old.bit_count() == 1 else path
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_node = new_node = hashes[0]
    for part in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old_node, new_node = node_hash(part, old_node), node_hash(part, new_node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new_node = node_hash(new_node, part)
        place, last = place >> 1, last >> 1
    return last == 0 and old_node == old_root and new_node == new_root


def _subtrees(start: int, count: int) -> list[Subtree]:
    """Give the complete subtrees, largest first, of a range whose start is a multiple of the largest."""
    found = []
    for level in reversed(range(count.bit_length())):
        if (count >> level) & 1:
            found.append((level, start >> level))
            start += 1 << level
    return found


def _left_half(count: int) -> int:
    """Give the largest power of two below the count, which must be at least two."""
    return 1 << ((count - 1).bit_length() - 1)


def _parents(nodes: Sequence[bytes]) -> list[bytes]:
    """Give the hashes of the nodes above an even number of neighbors."""
    pairs = iter(nodes)
    return [sha256(_NODE + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]


def _check_lengths(hashes: Sequence[bytes]) -> None:
    """Raise ValueError unless each is 32 bytes long."""
    if not set(map(len, hashes)) <= {HASH_BYTES}:
        raise ValueError(_WRONG_LENGTH)


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(isinstance(value, bytes) and len(value) == HASH_BYTES for value in values)
