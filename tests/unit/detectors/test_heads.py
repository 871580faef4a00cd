"""Lines that a pipeline puts before chunks: what they are, and when they speak of an edit."""

from __future__ import annotations

import pytest

from governance.detectors.heads import Heads, heads_of, parts_of
from governance.detectors.texts import Critical, DocumentText, Way, compare_chunk

BODY = """# Annual leave

Every employee gets 25 days of paid leave per year. Requests go to the manager first.

## Carrying over

You must not carry over more than 5 days. The rest is lost at the end of March, and nobody is paid for it.
"""
ONE = "Every employee gets 25 days of paid leave per year. Requests go to the manager"
TWO = "You must not carry over more than 5 days. The rest is lost"
DOCUMENT = DocumentText.of(BODY, None, "Leave rules")


@pytest.mark.parametrize(
    ("texts", "heads"),
    [
        ([], Heads()),
        ([ONE, TWO], Heads()),
        ([f"Staff\n\n{ONE}", f"Staff\n\n{TWO}"], Heads("Staff\n\n")),
        ([f"Staff\n\n{ONE}", TWO], Heads()),
        ([f"Staff\nLeave\n{ONE}", f"Staff\nPay\n{TWO}"], Heads("Staff\n")),
        (["Staff\n\n", f"Staff\n\n{TWO}"], Heads()),
        ([f"Leave rules\n\n{ONE}"], Heads(has_path=True)),
        ([f"# leave rules\n{ONE}"], Heads(has_path=True)),
        ([f"Leave\n\n{ONE}"], Heads()),
        (["Leave rules"], Heads()),
        (["Leave rules\n \n"], Heads()),
        ([f"Leave rules > Days\n{ONE}", f"Leave rules > Carrying over\n{TWO}"], Heads(has_path=True)),
        ([f"Leave rules\n{ONE}", f"Leave rules: Carrying over\n{TWO}"], Heads(has_path=True)),
        ([f"Leave rules are strict\n{ONE}", f"Leave rules are short\n{TWO}"], Heads()),
        ([f"Staff\nLeave rules > Days\n{ONE}", f"Staff\nLeave rules\n{TWO}"], Heads("Staff\n", has_path=True)),
    ],
)  # fmt: skip
def test_what_stands_before_all_chunks_of_a_document(texts: list[str], heads: Heads) -> None:
    assert heads_of(texts, "Leave rules") == heads
    assert all(text == heads.before(text) + text[len(heads.before(text)) :] for text in texts)


def test_a_head_ends_where_the_chunk_has_something_to_say() -> None:
    heads = Heads("Staff\n", has_path=True)
    assert heads.before(f"Staff\nLeave > Days\n{ONE}") == "Staff\nLeave > Days\n"
    assert heads.before(f"Other\nLeave > Days\n{ONE}") == ""
    assert heads.before("Staff\nLeave > Days\n") == ""


def test_the_parts_of_a_path() -> None:
    assert parts_of("Staff > Leave | Days / 5: a-b - c\n\nlast\n---\n") == [
        "Staff", "Leave", "Days", "5", "a-b", "c", "last",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("head", "critical", "unsaid"),
    [
        ("Leave rules\n\n", None, False),
        ("Annual leave\n\n", None, False),
        ("Leave rules > Carrying over\n\n", None, False),
        ("Leave rules > Handing over\n\n", None, True),
        ("Pay rules\n\n", None, True),
        ("Rules of 1999\n\n", Critical.NUMBER, True),
    ],
)
def test_a_chunk_behind_a_head_stands_in_the_document_as_it_is(
    head: str, critical: Critical | None, unsaid: bool
) -> None:
    for rest in (ONE, TWO):
        found = compare_chunk(DOCUMENT, head + rest, head)
        assert (found.way, found.critical, found.unsaid) == (Way.VERBATIM, critical, unsaid)


def test_what_differs_behind_a_head_is_told_as_without_it() -> None:
    for head in ("Leave rules\n\n", "Pay rules\n\n"):
        found = compare_chunk(DOCUMENT, head + ONE.replace("25", "26"), head)
        assert (found.way, found.critical) == (Way.ALIGNED, Critical.NUMBER)
        assert found.share == compare_chunk(DOCUMENT, ONE.replace("25", "26")).share


def test_a_first_chunk_whose_head_is_its_own_is_cut_as_it_stands() -> None:
    head = "# Annual leave\n\n"
    assert compare_chunk(DOCUMENT, BODY[:90], head).way is Way.VERBATIM
    assert not compare_chunk(DOCUMENT, BODY[:90], head).unsaid
