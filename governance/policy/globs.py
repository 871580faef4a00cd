"""Globs that cannot be made slow: each is run as a set of positions, one step per character of the text."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, repeat
from typing import Final, NamedTuple

MAX_LENGTH: Final = 500
CLIMBS: Final = "a pattern cannot climb with '..': paths are relative to the source's folder"
_MOST_STEPS: Final = 20_000
_FILLERS: Final = ("abcdefghijklmnopqrstuvwxyz0123456789", "".join(map(chr, range(0xE0, 0xE0 + 2 * MAX_LENGTH))))
"""Characters for where any will do; more than the longest globs can name."""
_LAST: Final = 0x10FFFF
"""The last character that there is."""
_MAGIC: Final = frozenset("*?[")
_TO_ESCAPE: Final = re.compile(r"[*?\[{]")


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
_SKIPPED = _Star | _Across | _Folders


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

    @property
    def prefix(self) -> str:
        """What every text that matches begins with."""
        return self._prefix

    def matches(self, text: str) -> bool:
        """Say whether the whole text matches."""
        if not text.startswith(self._prefix) or not text.endswith(self._suffix):
            return False
        return self._program.accepts(text, len(self._prefix))


class Example(NamedTuple):
    """A text that some globs match and others do not.

    Attributes:
        text: None where there is none.
        sure: False where the search was given up, so that there may be one all the same.

    """

    text: str | None
    sure: bool = True


def escaped(text: str) -> str:
    """Give a text as a glob that takes it alone."""
    return _TO_ESCAPE.sub(lambda hit: f"[{hit[0]}]", text)


def inside(text: str, *, starts: bool = False, ends: bool = False) -> str:
    """Give the glob of all texts with this one inside, at the start or at the end where that is said.

    A slash right behind the stars would mean whole folders.
    """
    left = "" if starts else "?**" if text.startswith("/") else "**"
    return f"{left}{escaped(text)}{'' if ends else '**'}"


def example_of(wanted: Sequence[Glob], unwanted: Sequence[Glob] = ()) -> Example:
    """Give a shortest text that every wanted glob matches and no unwanted one does.

    The text is never empty and looks like a path: no slash at an end, no two in a row.
    """
    plain = _plain_example(wanted[0].text) if wanted else ""
    if plain and all(glob.matches(plain) for glob in wanted) and not any(glob.matches(plain) for glob in unwanted):
        return Example(plain)
    programs = [_whole(glob.text) for glob in (*wanted, *unwanted)]
    letters, count, steps = _letters(programs), len(wanted), 0
    start = tuple(program.start for program in programs)
    reached = {(start, True)}
    todo = deque([("", start)])
    while todo:
        text, places = todo.popleft()
        for letter in next(filter(None, map(_Program.next_letters, programs[:count], places)), letters):
            steps += 1
            moved = tuple(map(_Program.after, programs, places, repeat(letter)))
            state = (moved, letter == "/")
            if state in reached or 0 in moved[:count] or (letter == "/" and text[-1:] in {"", "/"}):
                continue
            reached.add(state)
            ends = list(map(_Program.ends, programs, moved))
            if letter != "/" and all(ends[:count]) and not any(ends[count:]):
                return Example(text + letter)
            todo.append((text + letter, moved))
        if steps > _MOST_STEPS:
            return Example(None, sure=False)
    return Example(None)


def _plain_example(glob: str) -> str:
    """Give a shortest text of a glob without a character class, as it is mostly wanted; "" where it takes a search."""
    tokens = _whole(glob).tokens
    if any(isinstance(token, _OneOf) for token in tokens):
        return ""
    letters = [
        token.char if isinstance(token, _Literal) else "a" for token in tokens if not isinstance(token, _SKIPPED)
    ]
    text = "".join(letters)
    if text[-1:] in {"", "/"} and tokens and isinstance(tokens[-1], _SKIPPED):
        text += "a"
    return "" if text[:1] == "/" or text[-1:] == "/" or "//" in text else text


def _letters(programs: Iterable[_Program]) -> list[str]:
    """Give one character for each way in which the programs tell characters apart, plain letters first."""
    named, edges = {"/"}, set[int]()
    for token in (token for program in programs for token in program.tokens):
        if isinstance(token, _Literal):
            named.add(token.char)
        elif isinstance(token, _OneOf):
            edges |= {edge for low, high in token.ranges for edge in (ord(low), ord(high) + 1)}
    if edges:
        edges |= {ord(char) + 1 for char in named}
    named |= {char for edge in edges if edge <= _LAST and (char := chr(edge)).isprintable()}
    filler = next((char for char in chain(*_FILLERS) if char not in named and ord(char) not in edges), "")
    return sorted({*named, filler} - {""}, key=lambda char: (not char.isalnum(), char))


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
        letters: By character, the positions that read it and no other.
        others: Positions that read one of several characters.
        steps: Positions that a character takes one further; filled as characters come by.

    """

    tokens: tuple[_Token, ...]
    skips: int
    loops: tuple[int, int]
    crosses: int
    letters: dict[str, int]
    others: tuple[tuple[int, _Token], ...]
    everything: bool
    steps: dict[str, int] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, tokens: list[_Token]) -> _Program:
        letters: dict[str, int] = {}
        others: list[tuple[int, _Token]] = []
        for place, token in enumerate(tokens):
            if isinstance(token, _Literal):
                letters[token.char] = letters.get(token.char, 0) | 1 << place
            else:
                others.append((place, token))
        star, across, folders = (_bits(others, kind) for kind in (_Star, _Across, _Folders))
        return cls(
            tokens=tuple(tokens),
            skips=star | across | folders,
            loops=(star | across | folders, across | folders),
            crosses=folders,
            letters=letters,
            others=tuple(others),
            everything=len(tokens) == 1 and isinstance(tokens[0], _Across),
        )

    def accepts(self, text: str, start: int) -> bool:
        if self.everything:
            return True
        positions = self._spread(1)
        for char in text[start:] if start else text:
            positions = self.after(positions, char)
            if not positions:
                return False
        return self.ends(positions)

    @property
    def start(self) -> int:
        """The positions before the first character."""
        return self._spread(1)

    def after(self, positions: int, char: str) -> int:
        """Give the positions that one more character leads to; none where no text can follow that matches."""
        stay = positions & self.loops[char == "/"]
        moved = (positions & self._step(char)) << 1
        return self._spread(moved | (stay & ~self.crosses)) | stay

    def next_letters(self, positions: int) -> str:
        """Give the letters that alone lead on from here; "" where others may."""
        if any(positions >> place & 1 for place, _ in self.others):
            return ""
        return "".join(sorted(char for char, places in self.letters.items() if positions & places))

    def ends(self, positions: int) -> bool:
        """Say whether the text may end here."""
        return bool(positions >> len(self.tokens) & 1)

    def _spread(self, positions: int) -> int:
        """Add what can be reached without reading; runs of skipping tokens are never longer than two."""
        positions |= (positions & self.skips) << 1
        return positions | (positions & self.skips) << 1

    def _step(self, char: str) -> int:
        bits = self.steps.get(char)
        if bits is None:
            bits = self.letters.get(char, 0) | sum(1 << place for place, token in self.others if _takes(token, char))
            if len(self.steps) < MAX_LENGTH:
                self.steps[char] = bits
        return bits


@lru_cache(maxsize=4096)
def _whole(glob: str) -> _Program:
    """Give the program of all of a glob; `Glob` itself runs only what follows its plain beginning."""
    return _Program.of(_parse(glob))


def _bits(places: Iterable[tuple[int, _Token]], kind: type[_Token]) -> int:
    return sum(1 << place for place, token in places if isinstance(token, kind))


def _takes(token: _Token, char: str) -> bool:
    match token:
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
        raise ValueError(CLIMBS)
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
