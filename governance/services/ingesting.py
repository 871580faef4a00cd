"""`kbgov ingest`: one ingest as a recorded run, with the findings that it met on its way."""

from __future__ import annotations

from governance.domain.actors import Role
from governance.domain.errors import SourceUnavailable
from governance.domain.ports import Runner
from governance.services.context import RunContext
from governance.services.gate import WriteGate
from governance.services.ingest import IngestJob, IngestResult, ingest
from governance.services.listing import note_interruption
from governance.services.met import Met, note_met
from governance.services.runs import Desk, counts_of, place_lock, recorded_run


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
    locks = (f"source:{job.source.name}", place_lock(*job.place))
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
    listed = result is not None and result.refused is None
    repeated = {job.place: result.repeated_ids} if result is not None and listed else {}
    note_met(desk, context, Met(sources=[job.source.name], repeated=repeated))
