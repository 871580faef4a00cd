"""How a table's column is described, without importing what prints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Justify: TypeAlias = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column.

    Attributes:
        fixed: Never wrapped on a narrow terminal: days, counts, codes.

    """

    title: str
    justify: Justify = "left"
    fixed: bool = False


def words(title: str) -> Column:
    """Give a column of text."""
    return Column(title)


def code(title: str) -> Column:
    """Give a column of days or codes."""
    return Column(title, fixed=True)


def number(title: str) -> Column:
    """Give a column of counts."""
    return Column(title, "right", fixed=True)
