"""`kbgov doctor`: looks at everything that a run needs, and says the next command for what is wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from governance.catalog.health import database_clock, overwrites_deleted_rows
from governance.catalog.migrate import check, require_current
from governance.catalog.unit_of_work import Catalog
from governance.domain.errors import KbgovError
from governance.domain.ports import Source
from governance.policy.model import PolicySet
from governance.services.checks import Check, Status, Verdict, bad, failed, fine, poor
from governance.services.doctor_index import IndexPatient, index_verdict

LOW_SPACE: Final = 1 << 30
NO_SPACE: Final = 100 << 20
STALE: Final = timedelta(days=7)
SKEW: Final = timedelta(seconds=60)
INGEST: Final = "kbgov ingest"
_AFTER: Final = {"ingest": INGEST, "audit": "kbgov audit run"}


class Patient(IndexPatient, Protocol):
    """What the doctor looks at. Reading anything but a name may raise KbgovError, which is then a failed check."""

    @property
    def config_file(self) -> Path | None:
        """The configuration that was read; None when everything came from the environment."""

    @property
    def database(self) -> str:
        """The catalog's URL without a password."""

    @property
    def catalog(self) -> Catalog:
        """The catalog, whatever its revision."""

    @property
    def policies(self) -> PolicySet:
        """The loaded set."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """Configured sources; asking for one makes it."""

    @property
    def folders(self) -> Mapping[str, Path]:
        """Folders that need free space, by what lies in them."""

    @property
    def clock(self) -> Callable[[], datetime]:
        """Gives the present moment."""

    @property
    def progress(self) -> Callable[[str, int, int | None], None]:
        """Told what is being looked at."""


def examine(patient: Patient) -> list[Check]:
    """Give all checks; one that fails never hides the others."""
    checks = [
        _tried("configuration", lambda: fine(str(patient.config_file or "from the environment alone"))),
        _tried("policies", lambda: _policies(patient)),
        _tried("database", lambda: _database(patient)),
    ]
    usable = all(item.status is not Status.FAIL for item in checks)
    probes: list[tuple[str, Callable[[], Verdict]]] = []
    if usable:
        probes += [("secure_delete", lambda: _secure_delete(patient)), ("clock", lambda: _clock(patient))]
    probes += [(f"disk of {what}", partial(_space, folder)) for what, folder in sorted(_folders(patient).items())]
    probes += _probes_of_sources(patient, in_catalog=usable)
    probes += [(f"index {name}", partial(index_verdict, patient, name, writable=usable)) for name in patient.indexes]
    if usable:
        probes += [(f"last {command}", partial(_last_run, patient, command)) for command in _AFTER]
    for done, (name, probe) in enumerate(probes):
        patient.progress("checks", done, len(probes))
        checks.append(_tried(name, probe))
    return checks if patient.sources else [_without_ingest(item, patient) for item in checks]


def _probes_of_sources(patient: Patient, *, in_catalog: bool) -> list[tuple[str, Callable[[], Verdict]]]:
    """Give what to look at: every source that is configured, and every other one that the catalog knows."""
    probes: list[tuple[str, Callable[[], Verdict]]] = [
        (f"source {name}", partial(_source, patient, name)) for name in patient.sources
    ]
    if not probes:
        probes.append(("sources", lambda: bad("no source is configured", _add_source(patient, "NAME"))))
    if in_catalog:
        probes += [(f"source {name}", partial(_forgotten, patient, name)) for name in _forgotten_names(patient)]
    return probes


def _without_ingest(item: Check, patient: Patient) -> Check:
    """Name no command that would refuse: without a source there is nothing to ingest."""
    return replace(item, next_step=_add_source(patient, "NAME")) if item.next_step == INGEST else item


def _add_source(patient: Patient, name: str) -> str:
    return f"add a section [sources.{name}] to {patient.config_file or 'a kbgov.toml'}"


def _forgotten_names(patient: Patient) -> list[str]:
    try:
        with patient.catalog.read() as uow:
            return [state.source for state in uow.sources.states() if state.source not in patient.sources]
    except KbgovError:  # the check of the last run meets the same and says it
        return []


def _forgotten(patient: Patient, name: str) -> Verdict:
    return poor("in the catalog, but no longer configured: nobody looks at its pages", _add_source(patient, name))


def _tried(name: str, probe: Callable[[], Verdict]) -> Check:
    try:
        return Check.of(name, probe())
    except KbgovError as error:
        return failed(name, error)


def _policies(patient: Patient) -> Verdict:
    found = patient.policies
    if not found.policies:
        return poor("no policy is loaded: the built-in thresholds hold", "name policy files in kbgov.toml")
    return fine(f"policies: {len(found.policies)}, files: {len(found.files)}, digest {found.digest[:12]}")


def _database(patient: Patient) -> Verdict:
    require_current(patient.catalog.engine)
    return fine(f"{patient.database} at revision {check(patient.catalog.engine).current}")


def _secure_delete(patient: Patient) -> Verdict:
    overwritten = overwrites_deleted_rows(patient.catalog)
    if overwritten is None:
        return fine("a server: what is deleted goes with its vacuum and its write-ahead log")
    if overwritten:
        return fine("deleted rows are overwritten (read back from SQLite)")
    return bad("deleted rows stay readable in the catalog's file", "use a Python whose SQLite has secure_delete")


def _clock(patient: Patient) -> Verdict:
    skew = abs(database_clock(patient.catalog) - patient.clock())
    if skew > SKEW:
        return poor(f"this machine and the database differ by {int(skew.total_seconds())} s", "set both clocks by NTP")
    return fine("this machine and the database agree")


def _folders(patient: Patient) -> Mapping[str, Path]:
    try:
        return patient.folders
    except KbgovError:  # the check of the database says why
        return {}


def _space(folder: Path) -> Verdict:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{free >> 20} MB free at {folder}"
    if not os.access(existing, os.W_OK):
        return bad(f"{existing} cannot be written", "give yourself the right to write there, or correct kbgov.toml")
    if free < NO_SPACE:
        return bad(detail, "free some space before the next run")
    return poor(detail, "free some space soon") if free < LOW_SPACE else fine(detail)


def _source(patient: Patient, name: str) -> Verdict:
    listing = patient.sources[name].listing()
    unreadable = [entry.unreadable is not None for entry in listing]
    count, broken = len(unreadable), sum(unreadable)
    if not listing.complete:
        return bad(f"documents: {count}, then incomplete: {listing.interruption}", "make the folder readable")
    if not count:
        return bad("no document matches", f"correct root and patterns of source {name} in kbgov.toml")
    if broken:
        return poor(f"documents: {count}, unreadable: {broken}", "kbgov findings list --kind 'coverage.*'")
    return fine(f"documents: {count}")


def _last_run(patient: Patient, command: str) -> Verdict:
    with patient.catalog.read() as uow:
        run = uow.runs.last(command)
    if run is None:
        return poor("never", _AFTER[command])
    detail = f"{run.state} at {run.started_at.isoformat(timespec='seconds').replace('+00:00', 'Z')}"
    if run.state != "done":
        return poor(detail, _AFTER[command])
    if patient.clock() - run.started_at > STALE:
        return poor(f"{detail}, {(patient.clock() - run.started_at).days} days ago", _AFTER[command])
    return fine(detail)
