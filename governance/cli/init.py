"""`kbgov init`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from governance.cli.invocation import program, relative
from governance.cli.options import Answer, Options, answering
from governance.config.load import FILE_NAME
from governance.services.initialize import DEFAULT_INDEX, Initialized, InitRequest, initialize

if TYPE_CHECKING:
    from governance.cli.output import Screen


@click.command(
    "init",
    short_help="Write a configuration, the default policies and an empty catalog.",
    epilog="\b\nExample:\n  kbgov init --source docs\n  kbgov init governance --source docs --source-name handbook",
)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--source", metavar="PATH", type=click.Path(path_type=Path), help="Folder with the documents.")
@click.option("--source-name", metavar="NAME", help="Name of the source, made from the folder's when not given.")
@click.option("--index-name", metavar="NAME", default=DEFAULT_INDEX, show_default=True, help="Name of the index.")
@answering
def command(
    options: Options, folder: Path | None, source: Path | None, source_name: str | None, index_name: str
) -> Answer:
    """Write kbgov.toml, the default policies and an empty catalog into DIR, the working directory when not given.

    With --source the next two lines just work: kbgov ingest, kbgov audit run. Files that are there are never
    overwritten.
    """
    request = InitRequest(
        config=_config(options, folder), source=source, source_name=source_name, index_name=index_name
    )
    done = initialize(request, os.environ)
    return Answer(
        payload={"config": str(done.config), "database": done.database, "created": list(done.created)},
        show=lambda screen: _show(screen, done),
    )


def _config(options: Options, folder: Path | None) -> Path:
    """Give the file to write: in DIR, else the one that --config or KBGOV_CONFIG names."""
    if folder is not None and options.config_typed:
        raise click.UsageError("DIR and --config both say where to write; give one of them")
    if folder is None and options.config is not None:
        return options.config
    return (folder or Path()) / FILE_NAME


def _show(screen: Screen, done: Initialized) -> None:
    for path in done.created:
        screen.line(f"created {path}", typed=True)
    if not done.created:
        screen.line("Everything was there already and says the same.")
    if done.source_name is None:
        screen.line(f"next: write your documents' folder into {done.config}, then type", typed=True)
    named = "" if done.config == Path(FILE_NAME).absolute() else f" --config {relative(done.config)}"
    screen.commands("Next", [f"{program()} ingest{named}", f"{program()} audit run{named}"])
