"""The words of a text in normal form, and where they stand.

Lower case: a difference in case alone is no drift (so "Mb" and "MB" are one unit). A number is one word with its sign,
separators and parts ("-1,000.50", "1.2.3", "2026-03-04", "10:30"); a unit, a percent or a currency sign beside it is
a word of its own, so that "5 GB", "5GB" and "5 %", "5%" are the same words. Scripts that put no blanks between words
(Han, Kana, Thai, Lao, Khmer, Burmese) give a word per character. Comparison signs, ticks and crosses are words, other
marks are not.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Final, TypeAlias

from governance.detectors import markup, normal
from governance.detectors.markup import FILLER

SHINGLE: Final = 5
"""Words of a shingle."""

Places: TypeAlias = Mapping[tuple[str, ...], Sequence[int]]

_UNSPACED: Final = (
    "\u0e01-\u0e4e\u0e80-\u0ece\u1000-\u109d\u1780-\u17d3\u2e80-\u2fdf\u3005-\u3007\u3040-\u309a\u309d-\u309f\u30a1-\u30fa"
    "\u30fc-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_MARKS: Final = (
    r"\s\x00-\x1f!-/:-@\[-`{-~\x7f-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u037e\u0387\u0589\u058a\u05be\u05c0\u05c3"
    r"\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u10fb\u1361-\u1368\u2000-\u206f\u20a0-\u20bf\u2116-\u2118\u2190-\u2bff"
    r"\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f\u30a0\u30fb\ua66f-\ua673\ue000-\uf8ff\ufe10-\ufe6f"
    r"\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\ufff0-\uffff\U0001f000-\U0001faff"
)
_LETTER: Final = f"[^{_MARKS}{_UNSPACED}]"
_OPENING: Final = r"[\s(\[|=:\x24\u20ac\xa3\xa5]"
_DIGITS: Final = r"\d(?:\x00*+(?:[.,:/'\-]|t(?=\d\d:))?\x00*+\d)*"
_WORD: Final = re.compile(
    rf"(?:(?<={_OPENING})[-+.]{{1,2}}(?=\d)|(?<!{_LETTER})v(?=\d))?{_DIGITS}"
    rf"|[{_UNSPACED}]"
    rf"|{_LETTER}(?:{_LETTER}|\x00++(?={_LETTER}|')|'\x00*+(?={_LETTER}))*"
    r"|(?<=\d)[%\u2030\u20ac\xa3\xa5\xb0]|(?<=\d )[%\u2030\u20ac\xa3\xa5]|[\x24\u20ac\xa3\xa5](?=\s?\d)"
    r"|[<>]=|[\u2264\u2265]|(?<=[^\n\x0b>])[<>](?=\s?\d)"
    r"|[\u2705\u2713\u2714\u2611\U0001f5f8\u274c\u2716\u2717\u2718]"
)
_SAME_SIGNS: Final = {
    "\u2264": "<=", "\u2265": ">=", "\u2030": "permille",
    **dict.fromkeys("\u2705\u2714\u2611\U0001f5f8", "\u2713"),
    **dict.fromkeys("\u274c\u2716\u2718", "\u2717"),
}  # fmt: skip
_LISTED: Final = re.compile(r"(?:\A|(?<=\s))([0-9]{1,3})[.)](?=\s)")
_GLUED: Final = re.compile(rf"(?:(?![{_UNSPACED}])[^\W_]|\d[.,:/'\-])\x00(?![{_UNSPACED}])[^\W_]|\d\x00[.,:/'\-]\d")
_ONE_UNSPACED: Final = re.compile(f"[{_UNSPACED}]")
_AFTER_ORDINAL: Final = 2
_LOOKED_AT: Final = 200  # characters after a number that are searched for the words that follow it


def words_of(text: str) -> list[str]:
    """Give the words of a text that is in normal form and lower case."""
    found: list[str] = _WORD.findall(text)
    if FILLER in text:
        found = [word.replace(FILLER, "") if FILLER in word else word for word in found]
    return found if text.isascii() else [_SAME_SIGNS.get(word, word) for word in found]


def cuts_a_word(text: str, at: int) -> bool:
    """Say whether the place lies inside a word or a number of a flat text."""
    around = text[max(0, at - 2) : at] + FILLER + text[at : at + 2]
    return _GLUED.search(around) is not None


class Wording:
    """A text's words, prepared as far as somebody asked.

    Attributes:
        text: In normal form and lower case; offsets are those of the flat form.

    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._places: dict[int, Places] = {}
        self._anchored: dict[int, Mapping[str, Sequence[int]]] = {}

    @cached_property
    def words(self) -> list[str]:
        """The words, in order."""
        return words_of(self.text)

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Where each word stands."""
        return [match.span() for match in _WORD.finditer(self.text)]

    @cached_property
    def joined(self) -> str:
        """The words with one blank between them."""
        return " ".join(self.words)

    @property
    def has_words(self) -> bool:
        """Whether there is any."""
        return _WORD.search(self.text) is not None

    def places(self, length: int) -> Places:
        """Give where each run of so many words starts, in ascending order."""
        known = self._places.get(length)
        if known is None:
            found: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
            for place, run in enumerate(runs_of(self.words, length)):
                found[run].append(place)
            known = self._places[length] = dict(found)
        return known

    def anchored(self, length: int, name: Callable[[tuple[str, ...]], str]) -> Mapping[str, Sequence[int]]:
        """Give where runs of so many words start, by the name that a function gives to a run."""
        known = self._anchored.get(length)
        if known is None:
            known = {name(run): places for run, places in self.places(length).items()}
            self._anchored[length] = known
        return known

    def within(self, start: int, end: int) -> tuple[int, int]:
        """Give the first word that lies wholly within these offsets, and the one after the last."""
        first = bisect_left(self.spans, start, key=_start)
        return first, bisect_right(self.spans, end, lo=first, key=_end)

    @property
    def first_whole(self) -> int:
        """The first word that no cut before the text can have touched: "8s" is two words and may be a part of "k8s"."""
        spans = self.spans
        at = min(1, len(spans))
        while 0 < at < len(spans) and spans[at][0] == spans[at - 1][1] and not self._is_unspaced(at):
            at += 1
        return at

    @property
    def last_whole(self) -> int:
        """The place after the last word that no cut behind the text can have touched."""
        spans = self.spans
        at = max(0, len(spans) - 1)
        while 0 < at < len(spans) and spans[at][0] == spans[at - 1][1] and not self._is_unspaced(at - 1):
            at -= 1
        return at

    def _is_unspaced(self, at: int) -> bool:
        return _ONE_UNSPACED.match(self.words[at]) is not None


class Layer:
    """One text of a document: with its markup, and without."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _lined(self) -> str:
        return normal.lined(self._text)

    @cached_property
    def flat(self) -> str:
        """The normal form that verbatim chunks are looked up in."""
        return normal.unlined(self._lined)

    @cached_property
    def lined(self) -> str:
        """The normal form with its line ends, lower case."""
        return normal.lowered(self._lined)

    @cached_property
    def everything(self) -> Wording:
        """Everything that the text holds: addresses, names of tags, comments."""
        return Wording(normal.unlined(self.lined))

    @cached_property
    def listed(self) -> Wording:
        """The text without markup, the numbers of lists still there."""
        return Wording(markup.without_markup(markup.without_comments(self.lined)))

    @cached_property
    def bare(self) -> Wording:
        """What readers read: no markup, no numbers of lists."""
        return Wording(markup.without_spans(self.listed.text, markup.ordinals(self.listed.text)))

    @property
    def wordings(self) -> Iterator[Wording]:
        """Give the forms in which a copy of the text may have gone on, as it lies there first."""
        yield self.everything
        if self.listed.text != self.everything.text:
            yield self.listed
        if self.bare.text != self.listed.text:
            yield self.bare

    @cached_property
    def _after_ordinals(self) -> frozenset[tuple[str, ...]]:
        return frozenset(_following(self.listed.text, end) for _, end in markup.ordinals(self.listed.text))

    def ordinals_in(self, text: str) -> Iterator[tuple[int, int]]:
        """Give the numbers in a chunk that stand in this text as numbers of a list.

        A chunk whose line ends are gone does not show any more what started a line. The number itself is not
        compared: who puts an item before others renumbers them and changes none.
        """
        for match in _LISTED.finditer(text) if self._after_ordinals else ():
            if _following(text, match.end(1)) in self._after_ordinals:
                yield match.span(1)


def _start(span: tuple[int, int]) -> int:
    return span[0]


def _end(span: tuple[int, int]) -> int:
    return span[1]


def runs_of(words: Sequence[str], length: int) -> zip[tuple[str, ...]]:
    """Give every run of so many neighboring words; none when there are fewer words."""
    return zip(*(islice(words, start, None) for start in range(length)), strict=False)


def _following(text: str, end: int) -> tuple[str, ...]:
    found = islice(_WORD.finditer(text, end, end + _LOOKED_AT), _AFTER_ORDINAL)
    return tuple(words_of("\n".join(match[0] for match in found)))
