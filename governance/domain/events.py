"""Events: one per decision taken or change made. Counts, codes and digests; never text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from governance.domain.actors import Actor
from governance.domain.pseudonyms import Kind


class Action(StrEnum):
    """What happened, in the grammar noun.verb. Stored as plain text."""

    LOG_BEGAN = "log.began"

    INDEX_CHANGE_INTENDED = "index.change_intended"
    INDEX_CHANGE_OBSERVED = "index.change_observed"
    INDEX_CHANGE_UNKNOWN = "index.change_unknown"
    RUN_STARTED = "run.started"
    RUN_FINISHED = "run.finished"
    DOCUMENTS_CATALOGED = "documents.cataloged"
    LISTING_REFUSED = "listing.refused"
    DOCUMENTS_ABSENT = "documents.absent"
    DOCUMENTS_GONE = "documents.gone"
    DOCUMENTS_REMOVED = "documents.removed"
    INDEX_OBSERVED = "index.observed"
    REPAIR_PLANNED = "repair.planned"
    REPAIR_STARTED = "repair.started"
    REPAIR_APPLIED = "repair.applied"
    RETRIEVALS_LOADED = "retrievals.loaded"
    FINDINGS_OPENED = "findings.opened"
    FINDINGS_REOPENED = "findings.reopened"
    FINDINGS_RESOLVED = "findings.resolved"
    ACTIONS_PLANNED = "actions.planned"
    ACTIONS_DONE = "actions.done"
    ACTIONS_WITHDRAWN = "actions.withdrawn"
    FINDING_ACKNOWLEDGED = "finding.acknowledged"
    FINDING_WAIVED = "finding.waived"
    FINDING_ASSIGNED = "finding.assigned"
    FINDING_REOPENED = "finding.reopened"
    DOCUMENT_REVIEWED = "document.reviewed"
    POLICY_ADOPTED = "policy.adopted"
    PAUSED = "changes.paused"
    RESUMED = "changes.resumed"
    LIMIT_REFUSED = "limit.refused"
    LIMIT_CONFIRMED = "limit.confirmed"
    COMMAND_REFUSED = "command.refused"
    KEYS_MADE = "keys.made"
    KEY_ROTATED = "key.rotated"
    KEY_DESTROYED = "key.destroyed"
    KEYS_BACKED_UP = "keys.backed_up"
    KEYS_RESTORED = "keys.restored"


@dataclass(frozen=True, slots=True)
class Thing:
    """What an event is about, by its real name, of which the log gets a pseudonym only.

    Attributes:
        name: A path behind its source, an id, a fingerprint.

    """

    kind: Kind
    name: str


def document_thing(source: str, document: str) -> Thing:
    """Give a document as the log knows it: a path is one only together with its source."""
    return Thing(Kind.DOCUMENT, f"{source}\0{document}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What is to be told to the log. `UnitOfWork.record` writes it in the transaction of the change that it tells of.

    Names of people, partitions and things are given as they are; the log's entry has pseudonyms in their place.

    Attributes:
        command: What was typed, without its arguments ("audit run").
        outcome: A word ("done", "partial", "failed", "unknown"), "" for an intent.
        reason: A reason code, never free text.
        digest: SHA-256 over what the event speaks of (sorted ids, fingerprints), so that it can be recomputed.
        policy: Digest of the policies under which it was decided.
        about: The one thing that it is about, where it is one.
        key: Family and id of a key ("audit:1a2b3c4d").

    """

    action: Action
    at: datetime
    actor: Actor
    command: str = ""
    run_id: int | None = None
    intent_id: int | None = None
    index: str = ""
    partition: str = ""
    reason: str = ""
    outcome: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""
    policy: str = ""
    about: Thing | None = None
    key: str = ""


class ChangeKind(StrEnum):
    """A mutating call of an index."""

    PUT = "put"
    PATCH = "patch"
    DELETE = "delete"
    PURGE = "purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What somebody wants to do to one partition of an index.

    Attributes:
        reason: A reason code ("ingest.new_body", "source.gone").
        chunk_ids: What it names; empty only for a purge of a whole partition.

    """

    kind: ChangeKind
    index: str
    partition: str
    reason: str
    chunk_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A change of an index that was announced before it was made.

    Attributes:
        chunk_ids: What it names; kept only until the outcome is known.

    """

    intent_id: int
    kind: ChangeKind
    index: str
    partition: str
    reason: str
    run_id: int | None
    created_at: datetime
    chunk_ids: tuple[str, ...]
