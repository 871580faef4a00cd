"""Where a manifest's lines come from: a file, standard input, a command."""

from __future__ import annotations

import errno
import os
import select
import signal
import stat
import subprocess
import tempfile
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol, cast

from governance.domain.errors import SourceUnavailable
from governance.sources.manifest_options import STANDARD_INPUT, ManifestOptions

_BLOCK: Final = 1 << 17
_OURS: Final = "KBGOV_"


@dataclass(frozen=True, slots=True)
class Sheet:
    """An open manifest, read by position.

    Attributes:
        stamp: Identity, size and time of the file; another one means other bytes.

    """

    handle: int
    stamp: tuple[int, ...]

    @property
    def has_changed(self) -> bool:
        """True when somebody has written into the file since it was opened. Raises OSError."""
        return _stamp_of(self.handle) != self.stamp

    def at(self, offset: int, length: int) -> bytes:
        """Give the bytes there, fewer at the end. Raises OSError."""
        pieces: list[bytes] = []
        while length > 0 and (piece := os.pread(self.handle, length, offset)):
            pieces.append(piece)
            offset, length = offset + len(piece), length - len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Feed(Protocol):
    """One place that a manifest comes from."""

    @property
    def interruption(self) -> str | None:
        """Why what `prepare` brought cannot be all, if so."""

    def prepare(self) -> None:
        """Bring a new version, or see that there is one. Raises SourceUnavailable."""

    def sheet(self) -> AbstractContextManager[Sheet]:
        """Open the version that there is now, or that `prepare` brought last. Raises OSError."""


def feed_of(name: str, options: ManifestOptions) -> Feed:
    """Give the feed of the source called `name`."""
    if options.command is not None:
        return CommandFeed(name, options.command, options)
    if options.path == STANDARD_INPUT:
        return InputFeed(name, options)
    return FileFeed(name, options.folder / (options.path or ""))


class FileFeed:
    """A regular file, read where it lies; a link to one is followed, as its name was configured."""

    interruption = None

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._path = path

    def prepare(self) -> None:
        """See that the file is there. Raises SourceUnavailable."""
        try:
            with self.sheet():
                pass
        except OSError as error:
            raise _unavailable(
                f"the manifest of source {self._name} cannot be opened: {_reason(error)}",
                self._name,
                "check `path` of this source in the configuration and the file's permissions",
            ) from None

    @contextmanager
    def sheet(self) -> Iterator[Sheet]:
        """Open the file. Raises OSError."""
        handle = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, "no regular file")
            yield Sheet(handle, _stamp_of(handle))
        finally:
            os.close(handle)


class _Spool:
    """Keeps what can be read only once in a temporary file that has no name and goes with its owner."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: IO[bytes] | None = None
        self._let_go = weakref.finalize(self, _nothing)

    @property
    def is_empty(self) -> bool:
        """True as long as nothing was ever kept."""
        return self._file is None

    def keep(self, blocks: Iterable[bytes]) -> None:
        """Replace what was kept; of blocks that break off with an exception, what came before it stays.

        Raises:
            SourceUnavailable: No temporary file can be made.
            OSError: It cannot be written.

        """
        try:
            file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - lives as long as the spool
        except OSError as error:
            raise _unavailable(
                f"no temporary file can be made for the manifest of source {self._name}: {_reason(error)}",
                self._name,
                "free some space, or set TMPDIR to a folder that can be written",
            ) from None
        self._let_go()
        self._file, self._let_go = file, weakref.finalize(self, file.close)
        for block in blocks:
            rest = memoryview(block)
            while rest:
                rest = rest[file.write(rest) :]

    @contextmanager
    def sheet(self) -> Iterator[Sheet]:
        """Open what is kept. Raises OSError."""
        if self._file is None:
            raise FileNotFoundError(errno.ENOENT, "nothing was read yet")
        handle = os.dup(self._file.fileno())
        try:
            yield Sheet(handle, _stamp_of(handle))
        finally:
            os.close(handle)


class InputFeed:
    """Standard input. It can be read once: a second pass shows the same entries, as an incomplete listing."""

    def __init__(self, name: str, options: ManifestOptions) -> None:
        self._name = name
        self._open = options.standard_input
        self._spool = _Spool(name)
        self.interruption: str | None = None

    def prepare(self) -> None:
        """Read standard input to its end. Raises SourceUnavailable."""
        if not self._spool.is_empty:
            self.interruption = "standard input can be read only once, and was"
            return
        stream = self._open()
        if stream is None or stream.closed or stream.isatty():
            raise _unavailable(
                f"nothing is connected to standard input, where source {self._name} expects its manifest",
                self._name,
                "pipe the manifest into this command, or give its file as `path` in the configuration",
            )
        try:
            self._spool.keep(iter(lambda: stream.read(_BLOCK) or b"", b""))
        except OSError as error:
            self.interruption = f"standard input could not be read and kept: {_reason(error)}"

    def sheet(self) -> AbstractContextManager[Sheet]:
        """Open what was read. Raises OSError."""
        return self._spool.sheet()


class CommandFeed:
    """What a program prints. It runs anew for every listing, without a shell, our variables and an input.

    What it says on standard error goes nowhere: that can be personal data.
    """

    def __init__(self, name: str, command: tuple[str, ...], options: ManifestOptions) -> None:
        self._name = name
        self._command = command
        self._folder = options.folder
        self._seconds = options.command_seconds
        self._environment = {key: value for key, value in options.environment.items() if not key.startswith(_OURS)}
        self._spool = _Spool(name)
        self.interruption: str | None = None

    def prepare(self) -> None:
        """Run the command to its end. Raises SourceUnavailable when it cannot be started."""
        deadline = time.monotonic() + self._seconds
        process = self._started()
        try:
            self._spool.keep(_printed(process, deadline))
            code = process.wait(max(0.0, deadline - time.monotonic()))
            self.interruption = _ending(code)
        except subprocess.TimeoutExpired:
            self.interruption = f"the command did not end within {self._seconds:g} seconds"
        except OSError as error:
            self.interruption = f"what the command printed could not be kept: {_reason(error)}"
        finally:
            _stop(process)

    def sheet(self) -> AbstractContextManager[Sheet]:
        """Open what the command printed last. Raises OSError."""
        return self._spool.sheet()

    def _started(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - the operator's own command, word by word
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # so that a program's own children can be ended with it
            )
        except (OSError, ValueError) as error:
            raise _unavailable(
                f"the command of source {self._name} cannot be started: {_reason(error)}",
                self._name,
                "check `command` of this source in the configuration; it runs in the configuration's folder",
            ) from None


def _printed(process: subprocess.Popen[bytes], deadline: float) -> Iterator[bytes]:
    """Give what the process prints, as it comes. Raises TimeoutExpired."""
    pipe = cast("IO[bytes]", process.stdout).fileno()
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0 and poll.poll(left * 1000):
        if not (block := os.read(pipe, _BLOCK)):
            return
        yield block
    raise subprocess.TimeoutExpired("", 0)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started, if it did not end by itself."""
    if process.returncode is None:  # nobody has waited for it, so its number cannot be somebody else's yet
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    cast("IO[bytes]", process.stdout).close()


def _ending(code: int) -> str | None:
    if code == 0:
        return None
    return f"the command was ended by signal {-code}" if code < 0 else f"the command ended with exit code {code}"


def _stamp_of(handle: int) -> tuple[int, ...]:
    found = os.fstat(handle)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _reason(error: Exception) -> str:
    """Give the system's words for an error, which never hold a name."""
    return (getattr(error, "strerror", None) or "unknown error").lower()


def _unavailable(message: str, name: str, next_step: str) -> SourceUnavailable:
    return SourceUnavailable(message, item=name, next_step=next_step)


def _nothing() -> None:
    """Do nothing: there is no file to let go of yet."""
