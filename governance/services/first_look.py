"""A first look at an index that exists already: who filled it, and how it calls the documents of a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from governance.config.settings import Settings
from governance.domain.errors import IndexDataError, InputError
from governance.domain.ports import Index, Source
from governance.services.detect_layout import KBGOV, DetectedLayout, detect_layout
from governance.services.index_sample import Sample, sample_index
from governance.services.index_url import IndexPlace
from governance.services.key_proposal import KeyProposal, propose_field, propose_key
from governance.services.keys import Known, key_in
from governance.services.source_names import known_documents

_SOURCE: Final = "source"
_OTHER_FILE: Final = "give the file of an embedded index: --from-index sqlite:///PATH"


class Parts(Protocol):
    """What settings that no file holds yet make: each part when it is first asked for."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """By name."""

    @property
    def indexes(self) -> Mapping[str, Index]:
        """By name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLook:
    """What was seen.

    Attributes:
        chunks: How many were looked at.
        complete: Whether these are all of the index.
        proposal: How the index calls the source's documents; None without a source.

    """

    place: IndexPlace
    layout: DetectedLayout
    chunks: int
    complete: bool
    proposal: KeyProposal | None


def look_at(
    place: IndexPlace, index: str, source: Path | None, layout: str | None, parts: Callable[[Settings], Parts]
) -> FirstLook:
    """Look at some records of an index, and at the names in a folder of documents. Nothing is changed.

    Args:
        place: Where the index is.
        index: What it shall be called.
        source: The documents' folder, absolute.
        layout: The layout that it is said to have; None to find out.
        parts: Makes the index and the source.

    Raises:
        InputError: There is no index, or nothing in it.
        IndexUnreachable: It does not answer.
        SourceUnavailable: The folder cannot be listed.

    """
    _require_file(place.path)
    made = parts(_settings(place, index, source))
    sample = _sampled(made.indexes[index], place)
    if not sample.chunks and layout is None:
        raise InputError(
            "there is nothing in this index yet",
            item=str(place.path),
            next_step="fill it first, or say by --layout NAME who will",
        )
    detected = detect_layout(sample.chunks, layout)
    proposal = None
    if source is not None:
        origin = made.sources[_SOURCE]
        detected, proposal = _mapped(detected, sample, known_documents(origin, origin.listing()))
    return FirstLook(
        place=place, layout=detected, chunks=len(sample.chunks), complete=sample.complete, proposal=proposal
    )


def _settings(place: IndexPlace, index: str, source: Path | None) -> Settings:
    sources = {} if source is None else {_SOURCE: {"root": str(source), "git": False}}
    indexes = {index: {"type": place.type, "path": str(place.path)}}
    return Settings.model_validate({"sources": sources, "indexes": indexes})


def _require_file(path: Path) -> None:
    if not path.is_file():
        reason = "this is no file" if path.exists() else "there is no such file"
        raise InputError(reason, item=str(path), next_step=_OTHER_FILE)


def _sampled(index: Index, place: IndexPlace) -> Sample:
    try:
        return sample_index(index, texts=True)
    except IndexDataError as error:
        raise InputError(
            f"this is no index that can be read: {error.message}", item=str(place.path), next_step=_OTHER_FILE
        ) from None


def _mapped(layout: DetectedLayout, sample: Sample, known: Known) -> tuple[DetectedLayout, KeyProposal]:
    """Give the layout with the field that names most of the source's documents, and the rule that makes them meet."""
    metadata, usual = sample.metadata, layout.document
    if layout.name == KBGOV:
        keys = [key for each in metadata if (key := key_in(each, usual)) is not None]
        return layout, propose_key(keys, known)
    found = propose_field(metadata, known, usual)
    if found.rule.field is None:
        return layout, found
    return layout.with_document(found.rule.field), replace(found, rule=replace(found.rule, field=None))
