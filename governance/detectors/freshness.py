"""Whether a document is due for review: the publisher's rule, calendar months, per-document interval first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, tzinfo
from enum import StrEnum
from typing import Final

from governance.detectors.structure import place_of
from governance.domain.calendar import Interval
from governance.domain.documents import Document, DocumentState, Problem, ProblemCode, Review
from governance.domain.findings import FindingKind, Observation, Severity
from governance.domain.values import Json
from governance.policy.model import FreshnessRule


class FreshnessStatus(StrEnum):
    """Where a document stands with its reviews."""

    FRESH = "fresh"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    UNKNOWN = "unknown"
    MALFORMED = "malformed"


class Reason(StrEnum):
    """What decided a status."""

    NOT_DUE = "not_due"
    REVIEW_IN_FUTURE = "review_in_future"
    DUE_SOON = "due_soon"
    DUE_PASSED = "due_passed"
    NO_REVIEW_DATE = "no_review_date"
    NO_INTERVAL = "no_interval"
    BAD_REVIEW_DATE = "bad_review_date"
    BAD_INTERVAL = "bad_interval"
    BAD_FRONT_MATTER = "bad_front_matter"
    REVIEW_AFTER_TODAY = "review_after_today"
    OTHER_FIELD = "other_field"


class _From(StrEnum):
    FRONT_MATTER = "front_matter"
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A document's freshness on one day.

    Attributes:
        reason: What decided the status.
        days_overdue: Whole days since `due` when overdue (0 on the day itself), else None.
        evidence: Facts that stay the same from day to day while nothing changes.
        flaw: What is wrong with the front matter or a review date, if anything. Set beside a computed status
            when that could be told in spite of it.

    """

    status: FreshnessStatus
    reason: Reason
    reviewed_on: date | None = None
    due: date | None = None
    interval: Interval | None = None
    days_overdue: int | None = None
    evidence: Mapping[str, Json] = field(default_factory=dict)
    flaw: Reason | None = None


@dataclass(frozen=True, slots=True)
class _Interval:
    """An interval and who set it; `bad` when the document names one that cannot be read."""

    value: Interval | None
    origin: str | None
    bad: bool = False


_REVIEW_FIELDS: Final = {"reviewed_on": Reason.BAD_REVIEW_DATE, "review_interval": Reason.BAD_INTERVAL}
_REVIEW_CODES: Final = {
    ProblemCode.BAD_DATE: Reason.BAD_REVIEW_DATE,
    ProblemCode.BAD_INTERVAL: Reason.BAD_INTERVAL,
}
_SPOILING: Final = (
    Reason.BAD_FRONT_MATTER,
    Reason.BAD_REVIEW_DATE,
    Reason.REVIEW_AFTER_TODAY,
    Reason.BAD_INTERVAL,
)

_FLAW_TEXTS: Final = {
    Reason.BAD_FRONT_MATTER: "The front matter could not be read, so no review date is known from it.",
    Reason.BAD_REVIEW_DATE: "The front matter's review date is no date.",
    Reason.BAD_INTERVAL: "The front matter's review interval is no interval such as '6 months'.",
    Reason.OTHER_FIELD: "A part of the front matter that does not bear on the review date could not be read.",
}


def assess(document: Document, review: Review | None, rule: FreshnessRule, *, as_of: date, today: date) -> Assessment:
    """Judge a document's freshness on a day, `as_of`, in the configured time zone.

    Due is the review date plus the interval in calendar units, clipped to the month's end: the document's own
    interval, else the rule's. Overdue when due <= as_of; due soon when due within the rule's window after it.

    The review date is the later one of the front matter's and of a verified review that saw the present body;
    a verified review of another body is void, on earlier days too, as the catalog does not keep old bodies' days.
    A date after `as_of` counts as fresh for that day, a date after `today` is a mistake and is not used.

    Where the front matter's date or interval cannot be read the status is malformed and nothing else. Only a
    valid verified review stands in for it: that gives the date, and the rule the interval, if it has one.
    Problems in other fields, or somewhere in a front matter whose date could be read, leave the status alone;
    `flaw` tells of them.
    """
    interval = _interval(document, rule)
    verified = _verified_date(document, review, today)
    reviewed_on, origin = _effective_review(_front_date(document, today), verified)
    flaws = _flaws(document, review, interval, today)
    flaw = flaws[0] if flaws else None
    spoiled = flaw in _SPOILING and (verified is None or interval.value is None)
    if spoiled and interval.bad:
        interval = _Interval(None, None, bad=True)
    evidence: dict[str, Json] = {
        "reviewed_on": reviewed_on.isoformat() if reviewed_on else None,
        "review_from": origin.value if origin else None,
        "interval": str(interval.value) if interval.value else None,
        "interval_from": interval.origin,
    }
    if document.problems:
        evidence["problems"] = [_problem_json(problem) for problem in document.problems]
    base = Assessment(
        status=FreshnessStatus.MALFORMED,
        reason=flaw or Reason.NOT_DUE,
        reviewed_on=reviewed_on,
        interval=interval.value,
        evidence=evidence,
        flaw=flaw,
    )
    return _explained(base if spoiled else _by_date(base, rule, as_of))


def reviewed_day(document: Document, review: Review | None, today: date) -> tuple[date | None, str | None]:
    """Give the day of the review that counts, as `assess` takes it, and whether it was verified or written down."""
    day, origin = _effective_review(_front_date(document, today), _verified_date(document, review, today))
    return day, origin.value if origin else None


def freshness_observations(
    document: Document,
    review: Review | None,
    rule: FreshnessRule,
    *,
    as_of: date,
    today: date,
    zone: tzinfo = UTC,
) -> Iterator[Observation]:
    """Give the `freshness.*` findings of one document; none when it is gone or cannot be read.

    A flaw is always stated (`freshness.malformed`), beside the computed status where there is one.
    An overdue document is stated from the rule's `warn_after` past due on, and is high (or of the rule's
    severity) from its `error_after` on.
    """
    if document.state is DocumentState.GONE or document.unreadable is not None:
        return
    assessment = assess(document, review, rule, as_of=as_of, today=today)
    if assessment.flaw is not None:
        yield _malformed(document, rule, assessment, assessment.flaw)
    yield from _status_observations(document, rule, assessment, as_of)
    yield from _changed(document, review, rule, as_of, today, zone)


def _interval(document: Document, rule: FreshnessRule) -> _Interval:
    bad = any(_review_flaw(problem) is Reason.BAD_INTERVAL for problem in document.problems)
    if document.review_interval is not None and not bad:
        try:
            return _Interval(Interval.parse(document.review_interval), "document")
        except ValueError:
            bad = True
    return _Interval(rule.review_every, "policy" if rule.review_every else None, bad)


def _holds(document: Document, review: Review | None) -> bool:
    return review is not None and review.body_hash == document.body_hash


def _verified_date(document: Document, review: Review | None, today: date) -> date | None:
    """Give the day of a verified review that saw the present body."""
    usable = review is not None and _holds(document, review) and review.reviewed_on <= today
    return review.reviewed_on if review is not None and usable else None


def _front_date(document: Document, today: date) -> date | None:
    """Give the front matter's review date if it can be used."""
    if any(_review_flaw(problem) is Reason.BAD_REVIEW_DATE for problem in document.problems):
        return None
    return None if document.reviewed_on is None or document.reviewed_on > today else document.reviewed_on


def _effective_review(front: date | None, verified: date | None) -> tuple[date | None, _From | None]:
    if verified is not None and (front is None or verified >= front):
        return verified, _From.VERIFIED
    return front, None if front is None else _From.FRONT_MATTER


def _flaws(document: Document, review: Review | None, interval: _Interval, today: date) -> list[Reason]:
    """Give everything that is wrong, the worst first."""
    found = {_review_flaw(problem) or _other_flaw(problem, document) for problem in document.problems}
    if interval.bad:
        found.add(Reason.BAD_INTERVAL)
    claimed = [document.reviewed_on]
    if review is not None and _holds(document, review):
        claimed.append(review.reviewed_on)
    if any(day is not None and day > today for day in claimed):
        found.add(Reason.REVIEW_AFTER_TODAY)
    return [reason for reason in (*_SPOILING, Reason.OTHER_FIELD) if reason in found]


def _review_flaw(problem: Problem) -> Reason | None:
    """Say which review field a problem spoils; a bad date in another field spoils none."""
    return _REVIEW_FIELDS.get(problem.field) if problem.field else _REVIEW_CODES.get(problem.code)


def _other_flaw(problem: Problem, document: Document) -> Reason:
    # A problem without a field concerns the block as a whole, or a key nobody asked for. When a review date
    # was read all the same, the block was readable enough: one bad value spoils only itself.
    whole = problem.field is None and problem.code.value.startswith("front_matter_")
    return Reason.BAD_FRONT_MATTER if whole and document.reviewed_on is None else Reason.OTHER_FIELD


def _by_date(base: Assessment, rule: FreshnessRule, as_of: date) -> Assessment:
    """Decide by review date and interval alone."""
    reviewed_on, interval = base.reviewed_on, base.interval
    if reviewed_on is None:
        return replace(base, status=FreshnessStatus.UNKNOWN, reason=Reason.NO_REVIEW_DATE)
    if interval is None:
        return replace(base, status=FreshnessStatus.UNKNOWN, reason=Reason.NO_INTERVAL)
    due = interval.after(reviewed_on)
    dated = replace(base, due=due)
    if reviewed_on > as_of:
        evidence = {**base.evidence, "review_in_future": True}
        return replace(dated, status=FreshnessStatus.FRESH, reason=Reason.REVIEW_IN_FUTURE, evidence=evidence)
    left = (due - as_of).days
    if left <= 0:
        return replace(dated, status=FreshnessStatus.OVERDUE, reason=Reason.DUE_PASSED, days_overdue=-left)
    if left <= rule.due_soon_days:
        return replace(dated, status=FreshnessStatus.DUE_SOON, reason=Reason.DUE_SOON)
    return replace(dated, status=FreshnessStatus.FRESH, reason=Reason.NOT_DUE)


def _explained(assessment: Assessment) -> Assessment:
    due = assessment.due.isoformat() if assessment.due else None
    return replace(assessment, evidence={**assessment.evidence, "due": due, "reason": assessment.reason.value})


def _problem_json(problem: Problem) -> Mapping[str, Json]:
    return {"field": problem.field, "code": problem.code.value, "line": problem.line}


def _malformed(document: Document, rule: FreshnessRule, assessment: Assessment, flaw: Reason) -> Observation:
    evidence: dict[str, Json] = {"reason": flaw.value, "problems": assessment.evidence.get("problems", [])}
    message = _FLAW_TEXTS.get(flaw, "A review is dated later than today.")
    if flaw is Reason.REVIEW_AFTER_TODAY and document.reviewed_on is not None:
        evidence["reviewed_on"] = document.reviewed_on.isoformat()
        message = f"The review date {document.reviewed_on} is later than today."
    severity = Severity.MEDIUM if flaw in _SPOILING else Severity.LOW
    return _observation(document, rule, FindingKind.MALFORMED, severity, flaw.value, message, evidence)


def _status_observations(
    document: Document, rule: FreshnessRule, assessment: Assessment, as_of: date
) -> Iterator[Observation]:
    found: tuple[FindingKind, Severity] | None = None
    match assessment.status:
        case FreshnessStatus.OVERDUE:
            severity = _overdue_severity(assessment, rule, as_of)
            found = (FindingKind.OVERDUE, severity) if severity else None
        case FreshnessStatus.DUE_SOON:
            found = (FindingKind.DUE_SOON, Severity.LOW)
        case FreshnessStatus.UNKNOWN if rule.report_unknown:
            found = (FindingKind.UNKNOWN, Severity.MEDIUM)
    if found:
        message, evidence = _message(assessment), assessment.evidence
        yield _observation(document, rule, *found, assessment.reason.value, message, evidence)


def _overdue_severity(assessment: Assessment, rule: FreshnessRule, as_of: date) -> Severity | None:
    """Give how bad it is, None while it need not be said yet."""
    due = assessment.due
    if due is not None and rule.error_after is not None and rule.error_after.after(due) <= as_of:
        return rule.severity or Severity.HIGH
    if due is not None and rule.warn_after is not None and rule.warn_after.after(due) > as_of:
        return None
    return Severity.MEDIUM


def _message(assessment: Assessment) -> str:
    if assessment.reviewed_on is None:
        return "No review date is known for this page."
    if assessment.due is None:
        return f"Last reviewed on {assessment.reviewed_on}; neither the page nor a policy says when it must be again."
    verb = "was" if assessment.status is FreshnessStatus.OVERDUE else "is"
    last = f"{assessment.interval} after the last one on {assessment.reviewed_on}"
    return f"The review {verb} due on {assessment.due}, {last}."


def _changed(
    document: Document, review: Review | None, rule: FreshnessRule, as_of: date, today: date, zone: tzinfo
) -> Iterator[Observation]:
    """Say that the page has changed since somebody last stood for it.

    A verified review that holds saw the present body, so nothing changed. One that is void tells of a change
    by itself, without grace. Else the source's history is held against the front matter's date, with the
    rule's days of grace: the change and the new date are rarely committed on one day. A change after `as_of`
    had not happened on that day.
    """
    if _holds(document, review):
        return
    front = _front_date(document, today)
    counts = review is not None and review.reviewed_on <= as_of and (front is None or review.reviewed_on > front)
    void = review if counts else None
    since = void.reviewed_on if void else front
    day = _void_day(document, void, zone) if void else document.changed_on
    if since is None or day is None or day > as_of:
        return
    if void is None and (day - since).days <= rule.changed_grace_days:
        return
    yield _observation(
        document,
        rule,
        FindingKind.CHANGED_SINCE_REVIEW,
        Severity.MEDIUM,
        "verified_body_changed" if void else "changed_after_review",
        f"The page changed on {day}, after its last review on {since}.",
        {
            "reviewed_on": since.isoformat(),
            "changed_on": day.isoformat(),
            "review_from": (_From.VERIFIED if void else _From.FRONT_MATTER).value,
        },
    )


def _void_day(document: Document, void: Review, zone: tzinfo) -> date | None:
    """Give the day of the change that voided a review: by the source's history, else when the catalog saw it."""
    if document.changed_on is not None and document.changed_on >= void.reviewed_on:
        return document.changed_on
    return document.body_seen_at.astimezone(zone).date() if document.body_seen_at else None


def _observation(
    document: Document,
    rule: FreshnessRule,
    kind: FindingKind,
    severity: Severity,
    decided_by: str,
    message: str,
    evidence: Mapping[str, Json],
) -> Observation:
    return Observation(
        kind=kind,
        severity=severity,
        place=place_of(document),
        rule=decided_by,
        policy=rule.policy,
        message=message,
        owner=document.owner or rule.owner,
        evidence=evidence,
    )
