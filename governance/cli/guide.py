"""`kbgov guide`."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import click

from governance.cli.columns import words
from governance.cli.options import Answer, Options, answering
from governance.domain.errors import InputError
from governance.domain.values import Json
from governance.domain.words import suggestion

if TYPE_CHECKING:
    from governance.cli.output import Screen

FIRST = "start.md"
"""What a newcomer reads."""


def _topics_like(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Give the topics that begin like this, for a shell."""
    return [topic for topic in read_guides() if topic.startswith(begun)]


@click.command(
    "guide",
    short_help="Read the longer texts.",
    epilog="\b\nExample:\n  kbgov guide\n  kbgov guide freshness",
)
@click.argument("topic", required=False, shell_complete=_topics_like)
@answering
def command(options: Options, topic: str | None) -> Answer:
    """Print the guide on TOPIC, or list the topics."""
    del options
    guides = read_guides()
    if topic is None:
        return _topics(guides)
    if topic not in guides:
        raise InputError("there is no guide on this topic", item=topic, next_step=suggestion(topic, guides))
    body: dict[str, Json] = {"topic": topic, "text": guides[topic]}
    return Answer(payload=body, show=lambda screen: screen.text(guides[topic]))


def read_guides() -> dict[str, str]:
    """Give the texts that come with the package, by topic."""
    folder = files("governance").joinpath("guides")
    if not folder.is_dir():
        return {}
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".md")]
    return {
        entry.name.removesuffix(".md"): entry.read_text(encoding="utf-8")
        for entry in sorted(found, key=lambda entry: (entry.name != FIRST, entry.name))
    }


def _topics(guides: dict[str, str]) -> Answer:
    titles = {topic: _title(text) for topic, text in guides.items()}

    def show(screen: Screen) -> None:
        screen.table([words("TOPIC"), words("WHAT")], list(titles.items()))
        screen.line("next: kbgov guide TOPIC", typed=True)

    body: list[Json] = [{"topic": topic, "title": title} for topic, title in titles.items()]
    return Answer(payload={"topics": body}, show=show)


def _title(text: str) -> str:
    return text.lstrip().partition("\n")[0].lstrip("# ")
