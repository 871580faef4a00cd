"""Globs that cannot be made slow: each is run as a set of positions, one step per character of the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MAX_LENGTH: Final = 500
_MAGIC: Final = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class _Literal:
    char: str


@dataclass(frozen=True, slots=True)
class _OneOf:
    """A character class; never matches a slash."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def takes(self, char: str) -> bool:
        """Say whether the class holds the character."""
        return char != "/" and self.negated != any(low <= char <= high for low, high in self.ranges)


@dataclass(frozen=True, slots=True)
class _AnyOne:
    """`?`: one character, no slash."""


@dataclass(frozen=True, slots=True)
class _Star:
    """`*`: any characters, no slash."""


@dataclass(frozen=True, slots=True)
class _Across:
    """`**`: any characters."""


@dataclass(frozen=True, slots=True)
class _Folders:
    """`**/` at the start or after a slash: no folder, or any number of them."""


_Token = _Literal | _OneOf | _AnyOne | _Star | _Across | _Folders


@dataclass(frozen=True, slots=True)
class Glob:
    """A glob, case-sensitive: `*` stays inside a folder, `**` crosses folders, `?` and `[a-z]` are one character.

    Matching takes time in proportion to the text's length, whatever the glob.

    Raises:
        ValueError: The glob is empty, longer than 500 characters, climbs (`..`), or holds something that other
            tools know and this one does not (`{a,b}`, a backslash).

    """

    text: str
    _prefix: str = field(init=False, repr=False, compare=False)
    _suffix: str = field(init=False, repr=False, compare=False)
    _program: _Program = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the glob once, so that matching only steps."""
        tokens = _parse(self.text)
        object.__setattr__(self, "_prefix", _literals(tokens))
        object.__setattr__(self, "_suffix", _literals(tokens[::-1])[::-1])
        object.__setattr__(self, "_program", _Program.of(tokens[len(self._prefix) :]))

    @property
    def is_literal(self) -> bool:
        """True when the glob matches nothing but itself."""
        return not _MAGIC.intersection(self.text)

    def matches(self, text: str) -> bool:
        """Say whether the whole text matches."""
        if not text.startswith(self._prefix) or not text.endswith(self._suffix):
            return False
        return self._program.accepts(text, len(self._prefix))


def _literals(tokens: list[_Token]) -> str:
    """Give the characters that the tokens start with."""
    chars = []
    for token in tokens:
        if not isinstance(token, _Literal):
            break
        chars.append(token.char)
    return "".join(chars)


@dataclass(frozen=True, slots=True)
class _Program:
    """One bit per token, and one for the end: the positions that the text read so far can be at.

    Attributes:
        skips: Positions that can be left without reading anything.
        loops: Positions that read a character and stay, outside and at a slash.
        crosses: Positions that a slash leaves behind while they may also stay (`**/`).
        steps: Positions that a character takes one further; filled as characters come by.

    """

    tokens: tuple[_Token, ...]
    skips: int
    loops: tuple[int, int]
    crosses: int
    everything: bool
    steps: dict[str, int] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, tokens: list[_Token]) -> _Program:
        star = _bits(tokens, _Star)
        across = _bits(tokens, _Across)
        folders = _bits(tokens, _Folders)
        return cls(
            tokens=tuple(tokens),
            skips=star | across | folders,
            loops=(star | across | folders, across | folders),
            crosses=folders,
            everything=len(tokens) == 1 and isinstance(tokens[0], _Across),
        )

    def accepts(self, text: str, start: int) -> bool:
        if self.everything:
            return True
        positions = self._spread(1)
        for char in text[start:] if start else text:
            slash = char == "/"
            stay = positions & self.loops[slash]
            moved = (positions & self._step(char)) << 1
            positions = self._spread(moved | (stay & ~self.crosses)) | stay
            if not positions:
                return False
        return bool(positions >> len(self.tokens) & 1)

    def _spread(self, positions: int) -> int:
        """Add what can be reached without reading; runs of skipping tokens are never longer than two."""
        positions |= (positions & self.skips) << 1
        return positions | (positions & self.skips) << 1

    def _step(self, char: str) -> int:
        bits = self.steps.get(char)
        if bits is None:
            bits = sum(1 << place for place, token in enumerate(self.tokens) if _takes(token, char))
            if len(self.steps) < MAX_LENGTH:
                self.steps[char] = bits
        return bits


def _bits(tokens: list[_Token], kind: type[_Token]) -> int:
    return sum(1 << place for place, token in enumerate(tokens) if isinstance(token, kind))


def _takes(token: _Token, char: str) -> bool:
    match token:
        case _Literal(char=own):
            return own == char
        case _OneOf():
            return token.takes(char)
        case _AnyOne():
            return char != "/"
        case _Folders():
            return char == "/"
        case _:
            return False


def _parse(glob: str) -> list[_Token]:
    _refuse_foreign(glob)
    tokens: list[_Token] = []
    place = 0
    while place < len(glob):
        char = glob[place]
        if char == "*":
            place = _stars(glob, place, tokens)
        elif char == "[":
            token, place = _char_class(glob, place)
            tokens.append(token)
        elif char == "{":
            raise ValueError(
                "braces mean nothing in a pattern: write a list of patterns; a brace itself is written [{]"
            )
        else:
            tokens.append(_AnyOne() if char == "?" else _Literal(char))
            place += 1
    return tokens


def _refuse_foreign(glob: str) -> None:
    if not glob:
        raise ValueError("an empty pattern matches nothing")
    if len(glob) > MAX_LENGTH:
        raise ValueError(f"a pattern of more than {MAX_LENGTH} characters")
    if ".." in glob.split("/"):
        raise ValueError("a pattern cannot climb with '..': paths are relative to the source's folder")
    if "\\" in glob:
        raise ValueError("a backslash means nothing in a pattern: folders are separated by /")


def _stars(glob: str, place: int, tokens: list[_Token]) -> int:
    """Read a run of stars, joining what means the same, so that no two skipping tokens of a kind are neighbors."""
    end = place
    while end < len(glob) and glob[end] == "*":
        end += 1
    if end - place == 1:
        tokens.append(_Star())
        return end
    whole_folder = (place == 0 or glob[place - 1] == "/") and glob[end : end + 1] == "/"
    behind_folders = bool(tokens) and isinstance(tokens[-1], _Folders)
    if whole_folder:
        if not behind_folders:
            tokens.append(_Folders())
        return end + 1
    if behind_folders:
        tokens.pop()
    tokens.append(_Across())
    return end


def _char_class(glob: str, place: int) -> tuple[_OneOf, int]:
    start = place + 1
    negated = glob[start : start + 1] == "!"
    start += negated
    end = glob.find("]", start + 1)  # a bracket that comes first is a member
    if end < 0:
        raise ValueError("a bracket '[' is never closed; a bracket itself is written [[]")
    members = glob[start:end]
    ranges: list[tuple[str, str]] = []
    while members:
        if len(members) > 2 and members[1] == "-":  # noqa: PLR2004 - three characters: low, hyphen, high
            low, high, members = members[0], members[2], members[3:]
            if low > high:
                raise ValueError("a range in brackets that runs backward")
        else:
            low = high = members[0]
            members = members[1:]
        ranges.append((low, high))
    return _OneOf(tuple(ranges), negated=bool(negated)), end + 1
