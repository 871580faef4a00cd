"""The sections of the kinds `retention` and `erasure`: how long documents are kept, and how people are forgotten."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from governance.domain.calendar import Interval
from governance.domain.values import Json
from governance.policy.globs import Glob
from governance.policy.kinds import AfterRetention, Erasure, Level, Regime, Retention, RetentionEvent
from governance.policy.section import Section
from governance.policy.values import (
    SOME,
    Day,
    Days,
    Name,
    Reads,
    Several,
    SomeDays,
    Text,
    Wrong,
    YesNo,
    day_count,
    interval_or,
    one_of,
)

_WITHOUT_END: Final = "unlimited"
_HOURS: Final = re.compile(r"([0-9]{1,5})\s*(hours?|h|days?|d|weeks?|w)", re.IGNORECASE)
_HOURS_FORM: Final = rf"^{SOME} *(hours?|h|days?|d|weeks?|w)$"
_HOURS_OF: Final = {"h": 1, "d": 24, "w": 168}
_MOST_HOURS: Final = 99_999


def _hours(value: str) -> str:
    match = _HOURS.fullmatch(value.strip())
    hours = int(match[1]) * _HOURS_OF[match[2][0].lower()] if match else 0
    if not 1 <= hours <= _MOST_HOURS:
        raise Wrong("must be a time such as '1 hour', '24 hours' or '30 days'")
    return f"{hours} hour{'' if hours == 1 else 's'}"


def _in_time(values: list[str]) -> list[str]:
    return sorted(values, key=_hour_count)


def _hour_count(text: str) -> int:
    return int(text.partition(" ")[0])


def _index_glob(value: str) -> str:
    Glob(value)
    return value


LevelWord = Annotated[str, one_of(Level)]
IndexGlob = Annotated[str, Reads(_index_glob, {"type": "string"})]
Hours = Annotated[str, Reads(_hours, {"type": "string", "pattern": _HOURS_FORM, "examples": ["24 hours"]})]


class RetentionModel(Section):
    """One class of documents: from which day its period runs, how long it is kept, why, and what follows."""

    class_: Name | None = Field(None, alias="class", description="Name of the class; the policy's when left out.")
    event: Annotated[str, one_of(RetentionEvent)] = Field(
        "modified", description="The period runs from the day on which a document was created, modified, ..."
    )
    label: Text | None = Field(None, description="The label whose day counts; with the event labeled alone.")
    period: Annotated[str, interval_or(_WITHOUT_END, "6 years")] = Field(
        description="How long the class is kept: `6 years`, or unlimited."
    )
    legal_basis: Text | None = Field(None, description="Why it may be kept so long; without one it is a finding.")
    after: Annotated[str, one_of(AfterRetention)] = Field(
        "review", description="When the period is over: review it, or propose_erasure. Nothing is deleted by itself."
    )

    @model_validator(mode="after")
    def _check(self) -> RetentionModel:
        labeled = self.event == RetentionEvent.LABELED
        if labeled and self.label is None:
            raise Wrong(
                "the event labeled needs the key 'label'", "write the label whose day counts: label: contract-ended"
            )
        if self.label is not None and not labeled:
            raise Wrong(
                f"'label' says nothing where the event is {self.event}", "write event: labeled, or leave it out"
            )
        if self.period == _WITHOUT_END and self.after != AfterRetention.REVIEW:
            raise Wrong(
                "a period that is unlimited is never over: nothing follows", "leave 'after' out, or limit the period"
            )
        return self

    def settings(self, policy: str) -> Retention:
        """Give what the section says, as it is obeyed; a class without a name is called as the policy."""
        return Retention(
            class_name=self.class_ or policy,
            event=RetentionEvent(self.event),
            label=self.label,
            period=None if self.period == _WITHOUT_END else Interval.parse(self.period),
            legal_basis=self.legal_basis,
            after=AfterRetention(self.after),
        )

    def canonical(self, policy: str) -> dict[str, Json]:
        """Give the normal form, the name of the class written out."""
        return {**super().canonical(policy), "class": self.class_ or policy}


class ErasureModel(Section):
    """What an erasure of a person's data has to show, who decides, and until when."""

    required_level: LevelWord = Field(
        "L2", description="How far the absence must be shown: L1 by look-up, L2 by likeness, L3 purged, L4 no bytes."
    )
    required_level_of: dict[IndexGlob, LevelWord] = Field(
        {}, description="Another level by index, or glob; of several the highest: `{archive: L4}`."
    )
    identity: Annotated[str, one_of(("required", "optional"))] = Field(
        "optional", description="Whether a request waits until it is verified who asks."
    )
    grace: Days = Field("0 days", description="How long an approved erasure waits, so that it can be cancelled.")
    single_operator: YesNo = Field("no", description="Whether one person may both request and approve.")
    regime: Annotated[str, one_of(Regime)] = Field("gdpr", description="Whose deadlines hold: gdpr or ccpa.")
    holidays: Annotated[list[Day], Several()] | None = Field(None, description="Days on which nobody works.")
    roll_to_working_day: YesNo = Field(
        "no", description="Whether a due day without work moves to the next working day; the earlier day is safe."
    )
    plan_expires: SomeDays = Field("7 days", description="How long a plan may be approved and executed.")
    verify_again: Annotated[list[Hours], Several(empty=True), AfterValidator(_in_time)] = Field(
        ["1 hour", "24 hours", "720 hours"], description="When an erasure is looked for again."
    )

    def settings(self, policy: str) -> Erasure:  # noqa: ARG002 - no setting is named after the policy
        """Give what the section says, as it is obeyed."""
        return Erasure(
            required_level=tuple((glob, Level(level)) for glob, level in sorted(self.required_level_of.items())),
            default_level=Level(self.required_level),
            identity_required=self.identity == "required",
            grace_days=day_count(self.grace),
            single_operator=self.single_operator == "yes",
            regime=Regime(self.regime),
            holidays=tuple(date.fromisoformat(day) for day in self.holidays or ()),
            roll_to_working_day=self.roll_to_working_day == "yes",
            plan_expires_days=day_count(self.plan_expires),
            verify_again_hours=tuple(_hour_count(text) for text in self.verify_again),
        )
