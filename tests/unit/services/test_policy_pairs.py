from __future__ import annotations

import json
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.domain.values import canonical_json
from governance.policy.loader import parse_policies
from governance.policy.match import EVERYTHING, Match, Subject
from governance.policy.model import PolicySet
from governance.services import policy_pairs
from governance.services.policy_pairs import compare_policies
from governance.services.policy_shelf import Shelf
from tests.unit.services.policy_strategies import EVERY, matches

HR = "{path: 'hr/**'}"
MARKDOWN = "{path: '**/*.md'}"
PUBLIC = "{label: public}"
BOTH = "{path: 'hr/**', label: public}"


def policies(*written: tuple[str, str], kind: str = "freshness") -> PolicySet:
    """Make policies of (match, months between reviews), called a, b, c and so on."""
    lines = [
        f"- {{name: {name}, kind: {kind}, {f'match: {match}, ' if match else ''}freshness: {{review_every: {every}}}}}"
        for name, (match, every) in zip("abcdefgh", written, strict=False)
    ]
    return parse_policies("\n".join(["version: 1", "policies:", *lines]))


def clashes(policies: PolicySet, shelf: Shelf | None = None) -> list[tuple[str, str, str]]:
    found = compare_policies(policies, shelf).clashes
    return [(clash.first.name, clash.second.name, clash.subject.path) for clash in found]


def never(policies: PolicySet, shelf: Shelf | None = None) -> list[tuple[str, str]]:
    return [(policy.name, first.name) for policy, first in compare_policies(policies, shelf).never_decide]


def test_two_policies_that_overlap_and_decide_differently_contradict_each_other() -> None:
    assert clashes(policies((HR, "1 month"), (MARKDOWN, "2 months"))) == [("a", "b", "hr/page.md")]
    assert clashes(policies((HR, "1 month"), (PUBLIC, "2 months"))) == [("a", "b", "hr/page.md")]


def test_two_policies_that_decide_the_same_do_not() -> None:
    assert clashes(policies((HR, "12 months"), (MARKDOWN, "1 year"))) == []


@pytest.mark.parametrize("setting", ["owner: hr", "severity: low", "actions: [annotate]"])
def test_owner_severity_and_actions_are_decisions_too(setting: str) -> None:
    text = (
        "version: 1\npolicies:\n- {name: a, kind: freshness, match: {label: x}}\n"
        f"- {{name: b, kind: freshness, match: {{label: y}}, {setting}}}\n"
    )
    assert clashes(parse_policies(text)) == [("a", "b", "page.md")]


def test_waivers_are_no_decision() -> None:
    text = (
        "version: 1\npolicies:\n- {name: a, kind: freshness, match: {label: x}}\n- {name: b, kind: freshness, match: "
        "{label: y}, waivers: [{match: {path: p}, reason: other, until: 2027-01-01}]}\n"
    )
    assert clashes(parse_policies(text)) == []


def test_a_special_case_above_a_general_one_is_what_the_order_is_for() -> None:
    made = policies((BOTH, "1 month"), (HR, "2 months"), ("", "3 months"))
    assert (clashes(made), never(made)) == ([], [])


def test_a_special_case_below_a_general_one_never_decides() -> None:
    made = policies((HR, "2 months"), (BOTH, "1 month"), ("", "3 months"), (PUBLIC, "4 months"))
    assert clashes(made) == []
    assert never(made) == [("b", "a"), ("d", "c")]


def test_the_same_documents_decided_twice_are_a_contradiction() -> None:
    made = policies((HR, "1 month"), (HR, "2 months"))
    assert (clashes(made), never(made)) == ([("a", "b", "hr/page.md")], [])
    same = policies((HR, "1 month"), (HR, "1 month"))
    assert (clashes(same), never(same)) == ([], [("b", "a")])


def test_a_policy_for_what_both_match_above_them_ends_the_contradiction() -> None:
    assert clashes(policies((HR, "1 month"), (PUBLIC, "2 months"))) != []
    assert clashes(policies((BOTH, "3 months"), (HR, "1 month"), (PUBLIC, "2 months"))) == []
    half = policies(("{path: 'hr/**', label: [public, x]}", "3 months"), (HR, "1 month"), (PUBLIC, "2 months"))
    assert [(first, second) for first, second, _ in clashes(half)] == [("a", "c")]


def test_a_class_covers_what_its_policy_matches() -> None:
    text = (
        "version: 1\npolicies:\n"
        "- {name: r, kind: retention, match: {path: 'hr/**'}, retention: {class: personnel, period: 1 year}}\n"
        "- {name: a, kind: freshness, match: {class: personnel}, owner: x}\n"
        "- {name: b, kind: freshness, match: {path: 'hr/old/**'}, owner: y}\n"
        "- {name: c, kind: freshness, match: {label: public}, owner: z}\n"
    )
    assert never(parse_policies(text)) == [("b", "a")]
    assert [(first, second) for first, second, _ in clashes(parse_policies(text))] == [("a", "c")]


def test_policies_of_different_kinds_have_nothing_to_do_with_each_other() -> None:
    text = "version: 1\npolicies:\n- {name: a, kind: freshness, match: {label: x}}\n- {name: b, kind: drift}\n"
    found = compare_policies(parse_policies(text))
    assert (found.clashes, found.never_decide) == ([], [])


def test_departments_sources_and_folders_of_their_own_never_meet() -> None:
    for one, other in (
        ("{metadata: {d: hr}}", "{metadata: {d: it}}"),
        ("{source: a}", "{source: b}"),
        ("{path: ['a/**', 'b/c.md']}", "{path: ['b/c/**', 'd']}"),
    ):
        assert clashes(policies((one, "1 month"), (other, "2 months"))) == []


def test_a_document_of_the_catalog_is_named_where_there_is_one() -> None:
    made = policies((HR, "1 month"), (MARKDOWN, "2 months"))
    shelf = Shelf([Subject(source="docs", path="hr/x.txt"), Subject(source="docs", path="hr/leave.md")], made)
    (clash,) = compare_policies(made, shelf).clashes
    assert (clash.subject.path, clash.made_up) == ("hr/leave.md", False)
    assert compare_policies(made).clashes[0].made_up


def test_a_document_of_the_catalog_shows_what_no_made_up_one_does() -> None:
    greek = "{field: path, op: regex, value: '^\\p{Greek}+'}"
    made = policies((greek, "1 month"), (PUBLIC, "2 months"))
    assert clashes(made) == []
    documents = [
        Subject(source="docs", path="\u03b1/a", labels=("public",)),
        Subject(source="docs", path="\u03b1/b"),
        Subject(source="docs", path="c", labels=("public",)),
    ]
    assert clashes(made, Shelf(documents, made)) == [("a", "b", "\u03b1/a")]


def regex(text: str) -> str:
    return f"{{field: path, op: regex, value: '{text}'}}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{all: [{path: 'hr/**'}, {field: path, op: regex, value: 'draft'}]}", HR),
        ("{all: [{path: 'hr/**'}, {field: path, op: regex, value: '[0-9]{4}'}]}", HR),
        (regex("^hr/leave"), HR),
        (regex("^hr/[a-z]+$"), HR),
        (regex("^hr/leave"), regex("^hr/")),
        (regex("^hr/[0-9]+"), regex("^hr/")),
        (regex("draft"), ""),
        (regex("[0-9]{4}"), ""),
    ],
)
def test_a_special_case_may_hold_a_regular_expression(first: str, second: str) -> None:
    found = compare_policies(policies((first, "1 month"), (second, "2 months")))
    assert (found.clashes, found.undecided, found.never_decide) == ([], [], [])


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        (regex("^(hr|finance)/[a-z]+"), MARKDOWN, "hr/a.md"),
        (regex("[0-9]{4}"), HR, "hr/1111"),
        (regex("^(hr|it)/"), regex("draft$"), "hr/draft"),
    ],
)
def test_a_contradiction_with_a_regular_expression_is_shown_by_an_example(first: str, second: str, path: str) -> None:
    found = clashes(policies((first, "1 month"), (second, "2 months")))
    assert [(one, other) for one, other, _ in found] == [("a", "b")]
    assert found[0][2] == path


def test_what_cannot_be_told_of_a_regular_expression_is_said() -> None:
    found = compare_policies(policies((regex(r"^\\p{Greek}+$"), "1 month"), (regex("^[^a-z]{3}$"), "2 months")))
    assert found.clashes == []
    assert [(policy.name, first.name) for policy, first in found.undecided] == [("b", "a")]


def test_after_many_pairs_with_regular_expressions_no_more_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_pairs, "_MOST_OPEN", 1)
    made = policies((regex("[0-9]{2}a"), "1 month"), (regex("[0-9]{2}b"), "2 months"), (regex("[0-9]{2}c"), "3 months"))
    assert not compare_policies(made).complete


def test_regular_expressions_about_folders_of_their_own_never_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_pairs, "_MOST_OPEN", 0)
    made = policies(*[(regex(f"^area{number}/(a+)+$"), f"{number + 1} months") for number in range(6)])
    assert compare_policies(made).complete


def test_a_document_with_two_values_under_one_key_is_believed() -> None:
    made = policies(("{metadata: {d: hr}}", "1 month"), ("{metadata: {d: it}}", "2 months"))
    both = Subject(source="docs", path="x", metadata={"d": ("hr", "it")})
    assert clashes(made, Shelf([both], made)) == [("a", "b", "x")]


def test_conditions_that_exclude_each_other_match_nothing() -> None:
    made = policies(("{all: [{source: a}, {source: b}]}", "1 month"), (HR, "2 months"))
    assert [policy.name for policy in compare_policies(made).impossible] == ["a"]


def test_after_many_contradictions_no_more_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_pairs, "MOST_CLASHES", 2)
    made = policies(*((f"{{label: l{n}}}", f"{n} months") for n in range(1, 6)))
    found = compare_policies(made)
    assert (len(found.clashes), found.complete) == (2, False)


@st.composite
def some_policies(draw: st.DrawFn) -> tuple[list[Match], list[int]]:
    found = draw(st.lists(st.one_of(matches, st.just(EVERYTHING)), min_size=2, max_size=4))
    return found, [draw(st.integers(1, 2)) for _ in found]


@settings(max_examples=150, deadline=None)
@given(some_policies())
def test_what_is_told_is_true_and_what_every_document_shows_is_told(made: tuple[list[Match], list[int]]) -> None:
    conditions, months = made
    body = [
        {
            "name": f"p{n}",
            "kind": "freshness",
            "freshness": {"review_every": f"{month} months"},
            **({"match": match.as_json()} if match != EVERYTHING else {}),
        }
        for n, (match, month) in enumerate(zip(conditions, months, strict=True))
    ]
    loaded = parse_policies(canonical_json({"version": 1, "policies": body}).decode())
    shelf = Shelf(EVERY, loaded)
    pairs = compare_policies(loaded, shelf)
    held = [[policy.match.holds(one) for one in EVERY] for policy in loaded.policies]
    places = {policy.name: place for place, policy in enumerate(loaded.policies)}

    for clash in pairs.clashes:
        first, second = places[clash.first.name], places[clash.second.name]
        assert first < second
        assert months[first] != months[second]
        assert clash.first.match.holds(clash.subject)
        assert clash.second.match.holds(clash.subject)
        assert not any(policy.match.holds(clash.subject) for policy in loaded.policies[:first])
    for policy, earlier in pairs.never_decide:
        late, early = places[policy.name], places[earlier.name]
        assert early < late
        assert not [
            one for one, (mine, its) in enumerate(zip(held[late], held[early], strict=True)) if mine and not its
        ]
    for policy in pairs.impossible:
        assert not any(held[places[policy.name]])

    told = {(places[clash.first.name], places[clash.second.name]) for clash in pairs.clashes}
    silent = {places[policy.name] for policy, _ in pairs.never_decide}
    for first, second in combinations(range(len(conditions)), 2):
        ones = list(zip(held[first], held[second], strict=True))
        above = [any(held[at][one] for at in range(first)) for one in range(len(EVERY))]
        decided = any(a and b and not over for (a, b), over in zip(ones, above, strict=True))
        either_way = any(a and not b for a, b in ones) and any(b and not a for a, b in ones)
        if decided and either_way and months[first] != months[second] and second not in silent:
            same = any(late == second and held[early] == held[late] for early, late in told)
            assert (first, second) in told or same, json.dumps(body)
