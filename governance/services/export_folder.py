"""A folder that an export is written into: beside what is there, and in its place only when all of it is whole.

A folder with anything else in it is refused, and so is an older export that the new one does not go on: that one may be
the last witness of entries which the log has lost.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from governance.domain.errors import InputError, LockHeld, LogInconsistent
from governance.services.log_export_files import ENTRIES, ORDER, PROOFS, proof_seq

_BLOCK: Final = 1 << 20


class ExportFolder:
    """What is being written.

    Args:
        path: The folder, which is there.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: list[str] = []

    @property
    def names(self) -> list[str]:
        """The files that were written, relative to the folder, in order."""
        return sorted(self._written)

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """Give a stream into what will be the file of that name; the disk has it when the block ends."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._written.append(name)
        with open(os.open(self._part(name), flags, 0o644), "wb") as stream:  # noqa: PTH123 - a descriptor
            yield stream
            stream.flush()
            os.fsync(stream.fileno())

    def write(self, name: str, data: bytes) -> None:
        """Write one file."""
        with self.file(name) as stream:
            stream.write(data)

    def proofs(self) -> None:
        """Make the folder of proofs."""
        with suppress(FileExistsError):
            (self._path / PROOFS).mkdir()

    def require_goes_on(self) -> None:
        """Raise unless the entries that were written begin with those of the export that is there.

        Raises:
            InputError: That is the export of another log.
            LogInconsistent: It is one of this log, and not what the log begins with now.

        """
        try:
            with (self._path / ENTRIES).open("rb") as old, self._part(ENTRIES).open("rb") as new:
                first = old.readline(_BLOCK)
                if first and first != new.readline(_BLOCK):
                    raise _foreign(self._path, "holds the export of another log")
                while piece := old.read(_BLOCK):
                    if piece != new.read(len(piece)):
                        break
                else:
                    return
        except FileNotFoundError:
            return
        raise LogInconsistent(
            "nothing was exported: the log does not begin with the entries that were exported there before",
            item=str(self._path),
            next_step="kbgov log verify tells what is wrong; keep that export, or name another folder",
        )

    def settle(self) -> None:
        """Put everything in its place, one file after the other."""
        for name in sorted(self._written, key=lambda name: ORDER.index(name.partition("/")[0])):
            self._part(name).replace(self._path / name)
        for folder in {(self._path / name).parent for name in self._written}:
            _sync(folder)

    def drop(self) -> None:
        """Take away what was written and has no place yet."""
        for name in self._written:
            self._part(name).unlink(missing_ok=True)

    def _part(self, name: str) -> Path:
        path = self._path / name
        return path.with_name(_part_name(path.name))


@contextmanager
def export_folder(path: Path) -> Iterator[ExportFolder]:
    """Open a folder for an export; what is written takes its place when the block ends without an error.

    Raises:
        InputError: It holds something else than an export, or cannot be written.
        LockHeld: Another process writes there.

    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    try:
        _lock(handle, path)
        _require_export(path)
        made = ExportFolder(path)
        try:
            yield made
            made.settle()
        except OSError as error:
            raise _unwritable(path, error) from None
        finally:
            with suppress(OSError):
                made.drop()
    finally:
        os.close(handle)


def _lock(handle: int, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise LockHeld("another process exports into this folder", item=str(path), next_step="try again") from None


def _require_export(path: Path) -> None:
    """Raise InputError unless all that is in a folder could be an export's."""
    known = {*ORDER, *(_part_name(name) for name in ORDER)}
    for entry in _entries(path):
        if entry.name == PROOFS:
            strange = not entry.is_dir(follow_symlinks=False) or _strange_proof(path / PROOFS)
        else:
            strange = entry.name not in known or not _is_plain(entry)
        if strange:
            raise _foreign(path, "is neither empty nor an earlier export of this log")


def _strange_proof(path: Path) -> bool:
    return any(
        proof_seq(entry.name.removeprefix(".").removesuffix(".part")) is None or not _is_plain(entry)
        for entry in _entries(path)
    )


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except OSError as error:
        raise _unwritable(path, error) from None


def _is_plain(entry: os.DirEntry[str]) -> bool:
    return stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)


def _part_name(name: str) -> str:
    return f".{name}.part"


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _foreign(path: Path, what: str) -> InputError:
    return InputError(f"the folder {what}", item=str(path), next_step="name a folder that is empty or not there yet")


def _unwritable(path: Path, error: OSError | ValueError) -> InputError:
    reason = error.strerror if isinstance(error, OSError) else "not a path"
    return InputError(f"the export cannot be written: {reason}", item=str(path), next_step="name another folder")
