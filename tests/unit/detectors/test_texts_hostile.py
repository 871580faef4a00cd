"""Texts made to keep a comparison busy for ever: these tests end."""

from __future__ import annotations

import random
import unicodedata

import pytest

from governance.detectors.texts import DocumentText, compare_chunk, find_print, print_of, uncovered

SIZE = 40_000
PATTERNS = {
    "one word": "a ",
    "one letter": "a",
    "digits": "1",
    "digits with marks": "1,",
    "quotes": "a'",
    "line feeds": "\n",
    "marks": ".-*#",
    "faces": "\U0001f600",
    "han": "\u4e2d\u6587",
    "accents": "\u0301",
    "expanding": "\ufdfa",
    "tags": "<a ",
    "closed tags": "1<b>",
    "comments": "<!--",
    "targets": "](",
    "nested targets": "](x)(",
    "brackets": "[",
    "references": "[a][",
    "definitions": "[a]: x",
    "entities": "&#39;",
    "open entities": "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "fences": "```a",
    "escapes": "a\\-",
    "emphasis": "a**",
    "list": "\n1. a",
    "flat list": "1. ",
    "addresses": "http://",
    "paths": "/",
    "signs": " -1",
    "versions": "v1.",
    "surrogates": "\ud800",
}


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS.keys())
def test_a_pattern_without_end(pattern: str) -> None:
    text = pattern * (SIZE // len(unicodedata.normalize("NFKD", pattern)))
    document = DocumentText.of(text, "front " + text)
    assert compare_chunk(document, text[: SIZE // 2]).contained
    for chunk in (f"{text[:5000]} zz 5 {text[:5000]}", f"q {text}", f"{text}\n\nq)"):
        assert 0 <= compare_chunk(document, chunk).share <= 1
    uncovered(document, [text[:1000], text[5:700], f"b {text[:900]}"])
    find_print(document, print_of(text[: SIZE // 3]))


@pytest.mark.parametrize("letters", ["ab", "abcdefgh"])
def test_random_words_of_a_small_vocabulary(letters: str) -> None:
    chance = random.Random(7)  # noqa: S311
    body, chunk = (" ".join(chance.choices(letters, k=30_000)) for _ in range(2))
    document = DocumentText.of(body)
    assert not compare_chunk(document, chunk).contained
    assert uncovered(document, [chunk])[1] == 30_000
    assert find_print(document, print_of(chunk)) is None


def test_a_chunk_that_shares_nothing_with_a_long_document() -> None:
    document = DocumentText.of(" ".join(f"w{at}" for at in range(30_000)))
    assert compare_chunk(document, " ".join(f"x{at}" for at in range(30_000))).share == 1


def test_many_interleaved_edits() -> None:
    words = [f"w{at}" for at in range(30_000)]
    changed = [word if at % 6 else "x" for at, word in enumerate(words)]
    assert compare_chunk(DocumentText.of(" ".join(words)), " ".join(changed)).critical == "version"
