"""A list in JSON Lines as a source: whatever can export its pages, a wiki, an object store, a ticket system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from governance.domain.documents import ParsedDocument, ProblemCode
from governance.domain.ports import Listed
from governance.domain.values import digest_of
from governance.sources.manifest_feed import Feed, Sheet, feed_of
from governance.sources.manifest_index import ManifestIndex
from governance.sources.manifest_options import ManifestOptions
from governance.sources.manifest_parse import parse_entry

READER_VERSION: Final = 2
"""Raise it whenever the same line parses into something else, so that unchanged lines are read again."""


class ManifestSource:
    """Documents that a manifest lists, line by line. See `governance.domain.ports.Source` and the guide `manifest`.

    Args:
        name: Name of the configured source.
        options: Its settings.

    """

    def __init__(self, name: str, options: ManifestOptions) -> None:
        self._name = name
        self._options = options
        self._feed = feed_of(name, options)
        self._index: ManifestIndex | None = None

    @property
    def name(self) -> str:
        """Name of the configured source."""
        return self._name

    @property
    def recipe(self) -> str:
        """Digest of the reader's version and of all settings that shape a parse."""
        options = self._options
        return digest_of(
            {
                "kind": "manifest",
                "reader": READER_VERSION,
                "date_order": options.date_order,
                "metadata": list(options.metadata),
            }
        )

    def listing(self) -> ManifestListing:
        """Start a pass: a command is run and standard input is read to its end before this returns.

        Standard input gives one complete listing; a later one shows the same entries and is incomplete, so that
        nothing is twice absent from what was said once.

        Raises:
            SourceUnavailable: There is no such file, the command cannot be started, nothing is connected.

        """
        self._feed.prepare()
        self._index = None
        return ManifestListing(self._feed, self._read)

    def reread(self, listed: Listed) -> Listed:
        """Read a listed document again: from a file as it is now, from a command or standard input as it was.

        The line is looked for where it stood if the file is the same, else the file is gone through again; one that
        is no longer there is `changed_while_read`. What a command printed and what came by standard input is kept
        from the last listing until the next.
        """
        try:
            with self._feed.sheet() as sheet:
                found = self._find(sheet, listed.document)
        except PermissionError:
            return Listed(listed.document, "", unreadable=ProblemCode.NO_ACCESS)
        except OSError:
            found = None
        return found or Listed(listed.document, "", unreadable=ProblemCode.CHANGED_WHILE_READ)

    def parse(self, listed: Listed) -> ParsedDocument:
        """Turn a listed document's line into facts and text; `body` is None where the line gives only a hash.

        Raises:
            UnreadableDocument: The line could not be read in the first place, or its text holds what is no character.

        """
        return parse_entry(self._name, listed, self._options.date_order, self._options.metadata)

    def _read(self, sheet: Sheet) -> ManifestIndex:
        self._index = ManifestIndex(sheet, self._options.max_line_bytes, self._options.metadata)
        return self._index

    def _find(self, sheet: Sheet, document: str) -> Listed | None:
        index = self._index
        if index is not None and index.stamp == sheet.stamp:
            found = index.find(sheet, document)
            if found is None or found.unreadable is not ProblemCode.CHANGED_WHILE_READ:
                return found
        return self._read(sheet).find(sheet, document)


class ManifestListing:
    """One pass over a manifest, in the order of the ids. See `governance.domain.ports.Listing`."""

    def __init__(self, feed: Feed, read: Callable[[Sheet], ManifestIndex]) -> None:
        self._feed = feed
        self._read = read
        self._reasons: list[str] = []
        self._finished = False

    @property
    def complete(self) -> bool:
        """True when every line was understood and the end marker counts them all."""
        return self._finished and not self._reasons

    @property
    def interruption(self) -> str | None:
        """What was in the way, with line numbers; nothing of what the lines say."""
        if self.complete:
            return None
        return "; ".join(self._reasons) or "the listing was not read to its end"

    def __iter__(self) -> Iterator[Listed]:
        """Go through the manifest, a file from its start each time."""
        self._finished = False
        self._reasons = [self._feed.interruption] if self._feed.interruption else []
        try:
            with self._feed.sheet() as sheet:
                index = self._read(sheet)
                self._reasons += index.findings.sentences()
                moved = False
                for listed in index.listed(sheet):
                    moved = moved or listed.unreadable is ProblemCode.CHANGED_WHILE_READ
                    yield listed
                if moved or sheet.has_changed:
                    self._reasons.append("the file was written to while it was read")
        except OSError as error:
            self._reasons.append(f"the manifest could not be read: {(error.strerror or 'unknown error').lower()}")
        self._finished = True
