"""Documents in a folder: the source that most people start with."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from typing import Final

from governance.domain.documents import DayOrigin, Document, ParsedDocument, ProblemCode
from governance.domain.errors import SourceUnavailable
from governance.domain.ports import Listed, UnreadableDocument
from governance.domain.values import digest_of, text_hash
from governance.sources.frontmatter import read_front_matter
from governance.sources.git import History, read_history
from governance.sources.mapping import facts_of, wanted_keys
from governance.sources.options import FileTreeOptions
from governance.sources.pages import meta_hash_of, more_than, page_of, with_line_feeds
from governance.sources.selection import Selection
from governance.sources.tree import FileTreeListing, entry_of, read_again
from governance.sources.versions import VersionRule
from governance.sources.wording import clean

READER_VERSION: Final = 2
"""Raise it whenever the same bytes parse into something else, so that unchanged files are read again."""


class FileTreeSource:
    """A folder of Markdown, HTML, text and reStructuredText files. See `governance.domain.ports.Source`.

    Args:
        name: Name of the configured source.
        options: Its settings.

    Raises:
        ConfigError: A glob, a field or the version rule cannot be used.

    """

    def __init__(self, name: str, options: FileTreeOptions) -> None:
        self._name = name
        self._options = options
        self._root = options.root.absolute()
        self._selection = Selection(options.patterns, options.exclude)
        self._versions = VersionRule.of(options.version_path_pattern, enabled=options.version_from_path)
        self._fields = options.all_fields()
        self._wanted = wanted_keys(self._fields, options.metadata)

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
                "reader": READER_VERSION,
                "fields": {field: list(keys) for field, keys in self._fields.items()},
                "date_order": options.date_order,
                "version_from_path": options.version_from_path,
                "version_path_pattern": options.version_path_pattern,
                "metadata": list(options.metadata),
            }
        )

    def listing(self) -> FileTreeListing:
        """Start a pass over the folder.

        Raises:
            SourceUnavailable: The root is missing, no folder, or may not be listed.

        """
        try:
            os.scandir(self._root).close()
        except OSError as error:
            raise SourceUnavailable(
                f"the folder of source {self._name} cannot be listed: {(error.strerror or 'unknown error').lower()}",
                item=self._name,
                next_step="check `root` of this source in the configuration and the folder's permissions",
            ) from None
        ask = self._read_history if self._options.git else History
        return FileTreeListing(self._root, self._selection, self._options.max_file_bytes, ask)

    def _read_history(self) -> History:
        return read_history(self._root.resolve(), self._selection.takes_path)

    def reread(self, listed: Listed) -> Listed:
        """Read a listed document again, as it is now; one that went away since is `changed_while_read`."""
        if listed.unreadable is ProblemCode.NAME_NOT_UTF8:
            return listed
        raw = read_again(self._root, listed.document, self._options.max_file_bytes)
        return entry_of(listed.document, raw, listed.changed_on, listed.created_on)

    def parse(self, listed: Listed) -> ParsedDocument:
        """Turn a listed document's bytes into facts and text.

        Raises:
            UnreadableDocument: The bytes are no UTF-8 text, or could not be read in the first place.

        """
        raw = _raw_of(listed)
        text = _text_of(raw)
        front = read_front_matter(text, self._wanted)
        facts = facts_of(front, self._fields, self._options.date_order, self._options.metadata)
        page = page_of(listed.document, front.body)
        path = self._versions.read(listed.document)
        record = Document(
            source=self._name,
            document=listed.document,
            uri=listed.document,
            title=facts.title or page.title or clean(listed.document.rpartition("/")[2]),
            raw_hash=listed.raw_hash,
            body_hash=text_hash(front.body.strip()),
            meta_hash="",
            size=len(raw),
            words=page.words,
            redirect=page.redirect(facts.redirect),
            owner=facts.owner,
            changed_on=listed.changed_on,
            created_on=facts.created_on or listed.created_on,
            created_from=_created_from(facts.created_on, listed.created_on),
            reviewed_on=facts.reviewed_on,
            review_interval=facts.review_interval,
            logical_id=facts.logical_id or path.logical_id,
            version=facts.version or path.version,
            labels=facts.labels,
            attributes=facts.attributes,
            problems=facts.problems,
        )
        return ParsedDocument(
            record=replace(record, meta_hash=meta_hash_of(record)),
            body=page.body,
            full_text=more_than(page.body, text),
        )


def _created_from(said: date | None, first: date | None) -> DayOrigin | None:
    if said is not None:
        return DayOrigin.DOCUMENT
    return DayOrigin.HISTORY if first is not None else None


def _raw_of(listed: Listed) -> bytes:
    if listed.unreadable is not None:
        raise UnreadableDocument(listed.unreadable)
    if listed.raw is None:
        raise UnreadableDocument(ProblemCode.NO_ACCESS)
    return listed.raw


def _text_of(raw: bytes) -> str:
    r"""Decode UTF-8, with or without its signature; every line then ends with `\n`."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableDocument(ProblemCode.NOT_UTF8) from None
    if "\0" in text:
        raise UnreadableDocument(ProblemCode.NUL_BYTE)
    return with_line_feeds(text)
