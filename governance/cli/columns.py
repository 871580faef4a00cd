"""How a table's column is described, without importing what prints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from governance.cli.text import ENDLESS, LONGEST

Justify: TypeAlias = Literal["left", "right"]
Fit: TypeAlias = Literal["fixed", "brief", "wrapped"]


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column.

    Attributes:
        fit: What becomes of its cells on a narrow terminal: `fixed` ones stay as they are and are printed past the
            edge if need be, so that they can be copied; of `brief` ones the end is cut off, before anything else;
            `wrapped` ones go on in the next line.
        longest: Characters after which a cell is cut even where there is room.

    """

    title: str
    justify: Justify = "left"
    fit: Fit = "wrapped"
    longest: int = LONGEST


def words(title: str) -> Column:
    """Give a column of text."""
    return Column(title)


def brief(title: str) -> Column:
    """Give a column of names and titles that tell enough when their end is missing."""
    return Column(title, fit="brief")


def code(title: str) -> Column:
    """Give a column of days or codes."""
    return Column(title, fit="fixed")


def path(title: str) -> Column:
    """Give a column of what is to be copied whole: paths. It stands last, where it disturbs no other column."""
    return Column(title, fit="fixed", longest=ENDLESS)


def number(title: str) -> Column:
    """Give a column of counts."""
    return Column(title, "right", fit="fixed")
