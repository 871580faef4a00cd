"""The command `kbgov`: imports the noun that was asked for and nothing else, and turns errors into exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

import click

from governance import __version__
from governance.cli.errors import failure_of, report

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from governance.cli.logs import CommandLog


class Noun(NamedTuple):
    """Where a command is and what the list of commands says about it."""

    module: str
    summary: str


NOUNS: Final[Mapping[str, Noun]] = MappingProxyType(
    {
        "demo": Noun("demo", "Show it all on the handbook of a fictional company."),
        "init": Noun("init", "Write a configuration, policies and an empty catalog."),
        "ingest": Noun("ingest", "Bring an index to what the documents say."),
        "sync": Noun("sync", "Look at sources and indexes, and note what they show."),
        "audit": Noun("audit", "Find what is overdue, broken or unknown."),
        "documents": Noun("documents", "List documents with their review dates; record a review."),
        "findings": Noun("findings", "List findings; acknowledge, waive, reopen or assign them."),
        "drift": Noun("drift", "Plan what makes an index right again, and do it."),
        "chunks": Noun("chunks", "Show what a chunk was on a day."),
        "damage": Noun("damage", "Rank what is wrong by how often it was retrieved."),
        "policy": Noun("policy", "Check, explain, test and compare policies."),
        "pause": Noun("pause", "Stop every change of every index at once."),
        "resume": Noun("resume", "Let indexes be changed again after a pause."),
        "actors": Noun("actors", "Say who may act, and prove who does."),
        "log": Noun("log", "Read, check, sign and export the audit log."),
        "doctor": Noun("doctor", "Check configuration, database, sources and indexes."),
        "keys": Noun("keys", "Make, rotate, save and destroy the keys of the audit log."),
        "db": Noun("db", "Create, upgrade or check the catalog's database."),
        "guide": Noun("guide", "Read the longer texts."),
        "completion": Noun("completion", "Print what lets a shell complete commands."),
    }
)
"""In the order in which a newcomer needs them."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the order of `NOUNS`."""
        del ctx
        return list(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None when there is none of this name."""
        del ctx
        if cmd_name not in NOUNS:
            return None
        command: click.Command = importlib.import_module(f"governance.cli.{NOUNS[cmd_name].module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the one that was probably meant."""
        if args[0] in NOUNS or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        from governance.domain.words import shown, suggestion  # noqa: PLC0415 - only after a mistake

        raise click.UsageError(f"there is no command {shown(args[0])}; {suggestion(args[0], NOUNS)}", ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Complete the name of a command without importing any."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only when a shell asks

        found = [(name, noun.summary) for name, noun in NOUNS.items() if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=summary) for name, summary in found), *options]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, noun.summary) for name, noun in NOUNS.items()])


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  kbgov demo\n  kbgov init --source docs && kbgov ingest && kbgov audit run",
)
@click.version_option(__version__, "-V", "--version", prog_name="kbgov", message="%(prog)s %(version)s")
def kbgov() -> None:
    """Keep a knowledge base that language models answer from fresh, owned and accountable.

    Every command takes --json, --quiet, --config FILE and --debug.
    """


def main() -> NoReturn:
    """Run the command that was typed and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command and give its exit code; whatever goes wrong is reported, never raised."""
    if os.environ.get("_KBGOV_COMPLETE"):
        from governance.cli.completion import complete  # noqa: PLC0415 - only when a shell asks

        return complete(kbgov, os.environ["_KBGOV_COMPLETE"])
    _open_streams()
    log = None
    try:
        log = _log(arguments) if os.environ.get("KBGOV_LOG") else None
        answer = kbgov.main(list(arguments), prog_name="kbgov", standalone_mode=False)
        code = answer if isinstance(answer, int) else 0
        sys.stdout.flush()
    except BrokenPipeError:
        code = 1
    except SystemExit as leaving:  # click's and rich's answer to a closed pipe
        code = leaving.code if isinstance(leaving.code, int) else 0
    except BaseException as error:  # noqa: BLE001 - the outermost frame: one line instead of a traceback
        code = _fail(error, arguments, log)
    if log is not None:
        log.end(code)
    _close_streams()
    return code


def _log(arguments: Sequence[str]) -> CommandLog:
    from governance.cli.logs import open_log  # noqa: PLC0415 - only where a log is asked for

    return open_log(os.environ, _context_of(arguments).command_path.partition(" ")[2])


def _fail(error: BaseException, arguments: Sequence[str], log: CommandLog | None) -> int:
    from governance.cli.invocation import config_of, retyped  # noqa: PLC0415 - only after a failure

    typed = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if isinstance(error, click.UsageError) and error.ctx is None:
        error.ctx = _context_of(typed)  # click does not say where an option lacks its value
    failure = failure_of(error)
    if failure.next_step:
        failure = replace(failure, next_step=retyped(failure.next_step, config_of(typed)))
    as_json, debug = "--json" in typed, "--debug" in typed
    if log is not None:
        log.failed(failure, error, debug=debug)
    only_json = log is not None and log.as_json  # then the line of the log is all that stderr may hold
    if as_json or not only_json:
        with suppress(OSError):
            report(failure, error, as_json=as_json, debug=debug and not only_json)
    return failure.exit_code


def _context_of(arguments: Sequence[str]) -> click.Context:
    """Give the context of the command that was typed, as far as its name goes."""
    command: click.Command = kbgov
    context = click.Context(command, info_name="kbgov")
    for word in arguments:
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        if found is None:
            break
        command, context = found, click.Context(found, info_name=word, parent=context)
    return context


def _open_streams() -> None:
    """Let nothing that is printed stop a command: a title that the encoding lacks is printed with escapes."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for the rest of the process
    if sys.stderr is None:
        sys.stderr = sys.stdout
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _close_streams() -> None:
    """Write out what is left; nothing more goes to a reader who has left or a disk that is full."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    main()
