"""Files that only grow: opened without following a link, locked while somebody appends, on the disk when it is done."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from governance.anchors.notes import require_size

SECONDS: Final = 10.0
"""How long to wait for another process that is at the same file."""
_PAUSE: Final = 0.05
_BLOCK: Final = 1 << 20
_MODE: Final = 0o644
_SAFE: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_APPEND: Final = os.O_RDWR | os.O_APPEND | _SAFE


@contextmanager
def growing(path: Path, name: str) -> Iterator[tuple[int, bytes]]:
    """Open a file to append to, keep other processes from it during the block, and give what it holds.

    It is made when it is not there; its folder must be.

    Args:
        path: The file.
        name: Which anchor it is of.

    Raises:
        AnchorFailed: It is too large.
        OSError: It is a link or no plain file, cannot be opened, or another process keeps it.

    """
    try:
        handle = os.open(path, _APPEND)
    except FileNotFoundError:
        handle = os.open(path, _APPEND | os.O_CREAT, _MODE)
        _sync_folder(path.parent)
    try:
        _lock(handle)
        yield handle, _whole(handle, name)
    finally:
        os.close(handle)


def append(handle: int, data: bytes) -> None:
    """Write behind what a file holds, and wait until the disk has it. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
    os.fsync(handle)


def read_whole(path: Path, name: str) -> bytes | None:
    """Give what a file holds; None when there is none in its folder.

    Raises:
        AnchorFailed: It is too large.
        OSError: It is a link or no plain file, it cannot be read, or its folder is gone.

    """
    try:
        handle = os.open(path, os.O_RDONLY | _SAFE)
    except FileNotFoundError:
        path.parent.stat()  # a folder that is gone takes its files with it
        return None
    try:
        return _whole(handle, name)
    finally:
        os.close(handle)


def reason(error: OSError | ValueError) -> str:
    """Give the end of a sentence about a file that cannot be used, without its name."""
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "it is a link"
    return ((error.strerror if isinstance(error, OSError) else None) or "not a path").lower()


def _whole(handle: int, name: str) -> bytes:
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no plain file")
    pieces: list[bytes] = []
    at = 0
    while piece := os.pread(handle, _BLOCK, at):
        at += len(piece)
        require_size(name, at)
        pieces.append(piece)
    return b"".join(pieces)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    """Keep every other process from appending. Raises OSError when another one does not let go in time."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise OSError(errno.EAGAIN, "another process keeps it locked") from None
            time.sleep(_PAUSE)
        else:
            return
