from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from jsonschema import Draft202012Validator

from governance.domain.errors import InputError
from governance.domain.findings import Severity
from governance.policy.json_schema import DIALECT, json_schema
from governance.policy.kinds import KINDS
from governance.policy.match import Field, Op
from governance.policy.sections import SECTIONS
from governance.policy.shipped import shipped_policies
from governance.policy.yaml_reader import ListNode, MapNode, Node, read_yaml

WHOLE = json_schema()
VALIDATOR = Draft202012Validator(WHOLE)


def faults(policy: str) -> list[str]:
    """Give where an editor sees something wrong in the only policy of a file."""
    body = yaml.safe_load(f"version: 1\npolicies:\n  - {policy}\n")
    return [error.json_path.removeprefix("$.policies[0]").removeprefix(".") for error in VALIDATOR.iter_errors(body)]


def objects(value: object) -> Iterator[dict]:
    if isinstance(value, dict):
        if "properties" in value and "additionalProperties" in value:
            yield value
        for item in value.values():
            yield from objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from objects(item)


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_the_schema_is_one_of_its_dialect(kind: str | None) -> None:
    schema = json_schema(kind)
    assert schema["$schema"] == DIALECT
    Draft202012Validator.check_schema(schema)


def test_every_mapping_is_closed_and_every_key_is_described() -> None:
    mappings = list(objects(WHOLE))
    assert len(mappings) > 20
    assert [each["description"] for each in mappings if each["additionalProperties"] is not False] == []
    undescribed = [
        (each["description"], key)
        for each in mappings
        for key, about in each["properties"].items()
        if not about.get("description")
    ]
    assert undescribed == []


def test_no_key_may_be_without_a_value() -> None:
    assert "null" not in repr(WHOLE)
    assert faults("{name: a, kind: drift, owner: }") == ["owner"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_has_its_default_or_must_be_written_or_may_be_left_out(kind: str) -> None:
    section = WHOLE["$defs"][SECTIONS[kind].__name__]
    without = {key for key, about in section["properties"].items() if "default" not in about}
    assert without == {
        "freshness": {"review_every"},
        "retention": {"class", "label", "legal_basis", "period"},
        "erasure": {"holidays"},
        "duplicates": {"authority"},
        "conflicts": {"names"},
    }.get(kind, set())
    assert section.get("required", []) == (["period"] if kind == "retention" else [])


def test_words_are_offered_where_only_words_are_taken() -> None:
    policy = WHOLE["$defs"]["PolicyModel"]["properties"]
    match = WHOLE["$defs"]["MatchModel"]["properties"]
    assert policy["kind"]["enum"] == list(KINDS)
    assert policy["severity"]["enum"] == [str(word) for word in Severity]
    assert match["field"]["enum"] == [str(word) for word in Field]
    assert match["op"]["enum"] == [str(word) for word in Op]
    assert "other" in WHOLE["$defs"]["WaiverModel"]["properties"]["reason"]["examples"]


def as_an_editor_reads(node: Node) -> object:
    """Make of a text what YAML 1.2 makes of it, where `no` is a word."""
    if isinstance(node, MapNode):
        return {key: as_an_editor_reads(item) for key, item in node.items.items()}
    if isinstance(node, ListNode):
        return [as_an_editor_reads(item) for item in node.items]
    return int(node.text) if node.text.isdecimal() and not node.quoted else node.text


@pytest.mark.parametrize("file", sorted(shipped_policies().glob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_policies_are_right_in_an_editor(file) -> None:
    body = as_an_editor_reads(read_yaml(file.read_text()))
    assert [error.json_path for error in VALIDATOR.iter_errors(body)] == []


RIGHT = [
    "{name: a, kind: freshness, freshness: {review_every: 6 months, unknown: ignore}}",
    "{name: a, kind: drift, drift: {max_lag: none, uncovered: 5}, match: {label: [2024, rule], path: 'a/**'}}",
    "{name: a, kind: drift, match: {metadata: {year: 2024, site: [bonn]}, not: {class: x}}}",
    "{name: a, kind: drift, match: {field: metadata, key: site, op: regex, value: '^b'}}",
    "{name: a, kind: retention, retention: {period: unlimited}}",
    "{name: a, kind: retention, retention: {period: 010 years}}",
    "{name: a, kind: freshness, freshness: {warn_after: 0 days, due_soon: 0 days, changed_grace: 0 days}}",
    "{name: a, kind: pii, pii: {kinds: {url: {threshold: 50, report: 'yes'}}, countries: DE}}",
    "{name: a, kind: erasure, erasure: {required_level_of: {'a*': L3}, holidays: ['2026-12-25']}}",
    "{name: a, kind: quality, quality: {max_tokens: 512, max_characters: none}}",
    "{name: a, kind: drift, actions: [annotate, {retire: {after: 14 days}}, {notify: {to: owner}}]}",
    "{name: a, kind: drift, waivers: [{match: {path: a}, reason: own-code, until: '2027-03-31'}]}",
]


@pytest.mark.parametrize("policy", RIGHT)
def test_what_is_right_is_right_in_an_editor(policy: str) -> None:
    assert faults(policy) == []


WRONG = [
    ("{name: a, kind: freshnes}", "kind"),
    ("{name: a, kind: freshness, freshness: {review_evry: 1 year}}", "freshness"),
    ("{name: a, kind: freshness, freshness: {review_every: soon}}", "freshness.review_every"),
    ("{name: a, kind: freshness, freshness: {due_soon: 1 month}}", "freshness.due_soon"),
    ("{name: a, kind: freshness, drift: {}}", ""),
    ("{name: a, kind: drift, drift: {rewritten: 101}}", "drift.rewritten"),
    ("{name: a, kind: drift, drift: {rewritten: 0.5}}", "drift.rewritten"),
    ("{name: A b, kind: drift}", "name"),
    ("{name: a, kind: drift, match: {}}", "match"),
    ("{name: a, kind: drift, match: {field: path, op: eq}}", "match"),
    ("{name: a, kind: drift, match: {path: []}}", "match.path"),
    ("{name: a, kind: drift, match: {all: []}}", "match.all"),
    ("{name: a, kind: drift, match: {not: {any: []}}}", "match.not.any"),
    ("{name: a, kind: drift, match: {metadata: {}}}", "match.metadata"),
    ("{name: a, kind: drift, drift: {max_lag: 0 days}}", "drift.max_lag"),
    ("{name: a, kind: freshness, freshness: {review_every: 00 months}}", "freshness.review_every"),
    ("{name: a, kind: retention, retention: {period: 0 days}}", "retention.period"),
    ("{name: a, kind: erasure, erasure: {plan_expires: 0 days}}", "erasure.plan_expires"),
    ("{name: a, kind: erasure, erasure: {verify_again: [0 hours]}}", "erasure.verify_again"),
    ("{name: a, kind: drift, actions: [retire]}", "actions[0]"),
    ("{name: a, kind: drift, actions: [{annotate: {}, notify: {}}]}", "actions[0]"),
    ("{name: a, kind: drift, waivers: [{match: {path: a}, reason: other}]}", "waivers[0]"),
    ("{name: a, kind: retention, retention: {class: x}}", "retention"),
    ("{name: a, kind: pii, pii: {kinds: {url: {threshold: 101}}}}", "pii.kinds.url.threshold"),
    ("{name: a, kind: erasure, erasure: {required_level: L9}}", "erasure.required_level"),
]


@pytest.mark.parametrize(("policy", "where"), WRONG)
def test_what_is_wrong_is_marked_where_it_stands(policy: str, where: str) -> None:
    assert where in faults(policy)


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_of_one_kind_is_that_of_one_policy_without_the_sections_of_others(kind: str) -> None:
    schema = json_schema(kind)
    assert schema["properties"].keys() & SECTIONS.keys() == {kind}
    assert schema["properties"]["kind"]["enum"] == [kind]
    assert {SECTIONS[other].__name__ for other in KINDS} & schema["$defs"].keys() == {SECTIONS[kind].__name__}
    validator = Draft202012Validator(schema)
    section = {"retention": {"period": "6 years"}}.get(kind, {})
    assert validator.is_valid({"name": "a", "kind": kind, kind: section, "match": {"not": {"path": "a"}}})
    assert not validator.is_valid({"name": "a", "kind": "other"})


def test_a_kind_that_there_is_not_is_refused_with_the_nearest_word() -> None:
    with pytest.raises(InputError, match="no policy is of this kind") as caught:
        json_schema("retentions")
    assert caught.value.next_step is not None
    assert caught.value.next_step.startswith("did you mean 'retention'?")


def test_a_schema_can_be_changed_by_whoever_asked_for_it() -> None:
    json_schema()["$defs"].clear()
    assert json_schema() == WHOLE
