"""What the comparison says of real pages that other splitters cut."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from governance.detectors.texts import DocumentText, Way, compare_chunk, covered_span, find_print, print_of, uncovered
from governance.sources.markup import Template, without_template_tags
from tests.unit.detectors.builders import differs

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
NUMBER = re.compile(r"(?<=[a-z] )[0-9]{1,4}(?= [a-z]{3})")


@pytest.fixture(scope="module")
def pages(shared_data: Callable[[str], Path]) -> list[tuple[str, str]]:
    """Give body and full text of every page."""
    files = sorted((shared_data("moj-cloud-platform-user-guide") / "pages").rglob("*.erb"))
    texts = [file.read_text("utf-8") for file in files]
    return [(without_template_tags(FRONT_MATTER.sub("", text), Template.ERB).strip(), text) for text in texts]


def in_the_middle_of_words(text: str, size: int, overlap: int) -> Iterator[str]:
    for start in range(0, max(1, len(text) - overlap), size - overlap):
        yield text[start : start + size]


def at_white_space(text: str, size: int, overlap: int) -> Iterator[str]:
    ends = [match.end() for match in re.finditer(r"\s+|\Z", text)]
    start = 0
    while start < len(text):
        end = max((end for end in ends if start < end <= start + size), default=min(end for end in ends if end > start))
        yield text[start:end]
        start = end if end == len(text) else min(at for at in [0, *ends] if at > max(start, end - overlap))


SPLITTERS = [(at_white_space, 400, 80), (in_the_middle_of_words, 400, 80)]
SPLITTERS += [(at_white_space, 1500, 200), (in_the_middle_of_words, 1500, 200)]


@pytest.mark.parametrize("is_full", [True, False])
@pytest.mark.parametrize(("split", "size", "overlap"), SPLITTERS)
def test_every_chunk_is_contained_and_nothing_is_uncovered(
    pages: list[tuple[str, str]], split: Callable[..., Iterator[str]], size: int, overlap: int, is_full: bool
) -> None:
    cut = chunks = 0
    for body, full in pages:
        document = DocumentText.of(body, full)
        pieces = list(split(full if is_full else body, size, overlap))
        verdicts = [compare_chunk(document, piece) for piece in pieces]
        assert {verdict.way for verdict in verdicts} <= {Way.VERBATIM}
        assert uncovered(document, pieces)[0] == 0
        cut += sum(verdict.is_cut for verdict in verdicts)
        chunks += len(verdicts)
    assert cut == 0 if split is at_white_space else cut > chunks / 2


def without_markup(text: str) -> str:
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"^ *```.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])", r"\1", text)
    return re.sub(r"^#+ |^ *[-*] |\*\*|`", "", text, flags=re.MULTILINE)


def test_hardly_a_page_without_its_markup_differs_and_none_in_anything_critical(pages: list[tuple[str, str]]) -> None:
    verdicts = []
    for body, _ in pages:
        document = DocumentText.of(body)
        pieces = at_white_space(without_markup(body), 800, 100)
        verdicts += [compare_chunk(document, piece) for piece in pieces if piece.strip()]
    assert len(verdicts) > 500
    assert [verdict for verdict in verdicts if verdict.critical] == []
    assert sum(not verdict.contained for verdict in verdicts) < len(verdicts) / 25


def test_a_title_put_before_every_chunk_is_no_drift(pages: list[tuple[str, str]]) -> None:
    for body, _ in pages[::3]:
        document = DocumentText.of(body)
        for piece in at_white_space(body, 800, 100):
            verdict = compare_chunk(document, f"Cloud Platform user guide > Page\n\n{piece}")
            assert not differs(verdict, 0.15)


@pytest.mark.parametrize(("split", "size", "overlap"), SPLITTERS)
def test_ten_edits_of_one_number_are_all_critical(
    pages: list[tuple[str, str]], split: Callable[..., Iterator[str]], size: int, overlap: int
) -> None:
    chance = random.Random(4)  # noqa: S311
    with_number = [page for page in pages if NUMBER.search(page[0])]
    for body, full in chance.sample(with_number, 10):
        found = chance.choice(list(NUMBER.finditer(body)))
        changed = f"{body[: found.start()]}{int(found[0]) + 1}{body[found.end() :]}"
        document = DocumentText.of(changed)
        verdicts = [compare_chunk(document, piece) for piece in split(body, size, overlap)]
        assert any(verdict.critical for verdict in verdicts)
        assert all(verdict.contained or differs(verdict, 0) for verdict in verdicts)
        around = body[max(0, found.start() - 200) : found.end() + 200]
        assert compare_chunk(document, around).critical in {"number", "date", "version"}
        assert compare_chunk(DocumentText.of(body, full), around).contained


def test_the_print_of_every_chunk_is_found(pages: list[tuple[str, str]]) -> None:
    for body, full in pages[::4]:
        document = DocumentText.of(body, full)
        pieces = list(in_the_middle_of_words(full, 700, 100))
        for piece in pieces:
            span = find_print(document, print_of(piece))
            assert span is not None
            assert covered_span(document, span, pieces)
