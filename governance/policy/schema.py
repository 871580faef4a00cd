"""The grammar of a policy file. Unknown keys are errors; what is accepted here is obeyed somewhere.

Values arrive as text, whatever they look like, because the reader has no implicit types. They leave in normal form,
so that what a model dumps is the canonical policy. What more than one policy has to be looked at for is in `checks`.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, ValidationInfo, field_validator, model_validator

from governance.domain.words import shown
from governance.policy.kinds import KINDS
from governance.policy.schema_actions import Action
from governance.policy.schema_match import MatchModel, Patterns
from governance.policy.section import Section
from governance.policy.sections import SECTIONS
from governance.policy.sections_copies import ConflictsModel, DuplicatesModel, QualityModel
from governance.policy.sections_keeping import ErasureModel, RetentionModel
from governance.policy.sections_pii import PiiModel
from governance.policy.sections_upkeep import DriftModel, FreshnessModel
from governance.policy.values import Count, Day, Model, Name, Percent, Reads, SeverityWord, Text, Wrong, one_of, word

VERSION: Final = "1"
DOCUMENTS: Final = ("policies", "processing", "schedule")


def _document(value: str) -> str:
    word(DOCUMENTS)(value)
    if value != "policies":
        raise Wrong(f"the document '{value}' is not supported by this version", "this version reads: policies")
    return value


def _version(value: str) -> str:
    if value != VERSION:
        raise Wrong(f"version {shown(value)} of the format is not known", f"this version of kbgov reads {VERSION}")
    return value


class WaiverModel(Model):
    """Findings that may stand until a day."""

    match: MatchModel = Field(description="Which documents; the policy's own match holds as well.")
    kinds: Patterns | None = Field(None, description="Kinds of findings, or globs; those of the policy's kind.")
    reason: Text = Field(description="A code: of those that every set knows, or of the file's reasons.")
    until: Day = Field(description="Last day on which it counts: `2027-03-31`.")
    by: Text | None = Field(None, description="Who decided.")


class PolicyModel(Model):
    """One policy."""

    name: Name = Field(description="Small letters, digits and hyphens; each name once: `hr-pages`.")
    kind: Annotated[str, one_of(KINDS)] = Field(description="What it is about; its settings stand under that key.")
    owner: Text | None = Field(None, description="Who answers for documents that name no owner.")
    severity: SeverityWord | None = Field(None, description="Takes the place of the shipped severity.")
    match: MatchModel | None = Field(None, description="Leave it out for every document.")
    freshness: FreshnessModel | None = Field(None, description="Settings of the kind freshness, and of no other.")
    drift: DriftModel | None = Field(None, description="Settings of the kind drift, and of no other.")
    pii: PiiModel | None = Field(None, description="Settings of the kind pii, and of no other.")
    duplicates: DuplicatesModel | None = Field(None, description="Settings of the kind duplicates, and of no other.")
    conflicts: ConflictsModel | None = Field(None, description="Settings of the kind conflicts, and of no other.")
    quality: QualityModel | None = Field(None, description="Settings of the kind quality, and of no other.")
    retention: RetentionModel | None = Field(None, description="Settings of the kind retention, and of no other.")
    erasure: ErasureModel | None = Field(None, description="Settings of the kind erasure, and of no other.")
    actions: list[Action] = Field([], description="What is done about findings beside reporting them.")
    waivers: list[WaiverModel] = Field([], description="Findings that may stand as they are, each until a day.")

    @model_validator(mode="before")
    @classmethod
    def _with_section(cls, written: object) -> object:
        """Read a section that is left out like an empty one, so that its defaults come from one place."""
        if not isinstance(written, dict):
            return written
        kind = written.get("kind")
        return {kind: {}, **written} if isinstance(kind, str) and kind in SECTIONS else written

    @field_validator(*SECTIONS, mode="before")
    @classmethod
    def _of_its_kind(cls, section: object, info: ValidationInfo) -> object:
        """Refuse the section of another kind; a kind that is wrong itself is reported by its own key."""
        kind, own = info.data.get("kind"), info.field_name
        if kind is not None and kind != own:
            raise Wrong(
                f"a section of the kind '{own}' cannot stand in a policy of the kind '{kind}'",
                f"move it into a policy of the kind '{own}'; here the section is called '{kind}'",
            )
        return section

    def section(self) -> Section:
        """Give the settings of the policy's own kind."""
        section: Section = getattr(self, self.kind)
        return section


class ListingModel(Model):
    """A listing with more documents absent than both say is refused."""

    absent_documents: Count = Field(20, description="So many documents may be gone at once.")
    absent_percent: Percent = Field(50, description="So many percent of all that are known may be gone at once.")


class ActionLimitModel(Model):
    """More than either of these is not changed at once, unless somebody confirms the number."""

    max_items: Count = Field(description="So many chunks.")
    max_percent: Percent = Field(description="So many percent of the chunks of the index.")


class LimitsModel(Model):
    """How much may change at once."""

    listing: ListingModel = Field(ListingModel(), description="When a listing of a source is not believed.")
    delete: ActionLimitModel | None = Field(
        None, description="Chunks that a repair deletes: 1000 and 20 % if left out."
    )
    quarantine: ActionLimitModel | None = Field(None, description="Chunks that answers no longer come from.")
    redact: ActionLimitModel | None = Field(None, description="Chunks in which something is blacked out.")
    erase: ActionLimitModel | None = Field(None, description="Chunks that are erased.")


class ReasonModel(Model):
    """A reason of your own, for waivers and pauses."""

    code: Name = Field(description="What is written down: `board-decision`.")
    meaning: Text | None = Field(None, description="One line for people.")


class FileModel(Model):
    """A policy file."""

    document: Annotated[str, Reads(_document, {"enum": ["policies"]})] = Field(
        "policies", description="What this file is."
    )
    version: Annotated[str, Reads(_version, {"enum": [int(VERSION), VERSION]})] = Field(
        description="Of the format, not of your decisions."
    )
    reasons: list[ReasonModel] = Field([], description="Reasons beside those that every set knows.")
    policies: list[PolicyModel] = Field([], description="Of each kind, the first that matches a document decides.")
    limits: LimitsModel | None = Field(None, description="How much may change at once.")
