from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.services.chunking import Piece, cut

LINES = st.one_of(
    st.sampled_from(
        ["", "  ", "# One", "## Two", "### Three ###", "###### Six", "#no heading", "```", "```python", "~~~~", "~~~"]
    ),
    st.text(alphabet=st.characters(exclude_characters="\n"), max_size=80),
    st.text(alphabet="word. ", min_size=20, max_size=400),
)
BODIES = st.lists(LINES, max_size=30).map("\n".join)


def visible(text: str) -> str:
    """Drop what is blank: the cutter may move it, and nothing else."""
    return "".join(text.split())


@given(BODIES, st.integers(min_value=1, max_value=300))
def test_no_text_is_lost_or_moved(body: str, size: int) -> None:
    assert visible("".join(piece.text for piece in cut(body, size))) == visible(body)


@given(BODIES, st.integers(min_value=1, max_value=300))
def test_no_piece_is_blank_or_longer_than_the_size(body: str, size: int) -> None:
    for piece in cut(body, size):
        assert piece.text.strip()
        assert len(piece.text) <= size


@given(BODIES)
def test_the_same_body_is_always_cut_alike(body: str) -> None:
    assert cut(body) == cut(body)


@given(BODIES, BODIES)
def test_what_stands_above_a_heading_does_not_change_the_pieces_of_long_sections_below(above: str, below: str) -> None:
    filler = "A sentence of the section. " * 10
    whole = cut(f"{filler}\n\n# Mark\n\n{below}", 200)
    shifted = cut(f"{visible(above)[:50].replace('`', '').replace('~', '')} {filler}\n\n# Mark\n\n{below}", 200)
    start = next(at for at, piece in enumerate(whole) if piece.text.startswith("# Mark"))
    other = next(at for at, piece in enumerate(shifted) if piece.text.startswith("# Mark"))
    assert whole[start:] == shifted[other:]


def test_blank_bodies_have_no_pieces() -> None:
    assert cut("") == []
    assert cut(" \n\t\n\x0c\n") == []


def test_short_sections_stay_together_and_long_ones_start_a_piece() -> None:
    short = cut("# A\n\none\n\n## B\n\ntwo", 1000)
    assert short == [Piece("# A\n\none\n\n## B\n\ntwo", ("A",))]
    long = cut(f"# A\n\n{'one ' * 60}\n\n## B\n\ntwo", 1000)
    assert [piece.headings for piece in long] == [("A",), ("A", "B")]


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ("# A\n\n{}\n\n## B\n\n{}\n\n# C\n\n{}", [("A",), ("A", "B"), ("C",)]),
        ("# A\n\n{}\n\n### B\n\n{}\n\n### C\n\n{}", [("A",), ("A", "B"), ("A", "C")]),
        ("### A\n\n{}\n\n## B\n\n{}\n\n### C\n\n{}", [("A",), ("B",), ("B", "C")]),
        ("{}\n\n## Closed ##\n\n{}\n\n## C#\n\n{}", [(), ("Closed",), ("C#",)]),
        ("# \t\n\n{}\n\n## B\n\n{}", [(), ("B",)]),
    ],
)
def test_pieces_know_the_headings_above_them_whatever_levels_are_skipped(
    body: str, paths: list[tuple[str, ...]]
) -> None:
    text = "words " * 40
    pieces = cut(body.replace("{}", text), 300)
    assert [piece.headings for piece in pieces] == paths


def test_every_part_of_a_long_section_stands_under_its_heading() -> None:
    pieces = cut("# A\n\n## B\n\n" + "One sentence here. " * 200, 500)
    assert len(pieces) > 5
    assert {piece.headings for piece in pieces[1:]} == {("A", "B")}


@pytest.mark.parametrize(("opening", "closing"), [("```", "```"), ("~~~text", "~~~~~"), ("   ````", "````")])
def test_a_code_block_that_fits_is_never_cut(opening: str, closing: str) -> None:
    inside = "\n\n".join(f"# line {number}" for number in range(20))
    block = f"{opening}\n{inside}\n{closing}"
    pieces = cut(f"{'word ' * 50}\n{block}\n{'word ' * 50}", 400)
    assert sum(block.strip() in piece.text for piece in pieces) == 1
    assert {piece.headings for piece in pieces} == {()}


@pytest.mark.parametrize("line", ["```one line of code```", "a ``` in the middle", "``not enough``"])
def test_what_only_looks_like_a_fence_swallows_no_heading(line: str) -> None:
    pieces = cut(f"{line}\n\n{'word ' * 50}\n\n# Next\n\ntext", 400)
    assert pieces[-1].headings == ("Next",)


def test_an_unclosed_fence_ends_with_the_page() -> None:
    assert cut("```\n# a comment\n\nx = 1") == [Piece("```\n# a comment\n\nx = 1", ())]


def test_long_blocks_are_cut_at_lines_then_sentences_then_blanks_then_anywhere() -> None:
    assert [p.text for p in cut("aaaa bbbb\ncccc dddd", 12)] == ["aaaa bbbb", "cccc dddd"]
    assert [p.text for p in cut("It is so. And that is it", 14)] == ["It is so.", "And that is it"]
    assert [p.text for p in cut("aaaa bbbb cccc", 11)] == ["aaaa bbbb", "cccc"]
    assert [p.text for p in cut("abcdefghij", 4)] == ["abcd", "efgh", "ij"]


class Steps:
    """Counts the lines of Python that a call runs: work, measured without a clock."""

    def __init__(self) -> None:
        self.lines = 0

    def of(self, body: str) -> int:
        self.lines = 0
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            cut(body)
        finally:
            sys.settrace(before)
        return self.lines

    def _trace(self, frame: object, event: str, argument: object) -> object:
        del frame, argument
        self.lines += event == "line"
        return self._trace


@pytest.mark.parametrize(
    "unit",
    ["word " * 200, "x" * 1000, "# " + "t" * 998, "\n" * 1000, "- item\n\n" * 125, "# h\n" * 250],
    ids=["blanks", "no blank", "heading", "line ends", "items", "headings"],
)
def test_work_grows_with_the_length_and_not_faster(unit: str) -> None:
    steps = Steps()
    small, large = steps.of(unit * 20), steps.of(unit * 80)
    assert large <= 4 * small + 100


@pytest.mark.parametrize("start", ["", "# ", "```"])
def test_one_line_of_nine_megabytes_is_cut_whole(start: str) -> None:
    body = start + "word " * 1_800_000
    pieces = cut(body)
    assert sum(len(visible(piece.text)) for piece in pieces) == len(visible(body))
    assert max(len(piece.text) for piece in pieces) <= 1000
    assert all(len(title) <= 200 for piece in pieces for title in piece.headings)


@pytest.mark.parametrize("line", ["# a" + " " * 50_000 + "b", "# " + "# " * 50_000, "`" * 100_000 + "x", "#" * 100_000])
def test_no_line_sends_a_pattern_into_endless_backtracking(line: str) -> None:
    assert visible("".join(piece.text for piece in cut(line))) == visible(line)
