"""`kbgov ingest`: one ingest as a recorded run, with the findings that it met on its way."""

from __future__ import annotations

from governance.catalog.findings import FindingHistory
from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.base import duplicate_id_observation
from governance.detectors.structure import coverage_observations
from governance.domain.actors import Role
from governance.domain.errors import SourceUnavailable
from governance.domain.findings import FindingKind, Observation
from governance.domain.ports import Runner
from governance.services.audit import listing_observations, policy_waivers
from governance.services.context import RunContext
from governance.services.findings import Scope, reconcile
from governance.services.gate import WriteGate
from governance.services.ingest import IngestJob, IngestResult, ingest, note_interruption
from governance.services.runs import Desk, counts_of, recorded_run

MET = frozenset({FindingKind.UNREADABLE, FindingKind.LISTING_REFUSED, FindingKind.DUPLICATE_ID})
"""Kinds that an ingest opens itself; all others are opened by an audit alone."""


def run_ingest(desk: Desk, gate: WriteGate, runner: Runner, job: IngestJob) -> IngestResult:
    """Ingest a source under leases on the source and on the place it goes to.

    Raises:
        RoleRefused: The actor is no operator.
        LockHeld: Another process is at this source or this index.
        ForeignVectorsRefused: See `ingest`.
        SourceUnavailable: See `ingest`.
        TryAgain: See `ingest`.

    """
    desk.actor.require(Role.OPERATOR)
    locks = (f"source:{job.source.name}", f"index:{job.place[0]}/{job.place[1]}")
    with recorded_run(desk, "ingest", locks=locks) as run:
        try:
            result = ingest(desk.catalog, gate, runner, job, run.context, now=desk.clock())
        except SourceUnavailable:
            with desk.catalog.write() as uow:
                note_interruption(uow, job.source, "the source could not be listed at all", desk.clock())
            _note_findings(desk, job, run.context, None)
            raise
        _note_findings(desk, job, run.context, result)
        run.counts = counts_of(result.tally.as_json())
        run.state = "refused" if result.refused else "done"
    return result


def _note_findings(desk: Desk, job: IngestJob, context: RunContext, result: IngestResult | None) -> None:
    with desk.catalog.write() as uow:
        context.fence(uow)
        scope = Scope(
            kinds=frozenset(kind.value for kind in MET),
            day=desk.today,
            covers=lambda item: _was_looked_at(item, job, result),
        )
        met = _met(uow, job, result)
        waiver = policy_waivers(uow, desk.policies, desk.today)
        reconcile(uow, met, scope, waiver, context, desk.clock())


def _was_looked_at(item: FindingHistory, job: IngestJob, result: IngestResult | None) -> bool:
    if item.kind == FindingKind.DUPLICATE_ID:
        listed = result is not None and result.refused is None
        return listed and (item.place.index, item.place.partition) == job.place
    return item.place.source == job.source.name


def _met(uow: UnitOfWork, job: IngestJob, result: IngestResult | None) -> list[Observation]:
    state = uow.sources.state(job.source.name)
    repeated = result.repeated_ids if result is not None else {}
    met = list(listing_observations(state)) if state else []
    met += [item for document in uow.documents.unreadable(job.source.name) for item in coverage_observations(document)]
    return met + [duplicate_id_observation(*job.place, key, times) for key, times in sorted(repeated.items())]
