"""The shipped policy sets do what they say, and come with all that an editor and a CI need."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from governance.bootstrap import scratch_parts
from governance.policy.json_schema import json_schema
from governance.policy.loader import load_policies
from governance.policy.shipped import SCHEMA, SETS, shipped_policies
from governance.services.policy_cases import Case, find_cases
from governance.services.policy_check import check_policies
from governance.services.policy_trial import run_cases

FOLDER = shipped_policies()
CASES = find_cases(FOLDER / "tests")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_shipped_set_finds_what_its_case_expects(case: Case, tmp_path: Path) -> None:
    (result,) = run_cases([case], scratch_parts(), tmp_path)
    assert result.differences == ()
    assert list(tmp_path.iterdir()) == [tmp_path / "template.db"]


def test_every_shipped_set_has_cases_that_use_it() -> None:
    for name in SETS:
        own = [case for case in CASES if case.name.startswith(f"{name}/")]
        assert len(own) >= 4
        assert all(any(path.resolve() == FOLDER / f"{name}.yaml" for path in case.policies) for case in own)
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(SETS)


@pytest.mark.parametrize("name", SETS)
def test_a_shipped_set_has_no_warning_and_no_contradiction(name: str) -> None:
    checked = check_policies(load_policies([FOLDER / f"{name}.yaml"]), as_of=date(2026, 11, 21))
    assert (checked.remarks, checked.complete) == ((), True)


@pytest.mark.parametrize("name", SETS)
def test_a_shipped_set_tells_editors_where_its_schema_is(name: str) -> None:
    first, *rest = (FOLDER / f"{name}.yaml").read_text("utf-8").splitlines()
    assert first == f"# yaml-language-server: $schema={SCHEMA}"
    assert [line for line in rest if len(line) > 120] == []


def test_the_shipped_schema_is_what_the_command_prints() -> None:
    assert (FOLDER / SCHEMA).read_text("utf-8") == json.dumps(json_schema(), indent=2) + "\n"


def test_the_default_set_asks_for_nothing_that_floods() -> None:
    loaded = load_policies([FOLDER / "default.yaml"])
    assert {policy.kind for policy in loaded.policies} == {"freshness", "drift"}
    assert not any(policy.actions for policy in loaded.policies)


def test_the_gdpr_set_has_legal_bases_deadlines_verified_identity_and_limits() -> None:
    loaded = load_policies([FOLDER / "gdpr.yaml"])
    classes = [policy.retention for policy in loaded.policies if policy.retention]
    assert len(classes) >= 4
    assert all(kept.legal_basis and "GDPR" in kept.legal_basis and kept.period for kept in classes)
    (erasure,) = (policy.settings for policy in loaded.policies if policy.kind == "erasure")
    assert (erasure.identity_required, erasure.single_operator, erasure.regime) == (True, False, "gdpr")
    assert {action.action.value for policy in loaded.policies for action in policy.actions} >= {
        "quarantine",
        "propose_erasure",
    }
    assert {deed.value for deed in loaded.limits.actions} == {"delete", "quarantine", "redact", "erase"}
    assert loaded.reason_codes[-2:] == ("dpo-decision", "claim-pending")
