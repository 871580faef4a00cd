from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.policy.loader import parse_policies
from governance.policy.match import EVERYTHING, Field, Match, Op, Subject, condition
from governance.services.policy_shelf import Shelf, places_of
from tests.unit.services.policy_strategies import matches, subjects

NONE = parse_policies("version: 1\n")


@settings(max_examples=200)
@given(st.lists(subjects, max_size=20), st.lists(matches, min_size=1, max_size=3))
def test_what_a_shelf_says_is_what_each_document_says(documents: list[Subject], asked: list[Match]) -> None:
    shelf = Shelf(documents, NONE)
    for match in (*asked, EVERYTHING):
        taken = [place for place, one in enumerate(documents) if match.holds(one)]
        assert list(places_of(shelf.taken(match))) == taken


def test_documents_are_of_the_class_of_the_first_retention_policy_that_matches() -> None:
    policies = parse_policies(
        "version: 1\npolicies:\n"
        "- {name: hr, kind: retention, match: {path: 'hr/**'}, retention: {period: unlimited}}\n"
        "- {name: public, kind: retention, match: {label: public}, retention: {period: unlimited}}\n"
    )
    documents = [
        Subject(source="docs", path="hr/a", labels=("public",)),
        Subject(source="docs", path="it/a", labels=("public",)),
        Subject(source="docs", path="it/b"),
    ]
    shelf = Shelf(documents, policies)
    assert [one.class_name for one in shelf.subjects] == ["hr", "public", None]
    assert list(places_of(shelf.taken(condition(Field.CLASS, Op.GLOB, ("p*",))))) == [1]
    assert documents[0].class_name is None


def test_a_document_in_two_indexes_is_counted_once_and_asked_twice() -> None:
    shelf = Shelf([Subject(source="docs", path="a", index=name) for name in ("main", "other")], NONE)
    assert shelf.documents == 1
    other = shelf.taken(condition(Field.INDEX, Op.EQ, ("other",)))
    assert shelf.one_of(other).index == "other"


def test_keys_with_several_values_are_known() -> None:
    one = Subject(source="docs", path="a", metadata={"team": ("x", "y"), "topic": ("z",)})
    assert Shelf([one], NONE).several == {"team"}


def test_the_places_of_many_bits() -> None:
    wanted = [0, 7, 8, 63, 64, 1000]
    assert list(places_of(sum(1 << place for place in wanted))) == wanted
    assert list(places_of(0)) == []
