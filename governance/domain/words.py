"""Words of a fixed list, and the one that somebody probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 40


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Give the word of the list that looks most like `word`, if any is close; case does not matter."""
    by_lower = {known.lower(): known for known in words}
    found = difflib.get_close_matches(word[:200].lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def shown(word: str) -> str:
    """Give a word as messages show it: in quotes, at most 40 characters, nothing that moves the cursor."""
    short = word if len(word) <= _LONGEST else word[: _LONGEST - 1] + "…"
    return "'" + "".join(c if c.isprintable() else "?" for c in short) + "'"


def suggestion(word: str, words: Iterable[str]) -> str:
    """Give a sentence that names the nearest word and the whole list."""
    known = sorted(words)
    near = nearest(word, known)
    listed = ", ".join(known)
    return f"did you mean '{near}'? Known here: {listed}" if near else f"known here: {listed}"
