"""Review intervals in calendar units, and the day something falls due."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Self


class Unit(StrEnum):
    """What an interval counts."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_FORM = re.compile(r"([0-9]{1,5})\s*(days?|d|weeks?|w|months?|mo|years?|y)\Z", re.IGNORECASE)
_UNITS = {"d": Unit.DAY, "w": Unit.WEEK, "m": Unit.MONTH, "y": Unit.YEAR}


@dataclass(frozen=True, slots=True)
class Interval:
    """A length of time as people write it: "6 months", "1 year", "191 days"."""

    count: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an interval; blanks between number and unit do not matter, a plural does not either.

        Raises:
            ValueError: The text is no interval, or its count is zero.

        """
        match = _FORM.match(" ".join(text.split()))
        if match is None or int(match[1]) == 0:
            raise ValueError("not an interval such as '6 months', '1 year' or '191 days'")
        return cls(int(match[1]), _UNITS[match[2][0].lower()])

    def after(self, day: date) -> date:
        """Give the day this interval after `day`, in calendar months clipped to the month's end.

        2026-01-31 plus one month is 2026-02-28. Clipped at the last day a date can hold.
        """
        try:
            if self.unit in {Unit.DAY, Unit.WEEK}:
                return day + timedelta(days=self.count * (7 if self.unit is Unit.WEEK else 1))
            return add_months(day, self.count * (12 if self.unit is Unit.YEAR else 1))
        except OverflowError:
            return date.max

    def __str__(self) -> str:
        """Give the canonical form, which `parse` reads back."""
        return f"{self.count} {self.unit.value}{'' if self.count == 1 else 's'}"


def add_months(day: date, months: int) -> date:
    """Give the same day of a later month, clipped to that month's end.

    Raises:
        OverflowError: The year would be past 9999.

    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > date.max.year:
        raise OverflowError("date value out of range")
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
