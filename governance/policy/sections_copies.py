"""The sections of the kinds `duplicates`, `conflicts` and `quality`: what spoils answers beside age."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, model_validator

from governance.policy.kinds import (
    ConflictKind,
    Conflicts,
    Duplicates,
    Quality,
    QualityKind,
    VersionedSource,
    VersionFrom,
)
from governance.policy.patterns import Pattern
from governance.policy.schema_match import GlobText, PathGlobText
from governance.policy.section import Section
from governance.policy.values import (
    Model,
    Percent,
    Several,
    Share,
    SpecificRegex,
    Text,
    Texts,
    Wrong,
    number_or,
    one_of,
    whole,
)

_MOST: Final = 1_000_000
_MOST_WORDS: Final = 1_000
_NONE: Final = "none"
_OF_MODEL: Final = "model"


class VersionedModel(Model):
    """A source that holds its pages in several versions, and where a page's version is read."""

    source: GlobText = Field(description="Name of the source, or a glob.")
    from_: Annotated[str, one_of(VersionFrom)] = Field(alias="from", description="path or metadata.")
    key: Text | None = Field(None, description="The metadata key; with from: metadata alone.")
    pattern: SpecificRegex | None = Field(
        None, description="What the whole name of a folder must match to be a version; with from: path alone."
    )

    @model_validator(mode="after")
    def _check(self) -> VersionedModel:
        by_metadata = self.from_ == VersionFrom.METADATA
        if by_metadata and self.key is None:
            raise Wrong("a version that is read from metadata needs the key 'key'", "name it: key: version")
        if not by_metadata and self.key is not None:
            raise Wrong("'key' says nothing where the version is read from the path", "leave it out")
        if by_metadata and self.pattern is not None:
            raise Wrong("'pattern' says nothing where the version is read from metadata", "leave it out")
        return self

    def setting(self) -> VersionedSource:
        """Give what the entry says, as it is obeyed."""
        return VersionedSource(
            source=self.source,
            read_from=VersionFrom(self.from_),
            key=self.key,
            pattern=Pattern(self.pattern) if self.pattern else None,
        )


class DuplicatesModel(Section):
    """What counts as a copy, and which of several copies is kept."""

    near: Share = Field(80, description="Percent of likeness from which on two texts are near copies.")
    contained: Share = Field(90, description="Percent of a text that stands in a longer one to be contained there.")
    semantic: Annotated[int | str, number_or(_NONE, 1, 100)] = Field(
        _NONE, description="Percent of likeness of the vectors to say the same, reported only; or none."
    )
    authority: Annotated[list[GlobText], Several(ordered=True)] | None = Field(
        None, description="Sources, or globs, the most trusted first: its copy is the one to keep."
    )
    versioned: list[VersionedModel] = Field(
        [], description="Sources with several versions of a page, which are no copies; the first that fits decides."
    )

    def settings(self, policy: str) -> Duplicates:  # noqa: ARG002 - no setting is named after the policy
        """Give what the section says, as it is obeyed."""
        return Duplicates(
            near_percent=self.near,
            contained_percent=self.contained,
            semantic_percent=_number(self.semantic),
            authority=tuple(self.authority or ()),
            versioned=tuple(entry.setting() for entry in self.versioned),
        )


class ConflictsModel(Section):
    """What counts as a contradiction between two pages."""

    report: Annotated[list[Annotated[str, one_of(ConflictKind)]], Several()] = Field(
        sorted(ConflictKind), description="In what two sentences differ: value, negation, antonym."
    )
    dated: Annotated[list[PathGlobText], Several(empty=True)] = Field(
        list(Conflicts().dated), description="Pages of one moment, such as release notes: never compared."
    )
    most_readings: Annotated[int, whole(2, _MOST_WORDS)] = Field(
        6, description="A sentence with more values than so many is a template."
    )
    names: Texts | None = Field(None, description="Words that look like a version and are the name of something: V2.")
    successive: Annotated[str, one_of(("report", "ignore"))] = Field(
        "report", description="Differences between two versions of one page: report or ignore."
    )

    def settings(self, policy: str) -> Conflicts:  # noqa: ARG002 - as above
        """Give what the section says, as it is obeyed."""
        return Conflicts(
            report=tuple(kind for kind in ConflictKind if kind in self.report),
            dated=tuple(self.dated),
            most_readings=self.most_readings,
            names=tuple(self.names or ()),
            report_successive=self.successive == "report",
        )


class QualityModel(Section):
    """Which chunks are too long, too short or too damaged to be found and read."""

    report: Annotated[list[Annotated[str, one_of(QualityKind)]], Several()] = Field(
        sorted(QualityKind), description="What is reported: oversize, fragment, cut, garbled."
    )
    max_tokens: Annotated[int | str, number_or(_OF_MODEL, 1, _MOST)] = Field(
        _OF_MODEL, description="A longer chunk is oversize: a number, or model for what the index's model takes."
    )
    max_characters: Annotated[int | str, number_or(_NONE, 1, _MOST)] = Field(
        _NONE, description="A longer chunk is oversize: a number, or none."
    )
    fragment_words: Annotated[int, whole(1, _MOST_WORDS)] = Field(
        5, description="A chunk of fewer words is a fragment."
    )
    garbled: Percent = Field(5, description="Percent of a chunk's characters that may be noise.")

    def settings(self, policy: str) -> Quality:  # noqa: ARG002 - as above
        """Give what the section says, as it is obeyed."""
        return Quality(
            report=tuple(kind for kind in QualityKind if kind in self.report),
            max_tokens=_number(self.max_tokens),
            max_characters=_number(self.max_characters),
            fragment_words=self.fragment_words,
            garbled_percent=self.garbled,
        )


def _number(written: int | str) -> int | None:
    return None if isinstance(written, str) else written
