"""Reads how often chunks were retrieved: CSV with a header, or JSON Lines, whichever the content is.

The file comes from outside, so nothing about it is believed: every value is checked, every line has a longest length,
memory does not grow with the file, and an error names the line and never what stands in it.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import BinaryIO, Final, NoReturn

from governance.domain.errors import InputError

LONGEST_LINE: Final = 65_536
"""Bytes."""
LONGEST_ID: Final = 1_000
"""Bytes of an id as UTF-8: what a database takes as part of a key."""
LONGEST_PARTITION: Final = 255
MOST: Final = 1_000_000_000_000
"""Retrievals of one chunk: nobody has more, and sums of it stay within 64 bits."""

CHUNK: Final = "chunk_id"
RETRIEVALS: Final = "retrievals"
INDEX: Final = "index"
PARTITION: Final = "partition"
COLUMNS: Final = (CHUNK, RETRIEVALS, INDEX, PARTITION)
TEXTS: Final = (CHUNK, INDEX, PARTITION)
_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Counted:
    """One line: a chunk and how often it was retrieved.

    Attributes:
        line: Number of the line in the file, from 1.
        index: None where the line does not say it; so with `partition`.

    """

    line: int
    chunk_id: str
    retrievals: int
    index: str | None = None
    partition: str | None = None


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """Give a stream's lines with their ends.

    Raises:
        InputError: A line is longer than `LONGEST_LINE`.

    """
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            refuse(number, f"it is longer than {LONGEST_LINE:,} bytes")
        yield line


def read_counts(lines: Iterable[bytes]) -> Iterator[Counted]:
    """Give what the lines say, in their order.

    Raises:
        InputError: Something cannot be used; it names the line.

    """
    decoded = _decoded(lines)
    for blank, line in enumerate(decoded):
        if line.strip():
            whole = chain(repeat("\n", blank), [line], decoded)
            return _json_lines(whole) if line.lstrip().startswith(("{", "[")) else _csv_rows(whole)
    return refuse(1, "there is nothing in the file; CSV needs a header")


def refuse(line: int, why: str, next_step: str | None = None) -> NoReturn:
    """Raise the error of a line."""
    raise InputError(
        f"line {line}: {why}",
        item=f"line {line}",
        next_step=next_step or f"correct line {line}, then load the file again; nothing was loaded",
    )


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        raw = line.removeprefix(_BOM) if number == 1 else line
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError:
            refuse(number, "this is not UTF-8")


def _csv_rows(lines: Iterable[str]) -> Iterator[Counted]:
    reader = csv.reader(lines, strict=True)
    columns: Mapping[str, int] | None = None
    width = 0
    while (row := _next_row(reader)) is not None:
        number, cells = row
        if not cells:
            continue
        if columns is None:
            columns, width = _header(cells, number), len(cells)
            continue
        if len(cells) != width:
            refuse(number, f"it has {len(cells)} columns where the header has {width}")
        found = {name: cells[place] for name, place in columns.items()}
        yield _counted(number, found, _from_digits(found[RETRIEVALS]))


def _next_row(reader: Iterator[Sequence[str]]) -> tuple[int, Sequence[str]] | None:
    """Give the next row and the line that it begins in; None at the end."""
    start = int(getattr(reader, "line_num", 0)) + 1
    try:
        return start, next(reader)
    except StopIteration:
        return None
    except csv.Error:
        return refuse(start, "this is not CSV with commas and double quotes")


def _header(cells: Sequence[str], number: int) -> Mapping[str, int]:
    names = [cell.strip() for cell in cells]
    places: dict[str, int] = {name: names.index(name) for name in COLUMNS if name in names}
    if CHUNK not in places or RETRIEVALS not in places:
        refuse(number, f"the header lacks {CHUNK} or {RETRIEVALS}", f"begin with the line {','.join(COLUMNS[:2])}")
    if any(names.count(name) > 1 for name in places):
        refuse(number, "the header names a column twice")
    return places


def _json_lines(lines: Iterable[str]) -> Iterator[Counted]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found = _object(line, number)
        count = found.get(RETRIEVALS)
        whole = count if isinstance(count, int) and not isinstance(count, bool) else None
        yield _counted(number, {name: _text(found.get(name), name, number) for name in TEXTS}, whole)


def _object(line: str, number: int) -> dict[str, object]:
    try:
        found = json.loads(line, object_pairs_hook=lambda pairs: _unique(pairs, number))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        refuse(number, "this is no JSON object; JSON Lines have one in each line")
    return found


def _unique(pairs: Sequence[tuple[str, object]], number: int) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        refuse(number, "the object names a key twice")
    return found


def _text(value: object, name: str, number: int) -> str | None:
    """Give a text; a whole number is an id in some stores."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(number, f"{name} is no text")
    return str(value)


def _from_digits(text: str) -> int | None:
    return int(text) if _DIGITS.fullmatch(text.strip()) else None


def _counted(line: int, found: Mapping[str, str | None], count: int | None) -> Counted:
    if count is None or count < 0:
        refuse(line, f"{RETRIEVALS} is no whole number from 0 on")
    if count > MOST:
        refuse(line, f"{RETRIEVALS} is more than {MOST:,}")
    chunk_id = found[CHUNK]
    if not chunk_id or not _fits(chunk_id, LONGEST_ID):
        refuse(line, f"{CHUNK} is no id: 1 to {LONGEST_ID:,} bytes of text without NUL")
    index, partition = found.get(INDEX) or None, found.get(PARTITION) or None
    if partition is not None and not _fits(partition, LONGEST_PARTITION):
        refuse(line, f"{PARTITION} is no name: at most {LONGEST_PARTITION} bytes of text without NUL")
    return Counted(line, chunk_id, count, index, partition)


def _fits(text: str, longest: int) -> bool:
    try:
        return "\0" not in text and len(text.encode("utf-8")) <= longest
    except UnicodeEncodeError:  # half a surrogate pair, which no database takes
        return False
