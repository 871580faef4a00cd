"""Small decisions about short texts: titles, owners, labels."""

from __future__ import annotations

import re
from typing import Final

LONGEST_TITLE: Final = 300
_LONGEST_TAG: Final = 500

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_REORDERING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]+")
_TAGS: Final = re.compile(r"<%.*?%>|\{\{.*?\}\}|\{%.*?%\}")


def clean(text: str) -> str:
    """Give the text on one line without control characters, lone surrogates and what reorders a terminal's line."""
    return " ".join(_REORDERING.sub("", _CONTROL.sub(" ", text)).split())


def shortened(title: str) -> str:
    """Give a title at a length that a table can hold."""
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"


def is_template_only(text: str) -> bool:
    """Say whether a value or a heading is nothing but template tags, filled in when the site is built."""
    return len(text) <= _LONGEST_TAG and bool(_TAGS.search(text)) and not _TAGS.sub("", text).strip()
