"""Walks a folder and reads its documents: every file once, by name, inside the root, without following links."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final

from governance.domain.documents import ProblemCode
from governance.domain.ports import Listed
from governance.sources.git import History
from governance.sources.selection import Selection

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_TRIES: Final = 2
_NO_FILE_ANY_MORE: Final = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENXIO})


class _Everything:
    """Holds whatever is asked for."""

    def __contains__(self, item: object) -> bool:
        return True


_EVERYTHING: Final = _Everything()


class Trouble(StrEnum):
    """Why something that may be there was not seen; counted, never named."""

    FOLDER = "folders that could not be listed"
    VANISHED = "files that went away during the listing"
    BROKEN = "files that could not be read because of a failing file system"


@dataclass(slots=True)
class _Folder:
    """An open folder of the walk.

    Attributes:
        entries: What is still to be looked at, in order; folders end with a slash.
        real: Name for the system of an entry that is shown under another one.
        bad: Entries whose names are not UTF-8; below such a folder, everything.

    """

    handle: int
    prefix: str
    entries: Iterator[str]
    real: Mapping[str, str]
    bad: Container[str]


LONGEST_PATH: Final = 1000
"""Bytes of a path that is taken as it is; PostgreSQL keeps no key longer than about 2,700."""


class FileTreeListing:
    r"""One pass over a tree, in the order of the paths. See `governance.domain.ports.Listing`.

    Symbolic links are skipped, to files and to folders, wherever they point: what lies inside the root is found
    at its own place, what lies outside is none of its business, and nothing is listed twice or without end. Each
    folder is opened below its parent's handle, so that swapping one for a link during the walk leads nowhere.
    Only regular files are read.

    A name that is not UTF-8 is listed with its bad bytes written as `\xNN`, and not read.
    """

    def __init__(self, root: Path, selection: Selection, max_file_bytes: int, history: Callable[[], History]) -> None:
        self._root = root
        self._selection = selection
        self._max = max_file_bytes
        self._ask = history
        self._history = History()
        self._troubles: Counter[Trouble] = Counter()
        self._finished = False

    @property
    def complete(self) -> bool:
        """True when the pass came to its end and nothing was in its way."""
        return self._finished and not self._troubles

    @property
    def interruption(self) -> str | None:
        """What was in the way, as counts; names are not given."""
        if self.complete:
            return None
        seen = "; ".join(f"{trouble}: {count}" for trouble, count in self._troubles.items())
        return seen or "the listing was not read to its end"

    @property
    def history_note(self) -> str | None:
        """Why the history gave fewer days than it could have."""
        return self._history.note

    def __iter__(self) -> Iterator[Listed]:
        """Walk, from the start each time."""
        self._troubles.clear()
        self._finished = False
        self._history = self._ask()
        stack: list[_Folder] = []
        try:
            self._enter(stack, None, "")
            while stack:
                yield from self._rest_of(stack)
        finally:
            for folder in stack:
                os.close(folder.handle)
        self._finished = True

    def _rest_of(self, stack: list[_Folder]) -> Iterator[Listed]:
        """Read the innermost folder's files up to its next folder, and enter that; or leave it."""
        folder = stack[-1]
        for entry in folder.entries:
            if entry.endswith("/"):
                self._enter(stack, folder, entry)
                return
            if (listed := self._listed(folder, entry)) is not None:
                yield listed
        os.close(stack.pop().handle)

    def _enter(self, stack: list[_Folder], parent: _Folder | None, entry: str) -> None:
        handle = -1
        try:
            if parent is None:
                handle = os.open(self._root, _FOLDER)
                stack.append(self._opened(handle, "", bad=()))
            else:
                name = parent.real.get(entry, entry)[:-1]
                handle = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent.handle)
                bad = _EVERYTHING if entry in parent.bad else ()
                stack.append(self._opened(handle, parent.prefix + entry, bad=bad))
        except OSError:
            self._troubles[Trouble.FOLDER] += 1
            if handle >= 0:
                os.close(handle)

    def _opened(self, handle: int, prefix: str, *, bad: Container[str]) -> _Folder:
        """Give the folder's entries. A folder's name counts with its slash, which is how whole paths are ordered."""
        entries: list[str] = []
        odd: list[str] = []
        with os.scandir(handle) as found:
            for entry in found:
                name = entry.name
                if entry.is_file(follow_symlinks=False):
                    if not self._selection.takes(prefix, name):
                        continue
                elif entry.is_dir(follow_symlinks=False) and self._selection.enters(prefix, name):
                    name += "/"
                else:
                    continue
                (entries if name.isascii() or _is_utf8(name) else odd).append(name)
        real = _shown(odd, entries)
        return _Folder(handle, prefix, iter(sorted([*entries, *real])), real, bad or real)

    def _listed(self, folder: _Folder, entry: str) -> Listed | None:
        document = folder.prefix + entry
        if entry in folder.bad:
            return Listed(handy(document), "", unreadable=ProblemCode.NAME_NOT_UTF8)
        if (short := handy(document)) is not document:
            return Listed(short, "", unreadable=ProblemCode.NAME_TOO_LONG)
        days = self._history.days_of(document)
        try:
            raw = read_file(entry, self._max, folder.handle)
        except FileNotFoundError:
            self._troubles[Trouble.VANISHED] += 1
            return None
        except PermissionError:
            raw = ProblemCode.NO_ACCESS
        except OSError as error:
            gone = error.errno in _NO_FILE_ANY_MORE
            self._troubles[Trouble.VANISHED if gone else Trouble.BROKEN] += 1
            if gone:
                return None
            raw = ProblemCode.NO_ACCESS
        return entry_of(document, raw, *days)


def handy(document: str) -> str:
    """Give the path, or its beginning and a digest where it is longer than a database can keep as a key."""
    if len(document) * 4 <= LONGEST_PATH or len(document.encode("utf-8", "surrogateescape")) <= LONGEST_PATH:
        return document
    return f"{document[:200]}…{hashlib.sha256(document.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def entry_of(
    document: str, raw: bytes | ProblemCode, changed_on: date | None, created_on: date | None = None
) -> Listed:
    """Give the entry for what was read."""
    if isinstance(raw, ProblemCode):
        return Listed(document, "", changed_on, raw, created_on=created_on)
    return Listed(document, hashlib.sha256(raw).hexdigest(), changed_on, None, raw, created_on)


def read_file(name: str, most: int, folder: int) -> bytes | ProblemCode:
    """Read a regular file of the open folder, or say why not: too large, or changed during each of two tries.

    Raises:
        OSError: It cannot be opened or read. ELOOP when it is a link, ENOENT when it is no regular file.

    """
    file = os.open(name, _FILE, dir_fd=folder)
    try:
        for _ in range(_TRIES):
            before = os.fstat(file)
            if not stat.S_ISREG(before.st_mode):
                raise FileNotFoundError(errno.ENOENT, "no regular file")
            if (size := before.st_size) > most:
                return ProblemCode.TOO_LARGE
            raw = os.read(file, size + 1)
            if len(raw) < size:
                raw = _read_on(file, raw, size)
            if len(raw) == size and os.fstat(file).st_mtime_ns == before.st_mtime_ns:
                return raw
            os.lseek(file, 0, os.SEEK_SET)
        return ProblemCode.CHANGED_WHILE_READ
    finally:
        os.close(file)


def read_again(root: Path, document: str, most: int) -> bytes | ProblemCode:
    """Read a listed document by its path, entering each folder below the root without following links."""
    *folders, name = document.split("/")
    if not {"", ".", ".."}.isdisjoint([*folders, name]):
        return ProblemCode.NO_ACCESS
    handle = -1
    try:
        handle = os.open(root, _FOLDER)
        for folder in folders:
            below = os.open(folder, _FOLDER | os.O_NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = below
        return read_file(name, most, handle)
    except PermissionError:
        return ProblemCode.NO_ACCESS
    except OSError:
        return ProblemCode.CHANGED_WHILE_READ
    finally:
        if handle >= 0:
            os.close(handle)


def _read_on(file: int, raw: bytes, size: int) -> bytes:
    """Go on after a short read, to the end or to one byte more than there should be."""
    while 0 < len(raw) < size and (more := os.read(file, size + 1 - len(raw))):
        raw += more
    return raw


def _is_utf8(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _shown(odd: list[str], others: Collection[str]) -> dict[str, str]:
    """Give printable names, each its own, for names that hold bytes outside UTF-8."""
    shown: dict[str, str] = {}
    for name in sorted(odd):
        text = os.fsencode(name).decode("utf-8", "backslashreplace")
        while text in shown or text in others:
            text = f"~{text}"
        shown[text] = name
    return shown
