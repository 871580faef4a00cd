"""What is to be done about a finding: decided by a policy, written down, carried out or waiting for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from governance.domain.values import Json


class ActionKind(StrEnum):
    """What a policy can ask for. None of these deletes anything.

    ANNOTATE: the chunks of the document say `stale` in their metadata.
    QUARANTINE: they say `quarantined`, so that a retriever leaves them out.
    RETIRE: announced now, and a quarantine once the day has come and the finding still stands.
    NOTIFY: somebody is told; waits for the notifications.
    PROPOSE_ERASURE: an erasure is proposed; waits for the path of erasures, which alone erases.
    """

    ANNOTATE = "annotate"
    QUARANTINE = "quarantine"
    RETIRE = "retire"
    NOTIFY = "notify"
    PROPOSE_ERASURE = "propose_erasure"


class ActionState(StrEnum):
    """How far it is. An action whose finding has gone is withdrawn, and what it had set is lifted."""

    PENDING = "pending"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class Deed(StrEnum):
    """What is done to an index, as limits count it."""

    DELETE = "delete"
    QUARANTINE = "quarantine"
    REDACT = "redact"
    ERASE = "erase"


LIMITED_AS: Final = {
    ActionKind.QUARANTINE: Deed.QUARANTINE,
    ActionKind.RETIRE: Deed.QUARANTINE,
    ActionKind.PROPOSE_ERASURE: Deed.ERASE,
}
"""Actions that take something away from those who search, and the limit that holds for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingAction:
    """One action for one finding. Its identity is (fingerprint, policy, action).

    Attributes:
        due: The day on which it is to be done; the day of the audit where the policy names no delay.
        policy_digest: Of the policies that asked for it.
        changed_at: When it got its present state.

    """

    fingerprint: str
    policy: str
    action: ActionKind
    due: date
    state: ActionState
    policy_digest: str
    created_at: datetime
    changed_at: datetime

    def as_json(self) -> dict[str, Json]:
        """Give what `kbgov findings show` prints."""
        return {
            "action": self.action.value,
            "policy": self.policy,
            "due": self.due.isoformat(),
            "state": self.state.value,
            "policy_digest": self.policy_digest,
        }
