"""What a shell may complete a value with: names that stand in the configuration, words of a fixed list.

Completing is quick and harmless: it reads one small file, opens no database, and gives nothing where anything is wrong.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import click

from governance.config.values import is_name

Completer = Callable[[click.Context, click.Parameter, str], list[str]]
_FILE: Final = "kbgov.toml"
_LARGEST: Final = 1_048_576
"""Bytes of a configuration that is read."""


def one_of(words: Iterable[str]) -> Completer:
    """Give what completes a word of a list."""
    known = tuple(str(word) for word in words)
    return lambda _context, _parameter, begun: [word for word in known if word.startswith(begun)]


def source_names(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Give the configured sources whose names begin like this."""
    return _names("sources", context, begun)


def index_names(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Give the configured indexes whose names begin like this."""
    return _names("indexes", context, begun)


def in_a_list(words: Iterable[str], begun: str) -> list[str]:
    """Complete the last word of a list with commas; no word is offered twice."""
    head, comma, last = begun.rpartition(",")
    taken = set(head.split(","))
    return [f"{head}{comma}{word}" for word in words if word.startswith(last) and word not in taken]


def _names(section: str, context: click.Context, begun: str) -> list[str]:
    typed = context.params.get("config")  # the variable counts as typed
    found = {*_in_file(section, Path(typed or _FILE)), *_in_environment(section, os.environ)}
    return sorted(name for name in found if is_name(name) and name.startswith(begun))


def _in_file(section: str, file: Path) -> Iterable[str]:
    try:
        if not file.is_file() or file.stat().st_size > _LARGEST:
            return ()
        found = tomllib.loads(file.read_text("utf-8")).get(section)
    except (OSError, ValueError, RecursionError):
        return ()
    return found if isinstance(found, dict) else ()


def _in_environment(section: str, env: Mapping[str, str]) -> Iterable[str]:
    """Give the names of KBGOV_SOURCES__NAME__ROOT and the like."""
    prefix = f"KBGOV_{section.upper()}__"
    named = (name.removeprefix(prefix).partition("__")[0] for name in env if name.startswith(prefix))
    return {name.lower().replace("_", "-") for name in named}


WHICH_SOURCE: Final = click.option(
    "--source",
    metavar="NAME",
    shell_complete=source_names,
    help="Its source, where several have a document of this path.",
)
"""The option of every command that names one document."""
