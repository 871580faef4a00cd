"""The grammar of a policy file. Unknown keys are errors; what is accepted here is obeyed somewhere.

Values arrive as text, whatever they look like, because the reader has no implicit types. They leave in normal form,
so that what a model dumps is the canonical policy.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from governance.domain.calendar import Interval, Unit
from governance.domain.findings import FindingKind, Severity
from governance.domain.words import shown, suggestion
from governance.policy.globs import Glob
from governance.policy.match import Field as MatchField
from governance.policy.match import Match, Not, Op, all_of, any_of, condition
from governance.policy.model import KINDS, WaiverReason

VERSION: Final = "1"
DOCUMENTS: Final = ("policies", "processing", "schedule")
_LONGEST: Final = 200
_MOST: Final = 99_999  # the largest count that an interval can be written with
_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ZERO: Final = re.compile(r"0+\s*(?:days?|d|weeks?|w|months?|mo|years?|y)", re.IGNORECASE)
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXAMPLES: Final = [date(year, month, 1) for year in range(2024, 2028) for month in range(1, 13)]
"""Due days between which every length of a month lies."""
_T = TypeVar("_T")


class Wrong(ValueError):
    """A value that the grammar does not take.

    Attributes:
        next_step: What to do about it, where more can be said than "correct it".

    """

    def __init__(self, message: str, next_step: str | None = None) -> None:
        super().__init__(message)
        self.next_step = next_step


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Wrong("must be a text, not a list or a mapping")
    if not value.strip():
        raise Wrong("must not be empty")
    if len(value) > _LONGEST:
        raise Wrong(f"must not be longer than {_LONGEST} characters")
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in value):
        raise Wrong("must not hold control characters or line breaks")
    return value


def _listed(value: object) -> object:
    """Let one text stand for a list of one."""
    return [value] if isinstance(value, str) else value


def _read(parse: Callable[[str], _T]) -> Callable[[object], _T]:
    """Make a validator that checks for a text first."""
    return lambda value: parse(_text(value))


def _slug(value: str) -> str:
    if len(value) > 64 or not _NAME.fullmatch(value):  # noqa: PLR2004 - what fits every table and screen
        raise Wrong("must be a name such as 'hr-pages': small letters, digits and hyphens, at most 64")
    return value


def _word(*known: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in known:
            raise Wrong(f"{shown(value)} is no word for it", suggestion(value, known))
        return value

    return check


def _kind(value: str) -> str:
    _word(*KINDS)(value)
    if value != "freshness":
        raise Wrong(f"the kind '{value}' is not supported by this version", "this version reads the kind: freshness")
    return value


def _document(value: str) -> str:
    _word(*DOCUMENTS)(value)
    if value != "policies":
        raise Wrong(f"the document '{value}' is not supported by this version", "this version reads: policies")
    return value


def _version(value: str) -> str:
    if value != VERSION:
        raise Wrong(f"version {shown(value)} of the format is not known", f"this version of kbgov reads {VERSION}")
    return value


def _interval(value: str) -> str:
    """Give the interval in months or days, so that "2 years" and "24 months" are one decision."""
    interval = Interval.parse(value)
    if interval.unit is Unit.YEAR:
        interval = Interval(interval.count * 12, Unit.MONTH)
    elif interval.unit is Unit.WEEK:
        interval = Interval(interval.count * 7, Unit.DAY)
    if interval.count > _MOST:
        raise Wrong(f"must not be more than {_MOST:,} days or months")
    return str(interval)


def _duration(value: str) -> str:
    return "0 days" if _ZERO.fullmatch(value.strip()) else _interval(value)


def _days(value: str) -> str:
    duration = _duration(value)
    if "month" in duration:
        raise Wrong("must be in days or weeks, such as '30 days'")
    return duration


def _number(low: int, high: int) -> Callable[[str], int]:
    def check(value: str) -> int:
        if not _DIGITS.fullmatch(value) or not low <= int(value) <= high:
            raise Wrong(f"must be a whole number from {low:,} to {high:,}")
        return int(value)

    return check


def _until(value: str) -> str:
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise Wrong("must be a day that exists, such as 2027-03-31")


def _finding_kinds(value: str) -> str:
    known = [kind.value for kind in FindingKind]
    if not any(Glob(value).matches(kind) for kind in known):
        raise Wrong(f"{shown(value)} matches no kind of finding of this version", suggestion(value, known))
    return value


def _no_actions(value: object) -> object:
    if value:
        raise Wrong("actions are not supported by this version", "leave the key out, so that nothing seems promised")
    return value


def _some(value: object) -> object:
    if value == []:
        raise Wrong("must not be empty")
    return _listed(value)


def _globs(field: MatchField) -> Callable[[str], str]:
    def check(value: str) -> str:
        condition(field, Op.GLOB, (value,))
        return value

    return check


Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[list[Text], BeforeValidator(_some)]
Name = Annotated[Text, AfterValidator(_slug)]
SeverityWord = Annotated[str, PlainValidator(_read(_word(*Severity)), json_schema_input_type=Severity)]
ReasonWord = Annotated[str, PlainValidator(_read(_word(*WaiverReason)), json_schema_input_type=WaiverReason)]
FieldWord = Annotated[str, PlainValidator(_read(_word(*MatchField)), json_schema_input_type=MatchField)]
OpWord = Annotated[str, PlainValidator(_read(_word(*Op)), json_schema_input_type=Op)]
ReportWord = Annotated[str, PlainValidator(_read(_word("report", "ignore")), json_schema_input_type=str)]
Length = Annotated[str, PlainValidator(_read(_interval), json_schema_input_type=str)]
LengthOrNone = Annotated[str, PlainValidator(_read(_duration), json_schema_input_type=str)]
Days = Annotated[str, PlainValidator(_read(_days), json_schema_input_type=str)]
Count = Annotated[int, PlainValidator(_read(_number(0, 1_000_000)), json_schema_input_type=int)]
Percent = Annotated[int, PlainValidator(_read(_number(0, 100)), json_schema_input_type=int)]
Day = Annotated[str, PlainValidator(_read(_until), json_schema_input_type=date)]
KindGlobs = Annotated[
    list[Annotated[str, PlainValidator(_read(_finding_kinds), json_schema_input_type=str)]], BeforeValidator(_some)
]
Patterns = Annotated[
    list[Annotated[str, PlainValidator(_read(_globs(MatchField.LABEL)), json_schema_input_type=str)]],
    BeforeValidator(_some),
]
PathPatterns = Annotated[
    list[Annotated[str, PlainValidator(_read(_globs(MatchField.PATH)), json_schema_input_type=str)]],
    BeforeValidator(_some),
]


class MatchModel(_Model):
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


def _span(duration: str) -> Interval:
    """Read the normal form, in which a length may be zero."""
    count, unit = duration.split()
    return Interval(int(count), Unit(unit.removesuffix("s")))


class FreshnessModel(_Model):
    """How long a document stays fresh after a review."""

    review_every: Length | None = Field(None, description="Interval of documents that name none: `24 months`.")
    due_soon: Days = Field("30 days", description="Announce what falls due within so many days.")
    warn_after: LengthOrNone = Field("0 days", description="Report overdue documents from so long past due.")
    error_after: LengthOrNone = Field("90 days", description="Overdue documents are severe from so long past due.")
    changed_grace: Days = Field("7 days", description="A document may change so long after its review.")
    unknown: ReportWord = Field("report", description="Documents without a review date or a rule: report or ignore.")

    @model_validator(mode="after")
    def _check(self) -> FreshnessModel:
        warn, error = _span(self.warn_after), _span(self.error_after)
        if all(warn.after(day) > error.after(day) for day in _EXAMPLES):
            raise Wrong(
                f"warn_after ({self.warn_after}) is later than error_after ({self.error_after})",
                "make warn_after shorter or error_after longer; what is left out has its default",
            )
        return self


class WaiverModel(_Model):
    """Findings that may stand until a day."""

    match: MatchModel
    kinds: KindGlobs | None = Field(None, description="Kinds of findings, or globs; those of the policy's kind.")
    reason: ReasonWord
    until: Day = Field(description="Last day on which it counts: `2027-03-31`.")
    by: Text | None = Field(None, description="Who decided.")


class PolicyModel(_Model):
    """One policy."""

    name: Name
    kind: Annotated[str, PlainValidator(_read(_kind), json_schema_input_type=str)]
    owner: Text | None = Field(None, description="Who answers for documents that name no owner.")
    severity: SeverityWord | None = Field(None, description="Takes the place of the shipped severity.")
    match: MatchModel | None = Field(None, description="Leave it out for every document.")
    freshness: FreshnessModel = FreshnessModel()
    actions: Annotated[list[str], BeforeValidator(_no_actions)] = Field([], description="None in this version.")
    waivers: list[WaiverModel] = []


class ListingModel(_Model):
    """A listing with more documents absent than both say is refused."""

    absent_documents: Count = 20
    absent_percent: Percent = 50


class LimitsModel(_Model):
    """How much may change at once."""

    listing: ListingModel = ListingModel()


class FileModel(_Model):
    """A policy file."""

    document: Annotated[str, PlainValidator(_read(_document), json_schema_input_type=str)] = "policies"
    version: Annotated[str, PlainValidator(_read(_version), json_schema_input_type=str)]
    policies: list[PolicyModel] = []
    limits: LimitsModel | None = None
