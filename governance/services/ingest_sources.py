"""Several sources in one go: what stops one does not stop the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from governance.domain.errors import KbgovError
from governance.domain.ports import Runner
from governance.domain.values import Json
from governance.services.gate import WriteGate
from governance.services.ingest import IngestJob, IngestResult
from governance.services.ingest_write import Tally
from governance.services.ingesting import run_ingest
from governance.services.runs import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceIngest:
    """What came of one source.

    Attributes:
        error: What stopped it; `result` is then None.

    """

    source: str
    index: str
    result: IngestResult | None
    error: KbgovError | None = None

    def as_json(self) -> dict[str, Json]:
        """Give the contract's object for this source alone."""
        result = self.result
        counts = (result.tally if result else Tally()).as_json()
        refused = result.refused if result else None
        return {
            "source": self.source,
            "index": self.index,
            **counts,
            "refused": {"reason": refused.reason, "seen": refused.seen, "known": refused.known} if refused else None,
            "interruption": result.interruption if result else None,
            "recovered": result.recovered if result else 0,
            "error": self.error.as_json() if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What came of all sources."""

    sources: tuple[SourceIngest, ...]

    @property
    def refused(self) -> SourceIngest | None:
        """The first source whose listing was not believed."""
        return next((item for item in self.sources if item.result and item.result.refused), None)

    @property
    def error(self) -> KbgovError | None:
        """What stopped the first source that was stopped."""
        return next((item.error for item in self.sources if item.error), None)

    @property
    def failed(self) -> int:
        """Number of documents that could not be read."""
        return sum(item.result.tally.documents["failed"] for item in self.sources if item.result)

    @property
    def interrupted(self) -> tuple[SourceIngest, ...]:
        """Sources whose listing was incomplete."""
        return tuple(item for item in self.sources if item.result and item.result.interruption)

    def as_json(self) -> dict[str, Json]:
        """Give the contract's object, all counts summed, and each source's own beside them."""
        total = Tally(documents=Counter(), chunks=Counter())
        results = [item.result for item in self.sources if item.result]
        for result in results:
            total.documents.update(result.tally.documents)
            total.chunks.update(result.tally.chunks)
        body: dict[str, Json] = {
            **total.as_json(),
            "refused": self.refused.as_json()["refused"] if self.refused else None,
            "interruption": next((item.result.interruption for item in self.interrupted if item.result), None),
            "recovered": sum(result.recovered for result in results),
            "sources": [item.as_json() for item in self.sources],
        }
        if self.error is not None:
            body["error"] = self.error.as_json()
        return body


def ingest_sources(desk: Desk, gate: WriteGate, runner: Runner, jobs: Sequence[IngestJob]) -> IngestReport:
    """Ingest one source after the other.

    With a single job whatever stops it is raised; with several it is noted and the others are done.

    Raises:
        RoleRefused: The actor is no operator.
        KbgovError: As `run_ingest`, with a single job.

    """
    return IngestReport(tuple(_one(desk, gate, runner, job, alone=len(jobs) == 1) for job in jobs))


def _one(desk: Desk, gate: WriteGate, runner: Runner, job: IngestJob, *, alone: bool) -> SourceIngest:
    try:
        result = run_ingest(desk, gate, runner, job)
    except KbgovError as error:
        if alone:
            raise
        return SourceIngest(source=job.source.name, index=job.place[0], result=None, error=error)
    return SourceIngest(source=job.source.name, index=job.place[0], result=result)
