"""A document's and a chunk's text, prepared for comparison as far as it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

from governance.detectors import markup, normal
from governance.detectors.alignment import common_runs
from governance.detectors.facts import value_at
from governance.detectors.normal import BREAK
from governance.detectors.words import Layer, Wording

SENTENCE_ENDS: Final = (".", "!", "?", ";")
_LONGEST_TITLE: Final = 30
_STEPS: Final = 64
"""Words that are looked through for the counterpart of one word between two common runs."""


class DocumentText:
    """One document's text, to compare many chunks with. Prepared when first needed, so it is not for threads."""

    def __init__(self, body: str, full_text: str | None = None, title: str | None = None) -> None:
        self.title = title
        self.body = Layer(body)
        self.full = Layer(full_text) if full_text is not None and full_text != body else None

    @classmethod
    def of(cls, body: str, full_text: str | None = None, title: str | None = None) -> DocumentText:
        """Give the text of a document.

        Args:
            body: What its words and its coverage are told by.
            full_text: What lies in the source, front matter and template tags on, where that is more: a chunk that
                was cut from it is the document's too.
            title: Its title, which may stand in neither.

        """
        return cls(body, full_text, title)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The body, and the full text where there is one."""
        return (self.body, self.full) if self.full else (self.body,)

    @property
    def words(self) -> Sequence[str]:
        """The body's words in normal form."""
        return self.body.bare.words

    @property
    def has_words(self) -> bool:
        """Whether the body has any word."""
        return self.body.bare.has_words

    def has_value(self, text: str) -> bool:
        """Say whether a number, date or version stands anywhere in the document, be it in front matter or a URL."""
        return text in self._values

    def has_characters(self, text: str) -> bool:
        """Say whether these characters (lower case) stand anywhere in the document."""
        return any(text in layer.everything.text for layer in self.layers)

    @cached_property
    def _values(self) -> frozenset[str]:
        found: set[str] = set()
        for layer in self.layers:
            for words in (layer.everything.words, layer.bare.words):
                found.update(value.text for at in range(len(words)) if (value := value_at(words, at)))
        return frozenset(found)

    @cached_property
    def link_targets(self) -> frozenset[str]:
        """The URLs that the document shows only as targets of links."""
        return frozenset().union(*(markup.link_targets(layer.lined) for layer in self.layers))

    @cached_property
    def body_start(self) -> int:
        """Where the body begins in the full text's flat form when it stands there unbroken, -1 when it does not."""
        return self.full.flat.find(self.body.flat) if self.full else 0

    @cached_property
    def body_of_full(self) -> list[int]:
        """For each word of the full text the body's word that it is, -1 for what is no part of the body."""
        layer = self.full or self.body
        full, body = layer.bare.words, self.body.bare.words
        body_word = [-1] * len(full)
        at = stands = 0
        for run in (*common_runs(body, layer.bare), None):
            end, stands_end = (run.at, run.stands) if run else (len(body), len(full))
            for here, there in _counterparts(body, (at, end), full, (stands, stands_end)):
                body_word[there] = here
            if run:
                body_word[run.stands : run.stands_end] = range(run.at, run.end)
                at, stands = run.end, run.stands_end
        return body_word


def _counterparts(
    ours: Sequence[str], here: tuple[int, int], others: Sequence[str], there: tuple[int, int]
) -> list[tuple[int, int]]:
    """Give which word of one short passage is which of the other, in order."""
    found: list[tuple[int, int]] = []
    stands, end = there
    for at in range(*here):
        ceiling = min(end, stands + _STEPS)
        match = next((place for place in range(stands, ceiling) if others[place] == ours[at]), None)
        if match is not None:
            found.append((at, match))
            stands = match + 1
    return found


class ChunkText(Wording):
    """A chunk's words as its document would have them."""

    def __init__(self, document: DocumentText, text: str) -> None:
        low = normal.lowered(normal.lined(text))
        for layer in document.layers:
            low = markup.without_comments(low, known_in=layer.everything.text)
        low = markup.without_markup(markup.without_cut_targets(low))
        if "://" in low:
            low = markup.without_urls(low, document.link_targets)
        low = markup.without_spans(low, markup.ordinals(low, is_piece=True))
        for layer in document.layers:
            low = markup.without_spans(low, layer.ordinals_in(low))
        super().__init__(low)

    def is_parted(self, at: int, *, by_line: bool = False) -> bool:
        """Say whether a blank line stands before this word, not the first; with `by_line`, any line end."""
        between = self.text[self.spans[at - 1][1] : self.spans[at][0]]
        return BREAK in between or (by_line and "\n" in between)

    def is_title(self, end: int) -> bool:
        """Say whether the words before this one could be lines that a pipeline put before a chunk.

        They are few, a line ends with them, and they are no sentence: a first paragraph that was written anew is none.
        """
        if not 0 < end <= _LONGEST_TITLE or not self.is_parted(end, by_line=True):
            return False
        return not self.text.startswith(SENTENCE_ENDS, self.spans[end - 1][1])
