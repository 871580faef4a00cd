"""Which document stands where in a manifest: names and places are kept, texts are not."""

from __future__ import annotations

import io
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final

from governance.domain.documents import ProblemCode
from governance.domain.ports import Listed
from governance.sources.manifest_feed import Sheet
from governance.sources.manifest_line import EndMark, Entry, Trouble, read_beginning, read_line

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK: Final = 1 << 18
_BEGINNING: Final = 1 << 16
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n"


@dataclass(slots=True)
class Findings:
    """What was wrong with a manifest as a whole; counts and line numbers only."""

    troubles: dict[Trouble, list[int]] = field(default_factory=dict)
    ending: str | None = None

    def add(self, trouble: Trouble, line: int) -> None:
        """Note a line."""
        noted = self.troubles.setdefault(trouble, [0, line])
        noted[0] += 1

    def sentences(self) -> list[str]:
        """Give what is to be said of them."""
        said = [f"{trouble}: {count}, the first is line {line}" for trouble, (count, line) in self.troubles.items()]
        return [*said, self.ending] if self.ending else said


class ManifestIndex:
    """Names and places of the lines of one version of a manifest.

    Attributes:
        stamp: Of the sheet that was read.
        findings: Why it may not list all that there is.

    """

    def __init__(self, sheet: Sheet, most: int, metadata: Collection[str] = ()) -> None:
        """Read the sheet. Raises OSError."""
        self.stamp = sheet.stamp
        self.findings = Findings()
        self._most = most
        self._metadata = frozenset(metadata)
        names: list[str] = []
        places = array("q")
        for name, offset, length in self._entries(sheet):
            names.append(name)
            places.extend((offset, length))
        order = sorted(range(len(names)), key=names.__getitem__)
        self._names = [names[at] for at in order]
        self._places = array("q", (places[at + at + part] for at in order for part in (0, 1)))

    def listed(self, sheet: Sheet) -> Iterator[Listed]:
        """Give every document once, ordered by name. Raises OSError."""
        for name, positions in groupby(range(len(self._names)), key=self._names.__getitem__):
            yield self._one(sheet, name, positions)

    def find(self, sheet: Sheet, name: str) -> Listed | None:
        """Give one document, None when it is not listed. Raises OSError."""
        start = bisect_left(self._names, name)
        if start == len(self._names) or self._names[start] != name:
            return None
        _, positions = next(groupby(range(start, len(self._names)), key=self._names.__getitem__))
        return self._one(sheet, name, positions)

    def _entries(self, sheet: Sheet) -> Iterator[tuple[str, int, int]]:
        """Give name, offset and length of each line that lists a document, up to the end marker."""
        number = seen = 0
        lines = _lines(sheet, self._most)
        for offset, length, line in lines:
            number += 1
            if self._is_blank(line, length):
                continue
            found = self._read(line, offset, length)
            if isinstance(found, EndMark):
                self._end(found, number, seen, lines)
                return
            seen += 1
            if isinstance(found, Entry):
                yield found.document, offset, length
            else:
                self.findings.add(found, number)
        self.findings.ending = "there is no end marker"

    def _end(self, mark: EndMark, number: int, seen: int, rest: Iterator[tuple[int, int, bytes]]) -> None:
        if mark.count is None:
            self.findings.ending = f"the end marker on line {number} has no whole number as its count"
        elif mark.count != seen:
            self.findings.ending = (
                f"the end marker on line {number} gives another count than that of the lines before it, {seen}"
            )
        for after, (_, length, line) in enumerate(rest, number + 1):
            if not self._is_blank(line, length):
                self.findings.ending = f"line {after} follows the end marker on line {number}"
                return

    def _one(self, sheet: Sheet, name: str, positions: Iterator[int]) -> Listed:
        """Give the document of one line, or of several that say the same."""
        listed = self._at(sheet, name, next(positions))
        for position in positions:
            if self._at(sheet, name, position) != listed:
                return Listed(name, "", unreadable=ProblemCode.DUPLICATE_ID)
        return listed

    def _at(self, sheet: Sheet, name: str, position: int) -> Listed:
        offset, length = self._places[position * 2], self._places[position * 2 + 1]
        found = self._read(sheet.at(offset, min(length, self._most)), offset, length)
        if isinstance(found, Entry) and found.document == name:
            return found.listed()
        return Listed(name, "", unreadable=ProblemCode.CHANGED_WHILE_READ)

    def _is_blank(self, line: bytes, length: int) -> bool:
        return length <= self._most and not line.strip(_BLANK)

    def _read(self, line: bytes, offset: int, length: int) -> Entry | EndMark | Trouble:
        if offset == 0:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        return read_line(line, self._metadata) if length <= self._most else read_beginning(line[:_BEGINNING])


class _Bytes(io.RawIOBase):
    """A sheet as a stream of its own, so that two passes over one file do not move each other's place."""

    def __init__(self, sheet: Sheet) -> None:
        super().__init__()
        self._sheet = sheet
        self._offset = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        found = self._sheet.at(self._offset, len(view))
        view[: len(found)] = found
        self._offset += len(found)
        return len(found)


def _lines(sheet: Sheet, most: int) -> Iterator[tuple[int, int, bytes]]:
    """Give offset, length and bytes of each line; of one that is longer than `most`, only that many bytes."""
    offset = 0
    with io.BufferedReader(_Bytes(sheet), _BLOCK) as reader:
        while line := reader.readline(most):
            length = len(line)
            ended = line.endswith(b"\n")
            while not ended and (more := reader.readline(_BLOCK)):
                length += len(more)
                ended = more.endswith(b"\n")
            yield offset, length, line
            offset += length
