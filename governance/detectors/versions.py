"""The order of version names, as people write them."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

Token: TypeAlias = tuple[int, int, str]
"""(0, 0, letters) for a word, (1, length, digits) for a number: digits of equal length order as text does."""

VersionKey: TypeAlias = tuple[int, tuple[Token, ...], int, tuple[Token, ...], str]
"""(class, numbers, phase, what follows, whole text when it is only words). Compares with any other."""

_NUMBERED: Final = re.compile(
    r"(?:(?:version|ver|v|release)[ ._-]*)?"
    r"(?P<numbers>[0-9]+(?:[._-](?:[0-9]+|[x*](?![a-z0-9])))*)"
    r"(?P<rest>.*)",
    re.DOTALL,
)
_TOKEN: Final = re.compile(r"[0-9]+|[^\W\d_]+")
_NEWEST_WORDS: Final = frozenset({"latest", "current"})
_WORD, _NUMBER, _NEWEST = range(3)
_ANY: Final[Token] = (2, 0, "")
_FINAL, _LATER = 5, 6
_PHASES: Final = {
    "dev": 0, "snapshot": 0, "nightly": 0, "canary": 0,
    "alpha": 1, "a": 1,
    "beta": 2, "b": 2,
    "preview": 3, "pre": 3,
    "rc": 4, "c": 4,
}  # fmt: skip
_ONE_LETTER: Final = 1


_TELLABLE: Final = re.compile(
    r"(?!(?:[^0-9]*[0-9]){13})"
    r"(?:(?:version|ver|v|release)[ ._-]*)?"
    r"[0-9]{1,8}(?:[._-](?:[0-9]{1,8}|[x*]))*"
    r"(?:[ ._+-]*(?:dev|snapshot|nightly|alpha|beta|preview|pre|rc|final|ga|lts|sp|rev|patch|post|build|draft|[a-z])"
    r"(?:[ ._-]?[0-9]{1,8})?){0,3}"
)


def told_version(text: str) -> str:
    """Give a version as a finding may repeat it, "other" for one that says more than versions do.

    Whatever else people write there may name somebody.
    """
    line = " ".join(text.split())
    usual = line.casefold() in _NEWEST_WORDS or _TELLABLE.fullmatch(line.casefold())
    return line if usual else "other"


def version_key(text: str) -> VersionKey:
    """Give a key by which versions sort from oldest to newest; equal keys mean the same version.

    Numbers compare as numbers (1.10 is newer than 1.9), a leading `v` and trailing zeros say nothing
    (v2 is 2 is 2.0), `1.9.x` is newer than every 1.9.N and older than 1.10, a pre-release (`-rc1`, `b2`, `-preview`)
    is older than its release, any other addition newer (`1.0.2a`, `2.0-lts`). Words without a number in front
    are older than every number and order by text, except that `latest` and `current` are newest.
    """
    line = " ".join(text.split()).casefold()
    if line in _NEWEST_WORDS:
        return (_NEWEST, (), _FINAL, (), "")
    match = _NUMBERED.fullmatch(line)
    if match is None:
        return (_WORD, (), _FINAL, _tokens(line), line)
    phase, following = _phase(_tokens(match["rest"]))
    return (_NUMBER, _numbers(match["numbers"]), phase, following, "")


def _numbers(text: str) -> tuple[Token, ...]:
    numbers = [_ANY if part in {"x", "*"} else _token(part) for part in re.split(r"[._-]", text)]
    while len(numbers) > 1 and numbers[-1] == _token("0"):
        numbers.pop()
    return tuple(numbers)


def _phase(rest: tuple[Token, ...]) -> tuple[int, tuple[Token, ...]]:
    if not rest:
        return _FINAL, ()
    word, following = rest[0][2], rest[1:]
    # 1.0a1 is an alpha, 1.0.2a a repaired 1.0.2: one letter means a phase only when a number follows it.
    counted = bool(following) and following[0][0] == 1
    if word in _PHASES and (counted or len(word) > _ONE_LETTER):
        return _PHASES[word], following
    return _LATER, rest


def _tokens(text: str) -> tuple[Token, ...]:
    return tuple(_token(part) for part in _TOKEN.findall(text))


def _token(part: str) -> Token:
    if not part[0].isascii() or not part[0].isdigit():
        return (0, 0, part)
    digits = part.lstrip("0")
    return (1, len(digits), digits)
