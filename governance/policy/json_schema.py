"""The grammar of policy files as JSON Schema, for editors that complete and check while somebody writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from governance.domain.errors import InputError
from governance.domain.words import suggestion
from governance.policy.model import BUILT_IN_REASONS
from governance.policy.schema import FileModel, PolicyModel, WaiverModel
from governance.policy.schema_actions import ActionModel
from governance.policy.schema_match import MatchModel
from governance.policy.sections import SECTIONS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DEFS: Final = "#/$defs/"
_POLICY: Final = PolicyModel.__name__

_Schema: TypeAlias = dict[str, Any]


def json_schema(kind: str | None = None) -> _Schema:
    """Give the schema of a policy file, or of one policy of a kind, in JSON Schema 2020-12.

    Values are described as people write them: a number without quotes, an interval in small letters. What only all
    files together can say, such as a name that stands twice, it lets pass.

    Raises:
        InputError: There is no such kind.

    """
    if kind is not None and kind not in SECTIONS:
        raise InputError("no policy is of this kind", item=kind, next_step=suggestion(kind, SECTIONS))
    whole = _tidy(FileModel.model_json_schema())
    defs = whole.pop("$defs")
    _tell_more(defs)
    if kind is None:
        title, body = "Policies of kbgov", whole
    else:
        title, body = f"A policy of the kind {kind}", _of_kind(defs[_POLICY], kind)
    return {"$schema": DIALECT, "title": title, **body, "$defs": _needed(body, defs)}


def _tidy(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Leave out what says nothing to a person, and that a key could be without a value: the reader refuses that."""
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    tidy = {
        key: {name: _tidy(item) for name, item in each.items()} if key in {"properties", "$defs"} else _tidy(each)
        for key, each in value.items()
        if not (key == "title" and isinstance(each, str)) and not (key == "default" and each is None)
    }
    choices = [choice for choice in tidy.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del tidy["anyOf"]
        return {**choices[0], **tidy}
    return {**tidy, "anyOf": choices} if choices else tidy


def _tell_more(defs: _Schema) -> None:
    """Add what the grammar checks beyond single values."""
    policy, match, action = defs[_POLICY], defs[MatchModel.__name__], defs[ActionModel.__name__]
    policy["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"properties": dict.fromkeys(sorted(SECTIONS.keys() - {kind}), False)},
        }
        for kind in SECTIONS
    ]
    match["minProperties"] = 1
    match["dependentRequired"] = {
        "field": ["op", "value"],
        "op": ["field", "value"],
        "value": ["field", "op"],
        "key": ["field"],
    }
    action["minProperties"] = action["maxProperties"] = 1
    defs[WaiverModel.__name__]["properties"]["reason"]["examples"] = [reason.code for reason in BUILT_IN_REASONS]


def _of_kind(policy: _Schema, kind: str) -> _Schema:
    """Give the schema of a policy without the sections of other kinds."""
    others = SECTIONS.keys() - {kind}
    properties = {key: value for key, value in policy["properties"].items() if key not in others}
    properties["kind"] = {**properties["kind"], "enum": [kind]}
    return {key: value for key, value in policy.items() if key != "allOf"} | {"properties": properties}


def _needed(body: _Schema, defs: Mapping[str, _Schema]) -> _Schema:
    """Give the definitions that the body leads to."""
    found: dict[str, _Schema] = {}
    todo = list(_references(body))
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = defs[name]
            todo.extend(_references(defs[name]))
    return {name: found[name] for name in sorted(found)}


def _references(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.removeprefix(_DEFS)
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
