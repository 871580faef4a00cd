from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from governance.domain.calendar import Interval, Unit
from governance.domain.errors import PolicyError
from governance.domain.findings import Severity
from governance.domain.values import canonical_json
from governance.policy.kinds import Drift, Freshness, WriteBack
from governance.policy.loader import dump_policies, load_policies, parse_policies, parse_stored
from governance.policy.match import EVERYTHING
from governance.policy.model import Limits, ListingLimits
from governance.policy.sections import SECTIONS
from governance.policy.shipped import shipped_policies

FULL = """\
# a remark
document: policies
version: 1
policies:
  - name: hr-pages
    kind: freshness
    owner: people-ops@example.org
    severity: critical
    match: {path: "hr/**", label: [policy, rule]}
    freshness:
      review_every: 6  months
      due_soon: 2 weeks
      warn_after: 3 days
      error_after: 1 year
      changed_grace: 0 days
      unknown: ignore
    actions: []
    waivers:
      - match: {path: hr/archive/**}
        kinds: [freshness.overdue, "drift.*"]
        reason: archive-copy
        until: 2027-03-31
        by: dpo@example.org
  - name: the-rest
    kind: freshness
limits:
  listing: {absent_documents: 5, absent_percent: 10}
"""


NO_PATHS = [
    ("{op: eq, value: hr/../a.md}", "cannot climb with '..'"),
    ("{op: contains, value: ../a}", "cannot climb with '..'"),
    ("{op: contains, value: [old, a/..]}", "cannot climb with '..'"),
]


def error_of(text: str) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        parse_policies(text, "p.yaml")
    return caught.value


def policy(*lines: str) -> str:
    """A file whose only policy starts on line 3; the extra lines start on line 5."""
    return "\n".join(["version: 1", "policies:", "  - name: hr-pages", "    kind: freshness", *lines]) + "\n"


def drift(*lines: str) -> str:
    """A file whose only policy is of the kind drift; the extra lines start on line 5."""
    return policy(*lines).replace("kind: freshness", "kind: drift", 1)


def digest(text: str) -> str:
    return parse_policies(text).digest


def test_every_setting_arrives_as_it_was_written() -> None:
    loaded = parse_policies(FULL, "p.yaml")
    first, second = loaded.policies
    assert (first.name, first.owner, first.severity) == ("hr-pages", "people-ops@example.org", Severity.CRITICAL)
    assert (first.file, first.line, second.line) == ("p.yaml", 5, 24)
    assert first.freshness == Freshness(
        review_every=Interval(6, Unit.MONTH),
        due_soon_days=14,
        warn_after=Interval(3, Unit.DAY),
        error_after=Interval(12, Unit.MONTH),
        changed_grace_days=0,
        report_unknown=False,
    )
    assert second.freshness == Freshness()
    assert loaded.limits == Limits(listing=ListingLimits(absent_documents=5, absent_percent=10))
    (waiver,) = loaded.waivers
    assert (waiver.reason, waiver.until, waiver.by) == ("archive-copy", date(2027, 3, 31), "dpo@example.org")
    assert (waiver.policy, waiver.file, waiver.line) == ("hr-pages", "p.yaml", 19)
    assert [glob.text for glob in waiver.kinds] == ["drift.*", "freshness.overdue"]


def test_what_is_left_out_has_the_shipped_defaults() -> None:
    loaded = parse_policies("version: 1\n")
    assert (loaded.policies, loaded.limits) == ((), Limits())
    assert loaded.limits.listing == ListingLimits(absent_documents=20, absent_percent=50)
    assert Freshness() == Freshness(
        review_every=None,
        due_soon_days=30,
        warn_after=None,
        error_after=Interval(90, Unit.DAY),
        changed_grace_days=7,
        report_unknown=True,
    )


def test_every_drift_setting_arrives_as_it_was_written() -> None:
    text = drift("    drift: {rewritten: 0, uncovered: 100, max_lag: 2 weeks, write_back: status}")
    (only,) = parse_policies(text).policies
    assert (only.kind, only.freshness) == ("drift", None)
    assert only.drift == Drift(
        rewritten_percent=0, uncovered_percent=100, max_lag=Interval(14, Unit.DAY), write_back=WriteBack.STATUS
    )


@pytest.mark.parametrize("section", ["", "    drift: {}", "    drift: {uncovered: 10}"])
def test_drift_settings_that_are_left_out_have_the_shipped_defaults(section: str) -> None:
    (only,) = parse_policies(drift(section)).policies
    assert only.drift == Drift()
    assert Drift() == Drift(
        rewritten_percent=10, uncovered_percent=10, max_lag=Interval(7, Unit.DAY), write_back=WriteBack.NOTHING
    )


def test_a_lag_without_limit_stays_without_limit_when_it_is_written_out_and_read_again() -> None:
    loaded = parse_policies(drift("    drift: {max_lag: none}"))
    (again,) = parse_policies(dump_policies(loaded)).policies
    assert again.drift == Drift(max_lag=None)


@pytest.mark.parametrize(("kind", "globs"), [("freshness", ["freshness.*"]), ("drift", ["drift.*", "provenance.*"])])
def test_a_waiver_without_kinds_is_about_the_kinds_of_its_policy(kind: str, globs: list[str]) -> None:
    text = policy("    waivers: [{match: {path: a}, reason: other, until: 2027-01-01}]")
    (waiver,) = parse_policies(text.replace("kind: freshness", f"kind: {kind}")).waivers
    assert [glob.text for glob in waiver.kinds] == globs
    assert waiver.by is None


def test_the_shipped_policies_are_one_catch_all_of_each_kind_with_the_shipped_defaults() -> None:
    loaded = load_policies([shipped_policies() / "default.yaml"])
    assert [(entry.name, entry.match, entry.settings) for entry in loaded.policies] == [
        ("default-freshness", EVERYTHING, Freshness(review_every=Interval(24, Unit.MONTH))),
        ("default-drift", EVERYTHING, Drift()),
    ]
    assert loaded.limits == Limits()


def test_the_example_in_the_shipped_policies_is_valid_once_its_remark_signs_are_gone() -> None:
    text = (shipped_policies() / "default.yaml").read_text()
    uncommented = re.sub(r"^  # ((?:- name: hr|  +).*)$", r"  \1", text, flags=re.MULTILINE)
    loaded = parse_policies(uncommented)
    assert [entry.name for entry in loaded.policies] == ["hr-pages", "default-freshness", "default-drift"]
    assert loaded.waivers[0].reason == "archive-copy"


def test_the_shipped_policies_are_found_inside_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "_policies").mkdir()
    monkeypatch.setattr("governance.policy.shipped._PACKAGE", tmp_path)
    assert shipped_policies() == tmp_path / "_policies"


REFUSED = [
    ("", 1, "the file is empty: it starts with 'version: 1'", None),
    ("- a\n", 1, "the file is not a mapping: it starts with 'version: 1'", None),
    ("policies: []\n", 1, "the key 'version' is missing", None),
    ("version: 2\n", 1, "version: version '2' of the format is not known", "this version of kbgov reads 1"),
    ("version: [1]\n", 1, "version: must be a text, not a list or a mapping", None),
    (
        "document: schedule\nversion: 1\n",
        1,
        "document: the document 'schedule' is not supported by this version",
        "this version reads: policies",
    ),
    (
        "document: policy\nversion: 1\n",
        1,
        "document: 'policy' is no word for it",
        "did you mean 'policies'? Known here: policies, processing, schedule",
    ),
    (
        "version: 1\npolicys: []\n",
        2,
        "unknown key 'policys'",
        "did you mean 'policies'? Known here: document, limits, policies, reasons, version",
    ),
    ("version: 1\npolicies: {}\n", 2, "policies: must be a list", None),
    ("version: 1\npolicies: [x]\n", 2, "policies[1]: must be a mapping of keys to values", None),
    ("version: 1\npolicies: [{kind: freshness}]\n", 2, "policies[1]: the key 'name' is missing", None),
    ("version: 1\npolicies:\n", 2, "'policies' has no value: write one, or leave the key out", None),
    ("version: 1\npolicies: [~]\n", 2, "'policies' has no value: write one, or leave the key out", None),
    ("version: 1\nversion: 1\n", 2, "the key 'version' stands here a second time", None),
    ("version: 1\npolicies: &a []\n", 2, "anchors (&name) are not taken: write the value out where it is needed", None),
    (
        "version: 1\npolicies: [{name: HR pages, kind: freshness}]\n",
        2,
        "policy 'HR pages', name: must be a name such as 'hr-pages': small letters, digits and hyphens, at most 64",
        None,
    ),
    (
        "version: 1\npolicies:\n  - name: x\n    kind: freshnes\n",
        4,
        "policy 'x', kind: 'freshnes' is no word for it",
        "did you mean 'freshness'? Known here: conflicts, drift, duplicates, erasure, freshness, pii, quality, ret",
    ),
    (
        policy("    owners: me"),
        5,
        "policy 'hr-pages': unknown key 'owners'",
        "did you mean 'owner'? Known here: actions, freshness, kind, match, name, owner, severity, waivers",
    ),
    (policy("    owner: ''"), 5, "policy 'hr-pages', owner: must not be empty", None),
    (policy("    owner: " + "x" * 201), 5, "policy 'hr-pages', owner: must not be longer than 200 characters", None),
    (
        policy('    owner: "a\\nb"'),
        5,
        "policy 'hr-pages', owner: must not hold control characters or line breaks",
        None,
    ),
    (
        policy("    severity: hihg"),
        5,
        "policy 'hr-pages', severity: 'hihg' is no word for it",
        "did you mean 'high'? Known here: critical, high, low, medium",
    ),
    (
        policy("    freshness:", "      review_evry: 1 year"),
        6,
        "policy 'hr-pages', freshness: unknown key 'review_evry'",
        (
            "did you mean 'review_every'? "
            "Known here: changed_grace, due_soon, error_after, review_every, unknown, warn_after"
        ),
    ),
    (
        policy("    freshness:", "      review_every: soon"),
        6,
        "policy 'hr-pages', freshness.review_every: not an interval such as '6 months', '1 year' or '191 days'",
        None,
    ),
    (
        policy("    freshness: {review_every: 0 days}"),
        5,
        "policy 'hr-pages', freshness.review_every: not an interval such as '6 months', '1 year' or '191 days'",
        None,
    ),
    (
        policy("    freshness: {review_every: 8334 years}"),
        5,
        "policy 'hr-pages', freshness.review_every: must not be more than 99,999 days or months",
        None,
    ),
    (
        policy("    freshness: {due_soon: 1 month}"),
        5,
        "policy 'hr-pages', freshness.due_soon: must be in days or weeks, such as '30 days'",
        None,
    ),
    (
        policy("    freshness: {unknown: NO}"),
        5,
        "policy 'hr-pages', freshness.unknown: 'NO' is no word for it",
        "known here: ignore, report",
    ),
    (policy("    freshness: []"), 5, "policy 'hr-pages', freshness: must be a mapping of keys to values", None),
    (
        policy("    match: {}"),
        5,
        "policy 'hr-pages', match: names no condition",
        "leave the key out where everything is meant",
    ),
    (policy("    match: hr/**"), 5, "policy 'hr-pages', match: must be a mapping of keys to values", None),
    (policy("    match: {all: []}"), 5, "policy 'hr-pages', match: 'all' holds no condition", None),
    (policy("    match: {any: []}"), 5, "policy 'hr-pages', match: 'any' holds no condition", None),
    (policy("    match: {path: []}"), 5, "policy 'hr-pages', match.path: must not be empty", None),
    (
        policy("    match:", "      not:", "        path: [a, ../b]"),
        7,
        (
            "policy 'hr-pages', match.not.path[2]: "
            "a pattern cannot climb with '..': paths are relative to the source's folder"
        ),
        None,
    ),
    (
        policy("    match: {path: /hr}"),
        5,
        "policy 'hr-pages', match.path: a path pattern starts at the source's folder: leave the leading / or ./ out",
        None,
    ),
    (
        policy("    match: {path: hr/}"),
        5,
        "policy 'hr-pages', match.path: a path pattern that ends with / matches no document: write ** behind it",
        None,
    ),
    (
        policy("    match: {path: a//b}"),
        5,
        "policy 'hr-pages', match.path: a path pattern with // matches no document",
        None,
    ),
    (
        policy("    match: {labels: x}"),
        5,
        "policy 'hr-pages', match: unknown key 'labels'",
        "did you mean 'label'? Known here: all, any, class, field, index, key, label, metadata, not, op, path",
    ),
    (
        policy("    match: {any: [{all: [{pathh: x}]}]}"),
        5,
        "policy 'hr-pages', match.any[1].all[1]: unknown key 'pathh'",
        "did you mean 'path'? Known here: all, any, class, field, index, key, label, metadata, not, op, path",
    ),
    (
        policy("    match: {field: path, value: x}"),
        5,
        "policy 'hr-pages', match: a condition needs the three keys field, op and value, and no other",
        None,
    ),
    (
        policy("    match: {field: path, op: eq, value: x, path: y}"),
        5,
        "policy 'hr-pages', match: a condition needs the three keys field, op and value, and no other",
        None,
    ),
    (
        policy("    match: {field: path, op: eq, value: [x, y]}"),
        5,
        "policy 'hr-pages', match: eq compares with one value; for several use in",
        None,
    ),
    (
        policy("    match: {field: path, op: glob, value: ../x}"),
        5,
        "policy 'hr-pages', match: a pattern cannot climb with '..': paths are relative to the source's folder",
        None,
    ),
    (
        policy("    match: {field: pth, op: eq, value: x}"),
        5,
        "policy 'hr-pages', match.field: 'pth' is no word for it",
        "did you mean 'path'? Known here: class, index, label, metadata, path, source",
    ),
    (
        policy("    match: {field: path, op: equals, value: x}"),
        5,
        "policy 'hr-pages', match.op: 'equals' is no word for it",
        "known here: contains, eq, glob, in, regex",
    ),
    (
        policy("    waivers: [{match: {path: a}, reason: other}]"),
        5,
        "policy 'hr-pages', waivers[1]: the key 'until' is missing",
        None,
    ),
    (
        policy("    waivers:", "      - match: {path: a}", "        until: 2027-01-01"),
        6,
        "policy 'hr-pages', waivers[1]: the key 'reason' is missing",
        None,
    ),
    (
        policy("    waivers: [{reason: other, until: 2027-01-01}]"),
        5,
        "policy 'hr-pages', waivers[1]: the key 'match' is missing",
        None,
    ),
    (
        policy("    waivers: [{match: {path: a}, reason: archived, until: 2027-01-01}]"),
        5,
        "policy 'hr-pages', waivers[1].reason: 'archived' is no word for it",
        (
            "did you mean 'archive-copy'? Known here: accepted-risk, archive-copy, duplicate-of-other, false-positive, "
            "legal-requirement, other, planned-work"
        ),
    ),
    (
        policy("    waivers: [{match: {path: a}, reason: other, until: 2026-02-30}]"),
        5,
        "policy 'hr-pages', waivers[1].until: must be a day that exists, such as 2027-03-31",
        None,
    ),
    (
        policy("    waivers: [{match: {path: a}, reason: other, until: soon}]"),
        5,
        "policy 'hr-pages', waivers[1].until: must be a day that exists, such as 2027-03-31",
        None,
    ),
    (
        policy("    waivers: [{match: {path: a}, reason: other, until: 2027-01-01, kinds: freshness.overdu}]"),
        5,
        "policy 'hr-pages', waivers[1].kinds: 'freshness.overdu' matches no kind of finding of this version",
        "did you mean 'freshness.overdue'? Known here: ",
    ),
    (
        policy("    waivers: [{match: {path: a}, reason: other, until: 2027-01-01, kinds: []}]"),
        5,
        "policy 'hr-pages', waivers[1].kinds: must not be empty",
        None,
    ),
    (
        drift("    owner: me", "    freshness: {review_every: soon}"),
        6,
        "policy 'hr-pages', freshness: a section of the kind 'freshness' cannot stand in a policy of the kind 'drift'",
        "move it into a policy of the kind 'freshness'; here the section is called 'drift'",
    ),
    (
        policy("    freshness: {}", "    drift: {}"),
        6,
        "policy 'hr-pages', drift: a section of the kind 'drift' cannot stand in a policy of the kind 'freshness'",
        "move it into a policy of the kind 'drift'; here the section is called 'freshness'",
    ),
    (
        "version: 1\npolicies:\n  - name: x\n    drift: {}\n    kind: drfit\n",
        5,
        "policy 'x', kind: 'drfit' is no word for it",
        "did you mean 'drift'? Known here: conflicts, drift, duplicates, erasure, freshness, pii, quality, retention",
    ),
    ("version: 1\npolicies: [{name: x, drift: {}}]\n", 2, "policy 'x': the key 'kind' is missing", None),
    (
        "version: 1\npolicies: [{name: x, kind: [drift]}]\n",
        2,
        "policy 'x', kind: must be a text, not a list or a mapping",
        None,
    ),
    (
        drift("    drfit: {}"),
        5,
        "policy 'hr-pages': unknown key 'drfit'",
        "did you mean 'drift'? Known here: actions, drift, kind, match, name, owner, severity, waivers",
    ),
    (
        drift("    drift:", "      max_leg: 7 days"),
        6,
        "policy 'hr-pages', drift: unknown key 'max_leg'",
        "did you mean 'max_lag'? Known here: max_lag, rewritten, uncovered, write_back",
    ),
    (drift("    drift: []"), 5, "policy 'hr-pages', drift: must be a mapping of keys to values", None),
    (drift("    drift:"), 5, "'drift' has no value: write one, or leave the key out", None),
    (
        drift("    drift: {rewritten: 101}"),
        5,
        "policy 'hr-pages', drift.rewritten: must be a whole number from 0 to 100",
        None,
    ),
    (
        drift("    drift: {uncovered: 10 %}"),
        5,
        "policy 'hr-pages', drift.uncovered: must be a whole number from 0 to 100",
        None,
    ),
    (
        drift("    drift: {max_lag: soon}"),
        5,
        "policy 'hr-pages', drift.max_lag: not an interval such as '7 days', and not the word none",
        None,
    ),
    (
        drift("    drift: {max_lag: 0 days}"),
        5,
        "policy 'hr-pages', drift.max_lag: not an interval such as '7 days', and not the word none",
        None,
    ),
    (
        drift("    drift: {max_lag: 8334 years}"),
        5,
        "policy 'hr-pages', drift.max_lag: must not be more than 99,999 days or months",
        None,
    ),
    (drift("    drift: {max_lag: ~}"), 5, "'max_lag' has no value: write one, or leave the key out", None),
    (
        drift("    drift: {write_back: off}"),
        5,
        "policy 'hr-pages', drift.write_back: 'off' is no word for it",
        "known here: nothing, status",
    ),
    (
        drift("    drift: {write_back: [status]}"),
        5,
        "policy 'hr-pages', drift.write_back: must be a text, not a list or a mapping",
        None,
    ),
    (
        "version: 1\nlimits:\n  listing:\n    absent_percent: 101\n",
        4,
        "limits.listing.absent_percent: must be a whole number from 0 to 100",
        None,
    ),
    (
        "version: 1\nlimits: {listing: {absent_documents: 2_0}}\n",
        2,
        "limits.listing.absent_documents: must be a whole number from 0 to 1,000,000",
        None,
    ),
    (
        "version: 1\nlimits: {max_items: 3}\n",
        2,
        "limits: unknown key 'max_items'",
        "known here: delete, erase, listing, quarantine, redact",
    ),
]


@pytest.mark.parametrize(("text", "line", "message", "next_step"), REFUSED)
def test_a_mistake_is_named_with_file_line_and_key(text: str, line: int, message: str, next_step: str | None) -> None:
    error = error_of(text)
    assert error.message == f"p.yaml, line {line}: {message}"
    assert error.item == f"p.yaml:{line}"
    assert error.next_step is not None
    assert error.next_step.startswith(next_step or f"correct line {line} of p.yaml")
    assert error.exit_code == 2


def test_yaml_traps_do_not_change_what_was_written() -> None:
    text = policy("    match: {label: [NO, 22:30, '0123', ~x]}").replace("22:30", "'22:30'")
    body = json.loads(parse_policies(text).canonical)
    assert body["policies"][0]["match"] == {"field": "label", "op": "in", "value": ["0123", "22:30", "NO", "~x"]}


def test_several_files_are_one_set_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("version: 1\npolicies: [{name: second, kind: freshness}]\n")
    (tmp_path / "a.yml").write_text("version: 1\npolicies: [{name: first, kind: freshness}]\n")
    (tmp_path / "notes.txt").write_text("not a policy")
    by_folder = load_policies([tmp_path])
    by_name = load_policies([tmp_path / "a.yml", tmp_path / "b.yaml"])
    other_order = load_policies([tmp_path / "b.yaml", tmp_path / "a.yml"])
    assert [policy.name for policy in by_folder.policies] == ["first", "second"]
    assert by_folder == by_name
    assert by_folder.files == (str(tmp_path / "a.yml"), str(tmp_path / "b.yaml"))
    assert other_order.digest != by_folder.digest


def test_no_files_are_an_empty_set() -> None:
    assert load_policies([]).policies == ()


def test_a_name_used_twice_names_both_places(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    for path in (first, second):
        path.write_text("version: 1\npolicies:\n  - {name: x, kind: freshness}\n")
    with pytest.raises(PolicyError) as caught:
        load_policies([first, second])
    assert caught.value.message == (f"{second}, line 3: the name 'x' belongs to a policy already, at {first}, line 3")
    assert caught.value.next_step == "give one of the two another name"


def test_limits_in_two_files_name_both_places(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    for path in (first, second):
        path.write_text("version: 1\nlimits: {listing: {absent_percent: 5}}\n")
    with pytest.raises(PolicyError) as caught:
        load_policies([first, second])
    assert caught.value.message == f"{second}, line 2: there are limits already, at {first}, line 2"
    assert caught.value.next_step == "keep one of the two"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policies([tmp_path / "none.yaml"])
    assert caught.value.message == f"the policies at {tmp_path / 'none.yaml'} cannot be read: No such file or directory"
    assert caught.value.next_step == "correct 'policies' in kbgov.toml; 'kbgov init' writes the shipped files"


def test_a_folder_without_policy_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policies([tmp_path])
    assert caught.value.message == f"the folder {tmp_path} holds no policy file (*.yaml)"


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(PolicyError, match="cannot be read: Permission denied"):
        load_policies([tmp_path])


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"version: 1\n# caf\xe9\n")
    with pytest.raises(PolicyError) as caught:
        load_policies([path])
    assert caught.value.message == f"{path}, line 2: this is not UTF-8"
    assert caught.value.next_step == "save the file in UTF-8"


def test_an_oversize_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"version: 1\n" + b"#" * 4_194_304)
    with pytest.raises(PolicyError) as caught:
        load_policies([path])
    assert caught.value.message == f"{path}, line 1: more than 4,194,304 bytes"


def bound(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(path.name)


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, bound, Path.mkdir, lambda path: path.symlink_to("/dev/zero")],
    ids=["pipe", "socket", "folder", "device"],
)
def test_what_is_no_plain_file_is_refused_without_waiting_for_it(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "p.yaml"
    make(path)
    with pytest.raises(PolicyError) as caught:
        load_policies([tmp_path])
    assert caught.value.message == f"{path} is no plain file"


def test_remarks_key_order_quoting_and_defaults_written_out_do_not_change_the_digest() -> None:
    short = policy("    match: {path: 'hr/**', label: [b, a]}", "    freshness: {review_every: 24 months}")
    long = """\
# other remarks
limits: {listing: {absent_percent: '50', absent_documents: 20}}
policies:
- freshness:
    unknown: "report"
    changed_grace: 1 week
    error_after: 90  days
    warn_after: 0 months
    due_soon: "30 day"
    review_every: 2 years
  waivers: []
  actions: []
  kind: freshness
  match:
    all:
    - {field: label, op: in, value: [a, b, a]}
    - all: [{field: path, op: glob, value: hr/**}]
  name: "hr-pages"
version: '1'
document: policies
"""
    assert digest(short) == digest(long)
    assert parse_policies(short, "a.yaml").digest == parse_policies("\n\n" + short, "b.yaml").digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("    owner: a", "    owner: b"),
        ("    severity: high", "    severity: low"),
        ("    match: {path: a}", "    match: {label: a}"),
        ("    match: {path: a}", "    match: {not: {path: a}}"),
        ("    match: {all: [{path: a}, {label: b}]}", "    match: {any: [{path: a}, {label: b}]}"),
        ("    freshness: {review_every: 30 days}", "    freshness: {review_every: 1 month}"),
        ("    freshness: {unknown: report}", "    freshness: {unknown: ignore}"),
        (
            "    waivers: [{match: {path: a}, reason: other, until: 2027-01-01}]",
            "    waivers: [{match: {path: a}, reason: other, until: 2027-01-02}]",
        ),
    ],
)
def test_what_changes_the_meaning_changes_the_digest(one: str, other: str) -> None:
    assert digest(policy(one)) != digest(policy(other))


@pytest.mark.parametrize("setting", ["rewritten: 11", "uncovered: 11", "max_lag: none", "write_back: status"])
def test_every_drift_setting_changes_the_digest(setting: str) -> None:
    assert digest(drift(f"    drift: {{{setting}}}")) != digest(drift())


def test_drift_defaults_written_out_do_not_change_the_digest() -> None:
    written = drift("    drift: {write_back: nothing, max_lag: 1 week, uncovered: '10', rewritten: 010}")
    assert digest(written) == digest(drift())


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("version: 1\n", "4ea43f17c426cff1331f1bf5d8c248df299ebc42f08ee2ecd0b578b0dde7becf"),
        (
            "version: 1\npolicies: [{name: the-rest, kind: freshness}]\n",
            "c24ee6065a20392bea86ac9473384e23700607783d83f6b3ca6d5b356d25611c",
        ),
        (FULL, "ef5e807b9ad59495af041dd59c421122972c177048d458d176419875127b0684"),
    ],
)
def test_a_set_without_drift_policies_keeps_the_digest_that_it_had_before_there_were_any(text: str, known: str) -> None:
    # A change of these would say of every recorded run that it went by other rules.
    assert digest(text) == known


def test_the_canonical_body_holds_the_section_of_the_policys_own_kind_alone() -> None:
    text = "version: 1\npolicies: [{name: a, kind: drift}, {name: b, kind: freshness}]\n"
    first, second = json.loads(parse_policies(text).canonical)["policies"]
    assert first == {
        "actions": [],
        "drift": {"max_lag": "7 days", "rewritten": 10, "uncovered": 10, "write_back": "nothing"},
        "kind": "drift",
        "name": "a",
        "waivers": [],
    }
    assert SECTIONS.keys() & second.keys() == {"freshness"}


def test_the_canonical_body_is_json_that_the_digest_is_made_of() -> None:
    loaded = parse_policies(FULL)
    body = json.loads(loaded.canonical)
    assert body["version"] == 1
    assert body["policies"][0]["freshness"]["error_after"] == "12 months"
    assert "FULL" not in loaded.canonical
    assert "file" not in body["policies"][0]


def test_a_dump_can_be_read_again_and_starts_with_what_it_is() -> None:
    loaded = parse_policies(FULL)
    text = dump_policies(loaded)
    assert text.startswith("document: policies\nversion: 1\npolicies:\n- name: hr-pages\n  kind: freshness\n")
    assert parse_policies(text).digest == loaded.digest
    assert [entry.settings for entry in parse_policies(text).policies] == [entry.settings for entry in loaded.policies]


def of_labels(name: str, count: int) -> str:
    """A policy on one line about labels of 199 characters."""
    labels = [f"{number:0199}" for number in range(count)]
    return f"  - {{name: {name}, kind: drift, match: {{field: label, op: in, value: {json.dumps(labels)}}}}}\n"


def test_a_set_is_refused_that_is_too_large_as_a_whole(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(f"version: 1\npolicies:\n{of_labels('x', 3000)}")
    second.write_text(f"version: 1\npolicies:\n{of_labels('y', 3000)}  - {{name: z, kind: drift}}\n")
    assert len(load_policies([first]).policies) == 1
    with pytest.raises(PolicyError) as caught:
        load_policies([first, second])
    error = caught.value
    assert re.fullmatch(
        r"the policies have 1,21\d,\d{3} bytes with every default written out, and 1,048,576 is the limit; "
        rf"most of them stand in {re.escape(str(second))} \(2 policies\)",
        error.message,
    )
    assert (error.item, error.next_step) == (
        str(second),
        "split what is not decided together, or write globs in the place of long lists",
    )


def test_a_set_that_was_stored_is_read_whatever_its_size() -> None:
    body = json.loads(parse_policies(f"version: 1\npolicies:\n{of_labels('x', 2)}").canonical)
    body["policies"][0]["match"]["value"] = [f"{number:0400}" for number in range(11_000)]
    canonical = canonical_json(body).decode()
    assert len(canonical) > 4_194_304
    assert parse_stored(canonical, "set 12345678").canonical == canonical
    with pytest.raises(PolicyError, match="more than 4,194,304 bytes"):
        parse_policies(canonical)


def test_a_set_that_was_stored_is_read_with_characters_that_json_writes_in_two_halves() -> None:
    loaded = parse_policies(policy("    match: {label: 'x\U0001f600'}"))
    assert "\\ud83d" in loaded.canonical
    assert parse_stored(loaded.canonical, "set 12345678").digest == loaded.digest


@pytest.mark.parametrize(
    ("lines", "where", "deepest"),
    [("    match: CONDITION", "match", 9), ("    waivers: [{match: CONDITION, ENDS}]", "waivers[1].match", 8)],
)
def test_a_condition_is_refused_that_is_nested_too_deep_to_be_dumped_and_read(
    lines: str, where: str, deepest: int
) -> None:
    def nested(levels: int) -> str:
        written = "{path: z}"
        for level in range(levels):
            written = f"{{path: p{level}, not: {written}}}"
        return policy(lines.replace("CONDITION", written).replace("ENDS", "reason: other, until: 2027-01-01"))

    loaded = parse_policies(nested(deepest))
    assert parse_policies(dump_policies(loaded)).digest == loaded.digest
    error = error_of(nested(deepest + 1))
    assert error.message == (
        f"p.yaml, line 5: policy 'hr-pages', {where}: nested deeper than 32 levels with every short form written out"
    )
    assert error.next_step == "write the condition with fewer groups inside each other"


def test_a_dump_whose_indentation_would_make_it_too_large_is_written_without(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = parse_policies(FULL)
    long = dump_policies(loaded)
    monkeypatch.setattr("governance.policy.loader.MAX_BYTES", len(long) - 1)
    short = dump_policies(loaded)
    assert len(short) < len(long)
    assert short.count("\n") == 1
    assert parse_policies(short).digest == loaded.digest


@pytest.mark.parametrize(("written", "message"), NO_PATHS)
def test_a_condition_on_paths_that_no_document_can_have_is_refused(written: str, message: str) -> None:
    condition = written.replace("{", "{field: path, ", 1)
    assert message in error_of(policy(f"    match: {condition}")).message
    assert len(parse_policies(policy(f"    match: {condition.replace('path', 'label', 1)}")).policies) == 1


@pytest.mark.parametrize(
    "written",
    [
        "{op: contains, value: [/old/, .., v1..v2, /b]}",
        "{op: eq, value: a..b/.x}",
        "{op: in, value: [/app/a.md, 'https://e.org/a/']}",
        "{op: regex, value: ^/}",
    ],
)
def test_a_condition_on_paths_that_a_document_may_have_is_taken(written: str) -> None:
    condition = written.replace("{", "{field: path, ", 1)
    assert len(parse_policies(policy(f"    match: {condition}")).policies) == 1


@pytest.mark.parametrize(
    ("written", "warn", "error"),
    [
        ("warn_after: 91 days", "91 days", "90 days"),
        ("warn_after: 4 months", "4 months", "90 days"),
        ("warn_after: 1 day, error_after: 0 days", "1 day", "0 days"),
        ("warn_after: 367 days, error_after: 1 year", "367 days", "12 months"),
        ("warn_after: 2 years, error_after: 23 months", "24 months", "23 months"),
    ],
)
def test_a_warning_that_would_come_after_the_error_is_refused(written: str, warn: str, error: str) -> None:
    refused = error_of(policy(f"    freshness: {{{written}}}"))
    assert f"warn_after ({warn}) is later than error_after ({error})" in refused.message
    assert "policy 'hr-pages'" in refused.message
    assert refused.item == "p.yaml:5"
    assert "longer" in (refused.next_step or "")


@pytest.mark.parametrize(
    "written",
    [
        "warn_after: 90 days",
        "warn_after: 3 months",
        "warn_after: 0 days, error_after: 0 days",
        "warn_after: 1 month, error_after: 30 days",
        "warn_after: 366 days, error_after: 1 year",
        "warn_after: 99999 months, error_after: 99999 months",
    ],
)
def test_a_warning_that_may_come_before_the_error_is_accepted(written: str) -> None:
    assert len(parse_policies(policy(f"    freshness: {{{written}}}")).policies) == 1
