"""Where lines for another program go: into a file that is whole or not there at all, or to standard output."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Final

from governance.domain.errors import InputError
from governance.domain.values import Json

STANDARD_OUTPUT: Final = "-"


class LinesOut:
    """JSON Lines into one place.

    A file is written beside its name and renamed when it is whole, so that whoever reads it never sees half of it.
    What is no plain file, such as a named pipe, is written into.

    Args:
        name: A file, or "-".

    Raises:
        InputError: Nothing can be written there.

    """

    def __init__(self, name: Path) -> None:
        self.to_stdout = str(name) == STANDARD_OUTPUT
        self._name = name
        if not self.to_stdout:
            self._check()

    def __str__(self) -> str:
        """Give the name as it was typed."""
        return str(self._name)

    def write(self, lines: Iterable[Mapping[str, Json]]) -> None:
        """Write all the lines, each one JSON object in ASCII.

        Raises:
            OSError: The disk is full, or whoever reads has left.

        """
        text = "".join(json.dumps(line) + "\n" for line in lines)
        if self.to_stdout:
            sys.stdout.write(text)
            sys.stdout.flush()
        elif self._name.exists() and not self._name.is_file():
            self._name.write_text(text, encoding="ascii")
        else:
            _replace(Path(os.path.realpath(self._name)), text.encode("ascii"))

    def _check(self) -> None:
        """Find out before anything is changed whether the lines can be written."""
        try:
            mode = self._name.stat().st_mode
        except FileNotFoundError:
            mode = None
        except OSError as error:
            raise self._unusable(f"the file cannot be written: {error.strerror}") from None
        if mode is not None and S_ISDIR(mode):
            raise self._unusable("this is a folder, no file")
        if mode is None or S_ISREG(mode):
            folder = Path(os.path.realpath(self._name)).parent
            if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
                raise self._unusable("nothing can be written into the folder of this file")

    def _unusable(self, message: str) -> InputError:
        return InputError(message, item=str(self._name), next_step="name a file in a folder of yours, or - for a pipe")


def _replace(file: Path, body: bytes) -> None:
    part = file.with_name(f".kbgov-{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as stream:
            stream.write(body)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except BaseException:
        with suppress(FileNotFoundError):
            part.unlink()
        raise
