"""Reads policy files into one set, and gives the set its digest."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import yaml

from governance.domain.actions import ActionKind, Deed
from governance.domain.findings import Severity
from governance.domain.values import canonical_json, sha256_hex
from governance.policy.canonical import canonical_body
from governance.policy.checks import check
from governance.policy.globs import Glob
from governance.policy.kinds import FINDINGS_OF, AfterRetention, Retention, Settings
from governance.policy.match import EVERYTHING
from governance.policy.model import (
    BUILT_IN_REASONS,
    EXPIRY,
    ActionLimit,
    Limits,
    ListingLimits,
    PlannedAction,
    Policy,
    PolicySet,
    Reason,
    Waiver,
)
from governance.policy.reading import MAX_BYTES, File, Written, files_at, read_path, read_text, written_policies
from governance.policy.schema import LimitsModel, WaiverModel
from governance.policy.sizes import check_depth, check_size

_FIRST_KEYS: Final = (
    *("document", "version", "reasons", "policies"),
    *("name", "kind", "owner", "severity", "match", "field", "key", "op"),
)
_ORDER: Final = tuple(ActionKind)
_DUMPER: type[yaml.SafeDumper | yaml.CSafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def load_policies(paths: Sequence[Path]) -> PolicySet:
    """Read policy files, in this order; of a folder its `*.yaml` and `*.yml` by name. No path gives an empty set.

    Raises:
        PolicyError: A file cannot be read, or says something that is not understood. Nothing is skipped.

    """
    return _accepted([read_path(path) for path in files_at(paths)])


def parse_policies(text: str, file: str = "policies.yaml") -> PolicySet:
    """Read one file's text; `file` is what errors call it.

    Raises:
        PolicyError: As `load_policies`.

    """
    return _accepted([read_text(file, text)])


def parse_stored(canonical: str, name: str) -> PolicySet:
    """Read a set that was accepted once from its canonical JSON, whatever its size.

    `name` is what errors call it. It is dumped first: what JSON escapes in two halves, YAML does not put together.

    Raises:
        PolicyError: An earlier version accepted what this one does not read.

    """
    text = yaml.dump(_for_reading(json.loads(canonical)), Dumper=_DUMPER, sort_keys=False, width=100)
    return _combine([read_text(name, text, sys.maxsize)])


def dump_policies(policies: PolicySet) -> str:
    """Write a set as one policy file. Reading that gives the same digest; comments are gone."""
    return dump_canonical(policies.canonical)


def dump_canonical(canonical: str) -> str:
    """Write the canonical JSON of a set as one policy file, also of a set that this version cannot read.

    Where indentation alone would make the file too large to be read, it stands on one line.
    """
    body = _for_reading(json.loads(canonical))
    text = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100)
    if len(text.encode()) <= MAX_BYTES:
        return text
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=sys.maxsize, default_flow_style=True)


def _for_reading(value: object) -> object:
    """Put the keys that say what something is before those that say more about it."""
    if isinstance(value, list):
        return [_for_reading(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _for_reading(value[key]) for key in sorted(value, key=_rank)}


def _rank(key: str) -> tuple[int, str]:
    return (_FIRST_KEYS.index(key) if key in _FIRST_KEYS else len(_FIRST_KEYS), key)


def _accepted(files: Sequence[File]) -> PolicySet:
    found = _combine(files)
    check_size(found.canonical.encode("ascii"), files)
    return found


def _combine(files: Sequence[File]) -> PolicySet:
    check(files)
    written = written_policies(files)
    policies = tuple(_policy(each) for each in written)
    check_depth(policies, written)
    limits = _limits(next((file.model.limits for file in files if file.model.limits), LimitsModel()))
    reasons = [Reason(code=each.code, meaning=each.meaning) for file in files for each in file.model.reasons]
    sections = (each.model.section() for each in written)
    canonical = canonical_json(canonical_body(list(zip(policies, sections, strict=True)), limits, reasons))
    return PolicySet(
        policies=policies,
        limits=limits,
        canonical=canonical.decode("ascii"),
        digest=sha256_hex(canonical),
        files=tuple(file.name for file in files),
        reasons=(*BUILT_IN_REASONS, *reasons),
    )


def _limits(model: LimitsModel) -> Limits:
    written = {deed: getattr(model, deed.value) for deed in Deed}
    return Limits(
        listing=ListingLimits(**model.listing.model_dump()),
        actions={deed: ActionLimit(**limit.model_dump()) for deed, limit in written.items() if limit is not None},
    )


def _policy(written: Written) -> Policy:
    model = written.model
    settings = model.section().settings(model.name)
    return Policy(
        name=model.name,
        kind=model.kind,
        owner=model.owner,
        severity=Severity(model.severity) if model.severity else None,
        match=model.match.condition() if model.match else EVERYTHING,
        settings=settings,
        actions=_actions([entry.planned() for entry in model.actions], settings),
        waivers=tuple(
            _waiver(waiver, written, written.line_of("waivers", place)) for place, waiver in enumerate(model.waivers)
        ),
        file=written.file.name,
        line=written.line,
    )


def _actions(asked: Sequence[PlannedAction], settings: Settings) -> tuple[PlannedAction, ...]:
    """Give what is asked for in a fixed order, with what follows when a period is over."""
    proposes = isinstance(settings, Retention) and settings.after is AfterRetention.PROPOSE_ERASURE
    asked_for = any(each.action is EXPIRY.action and each.is_about("retention.expired") for each in asked)
    every = [*asked, EXPIRY] if proposes and not asked_for else asked
    return tuple(sorted(every, key=lambda each: (_ORDER.index(each.action), [glob.text for glob in each.kinds])))


def _waiver(waiver: WaiverModel, policy: Written, line: int) -> Waiver:
    kinds = sorted(set(waiver.kinds or FINDINGS_OF[policy.model.kind]))
    return Waiver(
        match=waiver.match.condition(),
        kinds=tuple(Glob(text) for text in kinds),
        reason=waiver.reason,
        until=date.fromisoformat(waiver.until),
        by=waiver.by,
        policy=policy.model.name,
        file=policy.file.name,
        line=line,
    )
