"""A run: one execution of a command that writes, from its first row to its last, under a lease."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime

from governance.catalog.leases import HeldLease, acquire
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.actors import Actor
from governance.domain.errors import KbgovError, Refused, TryAgain
from governance.domain.events import Action, Event
from governance.domain.values import Json, text_hash
from governance.policy.model import PolicySet
from governance.services.context import RunContext
from governance.services.logs import RunLog


def silent(_phase: str, _done: int, _total: int | None) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every command works with: the catalog, who acts, the clock, the policies.

    Attributes:
        clock: Gives the present moment, aware, in UTC.
        today: The present calendar day in the configured time zone.

    """

    catalog: Catalog
    actor: Actor
    clock: Callable[[], datetime]
    today: date
    policies: PolicySet
    progress: Callable[[str, int, int | None], None] = silent


@dataclass(slots=True)
class OpenRun:
    """A run that is under way.

    Attributes:
        context: What services are told.
        counts: Written into the run's row at the end.
        state: "done" unless the command says otherwise.

    """

    context: RunContext
    counts: dict[str, Json] = field(default_factory=dict)
    state: str = "done"


@contextmanager
def recorded_run(
    desk: Desk, command: str, *, locks: Sequence[str] = (), as_of: date | None = None, areas: Sequence[str] = ()
) -> Iterator[OpenRun]:
    """Open a run, hold the leases on its work, and close it as done, refused, failed or interrupted.

    Raises:
        LockHeld: Another process is at the same work.

    """
    with ExitStack() as stack:
        leases = [stack.enter_context(acquire(desk.catalog.engine, name)) for name in locks]
        run_id = _start(desk, command, as_of, areas)
        log = RunLog(run_id, desk.actor.id, command)
        log.started()
        progress = log.through(desk.progress)
        context = RunContext(actor=desk.actor, run_id=run_id, clock=desk.clock, fence=_fence(leases), progress=progress)
        run = OpenRun(context)
        try:
            yield run
        except BaseException as error:
            run.state = _state(error)
            with suppress(KbgovError):
                _finish(desk, run, command)
            log.finished(run.state, run.counts)
            raise
        _finish(desk, run, command)
        log.finished(run.state, run.counts)


def place_lock(index: str, partition: str) -> str:
    """Name the lease on a partition of an index.

    A partition may be called after a person or a customer, and the row of a lease is never deleted: a digest stands
    there in its place.
    """
    return f"index:{index}/{text_hash(partition)[:32] if partition else ''}"


def adopt_policies(uow: UnitOfWork, desk: Desk, now: datetime) -> None:
    """Keep the policies that are in force, so that whoever finds their digest later can read them."""
    digest = desk.policies.digest
    if uow.policy_sets.adopt(digest, desk.policies.canonical, now):
        uow.record(Event(action=Action.POLICY_ADOPTED, at=now, actor=desk.actor, outcome="done", policy=digest))


def _start(desk: Desk, command: str, as_of: date | None, areas: Sequence[str]) -> int:
    now = desk.clock()
    with desk.catalog.write() as uow:
        adopt_policies(uow, desk, now)
        run_id = uow.runs.start(command, desk.actor, now, as_of=as_of, policy_digest=desk.policies.digest, areas=areas)
        uow.record(
            Event(
                action=Action.RUN_STARTED,
                at=now,
                actor=desk.actor,
                run_id=run_id,
                command=command,
                policy=desk.policies.digest,
            )
        )
    return run_id


def _finish(desk: Desk, run: OpenRun, command: str) -> None:
    now = desk.clock()
    with desk.catalog.write() as uow:
        uow.runs.finish(run.context.run_id, run.state, run.counts, now)
        uow.record(
            Event(
                action=Action.RUN_FINISHED,
                at=now,
                actor=desk.actor,
                run_id=run.context.run_id,
                command=command,
                outcome=run.state,
            )
        )


def _fence(leases: Sequence[HeldLease]) -> Callable[[UnitOfWork], None]:
    def fence(uow: UnitOfWork) -> None:
        for lease in leases:
            lease.check(uow.connection)

    return fence


def _state(error: BaseException) -> str:
    if isinstance(error, Refused):
        return "refused"
    if isinstance(error, TryAgain):
        return "unfinished"
    return "failed" if isinstance(error, Exception) else "interrupted"


def counts_of(groups: Mapping[str, Mapping[str, int]]) -> dict[str, Json]:
    """Give grouped counts as JSON for a run's row."""
    return {name: dict(group) for name, group in groups.items()}
