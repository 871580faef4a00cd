"""What people and programs are told when a command fails."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass

import click

from governance.cli.text import clean
from governance.domain.errors import KbgovError

INTERRUPTED = 130
LONGEST = 2000
"""Characters of a sentence of ours; items are cut much earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failure in the contract's words.

    Attributes:
        usage: The line that shows how the command is typed, for people only.

    """

    exit_code: int
    code: str
    message: str
    item: str | None = None
    next_step: str | None = None
    usage: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """Give the body of the contract's error document."""
        return {"code": self.code, "message": self.message, "item": self.item, "next": self.next_step}


def failure_of(error: BaseException) -> Failure:
    """Say what an exception means; one that nobody foresaw is told by its class alone: its text may hold values."""
    if isinstance(error, KbgovError):
        return Failure(
            exit_code=error.exit_code,
            code=error.code,
            message=error.message,
            item=error.item,
            next_step=error.next_step,
        )
    if isinstance(error, click.UsageError):
        return _usage(error)
    if isinstance(error, click.ClickException):
        return Failure(exit_code=error.exit_code, code="error", message=error.format_message())
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return Failure(exit_code=INTERRUPTED, code="interrupted", message="interrupted", next_step="run it again")
    if isinstance(error, OSError) and error.strerror:
        return Failure(
            exit_code=1,
            code="error",
            message=f"the system refused: {error.strerror} ({type(error).__name__})",
            next_step="run again with --debug for the traceback",
        )
    return Failure(
        exit_code=1,
        code="unexpected",
        message=f"something went wrong that nobody foresaw ({type(error).__name__})",
        next_step="run again with --debug for the traceback",
    )


def report(failure: Failure, error: BaseException, *, as_json: bool, debug: bool) -> None:
    """Print a failure: as JSON on stdout, or for people on stderr; with `debug` the traceback before it."""
    if debug:
        print("".join(_traced(error)), end="", file=sys.stderr)  # noqa: T201 - where errors go
    if as_json:
        print(json.dumps({"error": failure.as_json()}, indent=2))  # noqa: T201 - the document that was asked for
    else:
        print("\n".join(_lines(failure)), file=sys.stderr)  # noqa: T201 - where errors go


def _traced(error: BaseException) -> Iterator[str]:
    """Give the traceback of an error and of those that it came from: places in code and classes.

    What an exception says is left out: it may quote a path, an id or a value, and tracebacks are passed on.
    """
    for one in reversed(_chain(error)):
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(one.__traceback__)
        yield f"{type(one).__module__}.{type(one).__qualname__}\n"
        if one is not error:
            yield "\nwhich led to\n\n"


def _chain(error: BaseException) -> list[BaseException]:
    """Give an error, the one that it came from, and so on, as far as none is hidden or comes a second time."""
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and all(one is not other for other in found):
        found.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return found


def _usage(error: click.UsageError) -> Failure:
    path = error.ctx.command_path if error.ctx else "kbgov"
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return Failure(
            exit_code=error.exit_code,
            code="usage",
            message="a command is missing; choose one of those above",
            item=path,
            next_step=None,
            usage=error.format_message(),
        )
    return Failure(
        exit_code=error.exit_code,
        code="usage",
        message=error.format_message(),
        item=_parameter(error),
        next_step=f"{path} --help",
        usage=error.ctx.get_usage() if error.ctx else None,
    )


def _parameter(error: click.UsageError) -> str | None:
    """Give the option or argument that is wrong, in its longest spelling."""
    if isinstance(error, click.BadParameter) and error.param is not None:
        return max(error.param.opts, key=len, default=None)
    return error.option_name if isinstance(error, click.NoSuchOption | click.BadOptionUsage) else None


def _lines(failure: Failure) -> list[str]:
    usage = [failure.usage] if failure.usage else []
    told = failure.item is None or failure.item in failure.message or failure.usage is not None
    item = "" if told else f": {clean(failure.item)}"
    lines = [*usage, f"kbgov: {clean(failure.message, LONGEST)}{item}"]
    if failure.next_step:
        lines.append(f"next: {clean(failure.next_step, LONGEST)}")
    return lines
