"""What a value of a policy file may be: each reader takes the text as it was written and gives its normal form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainValidator

from governance.domain.calendar import Interval, Unit
from governance.domain.findings import Severity
from governance.domain.words import shown, suggestion

_LONGEST: Final = 200
_MOST: Final = 99_999  # the largest count that an interval can be written with
_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ZERO: Final = re.compile(r"0+\s*(?:days?|d|weeks?|w|months?|mo|years?|y)", re.IGNORECASE)
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_T = TypeVar("_T")


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


def read(parse: Callable[[str], _T]) -> Callable[[object], _T]:
    """Make a validator that checks for a text first."""
    return lambda value: parse(_text(value))


def _slug(value: str) -> str:
    if len(value) > 64 or not _NAME.fullmatch(value):  # noqa: PLR2004 - what fits every table and screen
        raise Wrong("must be a name such as 'hr-pages': small letters, digits and hyphens, at most 64")
    return value


def word(*known: str) -> Callable[[str], str]:
    """Make a reader that takes one of these words."""

    def check(value: str) -> str:
        if value not in known:
            raise Wrong(f"{shown(value)} is no word for it", suggestion(value, known))
        return value

    return check


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


def _duration(value: str) -> str:
    return "0 days" if _ZERO.fullmatch(value.strip()) else interval(value)


def _days(value: str) -> str:
    duration = _duration(value)
    if "month" in duration:
        raise Wrong("must be in days or weeks, such as '30 days'")
    return duration


def number(low: int, high: int) -> Callable[[str], int]:
    """Make a reader that takes a whole number between these two, both included."""

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


def some(value: object) -> object:
    """Refuse an empty list; one text stands for a list of one."""
    if value == []:
        raise Wrong("must not be empty")
    return _listed(value)


def span(duration: str) -> Interval:
    """Read the normal form, in which a length may be zero."""
    count, unit = duration.split()
    return Interval(int(count), Unit(unit.removesuffix("s")))


Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[list[Text], BeforeValidator(some)]
Name = Annotated[Text, AfterValidator(_slug)]
SeverityWord = Annotated[str, PlainValidator(read(word(*Severity)), json_schema_input_type=Severity)]
Length = Annotated[str, PlainValidator(read(interval), json_schema_input_type=str)]
LengthOrNone = Annotated[str, PlainValidator(read(_duration), json_schema_input_type=str)]
Days = Annotated[str, PlainValidator(read(_days), json_schema_input_type=str)]
Count = Annotated[int, PlainValidator(read(number(0, 1_000_000)), json_schema_input_type=int)]
Percent = Annotated[int, PlainValidator(read(number(0, 100)), json_schema_input_type=int)]
Day = Annotated[str, PlainValidator(read(_until), json_schema_input_type=date)]
