"""What every command takes, and how its answer reaches whoever asked."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

from governance.domain.values import Json
from governance.domain.words import shown

if TYPE_CHECKING:
    from governance.cli.output import Screen

P = ParamSpec("P")
DAY_FORM = "YYYY-MM-DD"
CONFIRM_COUNT = click.option(
    "--confirm-count",
    "confirmed",
    type=click.IntRange(min=0),
    metavar="N",
    help="Go on although the policies allow less at once: exactly how many chunks are changed.",
)
_ISO_LENGTH = len(DAY_FORM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every command takes.

    Attributes:
        config: File that was named; None for `kbgov.toml` in the working directory.
        config_typed: Whether it was named on the command line rather than in the environment.

    """

    config: Path | None
    config_typed: bool
    as_json: bool
    quiet: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command found out.

    Attributes:
        payload: The contract's document.
        show: Prints the same for people.
        exit_code: 0 when nothing is at or above a threshold.
        aside: Print for people on stderr, because stdout holds what another program reads.

    """

    payload: Mapping[str, Json]
    show: Callable[[Screen], None]
    exit_code: int = 0
    aside: bool = False


def answering(function: Callable[Concatenate[Options, P], Answer]) -> Callable[P, None]:
    """Give a command the options that every one has, print its answer and leave with its exit code."""

    @click.option(
        "--config",
        type=click.Path(path_type=Path),
        envvar="KBGOV_CONFIG",
        metavar="FILE",
        help="Configuration, kbgov.toml in the working directory when not given.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
    @click.option("--quiet", is_flag=True, help="Print nothing when the exit code is 0.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @wraps(function)
    def command(*args: P.args, **kwargs: P.kwargs) -> None:
        context = click.get_current_context()
        values: dict[str, Any] = kwargs
        del values["debug"]  # looked for by `main`, which prints errors
        source = context.get_parameter_source("config")
        options = Options(
            config=values.pop("config"),
            config_typed=source is click.core.ParameterSource.COMMANDLINE,
            as_json=values.pop("as_json"),
            quiet=values.pop("quiet"),
        )
        answer = function(options, *args, **kwargs)
        _deliver(answer, options)
        context.exit(answer.exit_code)

    return command


def _deliver(answer: Answer, options: Options) -> None:
    if options.quiet and answer.exit_code == 0:
        return
    if options.as_json:
        sys.stdout.write(json.dumps(answer.payload, indent=2) + "\n")
        return
    if answer.aside and os.environ.get("KBGOV_LOG") == "json":
        return  # then the lines of the log are all that stderr may hold
    from governance.cli.output import Screen  # noqa: PLC0415 - programs that ask for JSON need no tables

    answer.show(Screen(sys.stderr if answer.aside else sys.stdout))


class Day(click.ParamType[date]):
    """A calendar day, as ISO 8601 writes it and in no other form."""

    name = "day"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Show the form."""
        del param, ctx
        return DAY_FORM

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the day."""
        if isinstance(value, date):
            return value
        day = _day(str(value))
        if day is None:
            self.fail(f"{shown(str(value))} is no day; write it as {DAY_FORM}", param, ctx)
        return day


def _day(text: str) -> date | None:
    if len(text) != _ISO_LENGTH or not text.isascii() or not text[4] == text[7] == "-":
        return None  # `fromisoformat` takes more forms than people expect
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


DAY = Day()
