"""Reads policy files into one set, and gives the set its digest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import yaml
from pydantic import ValidationError

from governance.domain.errors import PolicyError
from governance.domain.findings import Severity
from governance.domain.values import Json, canonical_json, sha256_hex
from governance.domain.words import shown
from governance.policy.globs import Glob
from governance.policy.match import EVERYTHING
from governance.policy.model import Limits, ListingLimits, Policy, PolicySet, Waiver, WaiverReason
from governance.policy.problems import explain, policy_error
from governance.policy.schema import FileModel, LimitsModel, PolicyModel, WaiverModel
from governance.policy.yaml_reader import BadNode, ListNode, MapNode, Node, Scalar, YamlError, read_yaml

MAX_BYTES: Final = 1_048_576
_FIRST_KEYS: Final = ("document", "version", "policies", "name", "kind", "owner", "severity", "match", "field", "op")
_SUFFIXES: Final = frozenset({".yaml", ".yml"})


@dataclass(frozen=True, slots=True)
class _File:
    """A file that was read: its name, the grammar's view, and the nodes that know the lines."""

    name: str
    model: FileModel
    root: MapNode

    def policy_nodes(self) -> Sequence[MapNode]:
        return _maps(self.root.items.get("policies"))


def load_policies(paths: Sequence[Path]) -> PolicySet:
    """Read policy files, in this order; of a folder its `*.yaml` and `*.yml` by name. No path gives an empty set.

    Raises:
        PolicyError: A file cannot be read, or says something that is not understood. Nothing is skipped.

    """
    files = [_read(path, _text_of(path)) for path in _files(paths)]
    return _combine(files)


def parse_policies(text: str, file: str = "policies.yaml") -> PolicySet:
    """Read one file's text; `file` is what errors call it.

    Raises:
        PolicyError: As `load_policies`.

    """
    return _combine([_read(file, text)])


def dump_policies(policies: PolicySet) -> str:
    """Write a set as one policy file. Reading that gives the same digest; comments are gone."""
    body = _for_reading(json.loads(policies.canonical))
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100)


def _for_reading(value: object) -> object:
    """Put the keys that say what something is before those that say more about it."""
    if isinstance(value, list):
        return [_for_reading(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _for_reading(value[key]) for key in sorted(value, key=_rank)}


def _rank(key: str) -> tuple[int, str]:
    return (_FIRST_KEYS.index(key) if key in _FIRST_KEYS else len(_FIRST_KEYS), key)


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = _inside(path)
        if not inside:
            raise PolicyError(
                f"the folder {path} holds no policy file (*.yaml)",
                item=str(path),
                next_step="correct 'policies' in kbgov.toml, or put a file there",
            )
        found.extend(inside)
    return found


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.suffix in _SUFFIXES)
    except OSError as error:
        raise _unreadable(folder, error) from None


def _unreadable(path: Path, error: OSError) -> PolicyError:
    return PolicyError(
        f"the policies at {path} cannot be read: {error.strerror}",
        item=str(path),
        next_step="correct 'policies' in kbgov.toml; 'kbgov init' writes the shipped files",
    )


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        return raw.decode("utf-8") if len(raw) <= MAX_BYTES else "x" * len(raw)
    except OSError as error:
        raise _unreadable(path, error) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise policy_error(str(path), line, "this is not UTF-8", "save the file in UTF-8") from None


def _read(name: Path | str, text: str) -> _File:
    file = str(name)
    try:
        root = read_yaml(text, max_bytes=MAX_BYTES)
    except YamlError as error:
        raise policy_error(file, error.line, error.message) from None
    if not isinstance(root, MapNode):
        what = "the file is empty" if isinstance(root, Scalar) and not root.text else "the file is not a mapping"
        raise policy_error(file, root.line, f"{what}: it starts with 'version: 1'")
    plain = _plain(file, root)
    try:
        return _File(file, FileModel.model_validate(plain), root)
    except ValidationError as error:
        raise explain(file, root, error) from None


def _plain(file: str, node: Node, key: str = "") -> Json:
    """Turn nodes into what the grammar reads. A key without a value is refused: its writer meant something."""
    match node:
        case MapNode(items=items):
            return {name: _plain(file, value, name) for name, value in items.items()}
        case ListNode(items=entries):
            return [_plain(file, entry, key) for entry in entries]
        case Scalar(text="", quoted=False, line=line):
            raise policy_error(file, line, f"{shown(key)} has no value: write one, or leave the key out")
        case Scalar(text=text):
            return text
        case BadNode(code=code, line=line):
            raise AssertionError(f"{file}, line {line}: a strict reading gave {code}")


def _combine(files: Sequence[_File]) -> PolicySet:
    policies = tuple(_policies(files))
    limits = _limits(files)
    body: Json = {
        "document": "policies",
        "version": 1,
        "policies": [_canonical(model, policy) for model, policy in zip(_models(files), policies, strict=True)],
        "limits": limits.model_dump(),
    }
    canonical = canonical_json(body)
    return PolicySet(
        policies=policies,
        limits=Limits(listing=ListingLimits(**limits.listing.model_dump())),
        canonical=canonical.decode("ascii"),
        digest=sha256_hex(canonical),
        files=tuple(file.name for file in files),
    )


def _models(files: Iterable[_File]) -> Iterable[PolicyModel]:
    return (policy for file in files for policy in file.model.policies)


def _policies(files: Iterable[_File]) -> Iterable[Policy]:
    seen: dict[str, str] = {}
    for file in files:
        for model, node in zip(file.model.policies, file.policy_nodes(), strict=True):
            if model.name in seen:
                raise policy_error(
                    file.name,
                    node.line,
                    f"the name '{model.name}' belongs to a policy already, at {seen[model.name]}",
                    "give one of the two another name",
                )
            seen[model.name] = f"{file.name}, line {node.line}"
            yield _policy(model, node, file.name)


def _limits(files: Iterable[_File]) -> LimitsModel:
    found: LimitsModel | None = None
    where = ""
    for file in files:
        if file.model.limits is None:
            continue
        line = file.root.key_lines["limits"]
        if found is not None:
            raise policy_error(file.name, line, f"there are limits already, at {where}", "keep one of the two")
        found, where = file.model.limits, f"{file.name}, line {line}"
    return found or LimitsModel()


def _policy(model: PolicyModel, node: MapNode, file: str) -> Policy:
    waiver_nodes = _maps(node.items.get("waivers"))
    return Policy(
        name=model.name,
        kind=model.kind,
        owner=model.owner,
        severity=Severity(model.severity) if model.severity else None,
        match=model.match.condition() if model.match else EVERYTHING,
        settings=model.section().settings(),
        waivers=tuple(
            _waiver(waiver, model, file, waiver_node.line)
            for waiver, waiver_node in zip(model.waivers, waiver_nodes, strict=True)
        ),
        file=file,
        line=node.line,
    )


def _waiver(model: WaiverModel, policy: PolicyModel, file: str, line: int) -> Waiver:
    return Waiver(
        match=model.match.condition(),
        kinds=tuple(Glob(text) for text in sorted(set(model.kinds or policy.section().finding_kinds))),
        reason=WaiverReason(model.reason),
        until=date.fromisoformat(model.until),
        by=model.by,
        policy=policy.name,
        file=file,
        line=line,
    )


def _canonical(model: PolicyModel, policy: Policy) -> Json:
    """Give a policy with every default of its kind written out and every condition in normal form."""
    body = model.model_dump(exclude_none=True, exclude={"match", "waivers"})
    if policy.match != EVERYTHING:
        body["match"] = policy.match.as_json()
    body["waivers"] = [
        {
            **({"by": waiver.by} if waiver.by is not None else {}),
            "kinds": [glob.text for glob in waiver.kinds],
            "match": waiver.match.as_json(),
            "reason": waiver.reason.value,
            "until": waiver.until.isoformat(),
        }
        for waiver in policy.waivers
    ]
    return body


def _maps(node: Node | None) -> Sequence[MapNode]:
    items = node.items if isinstance(node, ListNode) else ()
    return [item for item in items if isinstance(item, MapNode)]
