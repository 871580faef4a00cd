"""`kbgov init`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from governance.bootstrap import missing_keys_made, unsaved_app
from governance.cli.invocation import program, relative
from governance.cli.options import Answer, Options, answering
from governance.config.load import FILE_NAME
from governance.domain.values import Json
from governance.policy.shipped import SETS
from governance.services.detect_layout import LAYOUTS
from governance.services.first_look import FirstLook
from governance.services.found_config import index_words, key_words
from governance.services.initialize import DEFAULT_INDEX, DEFAULT_POLICIES, Initialized, InitRequest, initialize

if TYPE_CHECKING:
    from governance.cli.output import Screen


def _layouts_like(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Give the layouts that begin like this, for a shell."""
    return [name for name in LAYOUTS if name.startswith(begun)]


@click.command(
    "init",
    short_help="Write a configuration, policies and an empty catalog.",
    epilog=(
        "\b\nExample:\n"
        "  kbgov init --source docs\n"
        "  kbgov init governance --source docs --source-name handbook\n"
        "  kbgov init --source docs --from-index sqlite:///their-index.db\n"
        "  kbgov init --source docs --policies gdpr"
    ),
)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--source", metavar="PATH", type=click.Path(path_type=Path), help="Folder with the documents.")
@click.option("--source-name", metavar="NAME", help="Name of the source, made from the folder's when not given.")
@click.option("--index-name", metavar="NAME", default=DEFAULT_INDEX, show_default=True, help="Name of the index.")
@click.option("--from-index", metavar="URL", help="An index that exists already, such as sqlite:///their-index.db.")
@click.option(
    "--layout",
    metavar="NAME",
    shell_complete=_layouts_like,
    help=f"Who fills it, found out when not given: {', '.join(LAYOUTS)}.",
)
@click.option(
    "--policies",
    type=click.Choice(SETS),
    default=DEFAULT_POLICIES,
    show_default=True,
    help="Shipped policies to begin with; gdpr is stricter.",
)
@answering
def command(  # noqa: PLR0913 - one per option
    options: Options,
    *,
    folder: Path | None,
    source: Path | None,
    source_name: str | None,
    index_name: str,
    from_index: str | None,
    layout: str | None,
    policies: str,
) -> Answer:
    """Write kbgov.toml, the shipped policies and an empty catalog into DIR, the working directory when not given.

    With --source the next two lines just work: kbgov ingest, kbgov audit run. With --from-index it looks at an index
    that another pipeline fills, only reading, and writes down how it is laid out and how it calls the documents of
    --source. Files that are there are never overwritten.
    """
    if layout is not None and from_index is None:
        raise click.UsageError("--layout says how an existing index is laid out; give --from-index URL as well")
    request = InitRequest(
        config=_config(options, folder),
        source=source,
        source_name=source_name,
        index_name=index_name,
        from_index=from_index,
        layout=layout,
        policies=policies,
    )
    done = initialize(request, os.environ, lambda settings: missing_keys_made(settings, os.environ), unsaved_app)
    return Answer(payload=_payload(done), show=lambda screen: _show(screen, done))


def _payload(done: Initialized) -> dict[str, Json]:
    found: dict[str, Json] = {"config": str(done.config), "database": done.database, "created": list(done.created)}
    return found if done.look is None else {**found, "layout": done.look.layout.as_json()}


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
    if done.look is not None:
        _show_look(screen, done.look)
    elif done.source_name is None:
        screen.line(f"next: write your documents' folder into {done.config}, then type", typed=True)
    named = "" if done.config == Path(FILE_NAME).absolute() else f" --config {relative(done.config)}"
    first = "ingest" if done.look is None else "doctor"
    screen.commands("Next", [f"{program()} {first}{named}", f"{program()} audit run{named}"])


def _show_look(screen: Screen, look: FirstLook) -> None:
    for sentence in (*index_words(look), *key_words(look)):
        screen.line(sentence)
