"""Turns what the settings refuse into one error that names file or variable, key, and what was probably meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from governance.config.settings import DocumentField, Settings
from governance.domain.errors import ConfigError
from governance.domain.words import shown, suggestion

_Loc = tuple[int | str, ...]
_SHAPES = {
    "string_type": "must be a text in quotes",
    "dict_type": "must be a table of keys and values",
    "model_type": "must be a table of keys and values",
    "model_attributes_type": "must be a table of keys and values",
    "tuple_type": "must be a list of texts",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "greater_than_equal": "must be at least {ge:,}",
    "less_than_equal": "must be at most {le:,}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
}


def explain(error: ValidationError, file: str, environment: Mapping[str, Any]) -> ConfigError:
    """Give the first problem, and how many more there are.

    Args:
        error: What pydantic found.
        file: Name of the configuration file.
        environment: The settings that came from variables, so that the right place is blamed.

    """
    details = error.errors(include_url=False, include_input=False)
    detail = details[0]
    loc = _without_marks(detail["loc"])
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    where = _variable(loc, environment) or file
    sentence, next_step = _sentence(detail, loc)
    key = _key(loc)
    return ConfigError(f"{where}: {sentence}{more}", item=key or file, next_step=next_step or f"correct it in {where}")


def _sentence(detail: ErrorDetails, loc: _Loc) -> tuple[str, str | None]:
    kind, key = detail["type"], _key(loc)
    is_key = detail["loc"][-1:] == ("[key]",)
    if kind == "extra_forbidden" or (kind == "literal_error" and is_key):
        known = get_args(DocumentField) if is_key else _known_keys(loc[:-1])
        return f"unknown key {shown(key)}", suggestion(str(loc[-1]), known)
    if kind == "missing":
        return f"the key '{key}' is missing", None
    if kind == "value_error":
        return (f"'{key}': " if key else "") + str(detail["ctx"]["error"]), None
    shape = _SHAPES.get(kind, "cannot be used").format(**detail.get("ctx", {}))
    return f"'{key}' {shape}", None


def _without_marks(loc: _Loc) -> _Loc:
    """Drop what pydantic adds to say that a key, not its value, is wrong."""
    return tuple(part for part in loc if part != "[key]")


def _key(loc: _Loc) -> str:
    return ".".join(str(part) for part in loc if isinstance(part, str))


def _variable(loc: _Loc, environment: Mapping[str, Any]) -> str | None:
    """Give the variable that a setting came from, None when it came from the file."""
    place: Any = environment
    found: list[str] = []
    for part in loc:
        if not isinstance(place, Mapping) or part not in place:
            break
        place = place[part]
        found.append(str(part).replace("-", "_").upper())
    if not found or isinstance(place, Mapping):
        return None
    return "KBGOV_" + "__".join(found)


def _known_keys(loc: _Loc) -> list[str]:
    """Give the keys that the settings know at a place."""
    model: type[BaseModel] = Settings
    for part in loc:
        field = model.model_fields.get(str(part))
        model = (_model_in(field.annotation) if field else None) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - annotations have no common type
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := _model_in(inner))), None)
