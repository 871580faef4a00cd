"""What a value of a policy file may be: each reader takes the text as it was written and gives its normal form.

Beside every reader stands what an editor is told about the value, as JSON Schema.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from governance.domain.calendar import Interval, Unit
from governance.domain.findings import Severity
from governance.domain.words import shown, suggestion
from governance.policy.patterns import MAX_LENGTH, Pattern

_LONGEST: Final = 200
_LONGEST_NAME: Final = 64
_MOST: Final = 99_999  # the largest count that an interval can be written with
_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SOME: Final = "0*[1-9][0-9]{0,4}"
"""A count that is not zero, for the patterns of editors, of which not all can look ahead."""
_ZERO: Final = re.compile(r"0+\s*(?:days?|d|weeks?|w|months?|mo|years?|y)", re.IGNORECASE)
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LENGTH_FORM: Final = r"^[0-9]{1,5} *(days?|d|weeks?|w|months?|mo|years?|y)$"
_SOME_LENGTH_FORM: Final = _LENGTH_FORM.replace("[0-9]{1,5}", SOME)
_DAYS_FORM: Final = r"^[0-9]{1,5} *(days?|d|weeks?|w)$"
_SOME_DAYS_FORM: Final = _DAYS_FORM.replace("[0-9]{1,5}", SOME)


class Wrong(ValueError):
    """A value that the grammar does not take.

    Attributes:
        next_step: What to do about it, where more can be said than "correct it".

    """

    def __init__(self, message: str, next_step: str | None = None) -> None:
        super().__init__(message)
        self.next_step = next_step


class Model(BaseModel):
    """A mapping of a policy file. A key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True, eq=False)
class Reads:
    """Annotates a type with how a text becomes its value, and with what an editor is told about the text."""

    parse: Callable[[str], object]
    schema: JsonSchemaValue
    longest: int = _LONGEST

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Give the schema that validates."""
        parse, longest = self.parse, self.longest
        return core_schema.no_info_plain_validator_function(lambda value: parse(_text(value, longest)))

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Give the schema that an editor reads."""
        return dict(self.schema)


@dataclass(frozen=True, slots=True)
class Several:
    """Annotates a list for which one text may stand, and that is not empty.

    Attributes:
        ordered: Whether the order is a decision; otherwise the values are sorted. Repetitions go.
        empty: Whether the list may be empty after all, to take the place of a default.

    """

    ordered: bool = False
    empty: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Give the schema that validates."""
        listed = _listed if self.empty else _some
        several = core_schema.no_info_before_validator_function(listed, handler(source))
        return core_schema.no_info_after_validator_function(self._normal, several)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Give the schema that an editor reads."""
        several = handler(core)
        return {"anyOf": [several["items"], several if self.empty else {**several, "minItems": 1}]}

    def _normal(self, values: list[str]) -> list[str]:
        return list(dict.fromkeys(values)) if self.ordered else sorted(set(values))


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str):
        raise Wrong("must be a text, not a list or a mapping")
    if not value.strip():
        raise Wrong("must not be empty")
    if len(value) > longest:
        raise Wrong(f"must not be longer than {longest} characters")
    if not value.isprintable() and any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in value):
        raise Wrong("must not hold control characters or line breaks")
    return value


def _some(value: object) -> object:
    if value == []:
        raise Wrong("must not be empty")
    return _listed(value)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _slug(value: str) -> str:
    if len(value) > _LONGEST_NAME or not _NAME.fullmatch(value):
        raise Wrong("must be a name such as 'hr-pages': small letters, digits and hyphens, at most 64")
    return value


def word(known: Iterable[str]) -> Callable[[str], str]:
    """Make a reader that takes one of these words."""
    words = dict.fromkeys(str(each) for each in known)

    def check(value: str) -> str:
        if value not in words:
            raise Wrong(f"{shown(value)} is no word for it", suggestion(value, words))
        return value

    return check


def one_of(known: Iterable[str] | type[StrEnum]) -> Reads:
    """Annotate a text that is one of these words."""
    words = [str(each) for each in known]
    return Reads(word(words), {"enum": words})


def interval(value: str) -> str:
    """Give the interval in months or days, so that "2 years" and "24 months" are one decision."""
    length = Interval.parse(value)
    if length.unit is Unit.YEAR:
        length = Interval(length.count * 12, Unit.MONTH)
    elif length.unit is Unit.WEEK:
        length = Interval(length.count * 7, Unit.DAY)
    if length.count > _MOST:
        raise Wrong(f"must not be more than {_MOST:,} days or months")
    return str(length)


def interval_or(other: str, example: str) -> Reads:
    """Annotate an interval for which one word may stand, such as `none`."""

    def check(value: str) -> str:
        if value == other:
            return value
        try:
            return interval(value)
        except Wrong:
            raise
        except ValueError:
            raise Wrong(f"not an interval such as '{example}', and not the word {other}") from None

    return Reads(check, {"anyOf": [{"const": other}, _length_schema(_SOME_LENGTH_FORM, example)]})


def number_or(other: str, low: int, high: int) -> Reads:
    """Annotate a whole number for which one word may stand; the word is read as None."""
    check = number(low, high)

    def read(value: str) -> int | str:
        if value == other:
            return value
        try:
            return check(value)
        except Wrong as error:
            raise Wrong(f"{error}, or the word {other}") from None

    return Reads(read, {"anyOf": [{"const": other}, _number_schema(low, high)]})


def _duration(value: str) -> str:
    return "0 days" if _ZERO.fullmatch(value.strip()) else interval(value)


def _days(value: str) -> str:
    duration = _duration(value)
    if "month" in duration:
        raise Wrong("must be in days or weeks, such as '30 days'")
    return duration


def _some_days(value: str) -> str:
    days = _days(value)
    if days == "0 days":
        raise Wrong("must be at least 1 day")
    return days


def number(low: int, high: int) -> Callable[[str], int]:
    """Make a reader that takes a whole number between these two, both included."""

    def check(value: str) -> int:
        if not _DIGITS.fullmatch(value) or not low <= int(value) <= high:
            raise Wrong(f"must be a whole number from {low:,} to {high:,}")
        return int(value)

    return check


def whole(low: int, high: int) -> Reads:
    """Annotate a whole number between these two, both included."""
    return Reads(number(low, high), _number_schema(low, high))


def _number_schema(low: int, high: int) -> JsonSchemaValue:
    return {"type": "integer", "minimum": low, "maximum": high}


def _length_schema(form: str, example: str) -> JsonSchemaValue:
    return {"type": "string", "pattern": form, "examples": [example]}


def _day(value: str) -> str:
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise Wrong("must be a day that exists, such as 2027-03-31")


def _yes(value: str) -> str:
    return word(("yes", "no"))(value)


def _specific_pattern(value: str) -> str:
    if Pattern(value).takes_nothing:
        raise Wrong(
            "a pattern that matches the empty text is found everywhere", "let it ask for at least one character"
        )
    return value


def span(duration: str) -> Interval:
    """Read the normal form, in which a length may be zero."""
    count, unit = duration.split()
    return Interval(int(count), Unit(unit.removesuffix("s")))


def length(duration: str) -> Interval | None:
    """Read the normal form; no length at all is None."""
    return None if duration == "0 days" else Interval.parse(duration)


def day_count(duration: str) -> int:
    """Read the normal form of days."""
    return span(duration).count


TEXT_SCHEMA: Final[JsonSchemaValue] = {
    "type": ["string", "number", "boolean"],
    "minLength": 1,
    "maxLength": _LONGEST,
}
"""What editors are told about texts: they take 2024 for a number, where this reader takes it for a text."""
_REGEX: Final[JsonSchemaValue] = {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH}

Text = Annotated[str, Reads(str, TEXT_SCHEMA)]
Texts = Annotated[list[Text], Several()]
Name = Annotated[str, Reads(_slug, {"type": "string", "pattern": f"^{_NAME.pattern}$", "maxLength": _LONGEST_NAME})]
YesNo = Annotated[str, Reads(_yes, {"enum": ["yes", "no"]})]
SeverityWord = Annotated[str, one_of(Severity)]
Length = Annotated[str, Reads(interval, _length_schema(_SOME_LENGTH_FORM, "6 months"))]
LengthOrNone = Annotated[str, Reads(_duration, _length_schema(_LENGTH_FORM, "90 days"))]
Days = Annotated[str, Reads(_days, _length_schema(_DAYS_FORM, "30 days"))]
SomeDays = Annotated[str, Reads(_some_days, _length_schema(_SOME_DAYS_FORM, "14 days"))]
Count = Annotated[int, whole(0, 1_000_000)]
Percent = Annotated[int, whole(0, 100)]
Share = Annotated[int, whole(1, 100)]
Day = Annotated[str, Reads(_day, {"type": "string", "format": "date", "examples": ["2027-03-31"]})]
SpecificRegex = Annotated[str, Reads(_specific_pattern, _REGEX, longest=MAX_LENGTH)]
