"""Regular expressions of a policy, run by RE2: time in proportion to the text's length, whatever the pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

MAX_LENGTH: Final = 500
MAX_MEMORY: Final = 262_144
_KEPT: Final = 1024
"""Compiled patterns that are kept at once, so that no set takes more than this times MAX_MEMORY."""
_SAID: Final = 80
_CLASS: Final = re.compile(r"\\[pP]\{[^}]*\}|\[\^?\]?(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*\]")
_AROUND: Final = re.compile(r"\(\?<?[=!]")
_BACK: Final = re.compile(r"\\(?:[1-9]|k[<{']|g[<{'0-9])|\(\?P=")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression in the syntax of RE2, case-sensitive unless it says `(?i)`; found anywhere in a text.

    Raises:
        ValueError: The pattern is empty, too long, takes too much memory, or is none of RE2's. The message says why.

    """

    text: str

    def __post_init__(self) -> None:
        """Have the pattern read, so that a bad one is refused where it is written."""
        _compiled(self.text)

    @property
    def takes_nothing(self) -> bool:
        """True when the pattern is found in the empty text, and so in every text."""
        return self.found_in("")

    def found_in(self, text: str) -> bool:
        """Say whether the pattern is found in the text."""
        return _compiled(self.text).search(text.encode("utf-8", "replace")) is not None


@lru_cache(maxsize=_KEPT)
def _compiled(text: str) -> Any:  # noqa: ANN401 - the module has no types
    import re2  # noqa: PLC0415 - most sets hold no pattern

    if not text:
        raise ValueError("an empty pattern is found in every text")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a pattern of more than {MAX_LENGTH} characters")
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.log_errors = False
    try:
        return re2.compile(text.encode("utf-8", "replace"), options)
    except re2.error as error:
        raise ValueError(_reason(text, str(error.args[0], "utf-8", "replace"))) from None


def _reason(text: str, said: str) -> str:
    """Say what RE2 said, and first what it means where people coming from another engine would not know."""
    said = said if len(said) <= _SAID else said[: _SAID - 1] + "…"
    outside = _CLASS.sub("", text.replace("\\\\", ""))
    if _AROUND.search(outside):
        return f"a pattern cannot look ahead or behind: RE2, which never searches for ever, says '{said}'"
    if _BACK.search(outside):
        return f"a pattern cannot refer back to a group: RE2, which never searches for ever, says '{said}'"
    return f"this is no regular expression of RE2: it says '{said}'"
