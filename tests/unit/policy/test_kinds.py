"""What a policy of each kind can say: its defaults, every setting as it is obeyed, and one digest per decision."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date

import phonenumbers
import pytest
from presidio_analyzer import PatternRecognizer, predefined_recognizers

from governance.domain.actions import ActionKind, Deed
from governance.domain.calendar import Interval, Unit
from governance.domain.findings import FindingKind
from governance.policy.globs import Glob
from governance.policy.kinds import (
    FINDINGS_OF,
    FINDINGS_TO_COME,
    KINDS,
    SHIPPED_PII_KINDS,
    AfterRetention,
    Allowed,
    Checksum,
    ConflictKind,
    Conflicts,
    Drift,
    Duplicates,
    Erasure,
    Freshness,
    Level,
    Pii,
    PiiKind,
    Quality,
    QualityKind,
    Recognizer,
    Regime,
    Retention,
    RetentionEvent,
    VersionedSource,
    VersionFrom,
)
from governance.policy.loader import dump_policies, parse_policies
from governance.policy.model import BUILT_IN_REASONS, EXPIRY, ActionLimit, Limits, PlannedAction, Reason, WaiverReason
from governance.policy.patterns import Pattern
from governance.policy.pii_kinds import COUNTRIES, KNOWN, LANGUAGES
from governance.policy.sections import SECTIONS


def policy(kind: str, section: str | None = None, *lines: str, limits: str = "{}") -> str:
    written = [] if section is None else [f"    {kind}: {section}"]
    head = ["version: 1", f"limits: {limits}", "policies:", "  - name: x", f"    kind: {kind}"]
    return "\n".join([*head, *written, *lines]) + "\n"


def settings(kind: str, section: str | None = None, limits: str = "{}") -> object:
    (only,) = parse_policies(policy(kind, section, limits=limits)).policies
    return only.settings


def digest(kind: str, section: str | None = None) -> str:
    return parse_policies(policy(kind, section)).digest


DEFAULTS = {
    "freshness": Freshness(),
    "drift": Drift(),
    "pii": Pii(),
    "duplicates": Duplicates(),
    "conflicts": Conflicts(),
    "quality": Quality(),
    "erasure": Erasure(),
}


@pytest.mark.parametrize("kind", DEFAULTS)
def test_what_a_section_leaves_out_has_the_defaults_of_its_kind(kind: str) -> None:
    assert settings(kind) == settings(kind, "{}") == DEFAULTS[kind]


def test_every_kind_has_a_section_and_its_findings() -> None:
    assert KINDS == tuple(SECTIONS) == tuple(FINDINGS_OF)
    assert DEFAULTS.keys() | {"retention"} == set(KINDS)


def test_the_defaults_make_little_noise() -> None:
    assert Pii().kind("email_address") == PiiKind(threshold_percent=40, report=True)
    assert {name for name in KNOWN if not Pii().kind(name).report} == {
        *("date_time", "mac_address", "url", "us_bank_number", "us_driver_license", "uuid")
    }
    assert Pii().allowed == Allowed(private_ranges=True, reserved_domains=True)
    assert (Duplicates().near_percent, Duplicates().semantic_percent) == (80, None)
    assert (Erasure().default_level, Erasure().grace_days, Erasure().single_operator) == (Level.L2, 0, False)
    assert Erasure().verify_again_hours == (1, 24, 30 * 24)


def test_every_retention_setting_arrives_as_it_was_written() -> None:
    written = (
        "{class: personnel-file, event: labeled, label: left, period: 6 years, legal_basis: 'tax law', "
        "after: propose_erasure}"
    )
    assert settings("retention", written, "{erase: {max_items: 1, max_percent: 1}}") == Retention(
        class_name="personnel-file",
        event=RetentionEvent.LABELED,
        label="left",
        period=Interval(72, Unit.MONTH),
        legal_basis="tax law",
        after=AfterRetention.PROPOSE_ERASURE,
    )


def test_a_class_is_called_as_its_policy_and_kept_without_end_only_when_that_is_said() -> None:
    assert settings("retention", "{period: unlimited}") == Retention(
        class_name="x",
        event=RetentionEvent.MODIFIED,
        label=None,
        period=None,
        legal_basis=None,
        after=AfterRetention.REVIEW,
    )
    assert digest("retention", "{period: unlimited}") == digest("retention", "{class: x, period: unlimited}")


def test_every_erasure_setting_arrives_as_it_was_written() -> None:
    written = (
        "{required_level: L1, required_level_of: {archive: L4, 'a*': L3}, identity: required, grace: 1 week, "
        "single_operator: yes, regime: ccpa, holidays: [2026-12-25, 2026-11-26, 2026-12-25], "
        "roll_to_working_day: yes, plan_expires: 2 days, verify_again: [30 days, 2h, 1 week]}"
    )
    found = settings("erasure", written)
    assert found == Erasure(
        required_level=(("a*", Level.L3), ("archive", Level.L4)),
        default_level=Level.L1,
        identity_required=True,
        grace_days=7,
        single_operator=True,
        regime=Regime.CCPA,
        holidays=(date(2026, 11, 26), date(2026, 12, 25)),
        roll_to_working_day=True,
        plan_expires_days=2,
        verify_again_hours=(2, 168, 720),
    )
    assert [found.level_of(index) for index in ("archive", "other-a", "alpha")] == [Level.L4, Level.L1, Level.L3]


def test_an_erasure_that_is_never_looked_at_again_is_said_by_an_empty_list() -> None:
    assert settings("erasure", "{verify_again: []}") == Erasure(verify_again_hours=())


def test_every_pii_setting_arrives_as_it_was_written() -> None:
    written = (
        "{languages: [no, de], countries: [NO, DE], "
        "kinds: {phone_number: {threshold: 60}, url: {report: yes}, customer_number: {report: no}}, "
        r"allowed: {kinds: role_address, domains: Example.ORG, values: Info@B.org, patterns: '@x\.org$', "
        "private_ranges: no, reserved_domains: no}, "
        "recognizers: [{name: z, deny: [Project Blue], context: [Secret]}, "
        "{name: customer-number, patterns: 'C-[0-9]{6}', checksum: luhn, score: 60}], sample: 10}"
    )
    assert settings("pii", written) == Pii(
        languages=("de", "no"),
        countries=("DE", "NO"),
        kinds=(
            ("customer_number", PiiKind(report=False)),
            ("phone_number", PiiKind(threshold_percent=60)),
            ("url", PiiKind(report=True)),
        ),
        allowed=Allowed(
            kinds=("role_address",),
            domains=("example.org",),
            values=("info@b.org",),
            patterns=(Pattern(r"@x\.org$"),),
            private_ranges=False,
            reserved_domains=False,
        ),
        recognizers=(
            Recognizer(
                name="customer-number",
                kind="customer_number",
                patterns=(Pattern("C-[0-9]{6}"),),
                checksum=Checksum.LUHN,
                score_percent=60,
            ),
            Recognizer(name="z", kind="z", deny=("project blue",), context=("secret",)),
        ),
        sample_percent=10,
    )


def test_every_duplicates_setting_arrives_as_it_was_written() -> None:
    written = (
        "{near: 70, contained: 95, semantic: 97, authority: [wiki, 'docs-*', wiki], versioned: "
        "[{source: docs, from: path, pattern: '^v[0-9]+$'}, {source: wiki, from: metadata, key: release}]}"
    )
    assert settings("duplicates", written) == Duplicates(
        near_percent=70,
        contained_percent=95,
        semantic_percent=97,
        authority=("wiki", "docs-*"),
        versioned=(
            VersionedSource(source="docs", read_from=VersionFrom.PATH, pattern=Pattern("^v[0-9]+$")),
            VersionedSource(source="wiki", read_from=VersionFrom.METADATA, key="release"),
        ),
    )


def test_every_conflicts_and_quality_setting_arrives_as_it_was_written() -> None:
    assert settings(
        "conflicts", "{report: [negation, value], dated: 'news/**', most_readings: 4, names: V2, successive: ignore}"
    ) == Conflicts(
        report=(ConflictKind.VALUE, ConflictKind.NEGATION),
        dated=("news/**",),
        most_readings=4,
        names=("V2",),
        report_successive=False,
    )
    assert settings(
        "quality", "{report: cut, max_tokens: 512, max_characters: 4000, fragment_words: 8, garbled: 1}"
    ) == Quality(report=(QualityKind.CUT,), max_tokens=512, max_characters=4000, fragment_words=8, garbled_percent=1)


def test_pages_of_one_moment_can_be_said_to_be_none() -> None:
    assert settings("conflicts", "{dated: []}") == Conflicts(dated=())


ONE_DECISION = [
    ("retention", "{period: 2 years}", "{after: review, period: 24 months, event: modified, class: x}"),
    ("erasure", "{holidays: [2026-12-25, 2026-01-01]}", "{holidays: [2026-01-01, 2026-12-25], grace: 0 weeks}"),
    ("erasure", "{required_level_of: {a: L3, b: L4}}", "{required_level_of: {b: L4, a: L3}, required_level: L2}"),
    ("erasure", "{verify_again: [1 h, 1 day, 30 days]}", "{}"),
    ("pii", "{kinds: {url: {report: no}}}", "{}"),
    ("pii", "{kinds: {url: {threshold: 40}}, allowed: {private_ranges: yes}}", "{sample: 100}"),
    ("pii", "{allowed: {values: [B, a]}}", "{allowed: {values: [A, b, B]}}"),
    ("pii", "{recognizers: [{name: a, deny: x}, {name: b, deny: y}]}",
     "{recognizers: [{deny: [Y], name: b, kind: b, score: 50}, {name: a, deny: X}]}"),
    ("duplicates", "{semantic: none}", "{near: 080}"),
    ("conflicts", "{report: [value, antonym, negation]}", "{successive: report}"),
    ("quality", "{max_tokens: model, max_characters: none}", "{}"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "one", "other"), ONE_DECISION)
def test_one_decision_written_in_two_ways_has_one_digest(kind: str, one: str, other: str) -> None:
    assert digest(kind, one) == digest(kind, other)


TWO_DECISIONS = [
    ("retention", "{period: 1 year}", ["{period: 13 months}", "{period: unlimited}", "{period: 1 year, class: y}",
     "{period: 1 year, event: created}", "{period: 1 year, legal_basis: law}"]),
    ("erasure", "{}", ["{required_level: L3}", "{required_level_of: {a: L2}}", "{identity: required}",
     "{grace: 1 day}", "{single_operator: yes}", "{regime: ccpa}", "{holidays: 2026-12-25}",
     "{roll_to_working_day: yes}", "{plan_expires: 8 days}", "{verify_again: []}"]),
    ("pii", "{}", ["{languages: de}", "{countries: DE}", "{kinds: {url: {report: yes}}}",
     "{kinds: {person: {threshold: 41}}}", "{allowed: {kinds: url}}", "{allowed: {domains: a.org}}",
     "{allowed: {values: a}}", "{allowed: {patterns: a}}", "{allowed: {private_ranges: no}}",
     "{allowed: {reserved_domains: no}}", "{recognizers: [{name: a, deny: x}]}", "{sample: 99}"]),
    ("duplicates", "{}", ["{near: 81}", "{contained: 91}", "{semantic: 95}", "{authority: a}",
     "{authority: [a, b]}", "{authority: [b, a]}", "{versioned: [{source: a, from: path}]}"]),
    ("conflicts", "{}", ["{report: value}", "{dated: []}", "{most_readings: 7}", "{names: V2}",
     "{successive: ignore}"]),
    ("quality", "{}", ["{report: cut}", "{max_tokens: 9}", "{max_characters: 9}", "{fragment_words: 6}",
     "{garbled: 6}"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "base", "changes"), TWO_DECISIONS)
def test_every_setting_changes_the_digest(kind: str, base: str, changes: list[str]) -> None:
    digests = [digest(kind, section) for section in (base, *changes)]
    assert len(set(digests)) == len(digests)


def test_actions_arrive_in_a_fixed_order_with_everything_that_was_said() -> None:
    text = policy(
        "freshness",
        None,
        "    actions:",
        "      - propose_erasure",
        "      - {notify: {to: wiki-team}}",
        "      - {retire: {after: 2 weeks, kinds: [freshness.unknown, freshness.overdue]}}",
        "      - quarantine",
        "      - {annotate: {}}",
        limits="{quarantine: {max_items: 5, max_percent: 1}, erase: {max_items: 5, max_percent: 1}}",
    )
    (only,) = parse_policies(text).policies
    assert only.actions == (
        PlannedAction(action=ActionKind.ANNOTATE),
        PlannedAction(action=ActionKind.QUARANTINE),
        PlannedAction(
            action=ActionKind.RETIRE, after_days=14, kinds=(Glob("freshness.overdue"), Glob("freshness.unknown"))
        ),
        PlannedAction(action=ActionKind.NOTIFY, to="wiki-team"),
        PlannedAction(action=ActionKind.PROPOSE_ERASURE),
    )


def actions_digest(actions: str, kind: str = "freshness") -> str:
    limits = "{quarantine: {max_items: 5, max_percent: 1}, erase: {max_items: 5, max_percent: 1}}"
    return parse_policies(policy(kind, None, f"    actions: {actions}", limits=limits)).digest


def test_the_order_and_the_long_form_of_actions_do_not_change_the_digest() -> None:
    assert actions_digest("[notify, annotate]") == actions_digest("[{annotate: {}}, {notify: {to: owner}}]")
    assert actions_digest("[{retire: {after: 14 days}}]") == actions_digest("[{retire: {after: 2 weeks}}]")


def test_another_action_is_another_decision() -> None:
    written = ["[]", "[annotate]", "[quarantine]", "[notify]", "[{notify: {to: a}}]", "[{retire: {after: 1 day}}]",
               "[{retire: {after: 2 days}}]", "[{annotate: {kinds: freshness.overdue}}]"]  # fmt: skip
    assert len({actions_digest(actions) for actions in written}) == len(written)


EXPIRING = "{period: 1 year, after: propose_erasure}"
ERASE = "{erase: {max_items: 5, max_percent: 1}}"


@pytest.mark.parametrize(
    "actions", ["[]", "[{propose_erasure: {kinds: retention.expired}}]"], ids=["by the section", "by an action too"]
)
def test_a_period_that_ends_in_a_proposal_is_an_action_and_said_once(actions: str) -> None:
    text = policy("retention", EXPIRING, f"    actions: {actions}", limits=ERASE)
    loaded = parse_policies(text)
    assert loaded.policies[0].actions == (EXPIRY,)
    assert json.loads(loaded.canonical)["policies"][0]["actions"] == []
    assert parse_policies(dump_policies(loaded)).policies[0].actions == (EXPIRY,)


def test_a_proposal_for_all_findings_takes_in_the_period() -> None:
    text = policy("retention", EXPIRING, "    actions: [propose_erasure]", limits=ERASE)
    assert parse_policies(text).policies[0].actions == (PlannedAction(action=ActionKind.PROPOSE_ERASURE),)


def test_no_action_is_about_what_is_only_reported() -> None:
    assert not PlannedAction(action=ActionKind.NOTIFY).is_about("duplicate.semantic")
    assert PlannedAction(action=ActionKind.NOTIFY).is_about("duplicate.near")


def test_a_limit_that_no_file_names_is_the_built_in_one_or_nothing_at_all() -> None:
    assert Limits().of(Deed.DELETE) == ActionLimit(max_items=1000, max_percent=20)
    for deed in (Deed.QUARANTINE, Deed.REDACT, Deed.ERASE):
        assert Limits().of(deed) == ActionLimit(max_items=0, max_percent=0)


def test_limits_arrive_as_written_and_the_built_in_one_written_out_is_no_other_decision() -> None:
    text = "version: 1\nlimits: {{delete: {{max_items: {}, max_percent: 20}}, erase: {{max_items: 0, max_percent: 0}}}}"
    loaded = parse_policies(text.format(1000))
    assert loaded.limits.actions == {
        Deed.DELETE: ActionLimit(max_items=1000, max_percent=20),
        Deed.ERASE: ActionLimit(max_items=0, max_percent=0),
    }
    assert loaded.digest == parse_policies("version: 1\nlimits: {erase: {max_items: 0, max_percent: 0}}\n").digest
    assert loaded.digest != parse_policies(text.format(999)).digest
    assert parse_policies(dump_policies(loaded)).limits.of(Deed.ERASE) == ActionLimit(max_items=0, max_percent=0)


def test_reasons_of_a_file_follow_the_built_in_ones() -> None:
    loaded = parse_policies("version: 1\nreasons: [{code: z, meaning: decided}, {code: a}]\n")
    assert loaded.reasons == (*BUILT_IN_REASONS, Reason(code="z", meaning="decided"), Reason(code="a"))
    assert loaded.reason_codes == (*WaiverReason, "z", "a")
    assert [reason.code for reason in BUILT_IN_REASONS] == [str(reason) for reason in WaiverReason]
    assert all(reason.meaning for reason in BUILT_IN_REASONS)


def test_the_order_of_reasons_is_no_decision_and_their_meaning_is() -> None:
    one, other = "{code: z, meaning: decided}", "{code: a}"
    assert parse_policies(f"version: 1\nreasons: [{one}, {other}]\n").digest == (
        parse_policies(f"version: 1\nreasons: [{other}, {one}]\n").digest
    )
    assert parse_policies(f"version: 1\nreasons: [{one}]\n").digest != (
        parse_policies("version: 1\nreasons: [{code: z}]\n").digest
    )


def test_a_waiver_may_name_findings_that_later_versions_state_and_those_of_own_recognizers() -> None:
    text = policy(
        "pii",
        "{recognizers: [{name: customer-number, patterns: 'C-[0-9]+'}]}",
        "    waivers:",
        "      - match: {path: a}",
        "        reason: other",
        "        until: 2027-01-01",
        "        kinds: [pii.customer_number, pii.role_address, 'duplicate.*', retention.expired, conflict.value]",
    )
    assert len(parse_policies(text).waivers[0].kinds) == 5


def test_the_findings_to_come_are_those_of_kinds_that_policies_decide_about() -> None:
    globs = [Glob(text) for texts in FINDINGS_OF.values() for text in texts]
    assert [name for name in FINDINGS_TO_COME if not any(glob.matches(name) for glob in globs)] == []
    undecided = {kind.value.partition(".")[0] for kind in FindingKind if not any(glob.matches(kind) for glob in globs)}
    assert undecided <= {"coverage", "catalog", "policy", "log"}


def test_the_kinds_of_personal_data_are_those_of_presidio_and_two_of_our_own() -> None:
    shipped = [getattr(predefined_recognizers, name) for name in predefined_recognizers.__all__]
    by_pattern = [each for each in shipped if isinstance(each, type) and issubclass(each, PatternRecognizer)]
    found = {entity.lower() for each in by_pattern for entity in each().supported_entities}
    found |= {entity.lower() for each in shipped for entity in getattr(each, "ENTITIES", ())}
    of_the_transformers_extra_alone = {"email", "id"}
    assert found - KNOWN == of_the_transformers_extra_alone
    by_phonenumbers = {"za_mobile_number", "za_telephone_number"}
    assert KNOWN - found == {"credential", "role_address"} | by_phonenumbers
    assert SHIPPED_PII_KINDS.keys() <= KNOWN


def test_languages_and_countries_are_those_of_iso() -> None:
    assert (len(LANGUAGES), len(COUNTRIES)) == (183, 249)
    without_code_of_their_own = {"AC", "TA", "XK"}
    assert without_code_of_their_own == phonenumbers.SUPPORTED_REGIONS - COUNTRIES


def test_settings_hold_only_values_that_can_be_compared() -> None:
    for kind, default in DEFAULTS.items():
        assert asdict(default) == asdict(settings(kind))
