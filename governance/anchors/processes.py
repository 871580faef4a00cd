"""Runs a program of the operator's: no shell, no terminal, an end after a while."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SECONDS: Final = 60.0
"""How long a program may take."""
_OURS: Final = "KBGOV_"


class NotRun(Exception):
    """A program could not be started, or did not end in time. The message ends a sentence."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended.

    Attributes:
        code: Its exit code; negative for the signal that ended it.
        out: What it printed; b"" when nobody asked for it.

    """

    code: int
    out: bytes

    @property
    def words(self) -> str:
        """The end of a sentence about a program that failed."""
        return f"was ended by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"


def without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    """Give an environment without anything of kbgov's, which may hold secrets."""
    return {name: value for name, value in environment.items() if not name.startswith(_OURS)}


def run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    given: bytes = b"",
    *,
    seconds: float = SECONDS,
    listen: bool = False,
) -> Ended:
    """Run a program to its end.

    What it says on standard error goes nowhere: that could be anything.

    Args:
        command: Program and arguments.
        folder: Where it runs.
        environment: All that it sees of ours.
        given: Its standard input.
        seconds: How long it may take.
        listen: Whether its standard output is kept.

    Raises:
        NotRun: It could not be started, or was stopped because it took too long.

    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own program, word by word
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if listen else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # nobody is asked for a password, and its own children can be ended with it
        )
    except (OSError, ValueError) as error:
        raise NotRun(f"cannot be started: {(getattr(error, 'strerror', None) or 'unknown error').lower()}") from None
    with process:
        try:
            out, _ = process.communicate(given, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise NotRun(f"did not end within {seconds:g} seconds") from None
        finally:
            if process.returncode is None:  # nobody has waited for it, so its number cannot be somebody else's yet
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
    return Ended(process.returncode, out or b"")
