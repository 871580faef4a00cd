"""What a policy of each kind can say, as it is obeyed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, TypeAlias

from governance.domain.calendar import Interval, Unit
from governance.policy.globs import Glob
from governance.policy.patterns import Pattern

FINDINGS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "freshness": ("freshness.*",),
    "drift": ("drift.*", "provenance.*"),
    "pii": ("pii.*",),
    "duplicates": ("duplicate.*",),
    "conflicts": ("conflict.*",),
    "quality": ("quality.*",),
    "retention": ("retention.*",),
    "erasure": ("erasure.*",),
}
"""Globs of the findings that a policy of each kind decides about: its waivers and actions are about these."""

KINDS: Final = tuple(FINDINGS_OF)
"""Every kind of policy."""

FINDINGS_TO_COME: Final = (
    *("duplicate.exact", "duplicate.near", "duplicate.contained", "duplicate.semantic"),
    *("conflict.value", "conflict.negation", "conflict.antonym"),
    *("quality.oversize", "quality.fragment", "quality.cut", "quality.garbled"),
    *("retention.unclassified", "retention.no_basis", "retention.expired"),
    *("erasure.resurrected", "erasure.overdue", "erasure.task_overdue"),
)
"""Findings that a policy may name although nothing states them yet; those of `pii` are `pii.` and a kind."""

REPORTED_ONLY: Final = frozenset({"duplicate.semantic"})
"""Findings that no action ever follows: likeness of vectors cannot tell a copy from a contradiction."""

_NINETY_DAYS: Final = Interval(90, Unit.DAY)
_SEVEN_DAYS: Final = Interval(7, Unit.DAY)


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


class RetentionEvent(StrEnum):
    """The day from which a period runs."""

    CREATED = "created"
    MODIFIED = "modified"
    REVIEWED = "reviewed"
    LABELED = "labeled"


class AfterRetention(StrEnum):
    """What follows when the period is over. Nothing is deleted by itself."""

    REVIEW = "review"
    PROPOSE_ERASURE = "propose_erasure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Settings of the kind `retention`: one class of documents, and how long it is kept.

    Attributes:
        class_name: Name of the class; the policy's own where it names none.
        event: The day from which the period runs.
        label: The label whose day counts, where the event is `labeled`; None otherwise.
        period: How long the class is kept; None keeps it without end.
        legal_basis: Why it may be kept so long; None is a finding.

    """

    class_name: str
    event: RetentionEvent = RetentionEvent.MODIFIED
    label: str | None = None
    period: Interval | None = None
    legal_basis: str | None = None
    after: AfterRetention = AfterRetention.REVIEW


class Level(StrEnum):
    """How far the absence of what was erased has been shown.

    L1: absent by id, by filter and by a fresh scan. L2: absent by similarity. L3: the store's purge ran. L4: the
    bytes are absent.
    """

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"


class Regime(StrEnum):
    """Whose deadlines hold for a request."""

    GDPR = "gdpr"
    CCPA = "ccpa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Settings of the kind `erasure`.

    Attributes:
        required_level: (glob of index names, level) of indexes for which another level than the default is required.
        default_level: Level that every other index has to reach before an erasure is complete.
        identity_required: Whether a request waits until the identity of who asks is verified.
        grace_days: How many days an approved erasure waits, so that it can be cancelled.
        single_operator: Whether one person may both request and approve.
        holidays: Days that are no working days.
        roll_to_working_day: Whether a due day that is none moves to the next working day; the earlier day is safe.
        plan_expires_days: How many days a plan may be approved and executed.
        verify_again_hours: How long after an erasure it is looked for again.

    """

    required_level: tuple[tuple[str, Level], ...] = ()
    default_level: Level = Level.L2
    identity_required: bool = False
    grace_days: int = 0
    single_operator: bool = False
    regime: Regime = Regime.GDPR
    holidays: tuple[date, ...] = ()
    roll_to_working_day: bool = False
    plan_expires_days: int = 7
    verify_again_hours: tuple[int, ...] = (1, 24, 720)

    def level_of(self, index: str) -> Level:
        """Give the level that is required of an index: the highest of those whose glob matches its name."""
        named = [level for glob, level in self.required_level if Glob(glob).matches(index)]
        return max(named, default=self.default_level)


class Checksum(StrEnum):
    """How the digits of an identifier are checked.

    LUHN: ISO/IEC 7812-1. MOD97_10, MOD11_2: ISO/IEC 7064. VERHOEFF, DAMM: by those names.
    """

    LUHN = "luhn"
    MOD97_10 = "mod97-10"
    MOD11_2 = "mod11-2"
    VERHOEFF = "verhoeff"
    DAMM = "damm"


@dataclass(frozen=True, slots=True, kw_only=True)
class PiiKind:
    """What is done about one kind of personal data.

    Attributes:
        threshold_percent: Score from which on it counts, 0 to 100.
        report: False looks away.

    """

    threshold_percent: int = 40
    report: bool = True


_QUIET: Final = PiiKind(report=False)

SHIPPED_PII_KINDS: Final[Mapping[str, PiiKind]] = {
    "date_time": _QUIET,
    "mac_address": _QUIET,
    "url": _QUIET,
    "us_bank_number": _QUIET,
    "us_driver_license": _QUIET,
    "uuid": _QUIET,
}
"""Kinds that are noise in documentation, unless a policy says otherwise; every other kind has the defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognizer:
    """A recognizer that a policy adds.

    Attributes:
        name: Unique in its policy.
        kind: Of what it finds: `customer_number` is reported as `pii.customer_number`.
        patterns: Any of these is a hit.
        deny: Any of these texts is a hit, whatever its score would be; case does not matter.
        context: Words near a hit that raise its score.
        checksum: Hits of a pattern that fail it are dropped.
        score_percent: Score of a pattern's hit, 0 to 100.

    """

    name: str
    kind: str
    patterns: tuple[Pattern, ...] = ()
    deny: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    checksum: Checksum | None = None
    score_percent: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """Personal data that may stand in the documents of a policy.

    Attributes:
        kinds: Whole kinds, such as `role_address`.
        domains: Of addresses and links; those below them too. In small letters.
        values: Single values, in small letters: case does not matter.
        patterns: Values in which one of these is found.
        private_ranges: Network addresses that are private or kept for documentation (RFC 1918, RFC 5737).
        reserved_domains: Domains kept for examples (RFC 2606).

    """

    kinds: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    private_ranges: bool = True
    reserved_domains: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pii:
    """Settings of the kind `pii`.

    Attributes:
        languages: ISO 639-1, in small letters.
        countries: ISO 3166-1, in capitals: whose telephone numbers and national identifiers are looked for.
        kinds: (kind, settings) of kinds for which others than the shipped settings hold.
        sample_percent: Share of the chunks that a run looks at, 1 to 100.

    """

    languages: tuple[str, ...] = ("en",)
    countries: tuple[str, ...] = ("BR", "CA", "DE", "FR", "GB", "IL", "IN", "US")
    kinds: tuple[tuple[str, PiiKind], ...] = ()
    allowed: Allowed = Allowed()
    recognizers: tuple[Recognizer, ...] = ()
    sample_percent: int = 100

    def kind(self, name: str) -> PiiKind:
        """Give what is done about a kind: as the policy says, else as shipped."""
        return dict(self.kinds).get(name) or SHIPPED_PII_KINDS.get(name) or PiiKind()


class VersionFrom(StrEnum):
    """Where the version of a page is read."""

    PATH = "path"
    METADATA = "metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionedSource:
    """A source that holds its pages in several versions.

    Attributes:
        source: Glob of source names.
        key: The metadata key, where the version is read from metadata; None otherwise.
        pattern: The name of the folder that is a version, where it is read from the path; None is the shipped one.

    """

    source: str
    read_from: VersionFrom
    key: str | None = None
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """Settings of the kind `duplicates`.

    Attributes:
        near_percent: Likeness from which on two texts are near copies, 1 to 100.
        contained_percent: Share of a text found in a longer one from which on it is contained there, 1 to 100.
        semantic_percent: Cosine from which on two texts say the same, 1 to 100; None does not look.
        authority: Globs of sources, the most trusted first: of several copies, that of the most trusted is kept.
        versioned: Sources whose pages stand in several versions; the first whose glob matches decides.

    """

    near_percent: int = 80
    contained_percent: int = 90
    semantic_percent: int | None = None
    authority: tuple[str, ...] = ()
    versioned: tuple[VersionedSource, ...] = ()


class ConflictKind(StrEnum):
    """In what two sentences that are otherwise alike differ."""

    VALUE = "value"
    NEGATION = "negation"
    ANTONYM = "antonym"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicts:
    """Settings of the kind `conflicts`.

    Attributes:
        report: What counts as a contradiction.
        dated: Globs of paths whose pages speak of one moment, such as release notes: never compared.
        most_readings: A sentence with more values than so many is a template, and no contradiction.
        names: Words that look like a version and are the name of something ("V2").
        report_successive: Whether a difference between two versions of one page is reported.

    """

    report: tuple[ConflictKind, ...] = tuple(ConflictKind)
    dated: tuple[str, ...] = ("**/CHANGELOG*", "**/blog/**", "**/changelog*", "**/release-notes/**", "**/releases/**")
    most_readings: int = 6
    names: tuple[str, ...] = ()
    report_successive: bool = True


class QualityKind(StrEnum):
    """What spoils the retrieval of a chunk."""

    OVERSIZE = "oversize"
    FRAGMENT = "fragment"
    CUT = "cut"
    GARBLED = "garbled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Settings of the kind `quality`.

    Attributes:
        report: What is reported.
        max_tokens: A longer chunk is oversize; None is what the index's own model takes.
        max_characters: A longer chunk is oversize; None sets no limit.
        fragment_words: A chunk of fewer words is a fragment.
        garbled_percent: Share of a chunk's characters that may be noise, 0 to 100.

    """

    report: tuple[QualityKind, ...] = tuple(QualityKind)
    max_tokens: int | None = None
    max_characters: int | None = None
    fragment_words: int = 5
    garbled_percent: int = 5


Settings: TypeAlias = Freshness | Drift | Pii | Duplicates | Conflicts | Quality | Retention | Erasure
"""What a policy of any kind can say."""
