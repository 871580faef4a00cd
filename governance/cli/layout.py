"""Makes a table fit a terminal: names and titles lose their ends first, then sentences are wrapped, paths never are."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from governance.cli.columns import Column, Fit

NARROWEST: Final = 12
"""No column is made narrower than this, or than its title."""
_WRAPPER: Final = Console(file=io.StringIO(), markup=False, highlight=False, emoji=False)


def fitted(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Give the widths that columns have where only so many characters are there for all of them together.

    What cannot be saved is left: the lines are then longer than the room.
    """
    found = list(widths)
    kinds: tuple[Fit, ...] = ("brief", "wrapped")
    for kind in kinds:
        places = [place for place, column in enumerate(columns) if column.fit == kind]
        least = {place: min(found[place], max(NARROWEST, cell_len(columns[place].title))) for place in places}
        while sum(found) > room and any(found[place] > least[place] for place in places):
            widest = max((place for place in places if found[place] > least[place]), key=lambda place: found[place])
            found[widest] -= 1
    return found


def in_lines(columns: Sequence[Column], cells: Sequence[Text], widths: Sequence[int]) -> Iterator[list[Text]]:
    """Give the lines that a row takes, each with a cell for every column."""
    parts = [_parts(cell, column, width) for cell, column, width in zip(cells, columns, widths, strict=True)]
    for number in range(max(map(len, parts))):
        yield [part[number] if number < len(part) else Text() for part in parts]


def _parts(cell: Text, column: Column, width: int) -> Sequence[Text]:
    if cell_len(cell.plain) <= width:
        return [cell]
    if column.fit == "brief":
        short = cell.copy()
        short.truncate(width - 3)
        return [short.append("...")]
    return list(cell.wrap(_WRAPPER, width, overflow="fold"))
