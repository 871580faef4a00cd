"""The sections of the kinds `freshness` and `drift`: how documents and indexes are kept up."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from pydantic import Field, model_validator

from governance.domain.calendar import Interval, Unit
from governance.policy.kinds import Drift, Freshness, WriteBack
from governance.policy.section import Section
from governance.policy.values import (
    Days,
    Length,
    LengthOrNone,
    Percent,
    Wrong,
    day_count,
    interval_or,
    length,
    one_of,
    span,
)

_EXAMPLES: Final = [date(year, month, 1) for year in range(2024, 2028) for month in range(1, 13)]
"""Due days between which every length of a month lies."""
_NO_LIMIT: Final = "none"


class FreshnessModel(Section):
    """How long a document stays fresh after a review."""

    review_every: Length | None = Field(None, description="Interval of documents that name none: `24 months`.")
    due_soon: Days = Field("30 days", description="Announce what falls due within so many days.")
    warn_after: LengthOrNone = Field("0 days", description="Report overdue documents from so long past due.")
    error_after: LengthOrNone = Field("90 days", description="Overdue documents are severe from so long past due.")
    changed_grace: Days = Field("7 days", description="A document may change so long after its review.")
    unknown: Annotated[str, one_of(("report", "ignore"))] = Field(
        "report", description="Documents without a review date or a rule: report or ignore."
    )

    @model_validator(mode="after")
    def _check(self) -> FreshnessModel:
        warn, error = span(self.warn_after), span(self.error_after)
        if all(warn.after(day) > error.after(day) for day in _EXAMPLES):
            raise Wrong(
                f"warn_after ({self.warn_after}) is later than error_after ({self.error_after})",
                "make warn_after shorter or error_after longer; what is left out has its default",
            )
        return self

    def settings(self, policy: str) -> Freshness:  # noqa: ARG002 - no setting is named after the policy
        """Give what the section says, as it is obeyed."""
        return Freshness(
            review_every=Interval.parse(self.review_every) if self.review_every else None,
            due_soon_days=day_count(self.due_soon),
            warn_after=length(self.warn_after),
            error_after=length(self.error_after) or Interval(0, Unit.DAY),
            changed_grace_days=day_count(self.changed_grace),
            report_unknown=self.unknown == "report",
        )


class DriftModel(Section):
    """How far an index may be from the documents that it was made of."""

    rewritten: Percent = Field(
        10, description="Percent of a chunk's 5-word runs that its document must lack, where texts are rewritten."
    )
    uncovered: Percent = Field(10, description="Percent of a document's words that may stand in no chunk.")
    max_lag: Annotated[str, interval_or(_NO_LIMIT, "7 days")] = Field(
        "7 days", description="A change of a document reaches the index within this time: `7 days`, or none."
    )
    write_back: Annotated[str, one_of(WriteBack)] = Field(
        "nothing", description="What is written onto chunks: nothing, or status (kb_status and kb_review_due)."
    )

    def settings(self, policy: str) -> Drift:  # noqa: ARG002 - as above
        """Give what the section says, as it is obeyed."""
        return Drift(
            rewritten_percent=self.rewritten,
            uncovered_percent=self.uncovered,
            max_lag=None if self.max_lag == _NO_LIMIT else Interval.parse(self.max_lag),
            write_back=WriteBack(self.write_back),
        )
