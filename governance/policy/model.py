"""What the policies say once they are read: frozen values, no files, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from governance.domain.actions import ActionKind, Deed
from governance.domain.findings import Severity
from governance.policy.globs import Glob
from governance.policy.kinds import REPORTED_ONLY, Drift, Freshness, Retention, Settings
from governance.policy.match import Field, Match, looks_at


class WaiverReason(StrEnum):
    """Why something that was found may stay as it is. Codes, not prose: prose about people must be erasable."""

    FALSE_POSITIVE = "false-positive"
    ACCEPTED_RISK = "accepted-risk"
    ARCHIVE_COPY = "archive-copy"
    PLANNED_WORK = "planned-work"
    LEGAL_REQUIREMENT = "legal-requirement"
    DUPLICATE_OF_OTHER = "duplicate-of-other"
    OTHER = "other"


_MEANINGS: Final = {
    WaiverReason.FALSE_POSITIVE: "what was found is not there",
    WaiverReason.ACCEPTED_RISK: "it is known, and somebody answers for it",
    WaiverReason.ARCHIVE_COPY: "a copy that is kept as it was",
    WaiverReason.PLANNED_WORK: "it is being worked on",
    WaiverReason.LEGAL_REQUIREMENT: "a law or a contract wants it so",
    WaiverReason.DUPLICATE_OF_OTHER: "reported elsewhere already",
    WaiverReason.OTHER: "none of the other reasons",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A code that says why, for waivers, acknowledgments and pauses.

    Attributes:
        meaning: One line for people; None where nobody wrote one.

    """

    code: str
    meaning: str | None = None


BUILT_IN_REASONS: Final = tuple(Reason(code=reason.value, meaning=_MEANINGS[reason]) for reason in WaiverReason)
"""Codes that every set knows; a policy file adds its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A decision that findings may stand until a day.

    Attributes:
        match: The documents; the policy's own match holds as well.
        kinds: Globs of finding kinds ("freshness.overdue", "drift.*").
        reason: A code of the set's reasons.
        until: Last day on which it counts.
        by: Who decided.
        policy: Name of the policy that it stands in.

    """

    match: Match
    kinds: tuple[Glob, ...]
    reason: str
    until: date
    by: str | None
    policy: str
    file: str
    line: int

    def in_force(self, as_of: date) -> bool:
        """Say whether the waiver counts on the day."""
        return as_of <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAction:
    """What a policy asks for when something is found.

    Attributes:
        after_days: How long after the finding it is due; at least 1 for `retire`, 0 for the others.
        to: Who is told, for `notify`: "owner", or the name of a channel; None for the others.
        kinds: Globs of the finding kinds that it is about; empty for all that its policy decides about.

    """

    action: ActionKind
    after_days: int = 0
    to: str | None = None
    kinds: tuple[Glob, ...] = ()

    def is_about(self, kind: str) -> bool:
        """Say whether the action is about findings of this kind, among those that its policy decides about."""
        named = not self.kinds or any(glob.matches(kind) for glob in self.kinds)
        return named and kind not in REPORTED_ONLY


EXPIRY: Final = PlannedAction(action=ActionKind.PROPOSE_ERASURE, kinds=(Glob("retention.expired"),))
"""What a retention policy that says `after: propose_erasure` asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One named policy and where it is written.

    Attributes:
        kind: One of `KINDS`.
        severity: Takes the place of the shipped severity; None keeps that.
        settings: Those of its kind.
        actions: In a fixed order, with what a retention policy does after its period.
        line: Line in `file`, from 1.

    """

    name: str
    kind: str
    owner: str | None
    severity: Severity | None
    match: Match
    settings: Settings
    actions: tuple[PlannedAction, ...]
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

    @property
    def retention(self) -> Retention | None:
        """The settings, where the policy is of this kind."""
        return self.settings if isinstance(self.settings, Retention) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingLimits:
    """When a listing of a source is refused: more documents absent than both of these say."""

    absent_documents: int = 20
    absent_percent: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLimit:
    """What may be changed at once without being confirmed: no more than either of these.

    Attributes:
        max_items: Chunks.
        max_percent: Of the chunks of the index, 0 to 100.

    """

    max_items: int
    max_percent: int


BUILT_IN_LIMITS: Final[Mapping[Deed, ActionLimit]] = {Deed.DELETE: ActionLimit(max_items=1000, max_percent=20)}
"""What holds where no file says otherwise; every other deed must be limited before a policy may ask for it."""

_NOTHING: Final = ActionLimit(max_items=0, max_percent=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may change at once.

    Attributes:
        actions: What the files say, by deed.

    """

    listing: ListingLimits = ListingLimits()
    actions: Mapping[Deed, ActionLimit] = field(default_factory=dict)

    def of(self, deed: Deed) -> ActionLimit:
        """Give the limit of a deed; where neither a file nor the built-in limits name one, nothing is free."""
        return self.actions.get(deed) or BUILT_IN_LIMITS.get(deed, _NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """Everything that was loaded together.

    Attributes:
        policies: In the order of the files and inside them: the first that matches decides.
        reasons: The built-in ones first, then those of the files.
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
    reasons: tuple[Reason, ...] = BUILT_IN_REASONS
    _by_kind: Mapping[str, tuple[Policy, ...]] = field(init=False, repr=False, compare=False)
    _asks_class: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort the policies by kind once: every document is held against those of a kind."""
        by_kind: dict[str, list[Policy]] = {}
        for policy in self.policies:
            by_kind.setdefault(policy.kind, []).append(policy)
        matches = [*(policy.match for policy in self.policies), *(waiver.match for waiver in self.waivers)]
        object.__setattr__(self, "_by_kind", {kind: tuple(found) for kind, found in by_kind.items()})
        object.__setattr__(self, "_asks_class", any(looks_at(match, Field.CLASS) for match in matches))

    @property
    def asks_class(self) -> bool:
        """Whether some condition looks at the retention class of a document."""
        return self._asks_class

    def of_kind(self, kind: str) -> tuple[Policy, ...]:
        """Give the policies of a kind, in load order."""
        return self._by_kind.get(kind, ())

    @property
    def reason_codes(self) -> tuple[str, ...]:
        """The codes that may be given as a reason."""
        return tuple(reason.code for reason in self.reasons)

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
