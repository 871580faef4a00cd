"""`kbgov doctor`: looks at everything that a run needs, and says the next command for what is wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from governance.catalog.health import database_clock, overwrites_deleted_rows
from governance.catalog.migrate import check, require_current
from governance.catalog.unit_of_work import Catalog
from governance.domain.errors import KbgovError
from governance.domain.ports import Listed
from governance.guard import told
from governance.policy.model import PolicySet
from governance.services.checks import Check, Status, Verdict, bad, failed, fine, poor
from governance.services.doctor_index import index_verdict
from governance.services.doctor_keys import KeyPatient, key_checks
from governance.services.doctor_log import LogPatient, keys_verdict, log_verdict
from governance.services.keys import Known
from governance.services.pausing import present_pause
from governance.services.source_names import known_documents

LOW_SPACE: Final = 1 << 30
NO_SPACE: Final = 100 << 20
STALE: Final = timedelta(days=7)
SKEW: Final = timedelta(seconds=60)
INGEST: Final = "kbgov ingest"
_AFTER: Final = {"ingest": INGEST, "sync": "kbgov sync", "audit": "kbgov audit run"}


class Patient(KeyPatient, LogPatient, Protocol):
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
        probes.append(("changes", lambda: _changes(patient)))
        probes += [("keys", lambda: keys_verdict(patient)), ("audit log", lambda: log_verdict(patient))]
    probes += [(f"disk of {what}", partial(_space, folder)) for what, folder in sorted(_folders(patient).items())]
    names: dict[str, Known] = {}
    probes += _probes_of_sources(patient, names, in_catalog=usable)
    probes += [(f"index {name}", partial(index_verdict, patient, name, writable=usable)) for name in patient.indexes]
    for done, (name, probe) in enumerate(probes):
        patient.progress("checks", done, len(probes))
        checks.append(_tried(name, probe))
    checks += key_checks(patient, names)
    if usable:
        checks += [_tried(f"last {command}", partial(_last_run, patient, command)) for command in _commands(patient)]
    return checks if patient.sources else [_without_ingest(item, patient) for item in checks]


def _no_source(patient: Patient) -> Verdict:
    """Judge that no source is configured: an index that holds something is cataloged from what it says itself."""
    step = _add_source(patient, "NAME")
    if any(_holds_something(patient, name) for name in patient.indexes):
        return poor("none is configured: what the indexes hold is judged by what they say of it themselves", step)
    return bad("no source is configured", step)


def _holds_something(patient: Patient, name: str) -> bool:
    try:
        with closing(patient.indexes[name].reader()) as reader:
            return reader.count().value > 0
    except KbgovError:  # the check of the index says why
        return False


def _probes_of_sources(
    patient: Patient, names: dict[str, Known], *, in_catalog: bool
) -> list[tuple[str, Callable[[], Verdict]]]:
    """Give what to look at: every source that is configured, and every other one that the catalog knows.

    Each probe leaves in `names` what the source calls its documents: some sources can be listed only once.
    """
    probes: list[tuple[str, Callable[[], Verdict]]] = [
        (f"source {name}", partial(_source, patient, name, names)) for name in patient.sources
    ]
    if not probes:
        probes.append(("sources", partial(_no_source, patient)))
    if in_catalog:
        probes += [(f"source {name}", partial(_forgotten, patient, name)) for name in _forgotten_names(patient)]
    return probes


def _commands(patient: Patient) -> tuple[str, str]:
    """Give the commands that should run again and again: where nothing was ever ingested, others fill the index."""
    try:
        with patient.catalog.read() as uow:
            others = uow.runs.last("ingest") is None and uow.runs.last("sync") is not None
    except KbgovError:  # the check of the last run meets the same and says it
        others = False
    return ("sync" if others else "ingest", "audit")


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


def _changes(patient: Patient) -> Verdict:
    pause = present_pause(patient.catalog)
    if pause is not None:
        return poor(f"paused {told(pause)}: no index is changed", "kbgov resume")
    return fine("indexes may be changed")


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


def _source(patient: Patient, name: str, names: dict[str, Known]) -> Verdict:
    source = patient.sources[name]
    listing = source.listing()
    unreadable: list[bool] = []
    names[name] = known_documents(source, _noting(listing, unreadable))
    count, broken = len(unreadable), sum(unreadable)
    if not listing.complete:
        return bad(f"documents: {count}, then incomplete: {listing.interruption}", "make the folder readable")
    if not count:
        return bad("no document matches", f"correct root and patterns of source {name} in kbgov.toml")
    if broken:
        return poor(f"documents: {count}, unreadable: {broken}", "kbgov findings list --kind 'coverage.*'")
    return fine(f"documents: {count}")


def _noting(listing: Iterable[Listed], unreadable: list[bool]) -> Iterator[Listed]:
    for entry in listing:
        unreadable.append(entry.unreadable is not None)
        yield entry


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
