"""How long a thousand policies take to validate, against a bare `yaml.safe_load` of the same text."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from governance.policy.kinds import KINDS
from governance.policy.loader import parse_policies
from tests.command_line import COMMAND, environment

pytestmark = pytest.mark.benchmark
MANY = 1000
ROUNDS = 5
BOUND = 2.0

SETTINGS = {
    "freshness": "{review_every: 6 months, due_soon: 2 weeks}",
    "drift": "{max_lag: 3 days, uncovered: 5}",
    "pii": (
        "{countries: [DE, GB], kinds: {phone_number: {threshold: 60}}, "
        "allowed: {domains: [example.org], patterns: ['[a-z]+@team-NUMBER[.]example[.]org']}}"
    ),
    "duplicates": "{near: 90, authority: [wiki, docs]}",
    "conflicts": "{most_readings: 4}",
    "quality": "{max_tokens: 512}",
    "retention": "{period: 6 years, legal_basis: contract, after: propose_erasure}",
    "erasure": "{grace: 3 days, holidays: [2026-12-25]}",
}
POLICY = """\
  - name: policy-NUMBER
    kind: KIND
    owner: team-NUMBER@example.org
    severity: high
    match:
      path: ["area-NUMBER/**", "more/NUMBER/*.md"]
      any:
        - label: [rule, "pol*"]
        - {field: metadata, key: department, op: eq, value: dNUMBER}
      not: {field: path, op: regex, value: '^area-NUMBER/old/[0-9]+'}
    KIND: SETTINGS
    actions: [{notify: {to: owner}}]
    waivers:
      - match: {path: "area-NUMBER/archive/**"}
        reason: archive-copy
        until: 2027-03-31
        by: dpo@example.org
"""


def thousand() -> str:
    """Give a file with policies of every kind, each with conditions, a regular expression, an action and a waiver."""
    policies = []
    for number in range(MANY):
        kind = KINDS[number % len(KINDS)]
        text = POLICY.replace("SETTINGS", SETTINGS[kind]).replace("KIND", kind)
        policies.append(text.replace("NUMBER", str(number)))
    limits = "limits:\n  erase: {max_items: 100, max_percent: 5}\n"
    return "document: policies\nversion: 1\npolicies:\n" + "".join(policies) + limits


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def test_a_thousand_policies_against_a_bare_reading_of_their_yaml(tmp_path: Path) -> None:
    text = thousand()
    (tmp_path / "many.yaml").write_text(text)
    command = [*COMMAND, "policy", "validate", "many.yaml"]
    ways: dict[str, Callable[[], object]] = {
        "validated": lambda: parse_policies(text),
        "yaml.safe_load": lambda: yaml.safe_load(text),
        "kbgov policy validate": lambda: subprocess.run(
            command, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, check=True
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            times[name].append(seconds(work))
    mid = {name: statistics.median(values) for name, values in times.items()}
    low = {name: min(values) for name, values in times.items()}
    print(f"\n{MANY:,} policies, {len(text) // 1000} kB, load {os.getloadavg()[0]:.1f}, bound {BOUND:.1f} s")
    for name in ways:
        print(f"{name}: {mid[name]:.2f} s by median, {low[name]:.2f} s by minimum")
    print(f"validated in {mid['validated'] / mid['yaml.safe_load']:.2f}x a bare yaml.safe_load")
    assert len(parse_policies(text).policies) == MANY
