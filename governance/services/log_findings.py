"""The finding `log.inconsistent`: opened by whatever meets it, and judged again by every audit of the present day."""

from __future__ import annotations

from collections.abc import Iterator

from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.registry import OF_LOG
from governance.domain.errors import LogInconsistent
from governance.domain.findings import Finding, FindingKind, FindingStatus, Observation, Place, Severity
from governance.services.context import RunContext
from governance.services.findings import Reconciled, Scope, reconcile
from governance.services.log_verify import Outcome, Verification
from governance.services.runs import Desk, recorded_run


def reconcile_log(uow: UnitOfWork, desk: Desk, found: Verification, context: RunContext) -> Reconciled:
    """Open or resolve the finding by what a verification says; one that could not look at all resolves nothing."""
    scope = Scope(
        kinds=frozenset(kind.value for kind in OF_LOG),
        day=desk.today,
        covers=lambda _item: found.outcome is not Outcome.UNKNOWN,
    )
    now, digest = desk.clock(), desk.policies.digest
    return reconcile(uow, _observations(found), scope, lambda _item: None, context, now, digest)


def note_verification(desk: Desk, found: Verification, command: str) -> None:
    """Store what a command found out about the log, where that is a finding; nothing else is stored.

    Raises:
        KbgovError: It cannot be stored: the catalog does not answer, or the log cannot be appended to any more.

    """
    if found.outcome is Outcome.INCONSISTENT:
        with recorded_run(desk, command) as run, desk.catalog.write() as uow:
            reconcile_log(uow, desk, found, run.context)


def note_inconsistent(desk: Desk, error: LogInconsistent, command: str) -> None:
    """Store that a command met a log that is not what it was. Raises KbgovError as `note_verification`.

    A finding that is there already stays: whoever has looked at everything has said more about it.
    """
    with desk.catalog.read() as uow:
        if any(item.kind is FindingKind.LOG_INCONSISTENT for item in _standing(uow)):
            return
    found = Verification(outcome=Outcome.INCONSISTENT, entries=0, root="", problems=[error.message])
    note_verification(desk, found, command)


def _standing(uow: UnitOfWork) -> Iterator[Finding]:
    return (item for item in uow.findings.listed(None) if item.period.status is not FindingStatus.RESOLVED)


def _observations(found: Verification) -> list[Observation]:
    if found.outcome is not Outcome.INCONSISTENT:
        return []
    return [
        Observation(
            kind=FindingKind.LOG_INCONSISTENT,
            severity=Severity.CRITICAL,
            place=Place(),
            rule="not_what_it_was",
            policy="",
            message="The audit log is not what it was.",
            evidence={
                "entries": found.entries,
                "problems": list(found.problems if found.to_keep is None else found.to_keep),
            },
        )
    ]
