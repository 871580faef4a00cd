"""The error tree. Each class carries its exit code; the message says what, which item, what to do next.

::

    KbgovError                     1
    ├── InputError                 2   usage
    │   ├── ConfigError            2   configuration
    │   ├── PolicyError            2   policy files
    │   └── DatabaseRevisionError  2   database of unknown revision
    ├── Refused                    6   a rule forbids it; nothing was changed
    │   ├── RoleRefused            6
    │   ├── NotAuthenticated       6
    │   ├── ListingRefused         6
    │   ├── ForeignVectorsRefused  6
    │   ├── PlanChanged            6
    │   ├── Paused                 6
    │   └── LimitExceeded          6
    ├── TryAgain                  75   nobody's fault; the same call may work later
    │   ├── LockHeld              75
    │   ├── IndexUnreachable      75
    │   ├── CatalogUnreachable    75
    │   ├── PurgeBusy             75
    │   ├── AnchorFailed          75
    │   └── OutcomeUnknown        75
    ├── LogInconsistent            5   the audit log is not what it was
    ├── IndexDataError             1   a store answered with something that cannot be right
    └── SourceUnavailable          1   the root of a source cannot be read
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class KbgovError(Exception):
    """Something went wrong.

    Args:
        message: One sentence for a person. Never a raw personal value.
        item: The thing it happened to (a file, an index, a key), if there is one.
        next_step: What to do or type next.

    """

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, item: str | None = None, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.item = item
        self.next_step = next_step

    def as_json(self) -> dict[str, str | None]:
        """Give the body of the contract's error document."""
        return {"code": self.code, "message": self.message, "item": self.item, "next": self.next_step}


class InputError(KbgovError):
    """What was typed or passed in cannot be used."""

    exit_code = 2
    code = "usage"


class ConfigError(InputError):
    """The configuration cannot be used."""

    code = "config"


class PolicyError(InputError):
    """A policy file cannot be used."""

    code = "policy"


class DatabaseRevisionError(InputError):
    """The catalog has a revision that this version does not know."""

    code = "database_revision"


class Refused(KbgovError):
    """A rule forbids it. Nothing was changed."""

    exit_code = 6
    code = "refused"


class RoleRefused(Refused):
    """The actor lacks the role that the command names."""

    code = "role"


class NotAuthenticated(Refused):
    """Who acts has not proven to be who they say."""

    code = "not_authenticated"


class ListingRefused(Refused):
    """A listing of a source looks like an outage, so nobody's absence is believed."""

    code = "listing_refused"


class ForeignVectorsRefused(Refused):
    """The index holds vectors that this ingester did not make."""

    code = "foreign_vectors"


class PlanChanged(Refused):
    """What a plan speaks of is not what it was when the plan was made."""

    code = "plan_changed"


class Paused(Refused):
    """Somebody has stopped every change of every index."""

    code = "paused"


class LimitExceeded(Refused):
    """More would be changed at once than the policies allow, and nobody typed the number.

    Args:
        message: As of every error.
        item: The key of the policy file that sets the limit.
        next_step: As of every error.
        counts: By index: how many chunks were to be changed ("planned"), and of how many ("present").

    """

    code = "limit_exceeded"

    def __init__(
        self,
        message: str,
        *,
        item: str | None = None,
        next_step: str | None = None,
        counts: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        super().__init__(message, item=item, next_step=next_step)
        self.counts = {} if counts is None else counts


class TryAgain(KbgovError):
    """It cannot be done now. The same call may work later."""

    exit_code = 75
    code = "try_again"


class LockHeld(TryAgain):
    """Another process is at the same work."""

    code = "lock_held"


class IndexUnreachable(TryAgain):
    """An index does not answer, or stopped answering in the middle."""

    code = "index_unreachable"


class CatalogUnreachable(TryAgain):
    """The catalog's database does not answer, is busy, or its disk is full."""

    code = "catalog_unreachable"


class PurgeBusy(TryAgain):
    """Physical erasure could not finish because somebody is still reading."""

    code = "purge_busy"


class AnchorFailed(TryAgain):
    """A place outside the database did not take a checkpoint, or cannot be read back."""

    code = "anchor_failed"


class OutcomeUnknown(TryAgain):
    """A change was asked for and no answer came; the next run looks before it acts."""

    code = "outcome_unknown"


class LogInconsistent(KbgovError):
    """The audit log does not fit together, or is not what was signed before."""

    exit_code = 5
    code = "log_inconsistent"


class IndexDataError(KbgovError):
    """A store answered with something that cannot be right."""

    code = "index_data"


class SourceUnavailable(KbgovError):
    """The root of a source cannot be read."""

    code = "source_unavailable"
