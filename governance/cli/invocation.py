"""How the command was called, so that what we suggest can be typed as it stands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from governance.cli.options import Options

NAME = "kbgov"
_RETYPED = (
    "db upgrade|ingest|sync|audit run|drift plan|resume|doctor|findings list|documents list"
    "|keys (?:init|list|rotate|backup|restore)"
)
_COMMAND = re.compile(rf"\b{NAME} (?:{_RETYPED})\b(?: --[a-z-]+ [^\s,;]+)*")


def program() -> str:
    """Give what to type for `kbgov`: the name where the shell would find this very program, else the path."""
    typed = Path(sys.argv[0])
    if typed.suffix == ".py":  # python -m
        return shlex.join([sys.executable, "-m", "governance.cli"])
    if typed.name != NAME:
        return NAME
    found = shutil.which(NAME)
    if found is not None and Path(found).absolute() == typed.absolute():
        return NAME
    return shlex.quote(str(typed))


def suggestion(options: Options, arguments: str) -> str:
    """Give the line that runs a command on the same configuration: "kbgov audit run --config other.toml"."""
    return f"{program()} {arguments}{_named(options.config if options.config_typed else None)}"


def retyped(next_step: str, config: Path | None) -> str:
    """Give a next step whose commands name the configuration that was typed."""
    return _COMMAND.sub(lambda found: found[0] + _named(config), next_step)


def config_of(arguments: Sequence[str]) -> Path | None:
    """Give what was typed behind --config, as far as it can be told without parsing."""
    for place, word in enumerate(arguments):
        if word.startswith("--config="):
            return Path(word.removeprefix("--config="))
        if word == "--config" and place + 1 < len(arguments):
            return Path(arguments[place + 1])
    return None


def relative(path: Path) -> str:
    """Give a path as one would type it here."""
    near = os.path.relpath(path)
    return shlex.quote(str(path.absolute()) if near.startswith("..") else near)


def _named(config: Path | None) -> str:
    return f" --config {relative(config)}" if config else ""
