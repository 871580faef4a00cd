from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.policy.loader import parse_policies
from governance.policy.match import EVERYTHING, Field, Match, Not, Op, Subject, all_of, any_of, condition
from governance.services import policy_witness
from governance.services.policy_witness import Witnesses
from tests.unit.services.policy_strategies import EVERY, matches

NONE = parse_policies("version: 1\n")
CLASSES = parse_policies(
    "version: 1\npolicies:\n"
    "- {name: leavers, kind: retention, match: {path: 'hr/**', label: left}, retention: {period: 3 years}}\n"
    "- {name: personnel, kind: retention, match: {path: 'hr/**'}, retention: {period: unlimited}}\n"
    "- {name: rest, kind: retention, retention: {period: unlimited}}\n"
)


def glob(field: Field, *values: str, key: str = "") -> Match:
    return condition(field, Op.GLOB, values, key)


PATH_HR = glob(Field.PATH, "hr/**")
MARKDOWN = glob(Field.PATH, "**/*.md")
PUBLIC = glob(Field.LABEL, "public")


def found(*wanted: Match, unwanted: tuple[Match, ...] = ()) -> Subject | None:
    return Witnesses(NONE).find(wanted, unwanted).subject


def test_a_document_is_made_of_what_the_conditions_say() -> None:
    made = found(PATH_HR, MARKDOWN, PUBLIC, glob(Field.METADATA, "it", key="department"), glob(Field.INDEX, "main"))
    assert made == Subject(
        source="docs", path="hr/page.md", labels=("public",), index="main", metadata={"department": ("it",)}
    )


def test_a_document_about_which_nothing_is_said_is_a_plain_one() -> None:
    assert found(EVERYTHING) == Subject(source="docs", path="page.md")
    assert found(Not(glob(Field.PATH, "*.md"))) == Subject(source="docs", path="a")


def test_a_document_has_as_many_labels_as_are_asked_for_and_none_that_is_not_wanted() -> None:
    made = found(PUBLIC, glob(Field.LABEL, "s*"), unwanted=(glob(Field.LABEL, "sa*"),))
    assert made is not None
    assert made.labels[0] == "public"
    assert made.labels[1].startswith("s")
    assert not made.labels[1].startswith("sa")


def test_what_excludes_itself_has_no_document_and_that_is_certain() -> None:
    for wanted in (
        [glob(Field.SOURCE, "a"), glob(Field.SOURCE, "b")],
        [PATH_HR, Not(PATH_HR)],
        [glob(Field.METADATA, "hr", key="d"), glob(Field.METADATA, "it", key="d")],
        [any_of([glob(Field.PATH, "a"), glob(Field.PATH, "b")]), glob(Field.PATH, "c")],
        [Not(EVERYTHING)],
    ):
        assert Witnesses(NONE).find(wanted) == (None, True)


def test_of_two_labels_a_document_may_have_both() -> None:
    made = found(PUBLIC, glob(Field.LABEL, "secret"))
    assert made is not None
    assert set(made.labels) == {"public", "secret"}


def test_a_class_is_made_as_the_policies_make_it() -> None:
    witnesses = Witnesses(CLASSES)
    personnel = witnesses.find([glob(Field.CLASS, "personnel")]).subject
    assert personnel is not None
    assert (personnel.path[:3], personnel.labels, personnel.class_name) == ("hr/", (), "personnel")
    rest = witnesses.find([glob(Field.CLASS, "rest")]).subject
    assert rest is not None
    assert (rest.path, rest.class_name) == ("page.md", "rest")
    assert witnesses.find([glob(Field.CLASS, "personnel"), Not(PATH_HR)]) == (None, True)
    assert witnesses.find([glob(Field.CLASS, "rest")], [Not(PATH_HR)]) == (None, True)
    assert witnesses.find([glob(Field.CLASS, "nothing")]) == (None, True)


def test_of_a_regular_expression_examples_are_tried_and_nothing_is_said_for_certain() -> None:
    plain = condition(Field.PATH, Op.REGEX, (r"^hr/old\.md$",))
    assert found(plain) == Subject(source="docs", path="hr/old.md")
    numbers = condition(Field.PATH, Op.REGEX, ("^[0-9]{4}$",))
    assert found(numbers) == Subject(source="docs", path="1111")
    hard = condition(Field.PATH, Op.REGEX, (r"^\p{Greek}+$",))
    assert Witnesses(NONE).find([hard]) == (None, False)
    assert Witnesses(NONE).find([PATH_HR], [hard]).subject is not None


@pytest.mark.parametrize("text", ["/archive/", "a[b", "x*y", "{z}"])
def test_a_text_inside_a_path_is_taken_to_the_letter(text: str) -> None:
    made = found(condition(Field.PATH, Op.CONTAINS, (text,)))
    assert made is not None
    assert text in made.path


def test_what_no_glob_can_say_is_left_open() -> None:
    long = condition(Field.PATH, Op.CONTAINS, ("x" * 499,))
    assert Witnesses(NONE).find([long]) == (None, False)


def test_so_many_ways_that_not_all_are_tried_are_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    either = any_of([all_of([glob(Field.SOURCE, f"s{n}"), glob(Field.PATH, f"p{n}")]) for n in range(9)])
    impossible = all_of([either, glob(Field.SOURCE, "other")])
    assert Witnesses(NONE).find([impossible]) == (None, True)
    monkeypatch.setattr(policy_witness, "_MOST_WAYS", 4)
    assert Witnesses(NONE).find([impossible]) == (None, False)


@settings(max_examples=200, deadline=None)
@given(st.lists(matches, max_size=2), st.lists(matches, max_size=2))
def test_a_witness_is_true_and_none_is_overlooked(wanted: list[Match], unwanted: list[Match]) -> None:
    def fits(one: Subject) -> bool:
        return all(match.holds(one) for match in wanted) and not any(match.holds(one) for match in unwanted)

    witness = Witnesses(NONE).find(wanted, unwanted)
    if witness.subject is not None:
        assert fits(witness.subject)
    elif witness.sure:
        assert not any(fits(one) for one in EVERY)
