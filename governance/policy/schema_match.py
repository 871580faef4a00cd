"""The grammar of a condition: which documents a policy or a waiver is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import Field, PrivateAttr, model_validator

from governance.policy.match import All, Match, Not, Op, all_of, any_of, condition
from governance.policy.match import Field as MatchField
from governance.policy.patterns import MAX_LENGTH as LONGEST_PATTERN
from governance.policy.values import TEXT_SCHEMA, Model, Reads, Several, Text, Wrong, one_of

_SHORT = (MatchField.SOURCE, MatchField.PATH, MatchField.LABEL, MatchField.INDEX)
"""Short forms whose key is the field's own name and whose values are globs."""


def _globs(of: MatchField) -> Callable[[str], str]:
    def check(value: str) -> str:
        condition(of, Op.GLOB, (value,))
        return value

    return check


GlobText = Annotated[str, Reads(_globs(MatchField.LABEL), TEXT_SCHEMA)]
PathGlobText = Annotated[str, Reads(_globs(MatchField.PATH), TEXT_SCHEMA)]
Patterns = Annotated[list[GlobText], Several()]
PathPatterns = Annotated[list[PathGlobText], Several()]
Values = Annotated[
    list[Annotated[str, Reads(str, {**TEXT_SCHEMA, "maxLength": LONGEST_PATTERN}, longest=LONGEST_PATTERN)]], Several()
]


class MatchModel(Model):
    """Which documents: one condition (`field`, `op`, `value`), or short forms and groups, all of which must hold."""

    all: list[MatchModel] | None = Field(
        None, description="Every one of these must hold.", json_schema_extra={"minItems": 1}
    )
    any: list[MatchModel] | None = Field(
        None, description="At least one of these must hold.", json_schema_extra={"minItems": 1}
    )
    not_: MatchModel | None = Field(None, alias="not", description="This must not hold.")
    source: Patterns | None = Field(None, description="Names of sources, or globs.")
    path: PathPatterns | None = Field(None, description="Globs of paths below the source's folder: `hr/**`.")
    label: Patterns | None = Field(None, description="Labels, or globs.")
    index: Patterns | None = Field(None, description="Names of indexes, or globs.")
    class_: Patterns | None = Field(None, alias="class", description="Retention classes, or globs.")
    metadata: dict[Text, Patterns] | None = Field(
        None,
        description="Values, or globs, by metadata key: `{department: hr}`.",
        json_schema_extra={"minProperties": 1},
    )
    field: Annotated[str, one_of(MatchField)] | None = Field(
        None, description="What to compare: source, path, label, index, metadata or class."
    )
    key: Text | None = Field(None, description="Which metadata to compare; with field: metadata alone.")
    op: Annotated[str, one_of(Op)] | None = Field(
        None, description="How to compare: eq, in, glob, contains or regex (in the syntax of RE2)."
    )
    value: Values | None = Field(None, description="What to compare with; a list means any of them.")

    _condition: Match = PrivateAttr(default_factory=All)

    @model_validator(mode="after")
    def _check(self) -> MatchModel:
        self._condition = self._read()
        return self

    def condition(self) -> Match:
        """Give the condition in normal form."""
        return self._condition

    def _read(self) -> Match:
        written = self.model_fields_set
        if not written:
            raise Wrong("names no condition", "leave the key out where everything is meant")
        if written & {"field", "key", "op", "value"}:
            return self._single(written)
        return all_of([*self._short_forms(), *self._groups()])

    def _short_forms(self) -> list[Match]:
        parts = [
            condition(field, Op.GLOB, tuple(values))
            for field in _SHORT
            if (values := getattr(self, field.value)) is not None
        ]
        if self.class_ is not None:
            parts.append(condition(MatchField.CLASS, Op.GLOB, tuple(self.class_)))
        if self.metadata == {}:
            raise Wrong("'metadata' names no key", "write one: metadata: {department: hr}")
        for key, values in (self.metadata or {}).items():
            parts.append(condition(MatchField.METADATA, Op.GLOB, tuple(values), key))
        return parts

    def _groups(self) -> list[Match]:
        parts = []
        if self.all is not None:
            parts.append(all_of(_conditions("all", self.all)))
        if self.any is not None:
            parts.append(any_of(_conditions("any", self.any)))
        if self.not_ is not None:
            parts.append(Not(self.not_.condition()))
        return parts

    def _single(self, written: set[str]) -> Match:
        about_metadata = self.field == MatchField.METADATA
        wanted = {"field", "op", "value"} | ({"key"} if about_metadata else set())
        if about_metadata and "key" not in written:
            raise Wrong("a condition on metadata needs the key 'key'", "name it: key: department")
        if written != wanted or self.field is None or self.op is None:
            raise Wrong("a condition needs the three keys field, op and value, and no other")
        values = tuple(self.value or ())
        if self.op == Op.EQ and len(values) != 1:
            raise Wrong("eq compares with one value; for several use in")
        return condition(MatchField(self.field), Op(self.op), values, self.key or "")


def _conditions(key: str, models: list[MatchModel]) -> list[Match]:
    if not models:
        raise Wrong(f"'{key}' holds no condition")
    return [model.condition() for model in models]
