"""The one Console that everything people read goes through.

rich obeys NO_COLOR, FORCE_COLOR and TERM=dumb. Tables are plain columns without lines. Where a terminal is too narrow
for one its cells are cut or wrapped, as each column says; in a file or a pipe they never are, so that the output is the
same on every machine.
Nothing is ever read as markup, and every value is cleaned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from governance.cli.columns import Column
from governance.cli.layout import fitted, in_lines
from governance.cli.text import ENDLESS, clean

STYLES: Final = {
    "critical": "bold red",
    "high": "red",
    "medium": "yellow",
    "low": "cyan",
    "overdue": "red",
    "malformed": "red",
    "due_soon": "yellow",
    "unknown": "yellow",
    "fresh": "green",
    "ok": "green",
    "warn": "yellow",
    "fail": "red",
}
"""Color beside a word that says the same."""
_GAP: Final = "  "


class Screen:
    """Prints lines and tables for people."""

    def __init__(self, file: TextIO) -> None:
        self.terminal = file.isatty()
        width = None if self.terminal else ENDLESS
        self._console = Console(file=file, markup=False, highlight=False, emoji=False, width=width)
        if self._console.no_color:
            self._console = Console(
                file=file, markup=False, highlight=False, emoji=False, width=width, color_system=None
            )

    def line(self, text: str = "", style: str = "", *, typed: bool = False) -> None:
        """Print a sentence; what is to be `typed` again is never wrapped."""
        self._console.print(Text(clean(text, ENDLESS), style), soft_wrap=typed or not self.terminal)

    def head(self, text: str) -> None:
        """Print a heading with an empty line before it."""
        self.line()
        self.line(text, "bold")

    def commands(self, title: str, commands: Sequence[str]) -> None:
        """Print commands to type next."""
        self.head(title)
        for command in commands:
            self.line(f"  {command}", "cyan", typed=True)

    def text(self, body: str) -> None:
        """Print a text of this package as it stands."""
        self._console.print(Text(body.rstrip("\n")), soft_wrap=True)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> None:
        """Print rows; None stands as "-". A cell that is one of the words in STYLES has its color."""
        titles = [Text(column.title, "bold") for column in columns]
        cells = [[_cell(value, column) for value, column in zip(row, columns, strict=True)] for row in rows]
        lines = [titles, *cells]
        widths = [max(cell_len(line[place].plain) for line in lines) for place in range(len(columns))]
        if self.terminal:
            widths = fitted(columns, widths, self._console.width - len(_GAP) * (len(columns) - 1))
        for line in lines:
            for part in in_lines(columns, line, widths):
                self._plain(columns, part, widths)

    def _plain(self, columns: Sequence[Column], cells: Sequence[Text], widths: Sequence[int]) -> None:
        line = Text(_GAP).join(
            _padded(cell, column, width) for cell, column, width in zip(cells, columns, widths, strict=True)
        )
        line.rstrip()
        self._console.print(line, soft_wrap=True)


def _cell(value: object, column: Column) -> Text:
    text = "-" if value is None else clean(value, column.longest)
    return Text(text, STYLES.get(text, ""))


def _padded(cell: Text, column: Column, width: int) -> Text:
    blank = " " * (width - cell_len(cell.plain))
    return Text.assemble(blank, cell) if column.justify == "right" else Text.assemble(cell, blank)
