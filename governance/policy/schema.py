"""The grammar of a policy file. Unknown keys are errors; what is accepted here is obeyed somewhere.

Values arrive as text, whatever they look like, because the reader has no implicit types. They leave in normal form,
so that what a model dumps is the canonical policy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, field_validator, model_validator

from governance.domain.findings import FindingKind
from governance.domain.words import shown, suggestion
from governance.policy.globs import Glob
from governance.policy.match import Field as MatchField
from governance.policy.match import Match, Not, Op, all_of, any_of, condition
from governance.policy.model import KINDS, WaiverReason
from governance.policy.sections import SECTIONS, DriftModel, FreshnessModel, Section
from governance.policy.values import (
    Count,
    Day,
    Model,
    Name,
    Percent,
    SeverityWord,
    Text,
    Texts,
    Wrong,
    read,
    some,
    word,
)

VERSION: Final = "1"
DOCUMENTS: Final = ("policies", "processing", "schedule")


def _kind(value: str) -> str:
    word(*KINDS)(value)
    if value not in SECTIONS:
        known = ", ".join(SECTIONS)
        raise Wrong(f"the kind '{value}' is not supported by this version", f"this version reads the kinds: {known}")
    return value


def _document(value: str) -> str:
    word(*DOCUMENTS)(value)
    if value != "policies":
        raise Wrong(f"the document '{value}' is not supported by this version", "this version reads: policies")
    return value


def _version(value: str) -> str:
    if value != VERSION:
        raise Wrong(f"version {shown(value)} of the format is not known", f"this version of kbgov reads {VERSION}")
    return value


def _finding_kinds(value: str) -> str:
    known = [kind.value for kind in FindingKind]
    if not any(Glob(value).matches(kind) for kind in known):
        raise Wrong(f"{shown(value)} matches no kind of finding of this version", suggestion(value, known))
    return value


def _no_actions(value: object) -> object:
    if value:
        raise Wrong("actions are not supported by this version", "leave the key out, so that nothing seems promised")
    return value


def _globs(field: MatchField) -> Callable[[str], str]:
    def check(value: str) -> str:
        condition(field, Op.GLOB, (value,))
        return value

    return check


ReasonWord = Annotated[str, PlainValidator(read(word(*WaiverReason)), json_schema_input_type=WaiverReason)]
FieldWord = Annotated[str, PlainValidator(read(word(*MatchField)), json_schema_input_type=MatchField)]
OpWord = Annotated[str, PlainValidator(read(word(*Op)), json_schema_input_type=Op)]
KindGlobs = Annotated[
    list[Annotated[str, PlainValidator(read(_finding_kinds), json_schema_input_type=str)]], BeforeValidator(some)
]
Patterns = Annotated[
    list[Annotated[str, PlainValidator(read(_globs(MatchField.LABEL)), json_schema_input_type=str)]],
    BeforeValidator(some),
]
PathPatterns = Annotated[
    list[Annotated[str, PlainValidator(read(_globs(MatchField.PATH)), json_schema_input_type=str)]],
    BeforeValidator(some),
]


class MatchModel(Model):
    """Which documents: one condition (`field`, `op`, `value`), or short forms and groups, all of which must hold."""

    all: list[MatchModel] | None = Field(None, description="Every one of these must hold.")
    any: list[MatchModel] | None = Field(None, description="At least one of these must hold.")
    not_: MatchModel | None = Field(None, alias="not", description="This must not hold.")
    source: Patterns | None = Field(None, description="Names of sources, or globs.")
    path: PathPatterns | None = Field(None, description="Globs of paths below the source's folder: `hr/**`.")
    label: Patterns | None = Field(None, description="Labels, or globs.")
    index: Patterns | None = Field(None, description="Names of indexes, or globs.")
    field: FieldWord | None = Field(None, description="What to compare: source, path, label or index.")
    op: OpWord | None = Field(None, description="How to compare: eq, in, glob or contains.")
    value: Texts | None = Field(None, description="What to compare with; a list means any of them.")

    @model_validator(mode="after")
    def _check(self) -> MatchModel:
        self.condition()
        return self

    def condition(self) -> Match:
        """Give the condition in normal form.

        Raises:
            ValueError: The keys make no condition, or a pattern cannot be used.

        """
        written = self.model_fields_set
        if not written:
            raise Wrong("names no condition", "leave the key out where everything is meant")
        if written & {"field", "op", "value"}:
            return self._single(written)
        parts = [
            condition(field, Op.GLOB, tuple(getattr(self, field.value)))
            for field in MatchField
            if field.value in written
        ]
        if self.all is not None:
            parts.append(all_of(_conditions("all", self.all)))
        if self.any is not None:
            parts.append(any_of(_conditions("any", self.any)))
        if self.not_ is not None:
            parts.append(Not(self.not_.condition()))
        return all_of(parts)

    def _single(self, written: set[str]) -> Match:
        if written != {"field", "op", "value"} or self.field is None or self.op is None:
            raise Wrong("a condition needs the three keys field, op and value, and no other")
        values = tuple(self.value or ())
        if self.op == Op.EQ and len(values) != 1:
            raise Wrong("eq compares with one value; for several use in")
        return condition(MatchField(self.field), Op(self.op), values)


def _conditions(key: str, models: list[MatchModel]) -> list[Match]:
    if not models:
        raise Wrong(f"'{key}' holds no condition")
    return [model.condition() for model in models]


class WaiverModel(Model):
    """Findings that may stand until a day."""

    match: MatchModel
    kinds: KindGlobs | None = Field(None, description="Kinds of findings, or globs; those of the policy's kind.")
    reason: ReasonWord
    until: Day = Field(description="Last day on which it counts: `2027-03-31`.")
    by: Text | None = Field(None, description="Who decided.")


class PolicyModel(Model):
    """One policy."""

    name: Name
    kind: Annotated[str, PlainValidator(read(_kind), json_schema_input_type=str)]
    owner: Text | None = Field(None, description="Who answers for documents that name no owner.")
    severity: SeverityWord | None = Field(None, description="Takes the place of the shipped severity.")
    match: MatchModel | None = Field(None, description="Leave it out for every document.")
    freshness: FreshnessModel | None = Field(None, description="Settings of the kind freshness, and of no other.")
    drift: DriftModel | None = Field(None, description="Settings of the kind drift, and of no other.")
    actions: Annotated[list[str], BeforeValidator(_no_actions)] = Field([], description="None in this version.")
    waivers: list[WaiverModel] = Field([], description="Findings that may stand as they are, each until a day.")

    @model_validator(mode="before")
    @classmethod
    def _with_section(cls, written: object) -> object:
        """Read a section that is left out like an empty one, so that its defaults come from one place."""
        if not isinstance(written, dict):
            return written
        kind = written.get("kind")
        return {kind: {}, **written} if isinstance(kind, str) and kind in SECTIONS else written

    @field_validator(*SECTIONS, mode="before")
    @classmethod
    def _of_its_kind(cls, section: object, info: ValidationInfo) -> object:
        """Refuse the section of another kind; a kind that is wrong itself is reported by its own key."""
        kind, own = info.data.get("kind"), info.field_name
        if kind is not None and kind != own:
            raise Wrong(
                f"a section of the kind '{own}' cannot stand in a policy of the kind '{kind}'",
                f"move it into a policy of the kind '{own}'; here the section is called '{kind}'",
            )
        return section

    def section(self) -> Section:
        """Give the settings of the policy's own kind."""
        section: Section = getattr(self, self.kind)
        return section


class ListingModel(Model):
    """A listing with more documents absent than both say is refused."""

    absent_documents: Count = 20
    absent_percent: Percent = 50


class LimitsModel(Model):
    """How much may change at once."""

    listing: ListingModel = ListingModel()


class FileModel(Model):
    """A policy file."""

    document: Annotated[str, PlainValidator(read(_document), json_schema_input_type=str)] = "policies"
    version: Annotated[str, PlainValidator(read(_version), json_schema_input_type=str)]
    policies: list[PolicyModel] = Field([], description="Of each kind, the first that matches a document decides.")
    limits: LimitsModel | None = None
