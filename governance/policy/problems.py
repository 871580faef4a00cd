"""Turns what the grammar refuses into one error that names file, line, key and what was probably meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from governance.domain.errors import PolicyError
from governance.domain.words import shown, suggestion
from governance.policy.schema import FileModel, PolicyModel
from governance.policy.sections import SECTIONS
from governance.policy.values import Wrong
from governance.policy.yaml_reader import ListNode, MapNode, Node, Scalar

_SHAPES: Final = {
    "list_type": "must be a list",
    "model_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "recursion_loop": "is nested too deep",
}
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
Loc: TypeAlias = tuple[int | str, ...]
"""Keys and places in lists, from the file's top, that lead to a value."""


@dataclass(frozen=True, slots=True)
class _Problem:
    line: int
    where: str
    sentence: str
    next_step: str | None = None
    about_kind: bool = False
    unknown_key: bool = False


def policy_error(file: str, line: int, message: str, next_step: str | None = None) -> PolicyError:
    """Make the error for one line of a policy file."""
    return PolicyError(
        f"{file}, line {line}: {message}",
        item=f"{file}:{line}",
        next_step=next_step or f"correct line {line} of {file} and run the command again",
    )


def explain(file: str, root: MapNode, error: ValidationError, grammar: type[BaseModel] = FileModel) -> PolicyError:
    """Give the first problem, and how many more there are.

    First is the one with the lowest line, and on a line the unknown key, which makes another one look missing; a wrong
    kind goes before everything, because it makes settings look wrong.

    Args:
        file: What the file is called.
        root: Its nodes.
        error: What the grammar refuses.
        grammar: That of the whole file.

    """
    details = error.errors(include_url=False, include_input=False)
    problems = sorted((_problem(root, detail, grammar) for detail in details), key=_order)
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    where = f"{first.where}: " if first.where else ""
    return policy_error(file, first.line, f"{where}{first.sentence}{more}", first.next_step)


def place_of(root: MapNode, loc: Loc) -> tuple[int, str]:
    """Give line and name of a place; a policy is called by its name where it has one."""
    node: Node = root
    line = root.line
    words: list[str] = []
    for part in loc:
        if isinstance(node, MapNode) and part in node.items:
            key = str(part)
            line, node = node.key_lines[key], node.items[key]
            plain = key if _PLAIN_KEY.fullmatch(key) else shown(key)
            words.append(f".{plain}" if words else plain)
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            line = node.line
            words.append(f"[{part + 1}]")
        else:
            break
    name = _policy_name(root, loc)
    if name is None:
        return line, "".join(words)
    key = "".join(words[2:]).lstrip(".")
    return line, f"policy {shown(name)}" + (f", {key}" if key else "")


def _order(problem: _Problem) -> tuple[bool, int, bool]:
    return not problem.about_kind, problem.line, not problem.unknown_key


def _problem(root: MapNode, detail: ErrorDetails, grammar: type[BaseModel]) -> _Problem:
    loc = detail["loc"]
    if detail["type"] == "extra_forbidden":
        key, (line, _), (_, where) = str(loc[-1]), place_of(root, loc), place_of(root, loc[:-1])
        known = suggestion(key, _known_keys(root, loc[:-1], grammar))
        return _Problem(line, where, f"unknown key {shown(key)}", known, unknown_key=True)
    if detail["type"] == "missing":
        line, where = place_of(root, loc[:-1])
        return _Problem(line, where, f"the key '{_missing(root, loc)}' is missing")
    line, where = place_of(root, loc)
    wrong = detail.get("ctx", {}).get("error")
    if isinstance(wrong, ValueError):
        next_step = wrong.next_step if isinstance(wrong, Wrong) else None
        return _Problem(line, where, str(wrong), next_step, about_kind=_is_kind(loc))
    return _Problem(line, where, _SHAPES.get(detail["type"], "cannot be used"))


def _is_kind(loc: Loc) -> bool:
    """Say whether the place is the kind of a policy."""
    return loc[0] == "policies" and loc[2:] == ("kind",)


def _missing(root: MapNode, loc: Loc) -> str:
    """Name a key that is missing, with the section around it where that is missing too."""
    policy = _policy(root, loc)
    around = [str(part) for part in loc[2:-1]] if policy and loc[2] not in policy.items else []
    return ".".join([*around, str(loc[-1])])


def _policy_name(root: MapNode, loc: Loc) -> str | None:
    return _word_of_policy(root, loc, "name")


def _word_of_policy(root: MapNode, loc: Loc, key: str) -> str | None:
    """Give what the policy in which a place lies says under a key; None where there is no policy, key or word."""
    policy = _policy(root, loc)
    value = policy.items.get(key) if policy else None
    return value.text if isinstance(value, Scalar) and value.text else None


def _policy(root: MapNode, loc: Loc) -> MapNode | None:
    """Give the policy in which a place lies."""
    policies = root.items.get("policies")
    if loc[:1] != ("policies",) or len(loc) == 1 or not isinstance(policies, ListNode):
        return None
    policy = policies.items[int(loc[1])]
    return policy if isinstance(policy, MapNode) else None


def _known_keys(root: MapNode, loc: Loc, grammar: type[BaseModel]) -> list[str]:
    """Give the keys that the grammar knows at a place; in a policy no sections of other kinds."""
    model = grammar
    any_key = False
    for part in loc:
        if isinstance(part, int):
            continue
        if any_key:
            any_key = False
            continue
        annotation = {field.alias or name: field for name, field in model.model_fields.items()}[part].annotation
        inner = _model_in(annotation)
        any_key = inner is not None and _is_mapping(annotation)
        model = inner or model
    others = SECTIONS.keys() - {_word_of_policy(root, loc, "kind")} if model is PolicyModel else frozenset()
    return [key for name, field in model.model_fields.items() if (key := field.alias or name) not in others]


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - annotations have no common type
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := _model_in(inner))), None)


def _is_mapping(annotation: Any) -> bool:  # noqa: ANN401 - as above
    return get_origin(annotation) is dict or any(_is_mapping(inner) for inner in get_args(annotation))
