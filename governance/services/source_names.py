"""What the documents of a source are called, by path and by address, without any text of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from governance.domain.ports import Listed, Source, UnreadableDocument
from governance.services.keys import Known

_PROBED: Final = 20
MOST_PARSED: Final = 20_000


def known_documents(source: Source, listing: Iterable[Listed]) -> Known:
    """Give the names of what a listing shows; the listing is used up by it.

    Addresses stand inside the documents. A source whose first 20 readable documents have no other address than their
    path is not asked for more; of others at most 20,000 documents are opened.

    Raises:
        SourceUnavailable: The source cannot be listed.

    """
    return Known(_names(source, listing))


def _names(source: Source, listing: Iterable[Listed]) -> Iterator[tuple[str, str]]:
    opened = differing = 0
    for listed in listing:
        uri = ""
        if opened < _PROBED or (differing and opened < MOST_PARSED):
            uri = _address(source, listed)
            opened += uri != ""
            differing += uri not in {"", listed.document}
        yield listed.document, uri


def _address(source: Source, listed: Listed) -> str:
    if listed.unreadable is not None:
        return ""
    try:
        return source.parse(listed).record.uri
    except UnreadableDocument:
        return ""
