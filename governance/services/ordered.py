"""Joining streams that are ordered by name, without keeping either."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Follower(Generic[T]):
    """Reads a stream of (name, value) that is ordered by name alongside another one."""

    def __init__(self, items: Iterable[tuple[str, T]]) -> None:
        self._items = iter(items)
        self._next = next(self._items, None)

    def at(self, name: str) -> T | None:
        """Give the value of a name, None when the stream has none; names must be asked for in order."""
        while self._next is not None and self._next[0] < name:
            self._next = next(self._items, None)
        return self._next[1] if self._next is not None and self._next[0] == name else None
