"""One unit of work: one transaction, with a room per noun and one way to record an event."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine

from governance.catalog.actions import FindingActions
from governance.catalog.chunks import Chunks
from governance.catalog.comparisons import Comparisons
from governance.catalog.documents import Documents, Reviews, Sources
from governance.catalog.engine import begin_read, begin_write
from governance.catalog.failures import translated
from governance.catalog.findings import Findings
from governance.catalog.log import Log
from governance.catalog.log_marks import Anchors, Checkpoints, LogKeys
from governance.catalog.pauses import Notes, Pauses
from governance.catalog.plans import RepairPlans
from governance.catalog.records import Intents, PolicySets, Runs
from governance.catalog.retrievals import Retrievals
from governance.catalog.sightings import Sightings
from governance.catalog.signatures import Signatures
from governance.catalog.statuses import StatusReasons
from governance.domain.events import Event
from governance.domain.pseudonyms import NameKeys


class _Undo(Exception):
    """Ends a transaction that must leave nothing behind."""


class UnitOfWork:
    """What can be read and written inside one transaction."""

    def __init__(self, connection: Connection, names: NameKeys) -> None:
        self.connection = connection
        self.documents = Documents(connection)
        self.sources = Sources(connection)
        self.reviews = Reviews(connection)
        self.chunks = Chunks(connection)
        self.signatures = Signatures(connection)
        self.sightings = Sightings(connection)
        self.comparisons = Comparisons(connection)
        self.repair_plans = RepairPlans(connection)
        self.status_reasons = StatusReasons(connection)
        self.retrievals = Retrievals(connection)
        self.findings = Findings(connection)
        self.actions = FindingActions(connection)
        self.notes = Notes(connection)
        self.pauses = Pauses(connection)
        self.runs = Runs(connection)
        self.intents = Intents(connection)
        self.policy_sets = PolicySets(connection)
        self.log = Log(connection, names)
        self.checkpoints = Checkpoints(connection)
        self.anchors = Anchors(connection)
        self.log_keys = LogKeys(connection)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Take back, at the end of the block, what is written inside it: for several previews of one moment."""
        savepoint, recorded = self.connection.begin_nested(), self.log.waiting
        try:
            yield
        finally:
            savepoint.rollback()
            self.log.forget_from(recorded)

    def record(self, event: Event) -> None:
        """Have an event appended to the log at the end of this transaction. The only way into the log."""
        self.log.record(event)


class Catalog:
    """The registry of what is known.

    Args:
        engine: Of its database.
        names: Gives the keys of the pseudonyms that the log has in place of names.

    Attributes:
        recorded: How many entries were written to the log through this object.

    """

    def __init__(self, engine: Engine, names: NameKeys) -> None:
        self.engine = engine
        self.recorded = 0
        self._names = names

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """Run a write transaction: commits at the end, rolls back on an error.

        What was recorded is appended to the log before the commit: both are stored, or neither is.

        Raises:
            CatalogUnreachable: The database is busy, gone or full; nothing was written.
            ConfigError: Something was recorded, and there is no key to write the log with; nothing was written.

        """
        with translated(), begin_write(self.engine) as connection:
            uow = UnitOfWork(connection, self._names)
            yield uow
            appended = uow.log.flush()
        self.recorded += appended

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """Run a read transaction over one state of the catalog."""
        with translated(), begin_read(self.engine) as connection:
            yield UnitOfWork(connection, self._names)

    @contextmanager
    def scratch(self) -> Iterator[UnitOfWork]:
        """Run a write transaction that is rolled back in any case: for previews."""
        with suppress(_Undo), translated(), begin_write(self.engine) as connection:
            yield UnitOfWork(connection, self._names)
            raise _Undo

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()
