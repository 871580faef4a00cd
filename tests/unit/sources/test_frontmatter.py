from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.documents import Problem, ProblemCode
from governance.policy.yaml_reader import BadNode, Scalar
from governance.sources.frontmatter import FrontMatter, read_front_matter

WANTED = frozenset({"title", "last_reviewed_on", "owner", "ms", "ms.date"})


def read(text: str) -> FrontMatter:
    return read_front_matter(text, WANTED)


def texts(front: FrontMatter) -> dict[str, object]:
    return {key: node.text if isinstance(node, Scalar) else type(node) for key, node in front.values.items()}


def codes(front: FrontMatter) -> list[tuple[ProblemCode, int | None]]:
    return [(problem.code, problem.line) for problem in front.problems]


@pytest.mark.parametrize("close", ["---", "...", "---  \t"])
@pytest.mark.parametrize("start", ["---", "--- "])
def test_front_matter_is_cut_off(start: str, close: str) -> None:
    front = read(f"{start}\ntitle: A\nlast_reviewed_on: 2026-03-02\n{close}\n# Body\n")
    assert texts(front) == {"title": "A", "last_reviewed_on": "2026-03-02"}
    assert (front.body, front.problems, front.key_lines["last_reviewed_on"]) == ("# Body\n", (), 3)


@pytest.mark.parametrize("text", ["", "# Title\n", "\n---\ntitle: A\n---\n", "----\ntitle: A\n---\n", "--- a\n---\n"])
def test_texts_without_front_matter_stay_whole(text: str) -> None:
    assert read(text) == FrontMatter(text)


@pytest.mark.parametrize("text", ["---\n---\nBody", "---\n\n---\nBody", "---\n# only a comment\n---\nBody"])
def test_empty_front_matter_is_no_problem(text: str) -> None:
    assert (read(text).body, read(text).problems) == ("Body", ())


def test_no_newline_at_the_end() -> None:
    front = read("---\ntitle: A\n---")
    assert (front.body, texts(front)) == ("", {"title": "A"})


@pytest.mark.parametrize("block", ["- a\n- b", "just words\nand more", '"quoted"', "[a, b]"])
def test_front_matter_that_is_no_mapping_is_reported_and_nothing_is_lost(block: str) -> None:
    text = f"---\n{block}\n---\nBody"
    front = read(text)
    assert codes(front) == [(ProblemCode.FRONT_MATTER_NOT_A_MAPPING, 2)]
    assert (front.body, front.values) == (text, {})


@pytest.mark.parametrize(
    "block", ["\nA page may start with a break.\n", "\nRemember: lock up.\n", "\n* *Note*: x: y\n"]
)
def test_prose_between_two_thematic_breaks_is_text(block: str) -> None:
    text = f"---\n{block}\n---\n\nMore."
    assert read(text) == FrontMatter(text)


def test_an_empty_line_before_a_known_key_makes_no_difference() -> None:
    assert texts(read("---\n\ntitle: A\n---\nBody")) == {"title": "A"}


def test_front_matter_that_never_ends_is_reported_when_it_looks_like_one() -> None:
    text = "---\ntitle: A\n\nBody\n"
    assert read(text) == FrontMatter(text, problems=(Problem(ProblemCode.FRONT_MATTER_UNCLOSED, line=1),))


@pytest.mark.parametrize("text", ["---\n\nProse after a break.\n", "---\nProse.\n", "---", "---\n"])
def test_a_lone_thematic_break_is_text(text: str) -> None:
    assert read(text) == FrontMatter(text)


def test_too_large_a_block_is_cut_off_unread() -> None:
    front = read("---\ntitle: A\nnote: " + "x" * 262_144 + "\n---\nBody")
    assert (codes(front), front.values, front.body) == ([(ProblemCode.FRONT_MATTER_TOO_LARGE, 1)], {}, "Body")


def test_toml_is_recognized_and_reported() -> None:
    front = read('+++\ntitle = "A"\n+++\nBody')
    assert (codes(front), front.body) == ([(ProblemCode.FRONT_MATTER_SYNTAX, 1)], "Body")
    assert read("+++\nno end") == FrontMatter("+++\nno end")


def test_an_alias_bomb_spoils_itself_alone() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{key}: &{key} [{','.join([f'*{before}'] * 9)}]\n" for before, key in zip("abcdefgh", "bcdefghi", strict=True)
    )
    front = read(f"---\ntitle: A\n{bomb}---\nBody")
    assert texts(front)["title"] == "A"
    assert texts(front)["i"] is BadNode


@pytest.mark.parametrize(
    "bad",
    [
        "note: a: b",
        "note: @team",
        'note: "never closed',
        "note: [a, b",
        "\tnote: tab",
        "note: %x",
        "note: a\x01b",
        "words without a colon",
        "? [complex]",
        "note: !!python/object x\nnote: twice",
        "note: " + "[" * 50 + "]" * 50,
    ],
)
def test_one_broken_line_costs_no_other_value(bad: str) -> None:
    front = read(f"---\ntitle: A\n{bad}\nlast_reviewed_on: 2026-03-02\nowner:\n- x\n- y\n---\nBody")
    assert (texts(front)["title"], texts(front)["last_reviewed_on"], front.body) == ("A", "2026-03-02", "Body")


def test_a_broken_line_that_fills_no_field_is_still_named() -> None:
    front = read("---\ntitle: A\nnote: a: b\nowner: C\n---\nBody")
    assert codes(front) == [(ProblemCode.FRONT_MATTER_SYNTAX, 3)]
    assert texts(front) == {"title": "A", "owner": "C"}


def test_a_broken_title_is_bad_by_itself() -> None:
    front = read("---\n# comment\ntitle: Upgrade: the guide\nowner: C\n---\nBody")
    assert texts(front) == {"title": BadNode, "owner": "C"}
    assert (front.values["title"].line, front.problems) == (3, ())


def test_of_a_key_that_stands_twice_no_value_is_believed() -> None:
    front = read("---\nowner: A\nowner: B\nx: y: z\n---\nBody")
    assert texts(front) == {"owner": BadNode}


def test_prose_that_is_no_yaml_stays_in_the_text() -> None:
    text = "---\n*Emphasis* and so: on: it goes\n---\nBody"
    front = read(text)
    assert (front.body, codes(front)) == (text, [(ProblemCode.FRONT_MATTER_SYNTAX, 2)])


@given(st.lists(st.sampled_from(["---", "...", "+++", "title: A", "a: b: c", "- x", "", "*y", "  z", '"', "[", "#"])))
def test_nothing_is_lost_or_made_up(lines: list[str]) -> None:
    text = "\n".join(lines)
    front = read(text)
    assert text.endswith(front.body)
    assert front.body == text or text.startswith(("---", "+++"))
