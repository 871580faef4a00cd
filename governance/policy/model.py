"""What the policies say once they are read: frozen values, no files, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeAlias

from governance.domain.calendar import Interval, Unit
from governance.domain.findings import Severity
from governance.policy.globs import Glob
from governance.policy.match import Match

KINDS = ("freshness", "drift", "pii", "duplicates", "conflicts", "quality", "retention", "erasure")
"""Every kind of policy there is a word for, whether or not this version can read it."""


_NINETY_DAYS = Interval(90, Unit.DAY)
_SEVEN_DAYS = Interval(7, Unit.DAY)


class WaiverReason(StrEnum):
    """Why something that was found may stay as it is. Codes, not prose: prose about people must be erasable."""

    FALSE_POSITIVE = "false-positive"
    ACCEPTED_RISK = "accepted-risk"
    ARCHIVE_COPY = "archive-copy"
    PLANNED_WORK = "planned-work"
    LEGAL_REQUIREMENT = "legal-requirement"
    DUPLICATE_OF_OTHER = "duplicate-of-other"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """Settings of the kind `freshness`.

    Attributes:
        review_every: Interval of documents that name none of their own; None leaves them without a rule.
        due_soon_days: A document due within so many days is announced; 0 announces nothing.
        warn_after: How long past due a document may be before it is reported; None reports it from the due day on.
        error_after: How long past due a document is before it counts as severe; may be zero days.
        changed_grace_days: How many days after its review a document may still change.
        report_unknown: Whether a document without a rule or without a review date is reported.

    """

    review_every: Interval | None = None
    due_soon_days: int = 30
    warn_after: Interval | None = None
    error_after: Interval = _NINETY_DAYS
    changed_grace_days: int = 7
    report_unknown: bool = True


class WriteBack(StrEnum):
    """What is written onto the chunks of an index, for a retriever to filter by."""

    NOTHING = "nothing"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Settings of the kind `drift`.

    Attributes:
        rewritten_percent: Share of a chunk's 5-word runs from which on it is reported when its document lacks them,
            where the splitter rewrites text. From 0 to 100; 0 reports any difference.
        uncovered_percent: Share of a document's words that may stand in no chunk; a document of which more is
            uncovered is reported. From 0 to 100.
        max_lag: How long a change of a document may take to reach the index; None sets no limit.
        write_back: What the metadata of chunks is to say.

    """

    rewritten_percent: int = 10
    uncovered_percent: int = 10
    max_lag: Interval | None = _SEVEN_DAYS
    write_back: WriteBack = WriteBack.NOTHING


Settings: TypeAlias = Freshness | Drift
"""What a policy of any kind can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A decision that findings may stand until a day.

    Attributes:
        match: The documents; the policy's own match holds as well.
        kinds: Globs of finding kinds ("freshness.overdue", "drift.*").
        until: Last day on which it counts.
        by: Who decided.
        policy: Name of the policy that it stands in.

    """

    match: Match
    kinds: tuple[Glob, ...]
    reason: WaiverReason
    until: date
    by: str | None
    policy: str
    file: str
    line: int

    def in_force(self, as_of: date) -> bool:
        """Say whether the waiver counts on the day."""
        return as_of <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One named policy and where it is written.

    Attributes:
        kind: One of `KINDS`; this version knows `freshness` and `drift`.
        severity: Takes the place of the shipped severity; None keeps that.
        settings: Those of its kind.
        line: Line in `file`, from 1.

    """

    name: str
    kind: str
    owner: str | None
    severity: Severity | None
    match: Match
    settings: Settings
    waivers: tuple[Waiver, ...]
    file: str
    line: int

    @property
    def freshness(self) -> Freshness | None:
        """The settings, where the policy is of this kind."""
        return self.settings if isinstance(self.settings, Freshness) else None

    @property
    def drift(self) -> Drift | None:
        """The settings, where the policy is of this kind."""
        return self.settings if isinstance(self.settings, Drift) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingLimits:
    """When a listing of a source is refused: more documents absent than both of these say."""

    absent_documents: int = 20
    absent_percent: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may change at once."""

    listing: ListingLimits = ListingLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """Everything that was loaded together.

    Attributes:
        policies: In the order of the files and inside them: the first that matches decides.
        canonical: The normalized set as canonical JSON; a valid policy file once written as YAML.
        digest: SHA-256 of `canonical`, 64 hexadecimal digits. Comments, key order, quoting, file names and
            defaults written out do not change it.
        files: What was read.

    """

    policies: tuple[Policy, ...]
    limits: Limits
    canonical: str = field(repr=False)
    digest: str
    files: tuple[str, ...]

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        """Every waiver, expired or not, in load order."""
        return tuple(waiver for policy in self.policies for waiver in policy.waivers)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessRule(Freshness):
    """Which freshness settings decide about a document, and where they are written.

    Attributes:
        policy: Name of the policy; "" when none matched and the built-in defaults hold.
        file: The policy's file, as it was given; "" for the built-in defaults.
        line: Line in `file`; 0 for the built-in defaults.
        severity: Takes the place of the shipped severity of documents past `error_after`.

    """

    policy: str = ""
    file: str = ""
    line: int = 0
    owner: str | None = None
    severity: Severity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRule(Drift):
    """Which drift settings decide about a document in an index, and where they are written.

    Attributes:
        policy: Name of the policy; "" when none matched and the built-in defaults hold.
        file: The policy's file, as it was given; "" for the built-in defaults.
        line: Line in `file`; 0 for the built-in defaults.
        severity: Takes the place of the shipped severity of what is found.

    """

    policy: str = ""
    file: str = ""
    line: int = 0
    owner: str | None = None
    severity: Severity | None = None
