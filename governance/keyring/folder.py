"""The folder with the files of keys: who may read it, what lies in it, and how something is put there or taken away.

Everything is asked of descriptors that are open already, so that nobody can put another file in the place of one that
was looked at. A file is written under another name and linked to its own when it is whole: none is ever seen half.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from governance.domain.errors import ConfigError
from governance.domain.words import shown
from governance.keyring.families import SUFFIX, Family, FileName
from governance.keyring.lines import LONGEST_LINE

LOCK: Final = ".lock"
IGNORE: Final = ".gitignore"
_PART: Final = ".part"
_WIPED: Final = ".wiped"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file with a key.

    Attributes:
        line: What it holds, not read yet as a key.
        written: When it was last written.

    """

    name: FileName
    path: Path
    line: SecretStr
    written: datetime


class KeyFolder:
    """A folder of keys that is open.

    Args:
        path: Where it is.
        handle: Its descriptor.

    """

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle

    def names(self) -> list[FileName]:
        """Give the names of the keys, by family and number.

        Raises:
            ConfigError: A name is that of no key, or two keys have the same number.

        """
        found: dict[tuple[Family, int], FileName] = {}
        for text in sorted(self._everything()):
            name = FileName.parse(text)
            if name is None and text.endswith(SUFFIX):
                raise _unusable(self.path / text, f"{shown(text)} is no name of a key's file", "rename it, or move it")
            if name is None:
                continue
            other = found.setdefault((name.family, name.number), name)
            if other is not name:
                raise _unusable(
                    self.path / text,
                    f"two {name.family} keys have the number {name.number}: {other.key_id} and {name.key_id}",
                    "find out which one 'kbgov keys list' or a backup names, and move the other away",
                )
        return sorted(found.values(), key=lambda name: (name.family, name.number))

    def read(self, name: FileName) -> KeyFile:
        """Give a key's file.

        Raises:
            ConfigError: It is no plain file, others may read it, or it holds no single line.

        """
        path = self.path / str(name)
        handle = _opened(path, str(name), _READ, self._handle)
        try:
            status = os.fstat(handle)
            _check_file(path, status)
            line = _line_of(handle)
        finally:
            os.close(handle)
        if line is None:
            raise malformed(str(path), "holds something else than the one line of a key")
        return KeyFile(name, path, line, datetime.fromtimestamp(status.st_mtime, UTC))

    def put(self, name: FileName, line: SecretStr) -> KeyFile:
        """Write a key's file, and give it as it can be read now; the disk has it when this returns.

        Raises:
            ConfigError: A file of that name is there, or none can be written.

        """
        try:
            self._write(str(name), line)
        except OSError as error:
            problem = error.strerror
        else:
            return self.read(name)
        raise _unusable(self.path / str(name), f"a key cannot be written: {problem}", "see to it, and try again")

    def wipe(self, name: FileName) -> None:
        """Overwrite a key's file with zeros, and take it away.

        A file system that copies what it writes, and a flash disk, may keep the old bytes for a while.

        Raises:
            ConfigError: It cannot be opened or written.

        """
        path = self.path / str(name)
        handle = _opened(path, str(name), os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, self._handle)
        try:
            status = os.fstat(handle)
            _check_file(path, status)
            with _told(path):
                # Under another name first: whoever is stopped in the middle leaves no file of a key that holds none.
                os.rename(str(name), _WIPED, src_dir_fd=self._handle, dst_dir_fd=self._handle)
                _overwrite(handle, status.st_size)
                os.unlink(_WIPED, dir_fd=self._handle)
                os.fsync(self._handle)
        finally:
            os.close(handle)

    def finish_wiping(self) -> None:
        """Overwrite and take away what somebody left who was stopped in the middle of it."""
        if _WIPED not in self._everything():
            return
        with _told(self.path / _WIPED):
            handle = os.open(_WIPED, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._handle)
            try:
                _overwrite(handle, os.fstat(handle).st_size)
                os.unlink(_WIPED, dir_fd=self._handle)
            finally:
                os.close(handle)

    def keep_out_of_git(self) -> None:
        """Tell git that nothing in here is to be kept in a history, unless it was told something already."""
        if IGNORE not in self._everything():
            with _told(self.path / IGNORE):
                self._write(IGNORE, SecretStr("*"))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other process from putting or taking away keys during the block; waits for one that is at it."""
        handle = _opened(self.path / LOCK, LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, self._handle)
        try:
            with _told(self.path / LOCK):
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _everything(self) -> list[str]:
        with os.scandir(self._handle) as entries:
            return [entry.name for entry in entries]

    def _write(self, name: str, line: SecretStr) -> None:
        """Write a file that is whole or not there."""
        with suppress(FileNotFoundError):
            os.unlink(_PART, dir_fd=self._handle)  # of somebody who was stopped in the middle
        handle = os.open(_PART, _MAKE, _FILE_MODE, dir_fd=self._handle)
        try:
            with open(handle, "wb") as stream:  # noqa: PTH123 - a descriptor
                stream.write(f"{line.get_secret_value()}\n".encode())
                stream.flush()
                os.fsync(stream.fileno())
            os.link(_PART, name, src_dir_fd=self._handle, dst_dir_fd=self._handle)  # never over another file
        finally:
            os.unlink(_PART, dir_fd=self._handle)
            os.fsync(self._handle)


def _overwrite(handle: int, size: int) -> None:
    os.pwrite(handle, bytes(size), 0)
    os.fsync(handle)


@contextmanager
def opened_folder(path: Path) -> Iterator[KeyFolder | None]:
    """Open a folder of keys; None when there is none.

    Raises:
        ConfigError: It is no folder, cannot be opened, or others may look into it.

    """
    handle = _folder_handle(path)
    if handle is None:
        yield None
        return
    try:
        if os.fstat(handle).st_mode & _OTHERS:
            raise _unusable(path, "the folder of the keys is open to others than its owner", f"chmod 700 {path}")
        yield KeyFolder(path, handle)
    finally:
        os.close(handle)


@contextmanager
def made_folder(path: Path) -> Iterator[KeyFolder]:
    """Open a folder of keys for writing, by one process at a time; it is made when it is not there.

    Raises:
        ConfigError: As `opened_folder`, or it cannot be made.

    """
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=_FOLDER_MODE)
    with opened_folder(path) as folder:
        if folder is None:
            raise _unusable(path, "the folder of the keys was taken away", "try again")
        with folder.alone():
            folder.keep_out_of_git()
            folder.finish_wiping()
            yield folder


def malformed(where: str, what: str) -> ConfigError:
    """Give the error of a key that cannot be read as one."""
    return ConfigError(
        f"{where} {what}", item=where, next_step="put the key there as it was; kbgov keys restore has it from a backup"
    )


def _line_of(handle: int) -> SecretStr | None:
    """Give what a file holds without its line end; None when that is no single line. Raises nothing that quotes it."""
    raw = os.read(handle, LONGEST_LINE + 2)
    text = raw.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    return SecretStr(text) if text and text.isprintable() and len(raw) < LONGEST_LINE + 2 else None


def _check_file(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _unusable(path, f"{path} is no plain file", "put the key's file in its place")
    if status.st_mode & _OTHERS:
        raise _unusable(path, f"{path} can be read or changed by others than its owner", f"chmod 600 {path}")


def _folder_handle(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
    raise _unusable(path, f"the folder of the keys cannot be opened: {reason}", "correct keys_folder")


def _opened(path: Path, name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, _FILE_MODE, dir_fd=folder)
    except OSError as error:
        reason = error.strerror
    raise _unusable(path, f"{path} cannot be opened: {reason}", "put a plain file of yours in its place")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say which file it was that the system refused."""
    try:
        yield
    except OSError as error:
        raise _unusable(path, f"{path} cannot be written: {error.strerror}", "see to it, and try again") from None


def _unusable(path: Path, what: str, next_step: str) -> ConfigError:
    return ConfigError(what, item=str(path), next_step=next_step)
