"""`kbgov completion`, and what the shell asks behind it."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stderr
from typing import TYPE_CHECKING, Final, cast

import click

from governance.cli.options import Answer, Options, answering

if TYPE_CHECKING:
    from click.shell_completion import ShellComplete

SHELLS: Final = ("bash", "zsh", "fish")
NAME: Final = "kbgov"
VARIABLE: Final = "_KBGOV_COMPLETE"
"""What the shell's script sets: its shell, then what it wants ("bash_complete")."""


@click.command(
    "completion",
    short_help="Print what lets a shell complete commands.",
    epilog='\b\nExample:\n  kbgov completion bash >> ~/.bashrc\n  eval "$(kbgov completion zsh)"',
)
@click.argument("shell", type=click.Choice(SHELLS))
@answering
def command(options: Options, shell: str) -> Answer:
    """Print the script that lets SHELL complete commands, options, and names that stand in the configuration.

    Load it in the shell's start file: ~/.bashrc, ~/.zshrc, or ~/.config/fish/completions/kbgov.fish.
    """
    del options
    from governance.cli.main import kbgov  # noqa: PLC0415 - which imports this module when it is typed

    text = _script(kbgov, shell)
    return Answer(payload={"shell": shell, "script": text}, show=lambda screen: screen.text(text))


def complete(group: click.Command, instruction: str) -> int:
    """Answer the shell; give 1 when there is nothing to answer.

    Whatever goes wrong, nothing is raised and nothing is printed on stderr: it would stand in the line that somebody
    is typing.
    """
    shell, _, wanted = instruction.partition("_")
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):  # noqa: PTH123
            text = _script(group, shell) if wanted == "source" else _completer(group, shell).complete()
            if wanted in {"source", "complete"}:
                sys.stdout.write(text + "\n")
                sys.stdout.flush()
                return 0
    except BaseException:  # noqa: BLE001, S110 - see above
        pass
    return 1


def _script(group: click.Command, shell: str) -> str:
    """Give click's own script; its method `source` would look for bash and complain of an old one."""
    completer = _completer(group, shell)
    return (completer.source_template % completer.source_vars()).rstrip("\n")


def _completer(group: click.Command, shell: str) -> ShellComplete:
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only for this

    if shell not in SHELLS:
        raise click.BadParameter(shell)
    kind = cast("type[ShellComplete]", get_completion_class(shell))
    return kind(group, {}, NAME, VARIABLE)
