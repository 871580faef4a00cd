"""What every service is told about the run that it works for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actors import Actor


def unfenced(uow: UnitOfWork) -> None:
    """Let every transaction pass: for work that no second process can be at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """Who acts in which run.

    Attributes:
        clock: Gives the present moment, for what happened when; decisions get `now` as an argument.
        fence: Called inside each write transaction; raises when the lease on the work was lost.
        progress: Told what is being done and how far it is (phase, done, total or None).

    """

    actor: Actor
    run_id: int
    clock: Callable[[], datetime]
    fence: Callable[[UnitOfWork], None] = unfenced
    progress: Callable[[str, int, int | None], None] = lambda _phase, _done, _total: None
