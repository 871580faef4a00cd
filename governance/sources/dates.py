"""Days as people write them in front matter. Never guesses: what can be read two ways is read by a stated order."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from governance.sources.options import DateOrder

_LONGEST: Final = 64
_TIME: Final = (
    r"(?:[Tt ] ?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)? ?(?:[Zz]|UTC|[+-][0-9]{2}:?(?:[0-9]{2})?)?)?"
)
_YEAR_FIRST: Final = re.compile(rf"([0-9]{{4}})([-/])([0-9]{{1,2}})\2([0-9]{{1,2}}){_TIME}", re.ASCII)
_YEAR_LAST: Final = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})", re.ASCII)
_DAY_NAME: Final = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?[ -]([a-z]{3,9})\.?,?[ -]([0-9]{4})", re.ASCII)
_NAME_DAY: Final = re.compile(r"([a-z]{3,9})\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})", re.ASCII)
_NAMES: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTHS: Final = {
    **{name: number for number, name in enumerate(_NAMES, 1)},
    **{name[:3]: number for number, name in enumerate(_NAMES, 1)},
    "sept": 9,
}


def read_day(text: str, order: DateOrder | None = None) -> date:
    """Read a day: ISO 8601 with or without a time, `2026/03/02`, `03/02/2026`, `2 March 2026`, `March 2, 2026`.

    A time and its zone are accepted and dropped: the day counts as written. A date with the year last is
    month, day, year unless `order` says otherwise; `13/02/2026` is then no date, whatever a reader may guess.

    Raises:
        ValueError: The text is none of these, or no such day exists.

    """
    line = " ".join(text.split())
    if len(line) > _LONGEST:
        raise ValueError("too long for a day")
    if match := _YEAR_FIRST.fullmatch(line):
        return date(int(match[1]), int(match[3]), int(match[4]))
    if match := _YEAR_LAST.fullmatch(line):
        return _year_last(match, order)
    low = line.lower()
    if match := _DAY_NAME.fullmatch(low):
        return date(int(match[3]), _month(match[2]), int(match[1]))
    if match := _NAME_DAY.fullmatch(low):
        return date(int(match[3]), _month(match[1]), int(match[2]))
    raise ValueError("not a day such as 2026-03-02")


def _year_last(match: re.Match[str], order: DateOrder | None) -> date:
    # Dots and hyphens with the year last are day first in some countries and month first in others:
    # only a source that says its order may use them. Slashes default to the order of `ms.date`.
    if order is None and match[2] != "/":
        raise ValueError("the order of day and month is not known")
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    return date(year, second, first) if order is DateOrder.DMY else date(year, first, second)


def _month(name: str) -> int:
    if name not in _MONTHS:
        raise ValueError("no such month")
    return _MONTHS[name]
