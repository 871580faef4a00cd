"""What each kind of policy can say: one section per kind, from the values as written to the settings that are obeyed.

A kind becomes readable by its settings in `model`, a section here with its place in `SECTIONS`, and a field of
that name in the grammar of a policy.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import date
from typing import Annotated, ClassVar, Final

from pydantic import Field, PlainValidator, model_validator

from governance.domain.calendar import Interval, Unit
from governance.policy.model import Drift, Freshness, Settings, WriteBack
from governance.policy.values import Days, Length, LengthOrNone, Model, Percent, Wrong, interval, read, span, word

_EXAMPLES: Final = [date(year, month, 1) for year in range(2024, 2028) for month in range(1, 13)]
"""Due days between which every length of a month lies."""
_NO_LIMIT: Final = "none"


def _lag(value: str) -> str:
    if value == _NO_LIMIT:
        return value
    try:
        return interval(value)
    except Wrong:
        raise
    except ValueError:
        raise Wrong(f"not an interval such as '7 days', and not the word {_NO_LIMIT}") from None


ReportWord = Annotated[str, PlainValidator(read(word("report", "ignore")), json_schema_input_type=str)]
WriteBackWord = Annotated[str, PlainValidator(read(word(*WriteBack)), json_schema_input_type=WriteBack)]
LengthOrNoLimit = Annotated[str, PlainValidator(read(_lag), json_schema_input_type=str)]


class Section(Model):
    """The settings of one kind of policy.

    Attributes:
        finding_kinds: Globs of the finding kinds that such a policy decides about: a waiver in it is about these
            unless it names others.

    """

    finding_kinds: ClassVar[tuple[str, ...]]

    @abstractmethod
    def settings(self) -> Settings:
        """Give what the section says, as it is obeyed."""


class FreshnessModel(Section):
    """How long a document stays fresh after a review."""

    finding_kinds: ClassVar[tuple[str, ...]] = ("freshness.*",)

    review_every: Length | None = Field(None, description="Interval of documents that name none: `24 months`.")
    due_soon: Days = Field("30 days", description="Announce what falls due within so many days.")
    warn_after: LengthOrNone = Field("0 days", description="Report overdue documents from so long past due.")
    error_after: LengthOrNone = Field("90 days", description="Overdue documents are severe from so long past due.")
    changed_grace: Days = Field("7 days", description="A document may change so long after its review.")
    unknown: ReportWord = Field("report", description="Documents without a review date or a rule: report or ignore.")

    @model_validator(mode="after")
    def _check(self) -> FreshnessModel:
        warn, error = span(self.warn_after), span(self.error_after)
        if all(warn.after(day) > error.after(day) for day in _EXAMPLES):
            raise Wrong(
                f"warn_after ({self.warn_after}) is later than error_after ({self.error_after})",
                "make warn_after shorter or error_after longer; what is left out has its default",
            )
        return self

    def settings(self) -> Freshness:
        """Give what the section says, as it is obeyed."""
        return Freshness(
            review_every=Interval.parse(self.review_every) if self.review_every else None,
            due_soon_days=_day_count(self.due_soon),
            warn_after=_length(self.warn_after),
            error_after=_length(self.error_after) or Interval(0, Unit.DAY),
            changed_grace_days=_day_count(self.changed_grace),
            report_unknown=self.unknown == "report",
        )


class DriftModel(Section):
    """How far an index may be from the documents that it was made of."""

    finding_kinds: ClassVar[tuple[str, ...]] = ("drift.*", "provenance.*")

    rewritten: Percent = Field(
        10, description="Percent of a chunk's 5-word runs that its document must lack, where texts are rewritten."
    )
    uncovered: Percent = Field(10, description="Percent of a document's words that may stand in no chunk.")
    max_lag: LengthOrNoLimit = Field(
        "7 days", description="A change of a document reaches the index within this time: `7 days`, or none."
    )
    write_back: WriteBackWord = Field(
        "nothing", description="What is written onto chunks: nothing, or status (kb_status and kb_review_due)."
    )

    def settings(self) -> Drift:
        """Give what the section says, as it is obeyed."""
        return Drift(
            rewritten_percent=self.rewritten,
            uncovered_percent=self.uncovered,
            max_lag=None if self.max_lag == _NO_LIMIT else Interval.parse(self.max_lag),
            write_back=WriteBack(self.write_back),
        )


SECTIONS: Final[Mapping[str, type[Section]]] = {"freshness": FreshnessModel, "drift": DriftModel}
"""The kinds of policies that this version reads, and the section that each has."""


def _length(text: str) -> Interval | None:
    return None if text == "0 days" else Interval.parse(text)


def _day_count(text: str) -> int:
    length = _length(text)
    return length.count if length and length.unit is Unit.DAY else 0
