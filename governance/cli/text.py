"""Makes names and titles from documents harmless for a terminal."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 200
ENDLESS: Final = 100_000
"""Columns of a file or a pipe, and characters of what is never cut."""


def clean(value: object, longest: int = LONGEST) -> str:
    r"""Give a value as one line that moves no cursor, changes no color and no reading direction.

    Whatever is not printable stands as an escape (`\x1b`, `\u202e`), blanks of any kind as a blank; what is longer
    than `longest` characters is cut.
    """
    text = str(value)
    if len(text) > longest:
        text = text[: longest - 3] + "..."
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def plural(count: int, word: str, many: str | None = None) -> str:
    """Give a count with its word: "1 page", "2 pages"; `many` where an s at the end is not enough."""
    return f"{count} {word if count == 1 else many or f'{word}s'}"


def _escaped(character: str) -> str:
    return " " if character.isspace() and character not in "\x0b\x0c\x1c\x1d\x1e\x1f\x85" else _code(character)


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
